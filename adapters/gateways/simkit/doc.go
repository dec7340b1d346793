// Package simkit is what gateway simulators share: the queue of notifications
// on their way to the merchant, faults to order, and ways to talk without a
// socket. It knows no gateway and does not import testing, so a
// program may embed a simulator.
//
// The simulators themselves stand beside their gateways, e.g. midtranstest.
package simkit

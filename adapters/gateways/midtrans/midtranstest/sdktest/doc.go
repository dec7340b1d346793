// Package sdktest runs Midtrans's own Go SDK, unchanged but for its
// transport, against the simulator. It is a module of its own, so that the
// SDK is no dependency of whoever uses the simulator.
package sdktest

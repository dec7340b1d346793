// Package gatewaykit is what adapters of gateways share: the calls, with their
// policy of repeating and of telling what is known of their outcome; a strict
// reader of JSON; and the removal of secrets. It knows no gateway.
//
// What simulators share is in simkit; the suite is gatewaytest.
package gatewaykit

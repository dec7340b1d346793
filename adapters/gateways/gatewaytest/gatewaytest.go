// Package gatewaytest checks implementations of payments.Gateway, each
// together with a simulator of its provider.
//
// A gateway calls Run from its own tests. Abilities that it does not have
// (payments.StatusReader, Canceler, Expirer, Refunder), and acts that its
// simulator does not know, skip their cases. A case that fails names the
// broken rule in the words of payments/gateway.go, then the values. Run it
// under the race detector, too.
package gatewaytest

import (
	"slices"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// Simulator plays the provider, and the payer. References are those that
// Checkout was given. Implementations must be safe for concurrent use.
type Simulator interface {
	// Setup describes what is to be checked. It is called once.
	Setup() Setup
	// Pay lets the payer pay in full: settled at once, and by a method that
	// can be refunded if the gateway can refund.
	Pay(ref string) error
	// Do lets something else happen. payments.ErrUnsupported (wrapped) if the
	// simulator has no such act.
	Do(ref string, act Act) error
	// Take returns the signed notifications that are on their way, oldest
	// first, and keeps them from being sent.
	Take() []simkit.Sent
	// Advance moves the simulator's clock.
	Advance(d time.Duration)
	// Fail orders a fault. Calls are named "checkout", "status", "cancel",
	// "expire" and "refund".
	Fail(f simkit.Fault)
}

// Setup is a gateway that speaks to the simulator.
type Setup struct {
	Gateway payments.Gateway
	// Stranger is the same gateway with another secret to check signatures
	// by.
	Stranger payments.Gateway
	// Method is the way to pay that checkouts ask for; empty leaves it open.
	Method payments.Method
	// Secrets must never show up in errors or in what is kept.
	Secrets []string
	// Signature names the header, or else the top-level key of the JSON
	// body, that holds a notification's signature.
	Signature string
}

// Act is something that happens to an order.
type Act string

// The acts. Those that need a transaction in some state come after the acts
// that lead there.
const (
	Begin      Act = "begin"       // the payer chooses how to pay, and waits
	Deny       Act = "deny"        // the payment is denied
	Expire     Act = "expire"      // a transaction that was begun expires
	Cancel     Act = "cancel"      // one that was begun is canceled at the provider
	Challenge  Act = "challenge"   // paid, but held under review for fraud
	Approve    Act = "approve"     // a challenged one is accepted
	Refund     Act = "refund"      // all of a paid one goes back
	RefundPart Act = "refund_part" // one rupiah of a paid one goes back
	Reverse    Act = "reverse"     // paid, then taken back by the bank
	Chargeback Act = "chargeback"  // paid, then charged back
)

// pay stands for Simulator.Pay among acts.
const pay Act = "pay"

// Run checks the gateway that newSimulator's simulator is set up for. Every
// case asks for a fresh one, and does so before anything else; newSimulator
// may call t.Parallel, and closes what it opens by t.Cleanup.
func Run(t *testing.T, newSimulator func(t *testing.T) Simulator) {
	for _, tc := range slices.Concat(checkoutCases, outcomeCases, wordCases, cancelCases, refundCases,
		signatureCases, garbageCases, keptCases, contextCases, concurrencyCases) {
		t.Run(tc.name, func(t *testing.T) {
			sim := newSimulator(t)
			tc.run(&checker{t: t, ctx: t.Context(), Simulator: sim, Setup: sim.Setup(), broke: "the methods of a gateway work"})
		})
	}
}

// testCase is one case about one gateway.
type testCase struct {
	name string
	run  func(c *checker)
}

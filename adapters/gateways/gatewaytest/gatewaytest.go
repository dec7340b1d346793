// Package gatewaytest checks implementations of payments.Gateway, each
// together with a simulator of its provider.
//
// A gateway calls Run from its own tests. Abilities that it does not have
// (payments.StatusReader, Canceler, Expirer, Refunder), that its MethodLister
// says Setup.Method has not, and acts that its simulator does not know, skip
// their cases. So do, where a checkout is one transaction, the three cases about
// sessions and second attempts. A case that fails names the broken rule in the
// words of payments/gateway.go, then the values. Run it under the race detector,
// too, and once for each method whose abilities differ.
//
// The orders are of one item, 29,000 rupiah, by references such as "order-1",
// without Extra, NotificationURL and ExpiresAt: the simulator has defaults for
// these.
//
// What it cannot see is the gateway's own to test: what is read of fields that
// only this provider has (times, instructions, keys of refunds, tokens that must
// not be kept), words that are unknown, amounts finer than a rupiah, answers
// about another order, errors of proxies on the way, what is sent for Extra,
// NotificationURL and ExpiresAt. If the signature covers the whole body, set
// Setup.Sign: else each body that the suite has changed fails at the signature.
package gatewaytest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// Simulator plays the provider, and the payer. References are those that
// Checkout was given. Implementations must be safe for concurrent use.
type Simulator interface {
	// Setup describes what is to be checked. It is called once, on each
	// Simulator.
	Setup() Setup
	// Pay lets the payer pay in full: settled at once, and by a method that
	// can be refunded if the gateway can refund.
	Pay(ref string) error
	// Do lets something else happen. payments.ErrUnsupported (wrapped) if the
	// simulator has no such act; nil, with nothing done, if what the act is for is
	// the case already: Begin, where a checkout makes a transaction that waits.
	Do(ref string, act Act) error
	// Take returns the signed notifications that are on their way, oldest
	// first, and keeps them from being sent. Each change of state has sent one,
	// also one by time alone: what should have expired by now has.
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
	// Method is the way to pay that checkouts ask for; empty leaves it open,
	// for a gateway that does not need one.
	Method payments.Method
	// Secrets must never show up in errors or in what is kept: the account's
	// keys. What is secret of one order only is not known here.
	Secrets []string
	// Signature names the header, or else the top-level key of the JSON
	// body, that holds a notification's signature.
	Signature string
	// Sign, for a signature of the whole body in a header, returns the header
	// that a body would come with: else no changed body gets past the signature,
	// and what reads it is not tested. Optional.
	Sign func(body []byte) http.Header
}

// Act is something that happens to an order.
type Act string

// The acts, by whoever can do them at the provider: payer, bank, dashboard. Those
// that need a transaction in some state come after the acts that lead there;
// Deny, Challenge, Reverse and Chargeback lead there by themselves.
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

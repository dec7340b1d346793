package gatewaytest

import (
	"context"
	"errors"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// outcomeCases are about calls that fail: each either certainly did nothing,
// or its outcome is unknown.
var outcomeCases = []testCase{
	{"Checkout whose outcome is unknown: an error of the provider's", func(c *checker) { c.checkoutUnknown(simkit.Down) }},
	{"Checkout whose outcome is unknown: no answer", func(c *checker) { c.checkoutUnknown(simkit.Silent) }},
	{"Checkout whose outcome is unknown: a lost answer", func(c *checker) { c.checkoutUnknown(simkit.Lost) }},
	{"Checkout whose outcome is unknown: no answer after it took effect", func(c *checker) { c.checkoutUnknown(simkit.LostSilent) }},
	{"Checkout that comes too often may come again", func(c *checker) {
		c.rule("what may succeed later is a *GatewayError with Retry")
		c.Fail(simkit.Fault{Kind: simkit.Throttled, Op: "checkout"})
		err := c.checkout(c.ctx, "order-1")
		if e := (*payments.GatewayError)(nil); !errors.As(err, &e) || !e.Retry {
			c.failf("Checkout: got %#v", err)
		}
		c.open("order-1")
	}},
	{"Status that fails says nothing: an error of the provider's", func(c *checker) { c.statusFails(simkit.Down) }},
	{"Status that fails says nothing: a lost answer", func(c *checker) { c.statusFails(simkit.Lost) }},
}

// statusFails checks that a failure is no statement about the transaction.
func (c *checker) statusFails(kind simkit.Kind) {
	reader := need[payments.StatusReader](c)
	c.open("order-1")
	c.do("order-1", pay)
	attempt := c.attempt()
	c.rule("what fails and is not ErrNotFound is a *GatewayError")
	c.Fail(simkit.Fault{Kind: kind, Op: "status", Count: -1}) // however often it tries by itself
	_, err := reader.Status(c.ctx, attempt)
	e := (*payments.GatewayError)(nil)
	if !errors.As(err, &e) || errors.Is(err, payments.ErrNotFound) {
		c.failf("Status: got %#v", err)
	}
	c.quiet(err.Error(), "Status")
}

func (c *checker) checkoutUnknown(kind simkit.Kind) {
	c.rule("an outcome that is not known must wrap ErrOutcomeUnknown")
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	fault := simkit.Fault{Kind: kind, Op: "checkout"}
	if kind == simkit.Silent || kind == simkit.LostSilent {
		fault.Met = cancel // the caller gives up
	}
	c.Fail(fault)
	err := c.within(func() error { return c.checkout(ctx, "order-1") })
	c.isError(err, payments.ErrOutcomeUnknown, "Checkout")
	c.rule("after an unknown outcome the same Ref is no second order")
	c.ok(c.again(), "Checkout again")
	c.do("order-1", pay)
	c.isError(c.again(), payments.ErrWrongState, "Checkout after the payment")
}

package gatewaytest

import (
	"context"
	"errors"
	"regexp"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

var checkoutCases = []testCase{
	{"Name is stable and fit for a route", func(c *checker) {
		c.rule("Name is lower-case letters, digits and dashes, and always the same")
		name := c.Gateway.Name()
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(name) || name != c.Gateway.Name() {
			c.failf("Name: got %q, then %q", name, c.Gateway.Name())
		}
	}},
	{"Checkout gives what the payer pays by", func(c *checker) {
		c.rule("a checkout has a URL or a token, or tells about the transaction")
		got := c.open("order-1")
		if got.RedirectURL == "" && got.Token == "" && got.Observation.TransactionID == "" {
			c.failf("Checkout: got %#v", got)
		}
		if id := got.Observation.TransactionID; id != "" && got.Observation.Ref != "order-1" {
			c.failf("Checkout: the observation of transaction %q names %q", id, got.Observation.Ref)
		}
	}},
	{"Checkout with the same Ref is no second order", func(c *checker) {
		c.rule("asked again with the same Ref, Checkout opens the same one, or another for the same order")
		c.open("order-1")
		c.ok(c.again(), "Checkout again")
		c.do("order-1", pay)
		c.rule("a Ref that has been paid wraps ErrWrongState")
		c.isError(c.again(), payments.ErrWrongState, "Checkout after the payment")
	}},
	{"Checkout refuses bad input before it calls", func(c *checker) {
		c.rule("bad input is an *InvalidError, and nothing was sent")
		called := false
		c.Fail(simkit.Fault{Kind: simkit.Down, Count: -1, Met: func() { called = true }})
		noAmount, noRef := c.request("order-1"), c.request("")
		noAmount.Order.Amount, noAmount.Order.Lines = payments.IDR(0), nil
		for what, r := range map[string]payments.CheckoutRequest{"without an amount": noAmount, "without a Ref": noRef} {
			_, err := c.Gateway.Checkout(c.ctx, r)
			if invalid := (*payments.InvalidError)(nil); !errors.As(err, &invalid) || called {
				c.failf("Checkout %s: got %v, called: %v", what, err, called)
			}
		}
	}},
	{"Checkout tells a final refusal", func(c *checker) {
		c.rule("a final refusal is a *GatewayError with Retry unset")
		c.Fail(simkit.Fault{Kind: simkit.Refused, Op: "checkout"})
		_, err := c.Gateway.Checkout(c.ctx, c.request("order-1"))
		c.refused(err, "Checkout")
		c.rule("a refused checkout can be asked for again")
		c.open("order-1")
	}},
}

// again asks for order-1, which was asked for before.
func (c *checker) again() error {
	r := c.request("order-1")
	r.Repeat = true
	_, err := c.Gateway.Checkout(c.ctx, r)
	return err
}

// checkout calls it for its error.
func (c *checker) checkout(ctx context.Context, ref string) error {
	_, err := c.Gateway.Checkout(ctx, c.request(ref))
	return err
}

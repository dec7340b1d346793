package gatewaytest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

var refundCases = []testCase{
	{"Refund sends money back", func(c *checker) {
		r := c.refunder()
		c.ok(r.refund(c.ctx, "key-1", price), "Refund")
		c.rule("a refund in full is told by the facts")
		if _, n := c.latest(); !has(n.Observation, payments.FactRefunded) {
			c.failf("after the refund: got %v", n.Facts)
		}
	}},
	{"Refund in parts, each under a key of its own", func(c *checker) {
		r := c.refunder()
		c.ok(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund of a part")
		c.ok(r.refund(c.ctx, "key-2", payments.IDR(5_000)), "Refund of another part")
		c.total(payments.IDR(9_000))
	}},
	{"Refund twice with one key refunds once", func(c *checker) {
		r := c.refunder()
		c.rule("the same key never refunds twice, and its repeat is accepted")
		c.ok(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund")
		c.ok(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund again")
		c.Advance(time.Hour) // beyond what the provider remembers by an idempotency key
		c.ok(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund again, much later")
		c.total(payments.IDR(4_000))
	}},
	{"Refund in full twice with one key refunds once", func(c *checker) {
		r := c.refunder()
		c.ok(r.refund(c.ctx, "key-1", price), "Refund")
		c.rule("the same key never refunds twice, and its repeat is accepted")
		c.ok(r.refund(c.ctx, "key-1", price), "Refund again")
		c.total(price)
	}},
	{"Refund whose answer was lost, asked again, refunds once", func(c *checker) {
		for _, kind := range []simkit.Kind{simkit.Lost, simkit.LostSilent, simkit.Down} {
			r := c.refunderOf("order-" + strings.ReplaceAll(string(kind), "_", "-"))
			ctx, cancel := context.WithCancel(c.ctx)
			defer cancel()
			fault := simkit.Fault{Kind: kind, Op: "refund"}
			if kind == simkit.LostSilent {
				fault.Met = cancel
			}
			c.Fail(fault)
			c.rule("ErrOutcomeUnknown: nobody knows")
			err := c.within(func() error { return r.refund(ctx, "key-1", payments.IDR(4_000)) })
			c.isError(err, payments.ErrOutcomeUnknown, "Refund, "+string(kind))
			c.rule("asked again with the same key after an unknown outcome, it must not refund twice")
			c.ok(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund again")
			c.total(payments.IDR(4_000))
		}
	}},
	{"Refund of too much is refused", func(c *checker) {
		r := c.refunder()
		c.rule("what is refused finally is a *GatewayError without Retry")
		c.refused(r.refund(c.ctx, "key-1", payments.IDR(price.Amount+1)), "Refund of more than was paid")
		c.ok(r.refund(c.ctx, "key-2", payments.IDR(4_000)), "Refund of a part")
		c.refused(r.refund(c.ctx, "key-3", price), "Refund of more than is left")
		c.total(payments.IDR(4_000))
	}},
	{"Refund that the provider refuses", func(c *checker) {
		r := c.refunder()
		c.rule("what is refused finally is a *GatewayError without Retry")
		c.Fail(simkit.Fault{Kind: simkit.Refused, Op: "refund"})
		c.refused(r.refund(c.ctx, "key-1", payments.IDR(4_000)), "Refund")
		if sent := c.Take(); len(sent) > 0 {
			c.failf("a refused refund has sent %d notifications", len(sent))
		}
	}},
	{"Refund of what is not paid is refused", func(c *checker) {
		refunder := need[payments.Refunder](c)
		c.open("order-1")
		c.do("order-1", Begin)
		c.rule("what is refused finally is a *GatewayError without Retry")
		err := refunder.Refund(c.ctx, c.attempt(), payments.RefundRequest{Key: "key-1", Amount: price})
		c.refused(err, "Refund")
	}},
	{"Refund refuses bad input before it calls", func(c *checker) {
		r := c.refunder()
		called := false
		c.Fail(simkit.Fault{Kind: simkit.Down, Count: -1, Met: func() { called = true }})
		c.rule("an *InvalidError: nothing was sent")
		for _, amount := range []payments.Money{payments.IDR(0), payments.IDR(-1), {}} {
			err := r.refund(c.ctx, "key-1", amount)
			if invalid := (*payments.InvalidError)(nil); !errors.As(err, &invalid) || called {
				c.failf("Refund of %v: got %v, called: %v", amount, err, called)
			}
		}
	}},
}

// refunding is a paid attempt of a gateway that can refund.
type refunding struct {
	payments.Refunder
	attempt payments.AttemptRef
}

func (c *checker) refunder() refunding { return c.refunderOf("order-1") }

func (c *checker) refunderOf(ref string) refunding {
	c.t.Helper()
	if !c.can().Refund {
		c.t.Skipf("%s cannot be refunded", c.Method)
	}
	refunder := need[payments.Refunder](c)
	c.open(ref)
	c.do(ref, pay)
	return refunding{refunder, c.attempt()}
}

func (r refunding) refund(ctx context.Context, key string, amount payments.Money) error {
	return r.Refund(ctx, r.attempt, payments.RefundRequest{Key: key, Amount: amount, Reason: "returned"})
}

// total checks how much has gone back by what the latest notification lists.
func (c *checker) total(want payments.Money) {
	c.t.Helper()
	_, n := c.latest()
	c.rule("what went back is told in total, or refund by refund")
	var total, listed int64
	for _, f := range n.Facts {
		switch f.Kind {
		case payments.FactRefundTotal:
			total = max(total, f.Amount.Amount)
		case payments.FactRefund:
			listed += f.Amount.Amount
		}
	}
	if max(total, listed) != want.Amount {
		c.failf("want %s back, got %d in total and %d listed: %v", want, total, listed, n.Facts)
	}
}

package gatewaytest

import (
	"context"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

var contextCases = []testCase{
	{"a canceled context ends a call before it begins", func(c *checker) {
		c.open("order-1")
		c.do("order-1", pay)
		attempt := c.attempt()
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		c.rule("implementations honour ctx")
		for op, call := range c.calls(attempt) {
			called := false
			c.Fail(simkit.Fault{Kind: simkit.Slow, Op: op, Met: func() { called = true }})
			c.isError(c.within(func() error { return call(ctx) }), context.Canceled, op)
			if called {
				c.failf("%s: called all the same", op)
			}
		}
	}},
	{"a context that is canceled ends a call", func(c *checker) {
		c.open("order-1")
		c.do("order-1", pay)
		attempt := c.attempt()
		c.rule("implementations honour ctx")
		for op, call := range c.calls(attempt) {
			ctx, cancel := context.WithCancel(c.ctx)
			defer cancel()
			c.Fail(simkit.Fault{Kind: simkit.Silent, Op: op, Met: cancel})
			c.isError(c.within(func() error { return call(ctx) }), context.Canceled, op)
		}
	}},
}

// calls are all that the gateway can be called for with the suite's method, by
// name.
func (c *checker) calls(a payments.AttemptRef) map[string]func(context.Context) error {
	calls, can := c.abilities(a), c.can()
	for op, possible := range map[string]bool{"cancel": can.Cancel, "expire": can.Expire, "refund": can.Refund} {
		if !possible {
			delete(calls, op)
		}
	}
	return calls
}

// abilities are all that the gateway has a method for.
func (c *checker) abilities(a payments.AttemptRef) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"checkout": func(ctx context.Context) error { return c.checkout(ctx, "order-calls") },
	}
	if g, ok := payments.As[payments.StatusReader](c.Gateway); ok {
		calls["status"] = func(ctx context.Context) error { _, err := g.Status(ctx, a); return err }
	}
	if g, ok := payments.As[payments.Canceler](c.Gateway); ok {
		calls["cancel"] = func(ctx context.Context) error { return g.Cancel(ctx, a) }
	}
	if g, ok := payments.As[payments.Expirer](c.Gateway); ok {
		calls["expire"] = func(ctx context.Context) error { return g.Expire(ctx, a) }
	}
	if g, ok := payments.As[payments.Refunder](c.Gateway); ok {
		calls["refund"] = func(ctx context.Context) error {
			return g.Refund(ctx, a, payments.RefundRequest{Key: "key-calls", Amount: payments.IDR(1)})
		}
	}
	return calls
}

package gatewaytest

import (
	"context"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

var cancelCases = []testCase{
	{"Cancel cancels what waits", func(c *checker) { c.ends(c.canceler().Cancel, payments.FactCanceled) }},
	{"Expire ends what waits", func(c *checker) { c.ends(c.expirer().Expire, payments.FactExpired) }},
	{"Cancel of what is settled is too late", func(c *checker) { c.tooLate(c.canceler().Cancel) }},
	{"Expire of what is settled is too late", func(c *checker) { c.tooLate(c.expirer().Expire) }},
	{"Cancel of nothing finds nothing", func(c *checker) { c.nothing(c.canceler().Cancel) }},
	{"Expire of nothing finds nothing", func(c *checker) { c.nothing(c.expirer().Expire) }},
	{"what a method cannot do is not supported", func(c *checker) {
		c.open("order-1")
		c.do("order-1", Begin)
		can, attempt := c.can(), c.attempt()
		c.rule("ErrUnsupported for a method that the gateway says cannot do it")
		calls := c.abilities(attempt)
		for op, possible := range map[string]bool{"cancel": can.Cancel, "expire": can.Expire, "refund": can.Refund} {
			if call := calls[op]; call != nil && !possible {
				c.isError(call(c.ctx), payments.ErrUnsupported, op)
			}
		}
	}},
	{"Cancel of a session keeps it from being paid", func(c *checker) {
		canceler := c.canceler()
		got := c.open("order-1")
		if got.Token == "" || got.Observation.TransactionID != "" {
			c.t.Skip("the gateway has no sessions")
		}
		c.rule("Cancel cancels a session without an attempt")
		c.ok(canceler.Cancel(c.ctx, payments.AttemptRef{Ref: "order-1", Token: got.Token, Amount: price}), "Cancel")
		if c.Pay("order-1") == nil {
			c.failf("the session can still be paid by")
		}
	}},
	{"Cancel of a session that is being paid by is too late", func(c *checker) {
		canceler := c.canceler()
		got := c.open("order-1")
		if got.Token == "" || got.Observation.TransactionID != "" {
			c.t.Skip("the gateway has no sessions")
		}
		c.do("order-1", Begin)
		c.rule("Cancel returns ErrWrongState if it is too late")
		err := canceler.Cancel(c.ctx, payments.AttemptRef{Ref: "order-1", Token: got.Token, Amount: price})
		c.isError(err, payments.ErrWrongState, "Cancel")
	}},
}

// canceler and expirer skip the case if the method cannot be ended so.
func (c *checker) canceler() payments.Canceler {
	c.t.Helper()
	if !c.can().Cancel {
		c.t.Skipf("%s cannot be canceled", c.Method)
	}
	return need[payments.Canceler](c)
}

func (c *checker) expirer() payments.Expirer {
	c.t.Helper()
	if !c.can().Expire {
		c.t.Skipf("%s cannot be expired", c.Method)
	}
	return need[payments.Expirer](c)
}

// can is what the gateway says of the suite's method; everything, if it says
// nothing.
func (c *checker) can() payments.Capabilities {
	if lister, ok := payments.As[payments.MethodLister](c.Gateway); ok && c.Method != "" {
		for _, m := range lister.Methods() {
			if m.Method == c.Method || slices.Contains(m.Aliases, c.Method) {
				return m.Can
			}
		}
	}
	return payments.Capabilities{Cancel: true, Void: true, Expire: true, Refund: true, PartialRefund: true, Capture: true, Review: true}
}

// ending is Cancel or Expire.
type ending func(context.Context, payments.AttemptRef) error

func (c *checker) ends(end ending, kind payments.FactKind) {
	c.open("order-1")
	c.do("order-1", Begin)
	attempt := c.attempt()
	c.ok(end(c.ctx, attempt), "ending it")
	_, n := c.latest()
	c.rule("what was ended is told by the facts")
	if n.TransactionID != attempt.TransactionID || !has(n.Observation, kind) {
		c.failf("want %s of %s, got %v of %s", kind, attempt.TransactionID, n.Facts, n.TransactionID)
	}
}

func (c *checker) tooLate(end ending) {
	c.open("order-1")
	c.do("order-1", pay)
	attempt := c.attempt()
	c.rule("ErrWrongState if it is too late")
	c.isError(end(c.ctx, attempt), payments.ErrWrongState, "ending what is settled")
	if sent := c.Take(); len(sent) > 0 {
		c.failf("a refused call has sent %d notifications", len(sent))
	}
}

func (c *checker) nothing(end ending) {
	c.rule("ErrNotFound if there is nothing")
	c.isError(end(c.ctx, payments.AttemptRef{Ref: "order-unknown", Amount: price}), payments.ErrNotFound, "ending nothing")
}

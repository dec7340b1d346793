package gatewaytest

import (
	"context"

	"github.com/lunaspay/lunas/payments"
)

var cancelCases = []testCase{
	{"Cancel cancels what waits", func(c *checker) { c.ends(need[payments.Canceler](c).Cancel, payments.FactCanceled) }},
	{"Expire ends what waits", func(c *checker) { c.ends(need[payments.Expirer](c).Expire, payments.FactExpired) }},
	{"Cancel of what is settled is too late", func(c *checker) { c.tooLate(need[payments.Canceler](c).Cancel) }},
	{"Expire of what is settled is too late", func(c *checker) { c.tooLate(need[payments.Expirer](c).Expire) }},
	{"Cancel of nothing finds nothing", func(c *checker) { c.nothing(need[payments.Canceler](c).Cancel) }},
	{"Expire of nothing finds nothing", func(c *checker) { c.nothing(need[payments.Expirer](c).Expire) }},
	{"Cancel of a session keeps it from being paid", func(c *checker) {
		canceler := need[payments.Canceler](c)
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
		canceler := need[payments.Canceler](c)
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

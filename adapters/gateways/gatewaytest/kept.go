package gatewaytest

import (
	"errors"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// keptCases are about what is kept and shown: without secrets, and good for
// a replay.
var keptCases = []testCase{
	{"what is kept of a notification can be read again", func(c *checker) {
		for _, w := range words {
			c.replay(w)
		}
	}},
	{"what is kept of a notification is no proof", func(c *checker) {
		sent, n := c.paidNotification()
		c.rule("Raw is without secrets: whoever reads it can sign nothing by it")
		if strings.Contains(string(n.Raw), c.signatureOf(sent.Header, sent.Body)) {
			c.failf("Raw holds the signature: %s", n.Raw)
		}
		c.quiet(string(n.Raw), "Raw")
		_, err := c.Gateway.ReadNotification(payments.RawNotification{Body: n.Raw})
		if !errors.Is(err, payments.ErrForged) && !errors.Is(err, payments.ErrMalformed) {
			c.failf("Raw, not known to be verified, is read: %v", err)
		}
	}},
	{"no error shows a secret", func(c *checker) {
		c.rule("errors never hold a secret")
		c.open("order-1")
		c.do("order-1", pay)
		attempt := c.attempt()
		for _, kind := range []simkit.Kind{simkit.Down, simkit.Throttled, simkit.Refused, simkit.Broken, simkit.Lost} {
			for op, call := range c.calls(attempt) {
				c.Fail(simkit.Fault{Kind: kind, Op: op})
				if err := call(c.ctx); err != nil {
					c.quiet(err.Error(), op+", "+string(kind))
				}
			}
		}
	}},
}

// replay reads what was kept of each notification on the way to w.
func (c *checker) replay(w word) {
	c.t.Helper()
	ref := "order-" + strings.ReplaceAll(w.name, " ", "-")
	c.open(ref)
	c.try(ref, w.acts...)
	for _, sent := range c.Take() {
		n, err := c.read(sent)
		c.ok(err, "ReadNotification")
		c.rule("Raw is readable with Verified set, and tells the same")
		again, err := c.Gateway.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
		c.ok(err, "ReadNotification of Raw, "+w.name)
		if again.Ref != n.Ref || again.TransactionID != n.TransactionID || again.Amount != n.Amount ||
			again.Method != n.Method || again.RawStatus != n.RawStatus || again.Test != n.Test ||
			telling(again.Observation) != telling(n.Observation) {
			c.failf("%s: read %+v, then from Raw %+v", w.name, n, again)
		}
	}
}

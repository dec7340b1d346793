package gatewaytest

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// checker runs one case. The last rule that was named is the one that a
// failure reports.
type checker struct {
	t   *testing.T
	ctx context.Context
	Simulator
	Setup
	broke string
}

// price is what the suite's orders cost.
var price = payments.IDR(29_000)

// rule names the rule that the checks after it are about.
func (c *checker) rule(text string) { c.broke = text }

func (c *checker) failf(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("broken rule: "+c.broke+"\n"+format, args...)
}

func (c *checker) ok(err error, doing string) {
	c.t.Helper()
	if err != nil {
		c.failf("%s: unexpected error: %v", doing, err)
	}
}

// isError checks an error, and that it holds no secret.
func (c *checker) isError(err, target error, doing string) {
	c.t.Helper()
	if !errors.Is(err, target) {
		c.failf("%s: want an error that is %q, got %v", doing, target, err)
	}
	c.quiet(err.Error(), doing)
}

// refused checks that err is a final refusal.
func (c *checker) refused(err error, doing string) {
	c.t.Helper()
	var refusal *payments.GatewayError
	if !errors.As(err, &refusal) {
		c.failf("%s: want a *payments.GatewayError, got %v", doing, err)
	}
	if refusal.Retry || errors.Is(err, payments.ErrOutcomeUnknown) {
		c.failf("%s: want a final refusal, got %#v", doing, refusal)
	}
	c.quiet(err.Error(), doing)
}

// quiet checks that a text shows no secret.
func (c *checker) quiet(text, what string) {
	c.t.Helper()
	for _, secret := range c.Secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret + ":"))} {
			if strings.Contains(text, form) {
				c.failf("%s: %q shows a secret", what, text)
			}
		}
	}
}

// request asks for a checkout of an order.
func (c *checker) request(ref string) payments.CheckoutRequest {
	return payments.CheckoutRequest{
		Ref: ref, Method: c.Method,
		Order: payments.Order{
			ID:    payments.NewID(),
			User:  payments.EndUser{ID: "u-1", Name: "Sari", Email: "sari@example.com"},
			Lines: []payments.Line{{Item: payments.Item{ID: "mug", Name: "Mug", Price: price}, Quantity: 1}}, Amount: price,
		},
		ReturnURL: "https://shop.example/thanks",
	}
}

// open opens a checkout.
func (c *checker) open(ref string) payments.CheckoutResult {
	c.t.Helper()
	got, err := c.Gateway.Checkout(c.ctx, c.request(ref))
	c.ok(err, "Checkout")
	return got
}

// do lets acts happen, one after the other; the case is skipped if the
// simulator knows one of them not.
func (c *checker) do(ref string, acts ...Act) {
	c.t.Helper()
	if act := c.try(ref, acts...); act != "" {
		c.t.Skipf("the simulator has no act %q", act)
	}
}

// try lets acts happen, up to one that the simulator does not know, which it
// returns.
func (c *checker) try(ref string, acts ...Act) (unknown Act) {
	c.t.Helper()
	for _, act := range acts {
		var err error
		if act == pay {
			err = c.Pay(ref)
		} else {
			err = c.Do(ref, act)
		}
		if errors.Is(err, payments.ErrUnsupported) {
			return act
		}
		c.ok(err, "the simulator's act "+string(act))
	}
	return ""
}

// need is an ability of the gateway; without it the case is skipped.
func need[T any](c *checker) T {
	c.t.Helper()
	ability, ok := payments.As[T](c.Gateway)
	if !ok {
		c.t.Skipf("the gateway is no %T", *new(T))
	}
	return ability
}

// latest reads the latest notification.
func (c *checker) latest() (simkit.Sent, payments.Notification) {
	c.t.Helper()
	sent := c.Take()
	if len(sent) == 0 {
		c.failf("the simulator has sent no notification")
	}
	last := sent[len(sent)-1]
	n, err := c.read(last)
	c.ok(err, "ReadNotification")
	return last, n
}

func (c *checker) read(s simkit.Sent) (payments.Notification, error) {
	return c.Gateway.ReadNotification(payments.RawNotification{Header: s.Header, Body: s.Body})
}

// attempt is the one that the latest notification names.
func (c *checker) attempt() payments.AttemptRef {
	c.t.Helper()
	_, n := c.latest()
	return attemptOf(n.Observation)
}

func attemptOf(o payments.Observation) payments.AttemptRef {
	return payments.AttemptRef{Ref: o.Ref, TransactionID: o.TransactionID, Method: o.Method, Amount: o.Amount}
}

// within runs a call that must return soon, and returns its error.
func (c *checker) within(call func() error) error {
	c.t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		c.failf("the call is still running after 20 s")
		return nil
	}
}

// has reports whether o tells a fact of one of the kinds.
func has(o payments.Observation, kinds ...payments.FactKind) bool {
	for _, f := range o.Facts {
		for _, kind := range kinds {
			if f.Kind == kind {
				return true
			}
		}
	}
	return false
}

package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lunaspay/lunas/payments"
)

// checker runs one case. The last rule that was named is the one that a
// failure reports.
type checker struct {
	t     *testing.T
	ctx   context.Context
	store payments.Store
	broke string
	// made counts payments and messages, so that each is newer than the last.
	made *int
}

func newChecker(t *testing.T, s payments.Store) *checker {
	return &checker{t: t, ctx: t.Context(), store: s, broke: "the methods of a store work", made: new(int)}
}

// rule names the rule that the checks after it are about.
func (c *checker) rule(text string) { c.broke = text }

// on is the same case with another store, one in a transaction.
func (c *checker) on(s payments.Store) *checker {
	d := *c
	d.store = s
	return &d
}

func (c *checker) failf(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("broken rule: %s\n%s", c.broke, fmt.Sprintf(format, args...))
}

func (c *checker) ok(err error, doing string) {
	c.t.Helper()
	if err != nil {
		c.failf("%s: unexpected error: %v", doing, err)
	}
}

func (c *checker) isError(err, target error, doing string) {
	c.t.Helper()
	if !errors.Is(err, target) {
		c.failf("%s: want an error that is %q, got %v", doing, target, err)
	}
}

// same compares by diff: nil and empty are the same, times are compared as
// instants and must be UTC.
func (c *checker) same(want, got any, what string) {
	c.t.Helper()
	if d := diff(want, got); d != "" {
		c.failf("%s: %s", what, d)
	}
}

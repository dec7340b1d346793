// Package paymentstest helps apps to test their own use of payments: a clock
// that the test moves, and one call that does all that is due.
//
// Use storage/memory for the store and a gateway's simulator for the gateway;
// then no test needs a network, an account or a pause.
package paymentstest

import (
	"context"
	"testing"

	"github.com/lunaspay/lunas/payments"
)

// Drain does all that is due by the service's clock: hooks, expiry,
// reconciliation, and what follows from them. It fails the test on an error.
func Drain(t testing.TB, s *payments.Service) {
	t.Helper()
	if err := s.Drain(context.Background()); err != nil {
		t.Fatalf("drain: %v", err)
	}
}

// Only returns the one payment there is, and fails the test if there are none
// or several.
func Only(t testing.TB, s *payments.Service) *payments.Payment {
	t.Helper()
	var found []*payments.Payment
	for p, err := range s.List(context.Background(), payments.PaymentQuery{}) {
		if err != nil {
			t.Fatalf("list payments: %v", err)
		}
		found = append(found, p)
	}
	if len(found) != 1 {
		t.Fatalf("there are %d payments, want exactly one", len(found))
	}
	return found[0]
}

// RequireStatus fails the test unless the payment has the status, and tells
// what its status rests on.
func RequireStatus(t testing.TB, s *payments.Service, id payments.ID, want payments.Status) *payments.Payment {
	t.Helper()
	story, err := s.Explain(context.Background(), id)
	if err != nil {
		t.Fatalf("explain payment: %v", err)
	}
	if story.Payment.Status != want {
		t.Fatalf("payment %s is %s, want %s\n%q", id, story.Payment.Status, want, story.Why)
	}
	return story.Payment
}

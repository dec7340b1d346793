package fazztest

import (
	"fmt"
	"time"
)

// The methods of this file are what the payer, a bank, or the merchant in the
// dashboard does with the payment whose referenceId is ref. They refuse what
// could not happen, and put callbacks into the queue: Deliver or Run sends
// them.

// PayOption says more about how the payer acts.
type PayOption func(*payOptions)

type payOptions struct{ late bool }

// Late lets money arrive although the payment has expired, as shops report
// late, or was cancelled, as the payer may have been quicker.
func Late() PayOption { return func(o *payOptions) { o.late = true } }

// Pay lets the whole amount arrive. Another amount never does: Fazz refuses
// it where it is paid.
func (s *Server) Pay(ref string, opts ...PayOption) error {
	var o payOptions
	for _, opt := range opts {
		opt(&o)
	}
	from := []string{pending, processing}
	if o.late {
		from = append(from, expired, cancelled)
	}
	return s.from(ref, "be paid", from, paid)
}

// Process notes that money is on its way. Nobody is told.
func (s *Server) Process(ref string) error {
	return s.from(ref, "be processed", []string{pending}, processing)
}

// Complete makes the money of a paid payment available to the merchant.
func (s *Server) Complete(ref string) error {
	return s.from(ref, "be completed", []string{paid}, completed)
}

// FailPayment ends a payment that was declined, e.g. for fraud; reason is what
// the merchant may read.
func (s *Server) FailPayment(ref, reason string) error {
	return s.with(ref, func(p *Payment, now time.Time) error {
		if !p.is(pending, processing) {
			return wrong(p, "fail")
		}
		p.Reason = reason
		s.move(p, failed, now)
		return nil
	})
}

// Expire ends a payment that waits, as if its time were over.
func (s *Server) Expire(ref string) error { return s.from(ref, "expire", []string{pending}, expired) }

// Cancel cancels a payment that waits, in the dashboard. By the API only
// virtual accounts can be cancelled.
func (s *Server) Cancel(ref string) error {
	return s.from(ref, "be cancelled", []string{pending}, cancelled)
}

// Resend tells n more times where the payment stands, whatever its status.
func (s *Server) Resend(ref string, n int) error {
	return s.with(ref, func(p *Payment, now time.Time) error {
		for range n {
			s.notify(p, now)
		}
		return nil
	})
}

// with does something with a payment.
func (s *Server) with(ref string, do func(p *Payment, now time.Time) error) error {
	return s.change(func(now time.Time) error {
		p := s.state.byRef[ref]
		if p == nil {
			return fmt.Errorf("fazztest: no payment with referenceId %q", ref)
		}
		return do(p, now)
	})
}

// from moves a payment that is in one of some statuses.
func (s *Server) from(ref, verb string, statuses []string, to string) error {
	return s.with(ref, func(p *Payment, now time.Time) error {
		if !p.is(statuses...) {
			return wrong(p, verb)
		}
		s.move(p, to, now)
		return nil
	})
}

func wrong(p *Payment, verb string) error {
	return fmt.Errorf("fazztest: payment %q cannot %s: it is %s", p.ReferenceID, verb, p.Status)
}

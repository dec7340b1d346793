package midtranstest

import (
	"fmt"
	"time"
)

// The methods of this file are what a bank, or the merchant in the dashboard,
// does with the order ref. They refuse what could not happen, and put
// notifications into the queue: Deliver or Run sends them.

// Approve accepts a challenged card payment.
func (s *Server) Approve(ref string) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		if !t.challenged() {
			return fmt.Errorf("midtranstest: order %q is not challenged", ref)
		}
		s.move(t, t.Status, "accept", now)
		return nil
	})
}

// taken is a copy of the transaction that is active or paid, or nil.
func (s *Server) taken(ref string) *Transaction {
	o, _ := s.Order(ref)
	return o.taken()
}

// Settle settles a card capture without waiting for the next day.
func (s *Server) Settle(ref string) error {
	return s.from(ref, []string{"capture"}, func(t *Transaction, now time.Time) error {
		t.SettledAt = now
		s.move(t, "settlement", t.Fraud, now)
		return nil
	})
}

// Expire ends the waiting transaction, or else the page, as if its time were
// over. Of a page that ends nobody is told.
func (s *Server) Expire(ref string) error {
	return s.change(func(now time.Time) error {
		o := s.state.orders[ref]
		if o == nil {
			return noOrder(ref)
		}
		if t := o.taken(); t != nil {
			if !t.is("pending") {
				return wrong(t, "expire")
			}
			s.move(t, "expire", t.Fraud, now)
			return nil
		}
		for _, p := range o.Pages {
			if p.open(now) {
				p.ExpiresAt = now
			}
		}
		return nil
	})
}

// Cancel cancels a transaction that is not settled, in the dashboard.
func (s *Server) Cancel(ref string) error {
	return s.from(ref, []string{"pending", "authorize", "capture"}, func(t *Transaction, now time.Time) error {
		s.move(t, "cancel", t.Fraud, now)
		return nil
	})
}

// RefundFromDashboard sends amount rupiah back, or with zero all that is left.
func (s *Server) RefundFromDashboard(ref string, amount int64) error {
	return s.from(ref, []string{"settlement", "partial_refund"}, func(t *Transaction, now time.Time) error {
		left := t.Amount() - t.Refunded()
		if amount == 0 {
			amount = left
		}
		if c := channelNamed(t.Channel); !c.refunds || c.whole && amount != left {
			return fmt.Errorf("midtranstest: %s cannot be refunded like that", t.Channel)
		}
		if amount < 0 || amount > left {
			return fmt.Errorf("midtranstest: order %q: cannot refund %d of %d", ref, amount, left)
		}
		s.refund(t, Refund{Amount: amount, Reason: "refund from the dashboard", Method: "online"}, now)
		return nil
	})
}

// Chargeback takes a settled card payment back through its bank.
func (s *Server) Chargeback(ref string) error { return s.chargeBack(ref, "chargeback") }

// PartialChargeback takes a part of a settled card payment back. How much,
// Midtrans does not tell.
func (s *Server) PartialChargeback(ref string) error { return s.chargeBack(ref, "partial_chargeback") }

func (s *Server) chargeBack(ref, status string) error {
	return s.from(ref, []string{"settlement", "partial_refund", "refund", "partial_chargeback"}, func(t *Transaction, now time.Time) error {
		if t.Channel != "credit_card" {
			return fmt.Errorf("midtranstest: %s knows no chargeback", t.Channel)
		}
		s.move(t, status, t.Fraud, now)
		return nil
	})
}

// Reverse takes back a payment by Permata, Mandiri Bill or Indomaret, as
// their bank may do within minutes.
func (s *Server) Reverse(ref string) error {
	return s.from(ref, []string{"settlement"}, func(t *Transaction, now time.Time) error {
		if !channelNamed(t.Channel).reversible {
			return fmt.Errorf("midtranstest: payments by %s are not reversed", t.Channel)
		}
		s.move(t, "deny", t.Fraud, now)
		return nil
	})
}

// Resend notifies n more times of where the order's latest transaction
// stands.
func (s *Server) Resend(ref string, n int) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		for range n {
			s.notify(t, now)
		}
		return nil
	})
}

func noOrder(ref string) error { return fmt.Errorf("midtranstest: no order %q", ref) }

func wrong(t *Transaction, verb string) error {
	return fmt.Errorf("midtranstest: order %q: cannot %s: its transaction is %s", t.OrderID, verb, t.Status)
}

// act does something with the latest transaction of an order.
func (s *Server) act(ref string, do func(t *Transaction, now time.Time) error) error {
	return s.change(func(now time.Time) error {
		o := s.state.orders[ref]
		if o == nil {
			return noOrder(ref)
		}
		if o.last() == nil {
			return fmt.Errorf("midtranstest: order %q has no transaction", ref)
		}
		return do(o.last(), now)
	})
}

// from is act for some statuses only.
func (s *Server) from(ref string, statuses []string, do func(t *Transaction, now time.Time) error) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		if !t.is(statuses...) {
			return wrong(t, "do that")
		}
		return do(t, now)
	})
}

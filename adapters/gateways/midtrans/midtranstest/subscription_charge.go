package midtranstest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// failure is why no transaction was made: a status_code and its words.
type failure struct{ code, message string }

var failures = map[string]failure{
	"411": {"411", badToken},
	"500": {"500", recovering},
}

// bankDenies is the code of [Server.FailCharges] with which a transaction is
// made, and denied.
const bankDenies = "deny"

// FailCharges lets the next n charges, retries included, of a subscription
// fail: the one of that id, or the latest of that name. The code is "411", the
// token is not taken; "500", trouble at Midtrans; or "deny", by the bank or
// the wallet.
func (s *Server) FailCharges(ref string, n int, code string) error {
	if _, ok := failures[code]; !ok && code != bankDenies {
		return fmt.Errorf("midtranstest: charges do not fail with %q", code)
	}
	return s.onSubscription(ref, func(sub *subscription, _ time.Time) error {
		for range n {
			sub.Failures = append(sub.Failures, code)
		}
		return nil
	})
}

// ChargeNow makes the next charge of a subscription, or the next retry, happen
// now instead of when it is due. Those after it are due when they were.
func (s *Server) ChargeNow(ref string) error {
	return s.onSubscription(ref, func(sub *subscription, now time.Time) error {
		due := sub.nextAt()
		if due.IsZero() {
			return fmt.Errorf("midtranstest: the subscription %q is not charged any more", ref)
		}
		s.execute(sub, due, now)
		return nil
	})
}

// nextAt is when the clock brings a charge, or zero.
func (sub *subscription) nextAt() time.Time {
	next := time.Time{}
	if sub.Active {
		next = sub.Schedule.NextAt
	}
	if next.IsZero() || !sub.RetryAt.IsZero() && sub.RetryAt.Before(next) {
		return sub.RetryAt
	}
	return next
}

// execute makes the charge that is due at its nextAt. That of a new interval
// ends the retries of the one before.
func (s *Server) execute(sub *subscription, due, at time.Time) {
	c := &sub.Schedule
	if sub.Active && c.NextAt.Equal(due) {
		c.Current++
		c.PreviousAt, c.NextAt = at, c.after(due)
		if c.over() {
			c.NextAt = time.Time{}
		}
		sub.Retried = 0
	} else {
		sub.Retried++
	}
	sub.RetryAt = time.Time{}

	t, why := s.attempt(sub, at)
	if t == nil || t.is("deny") {
		sub.failed(at)
	}
	if c.NextAt.IsZero() && sub.RetryAt.IsZero() {
		sub.Active = false
	}
	s.expectAt(sub.nextAt())
	s.tellCharge(sub, t, why, at)
	if t != nil && s.chargeNotices {
		s.notify(t, at)
	}
}

// failed sets the next retry, or ends the subscription if none is left.
func (sub *subscription) failed(at time.Time) {
	if r := sub.Retry; r != nil && sub.Retried < r.Max {
		sub.RetryAt = at.Add(time.Duration(r.Interval) * units[r.Unit])
		return
	}
	sub.Active = false
}

// attempt makes a transaction and asks the bank or the wallet, unless it fails
// before.
func (s *Server) attempt(sub *subscription, at time.Time) (*Transaction, failure) {
	code := ""
	if len(sub.Failures) > 0 {
		code, sub.Failures = sub.Failures[0], slices.Clone(sub.Failures[1:])
	}
	if why, ok := failures[code]; ok {
		return nil, why
	}
	if sub.PaymentType == "gopay" {
		return s.attemptGoPay(sub, code == bankDenies, at)
	}
	return s.attemptCard(sub, code == bankDenies, at)
}

func (s *Server) attemptGoPay(sub *subscription, denies bool, at time.Time) (*Transaction, failure) {
	p, refused := s.purse(sub.AccountID, sub.Token, at)
	if refused != nil {
		return nil, failures["411"]
	}
	t := s.beginCharge(sub, at)
	t.AccountID = sub.AccountID
	if denies || sub.Amount > p.Balance {
		t.Status = "deny"
		return t, failure{}
	}
	t.Status, t.PaidAt, t.SettledAt = "settlement", at, at
	return t, failure{}
}

func (s *Server) attemptCard(sub *subscription, denies bool, at time.Time) (*Transaction, failure) {
	saved := s.state.Tokens[sub.Token]
	if saved == nil || !saved.Saved {
		return nil, failures["411"]
	}
	c, err := cardNumbered(saved.Number)
	if err != nil {
		return nil, failures["411"]
	}
	t := s.beginCharge(sub, at)
	t.Card = c.number
	maps.Copy(t.Keys, c.keys())
	if denies {
		c.outcome = bankDenied
	}
	var keys map[string]any
	t.Status, t.Fraud, keys = c.verdict(strconv.FormatInt(at.UnixMilli(), 10))
	maps.Copy(t.Keys, keys)
	if !t.is("deny") {
		t.PaidAt = at
	}
	s.expect(t)
	return t, failure{}
}

// beginCharge makes the transaction of a charge, on a page of its own like
// those of /v2/charge. Its order_id is the subscription's name and 32
// characters.
func (s *Server) beginCharge(sub *subscription, at time.Time) *Transaction {
	unique := uuid.New()
	var request snapRequest
	request.TransactionDetails.OrderID = sub.Name + hex.EncodeToString(unique[:])
	request.TransactionDetails.GrossAmount = sub.Amount
	request.Metadata = sub.Metadata
	kept, err := json.Marshal(request)
	if err != nil { // only what was JSON before is in it
		panic(fmt.Sprintf("midtranstest: charge of subscription %s: %v", sub.ID, err))
	}
	p := &Page{
		Token: uuid.NewString(), OrderID: request.TransactionDetails.OrderID, Request: kept, parsed: request,
		CreatedAt: at, ExpiresAt: at, Charged: true, SubscriptionID: sub.ID,
	}
	o := &Order{ID: p.OrderID, Pages: []*Page{p}}
	s.state.orders[o.ID], s.state.pages[p.Token] = o, p
	s.state.Orders = append(s.state.Orders, o)
	t := s.begin(p, channelNamed(sub.PaymentType), at)
	t.ExpiresAt = time.Time{} // it never waits for a payer
	sub.Transactions = append(sub.Transactions, t.ID)
	return t
}

package midtranstest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const (
	// refundConfirmation is how long the bank takes to confirm a refund.
	refundConfirmation = time.Minute
	// authorizationLife is when a card authorization that was never captured
	// is given up.
	authorizationLife = 8 * day
	// settlementHour is when the card captures of the day before settle, in
	// Jakarta.
	settlementHour = 16
)

// begin makes a transaction: the payer has chosen a way to pay.
func (s *Server) begin(p *Page, c *channel, at time.Time) *Transaction {
	t := &Transaction{
		ID: uuid.NewString(), OrderID: p.OrderID, Token: p.Token, Channel: c.name, PaymentType: c.paymentType,
		Status: "pending", Fraud: "accept", Gross: decimal(p.parsed.amount()), Currency: "IDR",
		CreatedAt: at, ExpiresAt: at.Add(c.life), Keys: map[string]any{},
	}
	if c.name != "credit_card" {
		t.ExpiresAt = p.parsed.Expiry.end(at, t.ExpiresAt)
	}
	if c.issue != nil {
		for t.Keys = c.issue(s.next()); t.account() != "" && s.numberInUse(t, t.account()); { // a merchant may have wished for it
			t.Keys = c.issue(s.next())
		}
	}
	o := s.state.orders[p.OrderID]
	o.Transactions = append(o.Transactions, t)
	s.state.transactions[t.ID] = t
	s.expect(t)
	return t
}

// move changes a transaction's status and tells the merchant.
func (s *Server) move(t *Transaction, status, fraudStatus string, at time.Time) {
	t.Status, t.Fraud = status, fraudStatus
	s.expect(t)
	s.notify(t, at)
}

// pay is the payer's money arriving, or the card's verdict.
func (s *Server) pay(t *Transaction, at time.Time) error {
	if t.Channel == "credit_card" {
		return s.charge(t, at)
	}
	t.PaidAt = at
	if t.PreAuth {
		s.move(t, "authorize", "accept", at)
		return nil
	}
	t.SettledAt = at
	if paid := channelNamed(t.Channel).paid; paid != nil {
		maps.Copy(t.Keys, paid(t))
	}
	s.move(t, "settlement", "accept", at)
	return nil
}

// charge asks the card's bank.
func (s *Server) charge(t *Transaction, at time.Time) error {
	c, err := cardNumbered(t.Card)
	if err != nil {
		return err
	}
	status, fraudStatus, keys := c.verdict(strconv.FormatInt(at.UnixMilli(), 10))
	maps.Copy(t.Keys, keys)
	if status != "deny" {
		t.PaidAt = at
		if s.state.pages[t.Token].parsed.CreditCard.Type == "authorize" {
			status = "authorize"
		}
	}
	s.move(t, status, fraudStatus, at)
	return nil
}

// useCard notes the card that a transaction is to be charged to.
func (t *Transaction) useCard(number string) error {
	c, err := cardNumbered(number)
	if err != nil {
		return err
	}
	t.Card = c.number
	maps.Copy(t.Keys, c.keys())
	return nil
}

// refund sends money back. One that the bank has confirmed already needs no
// second notification.
func (s *Server) refund(t *Transaction, r Refund, at time.Time) *Refund {
	r.ID, r.UUID, r.CreatedAt = s.next(), uuid.NewString(), at
	if r.Key == "" {
		r.Key = "midtrans-" + r.UUID
	}
	t.Refunds = append(t.Refunds, &r)
	status := "partial_refund"
	if t.Refunded() >= t.Amount() {
		status = "refund"
	}
	s.move(t, status, t.Fraud, at)
	return &r
}

// expect notes when the clock will bring something for t.
func (s *Server) expect(t *Transaction) {
	s.expectAt(t.nextAt())
}

// expectAt notes that the clock will bring something at a time, unless it is
// zero.
func (s *Server) expectAt(at time.Time) {
	if !at.IsZero() && (s.state.nextAt.IsZero() || at.Before(s.state.nextAt)) {
		s.state.nextAt = at
		s.wake()
	}
}

// nextAt is when the clock brings something for the transaction, or zero.
func (t *Transaction) nextAt() time.Time {
	var next time.Time
	switch t.Status {
	case "pending":
		next = t.ExpiresAt
	case "authorize":
		next = t.CreatedAt.Add(authorizationLife)
		if t.PreAuth {
			next = t.PaidAt.Add(preAuthLife)
		}
	case "capture":
		y, m, d := t.PaidAt.In(wib).Date()
		next = time.Date(y, m, d+1, settlementHour, 0, 0, 0, wib)
	}
	if r := t.unconfirmed(); r != nil {
		if at := r.CreatedAt.Add(refundConfirmation); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// unconfirmed is the first refund that the bank has not confirmed, or nil.
func (t *Transaction) unconfirmed() *Refund {
	for _, r := range t.Refunds {
		if r.ConfirmedAt.IsZero() {
			return r
		}
	}
	return nil
}

// happen does what the clock brings for t at its nextAt.
func (s *Server) happen(t *Transaction, at time.Time) {
	if r := t.unconfirmed(); r != nil {
		r.ConfirmedAt = at
		s.notify(t, at)
		return
	}
	switch {
	case t.Status != "capture":
		s.move(t, "expire", t.Fraud, at)
	case t.Fraud == "challenge": // nobody decided
		s.move(t, "cancel", "challenge", at)
	default:
		t.SettledAt = at
		s.move(t, "settlement", t.Fraud, at)
	}
}

// event is something that the clock brings.
type event struct {
	at time.Time
	id string
	do func(at time.Time)
}

// advance does all that the clock has brought by now, in the order of time.
func (s *Server) advance(now time.Time) {
	for !s.state.nextAt.IsZero() && !s.state.nextAt.After(now) {
		s.state.nextAt = time.Time{}
		var due []event
		add := func(at time.Time, id string, do func(at time.Time)) {
			if !at.IsZero() && !at.After(now) {
				due = append(due, event{at, id, do})
			} else {
				s.expectAt(at)
			}
		}
		for _, t := range s.state.transactions {
			add(t.nextAt(), t.ID, func(at time.Time) {
				s.happen(t, at)
				s.expect(t)
			})
		}
		for _, sub := range s.state.Subscriptions {
			add(sub.nextAt(), sub.ID, func(at time.Time) { s.execute(sub, at, at) })
		}
		slices.SortFunc(due, func(a, b event) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
		})
		for _, e := range due {
			if next := s.state.nextAt; !next.IsZero() && next.Before(e.at) {
				break // what has just happened brings something earlier: look again
			}
			e.do(e.at)
		}
	}
}

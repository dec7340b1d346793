package payments

import (
	"cmp"
	"slices"
	"time"
)

// step is one change of a payment: the facts that came in and the events that
// they caused. It is pure: no I/O, no clock, no randomness. All writes of a
// payment, whoever makes them, are steps.
type step struct {
	p      *Payment
	at     time.Time
	events []draft
}

// draft is an event before it is numbered. Its key is told once per payment.
type draft struct {
	kind EventKind
	key  string
	body eventBody
}

type eventBody interface{ setThen(Totals) }

func (m *EventMeta) setThen(t Totals) { m.Then = t }

// observe joins what a gateway told: about an attempt if it names one, about
// the payment otherwise.
func (s *step) observe(gateway string, o Observation) {
	s.change(func() {
		if o.TransactionID == "" {
			s.p.Facts = s.p.Facts.join(o.facts(s.at)...)
			return
		}
		a := s.p.attempt(gateway, o.TransactionID)
		a.Ref = cmp.Or(a.Ref, o.Ref)
		if o.ExpiresAt.After(a.ExpiresAt) {
			a.ExpiresAt = stamp(o.ExpiresAt)
		}
		seen := o.facts(s.at)
		for i := range seen {
			seen[i] = s.p.inCurrency(seen[i])
		}
		a.Facts = a.Facts.join(seen...)
	})
	if o.Attention {
		s.p.note("odd answer of " + gateway + ": " + o.RawStatus)
	}
}

// inCurrency gives an amount without a currency the order's.
func (p *Payment) inCurrency(f Fact) Fact {
	if f.Amount.Currency == "" && f.Kind == FactPaid {
		f.Amount.Currency = p.Amount.Currency
	}
	return f
}

// attempt returns the attempt, adding it if it is new.
func (p *Payment) attempt(gateway, transactionID string) *Attempt {
	if a := p.Attempt(gateway, transactionID); a != nil {
		return a
	}
	p.Attempts = append(p.Attempts, Attempt{Gateway: gateway, TransactionID: transactionID})
	return &p.Attempts[len(p.Attempts)-1]
}

// Attempt returns the attempt of that name, or nil. An empty gateway stands
// for any.
func (p *Payment) Attempt(gateway, transactionID string) *Attempt {
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if a.TransactionID == transactionID && (gateway == "" || a.Gateway == gateway) {
			return a
		}
	}
	return nil
}

// learn joins a fact about the payment itself.
func (s *step) learn(f Fact) {
	f.At = stamp(s.at)
	s.change(func() { s.p.Facts = s.p.Facts.join(f) })
}

// record joins a fact of ours about an attempt: a command, or a decision.
func (s *step) record(a *Attempt, f Fact) {
	f.At = stamp(s.at)
	s.change(func() { a.Facts = a.Facts.join(f) })
}

// forget ends an attempt that turns out not to be the payment's. If all that is
// known of it is hearsay, it never was, and nothing is told; else it is over.
func (s *step) forget(a Attempt, why string) {
	if a.Facts.weigh() {
		s.record(s.p.attempt(a.Gateway, a.TransactionID), Fact{Kind: FactExpired, Text: why})
		return
	}
	s.change(func() {
		s.p.Attempts = slices.DeleteFunc(slices.Clone(s.p.Attempts), func(b Attempt) bool {
			return b.Gateway == a.Gateway && b.TransactionID == a.TransactionID
		})
	})
}

// change lets join add facts, then computes the status and emits what the
// difference between before and after tells.
func (s *step) change(join func()) {
	before := s.p.look()
	join()
	after := s.p.look()
	s.p.show(after)
	s.emit(before, after)
}

// tell adds an event unless its key was told before.
func (s *step) tell(kind EventKind, key string, body eventBody) {
	if slices.Contains(s.p.Told, key) {
		return
	}
	s.p.Told = append(s.p.Told, key)
	body.setThen(s.p.Totals)
	s.events = append(s.events, draft{kind: kind, key: key, body: body})
}

// show writes what was computed into the payment, for queries and people.
func (p *Payment) show(o outlook) {
	p.Status, p.Cause = o.status, o.cause
	money := func(n int64) Money { return Money{Amount: n, Currency: p.Amount.Currency} }
	p.Totals = Totals{
		Status: o.status, In: money(o.in), Refunded: money(o.out), ChargedBack: money(o.lost),
		Net: money(o.net), Live: money(o.live),
	}
	p.Disputed = slices.ContainsFunc(o.attempts, func(s standing) bool { return s.level > 0 && !s.won })
	for _, s := range o.attempts {
		f := s.attempt.Facts
		if sum, total := f.refundsBy(refundID), f.most(FactRefundTotal); total > 0 && sum > 0 && sum != total {
			p.note("refunds listed for " + s.id + " do not add up to their total")
		}
	}
}

// maxNotes bounds what odd messages can add to a payment.
const maxNotes = 20

// note flags the payment for a person, once per text.
func (p *Payment) note(text string) {
	p.Attention = true
	if !slices.Contains(p.Notes, text) && len(p.Notes) < maxNotes {
		p.Notes = append(p.Notes, text)
	}
}

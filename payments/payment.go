package payments

import (
	"encoding/json"
	"slices"
	"time"
)

// Status is where a payment stands. It is computed from facts, never set.
type Status string

// The statuses. docs/states.md has the diagram.
const (
	StatusCreated           Status = "created"    // stored; no gateway has opened a checkout yet
	StatusPending           Status = "pending"    // waiting for the payer
	StatusAuthorized        Status = "authorized" // money reserved, not yet captured
	StatusChallenged        Status = "challenged" // under review for fraud at the gateway
	StatusSettled           Status = "settled"    // paid
	StatusPartiallyRefunded Status = "partially_refunded"
	StatusRefunded          Status = "refunded"
	StatusChargedBack       Status = "charged_back"
	StatusDenied            Status = "denied"
	StatusCanceled          Status = "canceled"
	StatusExpired           Status = "expired"
	StatusReview            Status = "review" // paid, but amount or currency differ, or the facts contradict each other
)

// Method is a way to pay, as the gateway names it: the channel and, behind a
// slash, the bank or store ("bank_transfer/bca", "gopay").
type Method string

// Payment is one order to be paid, with everything that is known about it.
//
// A Payment that a [Service] or [Store] returned is the caller's own copy.
type Payment struct {
	Order

	// Status, Cause, Totals, Disputed and Attention are computed from the
	// facts by whoever writes the payment; they are stored for queries.
	Status Status `json:"status"`
	// Cause says why a status that has several causes was reached: "void",
	// "reversal", "conflict", "amount", "failure", "free", "host", "refused".
	Cause string `json:"cause,omitempty"`
	// Totals is what came in and went out.
	Totals Totals `json:"totals"`
	// Disputed: a chargeback was seen and not won.
	Disputed bool `json:"disputed,omitempty"`
	// Attention: something a person should look at. Notes say what.
	Attention bool     `json:"attention,omitempty"`
	Notes     []string `json:"notes,omitempty"`

	// Facts are about the payment itself; those of its attempts are theirs.
	Facts    Facts     `json:"facts,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
	Attempts []Attempt `json:"attempts,omitempty"`

	// Told holds the keys of the events that were emitted, LastSeq the
	// number of the last one.
	Told    []string `json:"told,omitempty"`
	LastSeq int      `json:"last_seq"`

	// Key and Fingerprint are the idempotency key it was created under, and
	// a digest of what was asked for.
	Key         string `json:"key,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// ReturnURL is where the payer goes back to; empty means our own page.
	ReturnURL string `json:"return_url,omitempty"`
	// Method and Extra are what the payer is to be offered: see CreateParams.
	Method Method          `json:"method,omitempty"`
	Extra  json.RawMessage `json:"extra,omitempty"`

	// LinkUse numbers the paid payments of a link from 1; zero until counted.
	LinkUse int `json:"link_use,omitempty"`
	// Renewal is about the period behind the one that this payment is for.
	Renewal RenewalState `json:"renewal,omitzero"`

	// Watch is what the reconciler remembers between its looks.
	Watch Watch `json:"watch"`
	// WakeAt is when Run looks at it again; zero means never.
	WakeAt time.Time `json:"wake_at,omitzero"`
	// Version counts its writes.
	Version int64 `json:"version"`
}

// Session is a checkout that was opened, or asked for, at a gateway: the
// page, token or instructions that the payer pays by. Attempts happen in it.
type Session struct {
	Gateway string `json:"gateway"`
	// Ref is our reference at the gateway, unique there.
	Ref    string `json:"ref"`
	Method Method `json:"method,omitempty"`
	// TriedAt is the start of the last call that asked for it; Tries counts.
	TriedAt time.Time `json:"tried_at"`
	Tries   int       `json:"tries"`
	// OpenedAt is zero until the gateway has said yes.
	OpenedAt    time.Time `json:"opened_at,omitzero"`
	Token       string    `json:"token,omitempty"`
	RedirectURL string    `json:"redirect_url,omitempty"`
	// Instructions say how to pay, where the gateway has no page for that.
	Instructions *Instructions `json:"instructions,omitempty"`
	// TransactionID is the one transaction that can pay it, where there is
	// no page to try again on.
	TransactionID string `json:"transaction_id,omitempty"`
	// Reason says why this gateway was chosen, where there are several, and
	// Cost what it takes by the host's own table of fees.
	Reason string `json:"reason,omitempty"`
	Cost   Money  `json:"cost,omitzero"`
	// Refused is the gateway's final no, in its own words.
	Refused string `json:"refused,omitempty"`
	// Closed: no longer to be paid; another one took its place, or the
	// payment was canceled or has lapsed.
	Closed bool `json:"closed,omitempty"`
	// GivenUp: closed here only, as the gateway's answer was lost, or as it
	// cannot cancel. It is still asked about; what shows up is canceled, if it can
	// be.
	GivenUp bool `json:"given_up,omitempty"`
	// Extra holds the gateway's own options, as JSON, for the call to be
	// made again.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// open reports whether the payer may still pay by it.
func (s Session) open() bool { return !s.OpenedAt.IsZero() && !s.Closed }

// has reports whether the attempt is of the session.
func (s Session) has(a Attempt) bool { return a.Gateway == s.Gateway && a.Ref == s.Ref }

// Attempt is one transaction at a gateway. A Snap session can see several:
// a denied card, then a paid virtual account.
type Attempt struct {
	Gateway       string `json:"gateway"`
	TransactionID string `json:"transaction_id"`
	Ref           string `json:"ref"`
	Facts         Facts  `json:"facts"`
	// ExpiresAt is the latest expiry that the gateway told, or zero.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Totals sums up a payment. Amounts are in the order's currency.
type Totals struct {
	Status      Status `json:"status"`
	In          Money  `json:"in"`
	Refunded    Money  `json:"refunded"`
	ChargedBack Money  `json:"charged_back"`
	// Net is In less Refunded and ChargedBack, over all attempts. It can be
	// below zero: a chargeback after a refund takes the money twice.
	Net Money `json:"net"`
	// Live is what the order holds now: Net of the attempts that are good.
	Live Money `json:"live"`
}

// Watch is the reconciler's memory of a payment.
type Watch struct {
	// ChangedAt is when facts of weight last came in. The times of the
	// look-ups follow from it.
	ChangedAt time.Time `json:"changed_at,omitzero"`
	// Doubts are notifications that the gateway did not confirm.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Doubt is a notification that the gateway's own answer did not confirm.
type Doubt struct {
	Gateway       string    `json:"gateway"`
	Ref           string    `json:"ref"`
	TransactionID string    `json:"transaction_id"`
	Word          string    `json:"word"`
	Since         time.Time `json:"since"`
	// Facts are what it claimed; they are not believed.
	Facts Facts `json:"facts"`
	// Contradicted: the gateway was asked for a day and never confirmed it.
	Contradicted bool `json:"contradicted,omitempty"`
}

// CreatedAt is when the attempt began: by the gateway's own time if it told
// one, else when we first saw it.
func (a Attempt) CreatedAt() time.Time {
	if begun := a.Facts.of(FactBegun); len(begun) > 0 {
		return begun[0].GatewayAt
	}
	var t time.Time
	for _, f := range a.Facts {
		t = earlier(t, f.At)
	}
	return t
}

// PaidAt is when the attempt was paid: the gateway's own time if it told
// one, else when we first saw it. Zero if it was not.
func (a Attempt) PaidAt() time.Time {
	var told time.Time
	for _, f := range a.Facts {
		if f.Kind == FactPaid || f.Kind == FactCaptured {
			told = earlier(told, f.GatewayAt)
		}
	}
	if !told.IsZero() {
		return told
	}
	return a.Facts.since(FactPaid)
}

// Method is the channel the payer chose, the first seen if several.
func (a Attempt) Method() Method {
	var first Fact
	for _, f := range a.Facts.of(FactMethod) {
		if first.Text == "" || f.At.Before(first.At) {
			first = f
		}
	}
	return Method(first.Text)
}

// Fees are what the gateway told of fees, by its names: Fazz's "fees" are what
// it takes of the merchant, Midtrans's "customer_imposed_payment_fee" is what
// the payer paid beside the price. Of two amounts told the greater counts.
func (a Attempt) Fees() map[string]Money {
	fees := map[string]Money{}
	for _, f := range a.Facts.of(FactFee) {
		if f.Amount.Amount >= fees[f.Text].Amount {
			fees[f.Text] = f.Amount
		}
	}
	return fees
}

// RawStatus is the gateway's own word for where the attempt stands: the one
// that was seen last for the first time, so a late duplicate never wins.
func (a Attempt) RawStatus() string {
	var last Fact
	for _, f := range a.Facts.of(FactWord) {
		if f.At.After(last.At) || (f.At.Equal(last.At) && f.Text > last.Text) {
			last = f
		}
	}
	return last.Text
}

// Session returns the one that the payer can pay by now, the newest if there
// are several.
func (p *Payment) Session() (Session, bool) {
	for _, s := range slices.Backward(p.Sessions) {
		if s.open() {
			return s, true
		}
	}
	return Session{}, false
}

// Clone returns a deep copy.
func (p *Payment) Clone() *Payment {
	if p == nil {
		return nil
	}
	q := *p
	q.Lines, q.Notes, q.Told = slices.Clone(p.Lines), slices.Clone(p.Notes), slices.Clone(p.Told)
	q.Facts, q.Sessions, q.Attempts = slices.Clone(p.Facts), slices.Clone(p.Sessions), slices.Clone(p.Attempts)
	for i, a := range q.Attempts {
		q.Attempts[i].Facts = slices.Clone(a.Facts)
	}
	q.Extra = slices.Clone(p.Extra)
	for i, session := range q.Sessions {
		q.Sessions[i].Extra = slices.Clone(session.Extra)
		if session.Instructions != nil {
			instructions := *session.Instructions
			q.Sessions[i].Instructions = &instructions
		}
	}
	q.Watch.Doubts = slices.Clone(p.Watch.Doubts)
	for i, d := range q.Watch.Doubts {
		q.Watch.Doubts[i].Facts = slices.Clone(d.Facts)
	}
	if p.Plan != nil {
		plan := *p.Plan
		if plan.Renewal != nil {
			renewal := *plan.Renewal
			renewal.Reminders = slices.Clone(renewal.Reminders)
			plan.Renewal = &renewal
		}
		q.Plan = &plan
	}
	if p.Renews != nil {
		renews := *p.Renews
		q.Renews = &renews
	}
	if p.Metadata != nil {
		q.Metadata = make(map[string]string, len(p.Metadata))
		for k, v := range p.Metadata {
			q.Metadata[k] = v
		}
	}
	return &q
}

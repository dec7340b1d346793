package payments

import (
	"context"
	"fmt"
	"regexp"
)

var refundKeyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Verb is an operator's decision.
type Verb string

// The decisions: the way out of review.
const (
	// Accept: the amount that was paid is good; the order settles.
	Accept Verb = "accept"
	// Reject: it is not. A note only: refund it, or record that it was
	// handed back.
	Reject Verb = "reject"
	// Reversed: the contradiction means that the money went back.
	Reversed Verb = "reversed"
	// Kept: the contradiction means that the money stayed.
	Kept Verb = "kept"
	// DisputeWon: a chargeback was turned down.
	DisputeWon Verb = "dispute_won"
	// RefundTotal: the gateway's dashboard shows Amount as refunded in all.
	RefundTotal Verb = "refund_total"
	// Seen: the payment's notes were read; Attention goes out.
	Seen Verb = "seen"
)

// Resolution is an operator's decision about an attempt.
type Resolution struct {
	Verb Verb
	// Attempt is the transaction; empty if there is only one.
	Attempt string
	// Amount is for RefundTotal.
	Amount Money
	Note   string
}

var resolutionFacts = map[Verb]FactKind{
	Accept: FactAccepted, Reject: FactRejected, Reversed: FactReversed, Kept: FactKept,
	DisputeWon: FactDisputeWon, RefundTotal: FactRefundTotal,
}

// Resolve records an operator's decision. Name the operator with [WithActor].
//
// Errors: *InvalidError for an unknown verb or attempt; ErrWrongState if there
// is nothing of the kind to decide.
func (s *Service) Resolve(ctx context.Context, id ID, r Resolution) (*Payment, error) {
	return s.updateID(ctx, id, func(u *unit) error {
		if r.Verb == Seen {
			u.p.Attention, u.p.Notes = false, nil
			return nil
		}
		kind, known := resolutionFacts[r.Verb]
		if !known {
			return Invalid("verb", "%q is none of accept, reject, reversed, kept, dispute_won, refund_total, seen", r.Verb)
		}
		a, err := u.only(r.Attempt)
		if err != nil {
			return err
		}
		st := u.p.stand(a)
		possible := map[Verb]bool{
			Accept: st.in-st.out > 0 && !st.acceptable, Reject: st.in > 0 && !st.acceptable,
			Reversed: st.unsettled, Kept: st.unsettled, DisputeWon: st.level > 0, RefundTotal: st.in > 0,
		}
		if !possible[r.Verb] {
			return fmt.Errorf("%s payment %s: %w: it is %s", r.Verb, id, ErrWrongState, u.p.Status)
		}
		for _, paid := range a.Facts.of(FactPaid) {
			// Its units would count as the order's: a hundred dollars as a
			// hundred rupiah.
			if r.Verb == Accept && paid.Amount.Currency != u.p.Amount.Currency {
				return Invalid("verb", "what was paid is in %s, the order in %s: hand it back", paid.Amount.Currency, u.p.Amount.Currency)
			}
		}
		f := Fact{Kind: kind, Text: r.Note, By: actor(ctx)}
		if r.Verb == RefundTotal {
			if r.Amount.Currency != u.p.Amount.Currency || r.Amount.Amount <= 0 || r.Amount.Amount > st.in {
				return Invalid("amount", "must be between 1 and what was paid: %s", u.money(st.in))
			}
			f.Amount = r.Amount
		}
		u.record(a, f)
		return nil
	})
}

// only returns the attempt that is named, or the one there is.
func (u *unit) only(transactionID string) (*Attempt, error) {
	if transactionID == "" && len(u.p.Attempts) == 1 {
		return &u.p.Attempts[0], nil
	}
	if a := u.p.Attempt("", transactionID); a != nil {
		return a, nil
	}
	return nil, Invalid("attempt", "names none of the payment's %d transactions", len(u.p.Attempts))
}

// ManualRefund is money that was handed back outside the gateway: bank
// transfers and counter payments cannot be refunded through it.
type ManualRefund struct {
	// ID makes a repeat safe: the transfer's own number, for example.
	ID string
	// Attempt is the transaction; empty if there is only one.
	Attempt string
	Amount  Money
	Note    string
}

// RecordRefund records money that was handed back by hand. Name the operator
// with [WithActor].
//
// Errors: *InvalidError; ErrKeyReused if the ID was used for another amount.
func (s *Service) RecordRefund(ctx context.Context, id ID, r ManualRefund) (*Payment, error) {
	if !refundKeyForm.MatchString(r.ID) {
		return nil, Invalid("id", "is required: 1 to 64 letters, digits, - and _")
	}
	return s.updateID(ctx, id, func(u *unit) error {
		a, err := u.only(r.Attempt)
		if err != nil {
			return err
		}
		for _, f := range a.Facts.of(FactManualRefund) {
			if f.ID == r.ID && f.Amount == r.Amount {
				return nil
			}
			if f.ID == r.ID {
				return fmt.Errorf("manual refund %q: %w", r.ID, ErrKeyReused)
			}
		}
		st := u.p.stand(a)
		left := st.in - st.out
		if r.Amount.Currency != u.p.Amount.Currency || r.Amount.Amount <= 0 || r.Amount.Amount > left {
			return Invalid("amount", "must be between 1 and what is left: %s", u.money(left))
		}
		u.record(a, Fact{Kind: FactManualRefund, ID: r.ID, Amount: r.Amount, Text: r.Note, By: actor(ctx)})
		return nil
	})
}

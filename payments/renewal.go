package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Renewal says that a plan goes on by itself, and how. The zero value renews
// by an invoice three days before the end.
type Renewal struct {
	// Lead is how long before the end of the paid period the invoice is made;
	// default 3 days.
	Lead time.Duration `json:"lead,omitempty"`
	// Grace is how long behind the end the user may go on while it is not paid.
	// What is paid within it continues the old period: nothing is given away.
	Grace time.Duration `json:"grace,omitempty"`
	// Reminders are the dunning steps: when RenewalDue is told again of an
	// invoice that is not paid, counted from the end of the paid period; in
	// order, and those before the end are negative.
	Reminders []time.Duration `json:"reminders,omitempty"`
}

const (
	defaultLead = 3 * 24 * time.Hour
	// chargeEarly is how long before the end of a period a gateway charges for
	// the next, so that there is no gap; chargeLag is how long before it the
	// gateway is asked about a charge that has not come, and chargeCheck how
	// often then.
	chargeEarly = time.Hour
	chargeLag   = 30 * time.Minute
	chargeCheck = 6 * time.Hour
	// chargeGrace is the least grace while a gateway charges: its calendar may be
	// a day behind ours, where months are short.
	chargeGrace = 26 * time.Hour
	// invoiceTime is the least that a payer has for an invoice, however late
	// that was made.
	invoiceTime = 24 * time.Hour
)

func (r *Renewal) lead() time.Duration {
	if r.Lead == 0 {
		return defaultLead
	}
	return r.Lead
}

// check returns what is wrong with the plan's renewal.
func (r *Renewal) check(p Plan) error {
	switch {
	case r == nil:
		return nil
	case p.Period == Lifetime:
		return errors.New("the Renewal is of a plan that never ends")
	case p.Price.Amount == 0:
		return errors.New("the Renewal is of a plan that costs nothing")
	case r.Lead < 0 || r.Grace < 0:
		return errors.New("the Renewal's Lead or Grace is negative")
	}
	for i, at := range r.Reminders {
		if i > 0 && at <= r.Reminders[i-1] || at >= r.Grace+invoiceTime {
			return errors.New("the Renewal's Reminders are not in order, or behind the Grace")
		}
	}
	return nil
}

// Renews says which period a payment continues.
type Renews struct {
	// PaymentID is the payment of the period before.
	PaymentID ID `json:"payment_id"`
	// EndsAt is when that ends.
	EndsAt time.Time `json:"ends_at"`
	// Subscription is the gateway's own charge, by our reference; empty for an
	// invoice.
	Subscription string `json:"subscription,omitempty"`
}

// RenewalState is where the renewal of a payment's period stands.
type RenewalState struct {
	// Stopped: the user, or the host, wants no more.
	Stopped bool `json:"stopped,omitempty"`
	// Next is the invoice of the next period.
	Next ID `json:"next,omitempty"`
	// Closed counts the invoices that are not to be paid any more.
	Closed int `json:"closed,omitempty"`
	// Subscription is by what the gateway charges for the next period.
	Subscription string `json:"subscription,omitempty"`
	// TriedAt is when the next period was last seen to.
	TriedAt time.Time `json:"tried_at,omitzero"`
	// Reminded counts the reminders of this payment, itself an invoice.
	Reminded int `json:"reminded,omitempty"`
	// Unwanted: this payment, itself an invoice, is to be withdrawn.
	Unwanted bool `json:"unwanted,omitempty"`
}

// charges records by which subscription the gateway charges for the next
// period, if it is the one that was before. Without one, an invoice that has
// ended makes way for another.
func (s *Service) charges(ctx context.Context, id ID, was, ref string) (*Payment, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	ended := ID("")
	if ref == "" {
		if ended, err = s.endedInvoice(ctx, p); err != nil {
			return p, err
		}
	}
	return s.updateID(ctx, id, func(u *unit) error {
		if now := u.p.Renewal.Subscription; now != was && now != ref {
			return fmt.Errorf("subscription of payment %s: %w", id, ErrInProgress)
		}
		u.p.Renewal.Subscription = ref
		u.p.Renewal.Stopped = u.p.Renewal.Stopped && ref == ""
		u.p.forgetInvoice(ended)
		return nil
	})
}

// tellRenewal tells what became of the payment's renewal of a period.
func (u *unit) tellRenewal() {
	if u.p.Renews == nil {
		return
	}
	switch {
	case u.p.look().covered():
		e := &Renewed{}
		if u.claim != nil {
			e.Claim = *u.claim.summary()
		}
		u.tell(EventRenewed, "renewal/ok", e)
	case u.p.Renews.Subscription == "" && u.claim != nil && !u.claim.End.Equal(u.p.Renews.EndsAt):
		// The period has been paid for otherwise, or is none any more.
	case u.p.Status == StatusExpired || u.p.Status == StatusDenied:
		key, final := "renewal/"+string(u.p.Status), u.p.Status == StatusExpired
		if u.p.Renews.Subscription != "" { // a charge fails once; what comes of the subscription is told by itself
			key, final = "renewal/charge", false
		}
		u.tell(EventRenewalFailed, key, &RenewalFailed{Reason: string(u.p.Status), Final: final})
	}
}

// renewing finds the payment of the last period of a claim, or nil.
func renewing(c *Claim, paid []*Payment) *Payment {
	for _, p := range paid {
		if p.renewable(c) {
			return p
		}
	}
	return nil
}

// paidFor are the payments of a user's claim on a plan, the last first.
func (s *Service) paidFor(ctx context.Context, user EndUser, planKey string) (*Claim, []*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, nil, err
	}
	c, err := findClaim(ctx, s.store, user, planKey)
	if err != nil || c == nil {
		return nil, nil, err
	}
	var paid []*Payment
	for _, g := range slices.Backward(c.Grants) {
		p, err := s.Get(ctx, g.PaymentID)
		if err != nil {
			return nil, nil, err
		}
		paid = append(paid, p)
	}
	return c, paid, nil
}

func noRenewal(planKey string) error {
	return fmt.Errorf("renewal of %q: %w", clip(planKey), ErrNotFound)
}

// Renewal tells how the user's plan goes on: the payment of the present period,
// with its Renewal, which names the invoice or subscription of the next one.
// ErrNotFound (wrapped) if nothing renews.
func (s *Service) Renewal(ctx context.Context, user EndUser, planKey string) (*Payment, error) {
	c, paid, err := s.paidFor(ctx, user, planKey)
	if err != nil {
		return nil, err
	}
	if p := renewing(c, paid); p != nil {
		return p, nil
	}
	return nil, noRenewal(planKey)
}

// StopRenewal has the user's plan end with the period that is paid: the
// gateway's subscription is canceled, and an invoice that is not paid yet is
// withdrawn, also those of periods that were refunded or paid by himself since.
// After an error, call it again.
//
// Errors: ErrNotFound (wrapped) if nothing renews.
func (s *Service) StopRenewal(ctx context.Context, user EndUser, planKey string) error {
	c, paid, err := s.paidFor(ctx, user, planKey)
	if err != nil {
		return err
	}
	found := false
	subscriptions := map[string]bool{}
	for _, p := range paid {
		ref, next := p.Renewal.Subscription, p.Renewal.Next
		if next != "" && c.grant(next) != nil { // it is paid
			next = ""
		}
		if !p.renewable(c) && next == "" && (ref == "" || subscriptions[ref]) {
			continue
		}
		found = true
		if _, err := s.stop(ctx, p.ID); err != nil {
			return err
		}
		if ref != "" && !subscriptions[ref] {
			subscriptions[ref] = true
			if err := s.CancelSubscription(ctx, ref); err != nil {
				return err
			}
		}
		if next != "" {
			if _, err := s.withdraw(ctx, &Payment{Order: Order{ID: next}}); err != nil {
				return err
			}
		}
	}
	if !found {
		return noRenewal(planKey)
	}
	return nil
}

func (s *Service) stop(ctx context.Context, id ID) (*Payment, error) {
	return s.updateID(ctx, id, func(u *unit) error {
		u.p.Renewal.Stopped = true
		return nil
	})
}

// ResumeRenewal undoes StopRenewal before the period ends: the plan goes on by
// invoices, or by a new [Service.Subscribe].
//
// Errors: ErrNotFound (wrapped) if there is nothing to renew.
func (s *Service) ResumeRenewal(ctx context.Context, user EndUser, planKey string) error {
	p, err := s.Renewal(ctx, user, planKey)
	if err != nil {
		return err
	}
	ended, err := s.endedInvoice(ctx, p)
	if err != nil {
		return err
	}
	_, err = s.updateID(ctx, p.ID, func(u *unit) error {
		u.p.forgetInvoice(ended)
		u.p.Renewal.Stopped = false
		return nil
	})
	return err
}

package payments

import (
	"context"
	"errors"
	"time"
)

// renewable: the payment pays for the last period of its claim, and the plan
// goes on. A period that was given away does not.
func (p *Payment) renewable(c *Claim) bool {
	if p.Plan == nil || p.Plan.Renewal == nil || c == nil || p.Amount.IsZero() {
		return false
	}
	g := c.grant(p.ID)
	return g != nil && g.Live && !g.End.IsZero() && g.End.Equal(c.End)
}

// renewsAt is when the next period has to be seen to; zero if never.
func (p *Payment) renewsAt(c *Claim) time.Time {
	state := p.Renewal
	if p.Plan == nil || p.Plan.Renewal == nil || c == nil || state.Stopped || state.Next != "" {
		return time.Time{}
	}
	var due time.Time
	again := failedWake
	switch g := c.grant(p.ID); {
	case state.Subscription != "" && g != nil && !g.Live: // what was refunded is not charged for again
	case state.Subscription != "" && g != nil: // ever more seldom, as it may be paused
		due, again = g.End.Add(-chargeLag), max(chargeCheck, state.TriedAt.Sub(g.End)/8)
	case !p.renewable(c) || state.TriedAt.After(c.End.Add(askFor)):
		return time.Time{}
	default:
		due = c.End.Add(-p.Plan.Renewal.lead())
	}
	if next := state.TriedAt.Add(again); !state.TriedAt.IsZero() && next.After(due) {
		return next
	}
	if due.IsZero() {
		return p.CreatedAt // at once
	}
	return due
}

// renew sees to the next period when it is due: by an invoice, unless the
// gateway charges for it by itself.
func (s *Service) renew(ctx context.Context, p *Payment) (*Payment, error) {
	if p.Plan == nil || p.Plan.Renewal == nil {
		return p, nil
	}
	var due, live bool
	var endsAt time.Time
	p, err := s.updateID(ctx, p.ID, func(u *unit) error {
		at := u.p.renewsAt(u.claim)
		if due = !at.IsZero() && !u.at.Before(at); due {
			u.p.Renewal.TriedAt, endsAt, live = u.at, u.claim.End, u.claim.grant(u.p.ID).Live
		}
		return nil
	})
	if err != nil || !due {
		return p, err
	}
	if ref := p.Renewal.Subscription; ref != "" {
		return s.lookAfter(ctx, p, ref, live)
	}
	invoice, err := s.invoice(ctx, p, endsAt)
	if invalid := (*InvalidError)(nil); errors.As(err, &invalid) { // the plan is not sold any more
		return s.updateID(ctx, p.ID, func(u *unit) error {
			u.p.Renewal.Stopped = true
			u.tell(EventRenewalFailed, "renewal/gone", &RenewalFailed{Reason: clip(invalid.Error()), Final: true})
			return nil
		})
	}
	if err != nil {
		return p, err
	}
	return s.followedBy(ctx, p.ID, invoice.ID)
}

// lookAfter asks about a charge of the payment's subscription that has not
// come. If the gateway charges no more, the next look makes an invoice.
func (s *Service) lookAfter(ctx context.Context, p *Payment, ref string, live bool) (*Payment, error) {
	sub, charging, err := s.checkSubscription(ctx, ref)
	if err != nil {
		return p, err
	}
	if sub.Last > p.ID {
		last, err := s.Get(ctx, sub.Last)
		if err != nil {
			return p, err
		}
		if last.look().covered() { // its own timer goes on
			return s.followedBy(ctx, p.ID, last.ID)
		}
	}
	switch {
	case !charging:
		return s.charges(ctx, p.ID, ref, "")
	case live:
		return p, nil
	case sub.Last >= p.ID: // else it goes on from an earlier period, and this one was only paid beside it
		if err := s.CancelSubscription(ctx, ref); err != nil {
			return p, err
		}
	}
	return s.stop(ctx, p.ID)
}

// followedBy records by which payment the period of another goes on.
func (s *Service) followedBy(ctx context.Context, id, next ID) (*Payment, error) {
	return s.updateID(ctx, id, func(u *unit) error {
		if u.p.Renewal.Next == "" {
			u.p.Renewal.Next = next
		}
		return nil
	})
}

// invoice creates the payment of the next period, once.
func (s *Service) invoice(ctx context.Context, p *Payment, endsAt time.Time) (*Payment, error) {
	left := endsAt.Add(p.Plan.Renewal.Grace).Sub(s.now())
	return s.create(ctx, s.store, CreateParams{
		User: p.User, PlanID: p.Plan.ID, Reference: p.Reference, Metadata: p.Metadata, Method: p.Method,
		ExpiresIn: max(left, invoiceTime), fingerprint: "renewal",
		renews: &Renews{PaymentID: p.ID, EndsAt: endsAt}, renewal: itoa(p.Renewal.Closed),
	})
}

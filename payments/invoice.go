package payments

import (
	"context"
	"errors"
	"time"
)

// endedInvoice is the payment's invoice if it cannot be paid any more.
func (s *Service) endedInvoice(ctx context.Context, p *Payment) (ID, error) {
	if p.Renewal.Next == "" {
		return "", nil
	}
	invoice, err := s.Get(ctx, p.Renewal.Next)
	if err != nil || !invoice.ended() {
		return "", err
	}
	return invoice.ID, nil
}

// forgetInvoice: another one may be made.
func (p *Payment) forgetInvoice(id ID) {
	if state := &p.Renewal; id != "" && state.Next == id {
		state.Next, state.Closed = "", state.Closed+1
	}
}

// remindsAt is when an invoice has to be looked at: whether it is still to be
// paid, and for a reminder. Zero if never.
func (p *Payment) remindsAt() time.Time {
	if p.Renews == nil || p.Renews.Subscription != "" || p.Plan == nil || p.Plan.Renewal == nil || p.ended() || p.holdsMoney() {
		return time.Time{}
	}
	state, steps := p.Renewal, p.Plan.Renewal.Reminders
	switch {
	case state.Unwanted:
		return state.TriedAt.Add(failedWake)
	case state.TriedAt.IsZero(): // something may have happened while it was made
		return p.CreatedAt
	case state.Reminded < len(steps):
		return p.Renews.EndsAt.Add(steps[state.Reminded])
	}
	return time.Time{}
}

// skipReminders counts the steps whose time has passed, and reports whether
// there was one.
func (p *Payment) skipReminders(at time.Time) bool {
	steps, n := p.Plan.Renewal.Reminders, p.Renewal.Reminded
	for p.Renewal.Reminded < len(steps) && !at.Before(p.Renews.EndsAt.Add(steps[p.Renewal.Reminded])) {
		p.Renewal.Reminded++
	}
	return p.Renewal.Reminded > n
}

// remind tells that an invoice is still to be paid; steps whose time was
// missed are not made up for. Or it withdraws the invoice: the user has paid by
// himself, or has stopped, or the period was refunded.
func (s *Service) remind(ctx context.Context, p *Payment) (*Payment, error) {
	if at := p.remindsAt(); at.IsZero() || s.now().Before(at) {
		return p, nil
	}
	before, err := s.Get(ctx, p.Renews.PaymentID)
	if err != nil {
		return p, err
	}
	otherwise := before.Renewal.Stopped || before.Renewal.Subscription != ""
	p, err = s.updateID(ctx, p.ID, func(u *unit) error {
		if at := u.p.remindsAt(); at.IsZero() || u.at.Before(at) {
			return nil
		}
		u.p.Renewal.TriedAt = u.at
		u.p.Renewal.Unwanted = otherwise || u.claim == nil || !u.claim.End.Equal(u.p.Renews.EndsAt)
		if !u.p.Renewal.Unwanted && u.p.skipReminders(u.at) {
			step := u.p.Renewal.Reminded
			u.tell(EventRenewalDue, "renewal/due/"+itoa(step), &RenewalDue{Step: step, EndsAt: u.p.Renews.EndsAt})
		}
		return nil
	})
	if err != nil || !p.Renewal.Unwanted {
		return p, err
	}
	return s.withdraw(ctx, p)
}

// withdraw cancels an invoice; one that is being paid stays.
func (s *Service) withdraw(ctx context.Context, invoice *Payment) (*Payment, error) {
	p, err := s.Cancel(ctx, invoice.ID, "it is not to be paid any more")
	if errors.Is(err, ErrWrongState) {
		err = nil
	}
	return p, err
}

package payments

import (
	"context"
	"errors"
	"time"
)

// One timer per payment drives everything that nobody else will: its WakeAt,
// computed from facts, schedule and claim at every write.
const (
	// sweepGrace lets the gateway tell of an expiry itself: notices take up
	// to 90 s.
	sweepGrace = 2 * time.Minute
	// askFor is how long something unfinished is asked about when there is
	// no news; then a person has to look.
	askFor = 45 * 24 * time.Hour
	// retryRefundFor is how long gateways know a refund's key.
	retryRefundFor = 7 * 24 * time.Hour
	// failedWake is when a timer that met an error fires again; later, the
	// longer there has been no news.
	failedWake = 5 * time.Minute
)

// wakeAt is when the payment needs looking at again; zero if never.
func (s *Service) wakeAt(p *Payment, c *Claim, at time.Time) time.Time {
	var next time.Time
	by := func(t time.Time) {
		if t.Before(at) {
			t = at
		}
		next = earlier(next, t)
	}
	if p.Amount.IsZero() && !p.Facts.has(FactFree) {
		by(at.Add(callWindow))
	}
	if p.uncounted() {
		by(countSchedule.after(p.Watch.ChangedAt, at))
	}
	for _, due := range []time.Time{p.renewsAt(c), p.remindsAt()} {
		if !due.IsZero() {
			by(due)
		}
	}
	for _, session := range p.unanswered() {
		// Behind the deadline there is nothing to ask for: what is left is the
		// sweep.
		if again := session.askAgain(); at.Before(p.ExpiresAt) && again.Before(p.ExpiresAt) {
			by(again)
		}
	}
	if news := at.Sub(p.Watch.ChangedAt); len(p.doubtful())+len(p.silent(false)) > 0 && news < askFor {
		by(s.cfg.Reconcile.after(p.Watch.ChangedAt, at))
	}
	for _, d := range p.Watch.Doubts {
		if !d.Contradicted && at.Sub(d.Since) < askFor {
			by(doubtSchedule.after(d.Since, at))
		}
	}
	if p.sweepable() {
		deadline := p.deadline()
		t := deadline.Add(sweepGrace)
		if !t.After(at) { // swept before; the gateway's word is still missing
			t = at.Add(min(max(at.Sub(deadline)/2, sweepGrace), 6*time.Hour))
		}
		by(t)
	}
	if c != nil && c.Waker == p.ID && !c.End.IsZero() && !c.ToldEnd.Equal(c.End) {
		by(c.End.Add(c.Grace))
	}
	return next
}

// askAgain is when a session without an answer is asked for again: ever later.
func (s Session) askAgain() time.Time {
	return s.TriedAt.Add(callWindow << min(s.Tries-1, 6))
}

// unanswered are the sessions whose outcome is not known.
func (p *Payment) unanswered() []Session {
	if !p.sweepable() {
		return nil
	}
	var open []Session
	for _, session := range p.Sessions {
		if session.OpenedAt.IsZero() && session.Refused == "" && !session.Closed {
			open = append(open, session)
		}
	}
	return open
}

// sweepable reports whether the payment ends by itself when its time is up:
// nothing was ever paid, and nobody has ended it; or somebody has begun to
// pay, though it has ended or the money went back.
func (p *Payment) sweepable() bool {
	if p.Amount.IsZero() || p.holdsMoney() {
		return false
	}
	return p.hasOpenAttempt(nil) || p.look().in == 0 && !p.ended()
}

// ended: nobody is to pay any more.
func (p *Payment) ended() bool { return p.Facts.has(FactLapsed, FactHostCanceled) }

// deadline is when the payer's time is up: the order's, or that of an
// attempt which the gateway gave more.
func (p *Payment) deadline() time.Time {
	deadline := p.ExpiresAt
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if a.ExpiresAt.After(deadline) && isOpen(p.stand(a).status) {
			deadline = a.ExpiresAt
		}
	}
	return deadline
}

// isOpen reports whether an attempt of this status may still be paid.
func isOpen(status Status) bool {
	return status == StatusPending || status == StatusAuthorized || status == StatusChallenged
}

// wake does what is due for one payment.
func (s *Service) wake(ctx context.Context, p *Payment) error {
	var errs []error
	try := func(what func(context.Context, *Payment) (*Payment, error)) bool {
		updated, err := what(ctx, p)
		if updated != nil {
			p = updated
		}
		errs = append(errs, err)
		return err == nil
	}
	try(func(ctx context.Context, p *Payment) (*Payment, error) { return s.settleFree(ctx, s.store, p) })
	try(s.countUse)
	try(func(ctx context.Context, p *Payment) (*Payment, error) { return p, s.matchParked(ctx, p) })
	try(s.healOpening)
	asked := try(func(ctx context.Context, p *Payment) (*Payment, error) {
		p, err := s.askAll(ctx, p)
		if errors.Is(err, ErrUnsupported) {
			err = nil // the gateway's own messages have to do
		}
		return p, err
	})
	try(s.endStrays)
	if asked {
		try(s.resumeRefunds)
		try(s.sweep)
	}
	try(s.renew)
	try(s.remind)
	failed := errors.Join(errs...)
	_, err := s.updateID(ctx, p.ID, func(u *unit) error {
		u.tellClaimEnd()
		if failed != nil {
			u.soon = u.p.wakeAfterFailure(u.at)
			return nil
		}
		for i := range u.p.Watch.Doubts {
			u.giveUp(&u.p.Watch.Doubts[i])
		}
		return nil
	})
	return errors.Join(failed, err)
}

// wakeAfterFailure is when to try again what failed. Without news it gets ever
// later, and in the end it is left: an account that was closed would have all
// its payments looked at for ever.
func (p *Payment) wakeAfterFailure(at time.Time) time.Time {
	news := p.Watch.ChangedAt
	if news.IsZero() {
		news = p.CreatedAt
	}
	silence := at.Sub(news)
	if silence > askFor {
		return time.Time{}
	}
	return at.Add(max(silence/20, failedWake))
}

// healOpening makes the call again whose answer was lost. Its reference is
// the same, so the gateway cannot make two orders of it.
func (s *Service) healOpening(ctx context.Context, p *Payment) (*Payment, error) {
	var errs []error
	for _, session := range p.unanswered() {
		if now := s.now(); now.Before(session.askAgain()) || !now.Before(p.ExpiresAt) {
			continue
		}
		started, err := s.updateID(ctx, p.ID, func(u *unit) error {
			for i := range u.p.Sessions {
				if x := &u.p.Sessions[i]; x.Gateway == session.Gateway && x.Ref == session.Ref && x.Tries == session.Tries && !x.Closed {
					x.TriedAt, x.Tries = u.at, x.Tries+1
					session = *x
					return nil
				}
			}
			return ErrInProgress
		})
		if errors.Is(err, ErrInProgress) {
			continue // the payer was faster
		}
		if err == nil {
			p, err = s.open(ctx, started, session, "", nil)
		}
		if refusedFinally(err) || errors.Is(err, ErrWrongState) {
			err = nil // recorded: there is nothing to try again
		}
		errs = append(errs, err)
	}
	return p, errors.Join(errs...)
}

// sweep ends a payment whose time is up. The gateway has just been asked; it
// is now told to expire what is open, and only when nothing there can be paid
// any more does the payment lapse.
func (s *Service) sweep(ctx context.Context, p *Payment) (*Payment, error) {
	if !p.sweepable() || s.now().Before(p.deadline().Add(sweepGrace)) {
		return p, nil
	}
	p, err := s.endAttempts(ctx, p, expireAttempt, false, nil)
	if err != nil || !p.sweepable() || p.hasOpenAttempt(nil) {
		if errors.Is(err, ErrUnsupported) {
			err = nil // wait for the gateway's own word
		}
		return p, err
	}
	if p, err = s.endSessions(ctx, p); err != nil {
		if errors.Is(err, ErrWrongState) {
			err = nil // being paid right now
		}
		return p, err
	}
	return s.updateID(ctx, p.ID, func(u *unit) error {
		if u.p.sweepable() && !u.p.ended() && !u.p.hasOpenAttempt(nil) {
			u.learn(Fact{Kind: FactLapsed})
		}
		return nil
	})
}

// hasOpenAttempt: an attempt can still be paid, of a session if one is given.
func (p *Payment) hasOpenAttempt(of *Session) bool {
	for i := range p.Attempts {
		if (of == nil || of.has(p.Attempts[i])) && isOpen(p.stand(&p.Attempts[i]).status) {
			return true
		}
	}
	return false
}

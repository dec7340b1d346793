package payments

import (
	"context"
	"errors"
)

// A stray is an attempt that can still be paid although nobody is to: of a
// session that was given up; or beside money that has come in by another one.

// replaceSession closes a session because the payer chose another way to pay.
// What its gateway cannot cancel may still be paid there: that was the payer's
// choice.
func (s *Service) replaceSession(ctx context.Context, p *Payment, session Session) (*Payment, error) {
	closed, err := s.closeSession(ctx, p, session)
	if !errors.Is(err, ErrUnsupported) {
		return closed, err
	}
	return s.markClosed(ctx, p, session, false)
}

// strays are the payment's.
func (p *Payment) strays() []Attempt {
	if len(p.Attempts) == 0 || len(p.Attempts) == 1 && !p.givenUp(p.Attempts[0]) {
		return nil // as of most payments
	}
	var strays []Attempt
	covered := p.look().covered()
	for _, a := range p.Attempts {
		if isOpen(p.stand(&a).status) && (covered || p.givenUp(a)) {
			strays = append(strays, a)
		}
	}
	return strays
}

// givenUp: the attempt is of a session that was.
func (p *Payment) givenUp(a Attempt) bool {
	for _, session := range p.Sessions {
		if session.GivenUp && session.has(a) {
			return true
		}
	}
	return false
}

// endStrays cancels them, each for itself: that one gateway is down is no reason
// to leave what is at another. One whose gateway cannot stays: if it is paid,
// that is told as Overpaid.
func (s *Service) endStrays(ctx context.Context, p *Payment) (*Payment, error) {
	var errs []error
	for _, stray := range p.strays() {
		var err error
		p, err = s.endAttempts(ctx, p, cancelAttempt, false, func(a Attempt) bool {
			return a.Gateway == stray.Gateway && a.TransactionID == stray.TransactionID
		})
		if !errors.Is(err, ErrUnsupported) {
			errs = append(errs, err)
		}
	}
	return p, errors.Join(errs...)
}

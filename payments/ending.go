package payments

import (
	"context"
	"errors"
	"fmt"
)

// Cancel ends a payment that is not settled: at the gateway, where there is
// something to cancel, and here. A captured card payment that has not
// settled is voided: its money goes back, and Refunded tells of it.
//
// Errors: ErrWrongState (wrapped) if it is too late; refund it then.
// ErrUnsupported if the gateway cannot; ErrOutcomeUnknown if nobody knows.
func (s *Service) Cancel(ctx context.Context, id ID, reason string) (*Payment, error) {
	return s.end(ctx, id, cancelAttempt, FactHostCanceled, reason)
}

// Expire ends a payment that nobody has paid, before its time is up. Errors
// are as those of [Service.Cancel].
func (s *Service) Expire(ctx context.Context, id ID, reason string) (*Payment, error) {
	return s.end(ctx, id, expireAttempt, FactLapsed, reason)
}

func (s *Service) end(ctx context.Context, id ID, how endFunc, verdict FactKind, reason string) (*Payment, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Facts.has(verdict) {
		return p, nil
	}
	if p.look().covered() && !p.voidable() {
		return p, fmt.Errorf("payment %s: %w: it is %s", id, ErrWrongState, p.Status)
	}
	if p, err = s.endAttempts(ctx, p, how); err != nil {
		return p, err
	}
	if p.look().covered() || p.hasOpenAttempt() {
		return p, fmt.Errorf("payment %s: %w: it is %s", id, ErrWrongState, p.Status)
	}
	if p, err = s.endSessions(ctx, p); err != nil {
		return p, err
	}
	return s.updateID(ctx, id, func(u *unit) error {
		u.learn(Fact{Kind: verdict, Text: reason, By: actor(ctx)})
		return nil
	})
}

// voidable: captured, and the bank has not settled yet.
func (p *Payment) voidable() bool {
	for _, a := range p.Attempts {
		if a.Facts.has(FactCaptured) && !a.Facts.has(FactFunds, FactCanceled) {
			return true
		}
	}
	return false
}

type endFunc func(ctx context.Context, g Gateway, a AttemptRef) error

func cancelAttempt(ctx context.Context, g Gateway, a AttemptRef) error {
	if c, ok := As[Canceler](g); ok {
		return c.Cancel(ctx, a)
	}
	return fmt.Errorf("cancel at %s: %w", g.Name(), ErrUnsupported)
}

func expireAttempt(ctx context.Context, g Gateway, a AttemptRef) error {
	if e, ok := As[Expirer](g); ok {
		return e.Expire(ctx, a)
	}
	return fmt.Errorf("expire at %s: %w", g.Name(), ErrUnsupported)
}

// endAttempts ends what is open at the gateways. Neither the wish nor the
// answer is merged, but a look-up after the call.
func (s *Service) endAttempts(ctx context.Context, p *Payment, how endFunc) (*Payment, error) {
	for _, a := range p.Attempts {
		status := p.stand(&a).status
		if !isOpen(status) && !(a.Facts.has(FactCaptured) && !a.Facts.has(FactFunds, FactCanceled)) {
			continue
		}
		g, err := s.gateway(a.Gateway)
		if err != nil {
			return p, err
		}
		callErr := how(ctx, g, p.ref(&a))
		if errors.Is(callErr, ErrUnsupported) {
			return p, callErr
		}
		updated, askErr := s.ask(ctx, p, g, p.ref(&a))
		if askErr != nil && !errors.Is(askErr, ErrNotFound) {
			return p, errors.Join(callErr, askErr)
		}
		p = updated
		if callErr != nil && !errors.Is(callErr, ErrWrongState) && !errors.Is(callErr, ErrNotFound) {
			return p, callErr
		}
	}
	return p, nil
}

// endSessions closes the sessions that could still be paid, at the gateway and
// here. One whose gateway cannot close it, or has forgotten it, is just closed
// here: money that comes all the same is merged all the same.
func (s *Service) endSessions(ctx context.Context, p *Payment) (*Payment, error) {
	for _, session := range p.Sessions {
		if session.Closed {
			continue
		}
		var err error
		if p, err = s.closeSession(ctx, p, session); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (s *Service) closeSession(ctx context.Context, p *Payment, session Session) (*Payment, error) {
	g, err := s.gateway(session.Gateway)
	if err != nil {
		return p, err
	}
	for _, a := range p.Attempts {
		if a.Ref == session.Ref && isOpen(p.stand(&a).status) {
			if p, err = s.endAttempts(ctx, p, cancelAttempt); err != nil {
				return p, err
			}
			break
		}
	}
	if session.open() {
		err := cancelAttempt(ctx, g, AttemptRef{PaymentID: p.ID, Ref: session.Ref, Token: session.Token, Method: session.Method})
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnsupported) {
			return p, err
		}
	}
	return s.updateID(ctx, p.ID, func(u *unit) error {
		for i := range u.p.Sessions {
			if x := &u.p.Sessions[i]; x.Gateway == session.Gateway && x.Ref == session.Ref {
				x.Closed = true
			}
		}
		return nil
	})
}

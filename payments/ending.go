package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

func (s *Service) end(ctx context.Context, id ID, how actFunc, verdict FactKind, reason string) (*Payment, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	void := verdict == FactHostCanceled
	if p.holdsMoney() && !(void && p.voidable()) {
		return p, p.tooLate()
	}
	if p.Facts.has(verdict) && !p.holdsMoney() && !p.hasOpenAttempt(nil) {
		return p, nil
	}
	if p, err = s.endAll(ctx, p, how, void); err != nil {
		return p, err
	}
	ended, err := s.updateID(ctx, id, func(u *unit) error {
		if u.p.holdsMoney() { // paid in this very moment
			return u.p.tooLate()
		}
		u.learn(Fact{Kind: verdict, Text: reason, By: actor(ctx)})
		return nil
	})
	if err != nil {
		return p, err
	}
	return ended, nil
}

// endAll ends what is open at the gateways, and then closes the sessions. A
// payer who has begun on the page meanwhile, or of whom we had not heard, does
// not make it too late: what he began is known then, and is ended, too.
func (s *Service) endAll(ctx context.Context, p *Payment, how actFunc, void bool) (*Payment, error) {
	const rounds = 3 // he may begin again and again
	for round := 1; ; round++ {
		var err error
		p, err = s.endAttempts(ctx, p, how, void, nil)
		if err == nil && (p.holdsMoney() || p.hasOpenAttempt(nil)) {
			err = p.tooLate()
		}
		if err != nil {
			return p, err
		}
		p, err = s.endSessions(ctx, p)
		if begun := errors.Is(err, ErrWrongState) && !p.holdsMoney() && p.hasOpenAttempt(nil); !begun || round == rounds {
			return p, err
		}
	}
}

func (p *Payment) tooLate() error {
	return fmt.Errorf("payment %s: %w: it is %s", p.ID, ErrWrongState, p.Status)
}

// holdsMoney: something was paid, whether for the order or not, and has not
// all gone back; or there was nothing to pay.
func (p *Payment) holdsMoney() bool {
	o := p.look()
	return o.free || slices.ContainsFunc(o.attempts, func(s standing) bool { return s.in > s.out })
}

// voidable: something is captured, and the bank has not settled it yet.
func (p *Payment) voidable() bool {
	return slices.ContainsFunc(p.look().attempts, standing.voidable)
}

func (s standing) voidable() bool {
	return s.attempt.Facts.has(FactCaptured) && !s.attempt.Facts.has(FactFunds, FactCanceled)
}

type actFunc func(ctx context.Context, g Gateway, a AttemptRef) error

func cancelAttempt(ctx context.Context, g Gateway, a AttemptRef) error {
	c, ok := As[Canceler](g)
	if !ok {
		return fmt.Errorf("cancel at %s: %w", g.Name(), ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.Cancel(ctx, a)
}

func expireAttempt(ctx context.Context, g Gateway, a AttemptRef) error {
	e, ok := As[Expirer](g)
	if !ok {
		return fmt.Errorf("expire at %s: %w", g.Name(), ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return e.Expire(ctx, a)
}

// endAttempts ends what is open at the gateways; with void, also what is
// captured and not settled. The gateway is asked before, as an attempt may be
// hearsay and its transaction somebody else's; and after, as neither the wish
// nor the answer is merged.
//
// which, if not nil, leaves others alone. ErrUnsupported (wrapped): some cannot
// be ended; all others were.
func (s *Service) endAttempts(ctx context.Context, p *Payment, how actFunc, void bool, which func(Attempt) bool) (*Payment, error) {
	var unsupported error
	toEnd := func(a Attempt) bool {
		if which != nil && !which(a) {
			return false
		}
		st := p.stand(&a)
		return isOpen(st.status) || void && st.voidable()
	}
	for _, a := range p.Attempts {
		if !toEnd(a) {
			continue
		}
		g, err := s.gateway(a.Gateway)
		if err != nil {
			return p, err
		}
		ref := p.ref(&a)
		p, err = s.ask(ctx, p, g, ref)
		switch {
		case errors.Is(err, errMismatch):
			continue
		case errors.Is(err, ErrNotFound):
			if p, err = s.forget(ctx, p, g, ref, "the gateway does not know it", err); !errors.Is(err, ErrNotFound) {
				return p, err
			}
			continue
		case err != nil && !errors.Is(err, ErrUnsupported):
			return p, err
		}
		if !toEnd(*p.Attempt(a.Gateway, a.TransactionID)) {
			continue
		}
		p, err = s.actAndAsk(ctx, p, g, ref, how)
		switch {
		case errors.Is(err, ErrUnsupported):
			unsupported = err
		case err != nil:
			return p, err
		}
	}
	return p, unsupported
}

// actAndAsk does something to an attempt at its gateway, and asks what came of
// it: neither the wish nor the answer is merged. That it was too late is no
// error: the look-up tells why.
func (s *Service) actAndAsk(ctx context.Context, p *Payment, g Gateway, ref AttemptRef, how actFunc) (*Payment, error) {
	callErr := how(ctx, g, ref)
	if errors.Is(callErr, ErrUnsupported) {
		return p, callErr
	}
	p, err := s.ask(ctx, p, g, ref)
	if err != nil {
		return p, errors.Join(callErr, err)
	}
	if errors.Is(callErr, ErrWrongState) || errors.Is(callErr, ErrNotFound) {
		return p, nil
	}
	return p, callErr
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

// closeSession closes one session, with what was begun in it.
func (s *Service) closeSession(ctx context.Context, p *Payment, session Session) (*Payment, error) {
	g, err := s.gateway(session.Gateway)
	if err != nil {
		return p, err
	}
	if p, err = s.endAttempts(ctx, p, cancelAttempt, false, session.has); err != nil {
		return p, err
	}
	canceled := true
	if session.open() && !p.spent(session) {
		ref := AttemptRef{PaymentID: p.ID, Ref: session.Ref, Token: session.Token, Method: session.Method}
		err := cancelAttempt(ctx, g, ref)
		if errors.Is(err, ErrWrongState) { // somebody has begun to pay by it; perhaps it came to nothing
			p, err = s.ask(ctx, p, g, ref)
		}
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnsupported) {
			return p, err
		}
		canceled = !errors.Is(err, ErrUnsupported)
	}
	if p.holdsMoney() || p.hasOpenAttempt(&session) {
		return p, p.tooLate()
	}
	return s.markClosed(ctx, p, session, canceled)
}

// markClosed writes down that nobody is to pay by the session any more, unless
// somebody just has; and whether its gateway knows.
func (s *Service) markClosed(ctx context.Context, p *Payment, session Session, canceled bool) (*Payment, error) {
	closed, err := s.updateID(ctx, p.ID, func(u *unit) error {
		if u.p.holdsMoney() {
			return u.p.tooLate()
		}
		for i := range u.p.Sessions {
			if x := &u.p.Sessions[i]; x.Gateway == session.Gateway && x.Ref == session.Ref {
				x.Closed, x.GivenUp = true, x.GivenUp || !canceled
			}
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	return closed, nil
}

package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// open calls the gateway for a session that was started, and records the
// answer. The caller may go away meanwhile: the answer is recorded all the
// same. Where nothing came of it that the payer could have seen, the next
// gateway of rest is called.
func (s *Service) open(caller context.Context, p *Payment, session Session, paymentToken string, rest []Choice) (*Payment, error) {
	g, err := s.gateway(session.Gateway)
	if err != nil {
		return p, err
	}
	ctx := context.WithoutCancel(caller)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, callErr := g.Checkout(call, CheckoutRequest{
		Order: p.Order, Ref: session.Ref, Method: session.Method, ReturnURL: s.statusURL(p),
		NotificationURL: s.cfg.NotificationURL + "/" + g.Name(), ExpiresAt: p.ExpiresAt, Extra: extraFor(g.Name(), session.Extra),
		PaymentToken: paymentToken, Repeat: session.Tries > 1, At: s.now(),
	})
	s.health.saw(g.Name(), s.now(), callErr)
	said := callErr
	if errors.Is(callErr, ErrWrongState) {
		// It is being paid, or has been: the transaction there is, is the answer.
		if o, err := s.lookUp(ctx, g, AttemptRef{PaymentID: p.ID, Ref: session.Ref, Amount: p.Amount}); err == nil {
			result, callErr = CheckoutResult{Observation: o}, nil
		}
	}
	// The reference is known by now, so nothing more is parked for it.
	parked, parkedErr := s.parked(ctx, p)
	mayGoOn := callErr != nil && len(rest) > 0 && caller.Err() == nil && paymentToken == "" && s.unseen(g, session, callErr)
	var next *Session
	recorded, err := s.updateID(ctx, p.ID, func(u *unit) error {
		next = nil
		if len(parked) > 0 || parkedErr != nil {
			u.soon = u.at // what is not matched below, the timer matches
		}
		u.keep(g.Name(), "checkout", session.Ref, result.Observation.Raw, said)
		i := slices.IndexFunc(u.p.Sessions, func(x Session) bool { return x.Gateway == g.Name() && x.Ref == session.Ref })
		if i < 0 {
			return fmt.Errorf("payment %s: session %s is gone", p.ID, session.Ref)
		}
		if mayGoOn {
			next = u.failOver(i, session.Tries, rest[0], callErr)
		}
		if next == nil {
			u.recordOpening(&u.p.Sessions[i], result, callErr)
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("record the answer of %s: %w", g.Name(), errors.Join(err, callErr))
	}
	if next != nil {
		s.log.WarnContext(ctx, "a gateway opened no checkout; the next one is asked",
			"payment", p.ID, "gateway", g.Name(), "next", next.Gateway, "error", callErr)
		if recorded, err = s.open(caller, recorded, *next, "", rest[1:]); err != nil {
			return recorded, ofBoth(err, callErr)
		}
		return recorded, nil
	}
	if callErr != nil {
		return recorded, callErr
	}
	if err := errors.Join(parkedErr, s.replayAll(ctx, parked)); err != nil {
		s.log.WarnContext(ctx, "parked notifications could not be matched yet; the timer tries again",
			"payment", p.ID, "error", err)
	}
	return recorded, nil
}

// recordOpening writes the gateway's answer into the session.
func (u *unit) recordOpening(session *Session, result CheckoutResult, callErr error) {
	switch {
	case callErr == nil:
		session.OpenedAt, session.Token, session.RedirectURL = u.at, result.Token, result.RedirectURL
		session.GivenUp = session.GivenUp && session.Closed
		u.learn(Fact{Kind: FactOpened, Key: session.Ref})
		if o := result.Observation; o.TransactionID != "" {
			session.TransactionID, session.Instructions = o.TransactionID, o.Instructions
			o.Ref = cmp.Or(o.Ref, session.Ref)
			u.absorb(session.Gateway, AttemptRef{Ref: session.Ref}, o)
		}
	case refusedFinally(callErr):
		session.Refused, session.GivenUp = callErr.Error(), session.Tries > 1 // the first try's answer was lost
		u.learn(Fact{Kind: FactRefused, Key: session.Ref, Text: clip(callErr.Error())})
	}
	// Anything else leaves the session unanswered: the timer asks again.
}

// unseen reports whether a checkout that failed left nothing that the payer
// could have seen or paid by: it was refused, or was not made; or its answer
// was lost, and with it what is needed to pay. That does not hold for methods
// that need nothing more from the payer than what was sent, or ring his phone.
// Of a session that was tried before, an answer was lost, whatever this one says.
func (s *Service) unseen(g Gateway, session Session, callErr error) bool {
	if errors.Is(callErr, ErrWrongState) && !errors.Is(callErr, ErrOutcomeUnknown) {
		return false
	}
	if session.Tries == 1 && !answerLost(callErr) {
		return true
	}
	if session.Method == "" {
		return true // the address of the page was lost
	}
	info, _ := takes(g, session.Method, Money{})
	return info.Kind != "" && info.Kind != KindPush && info.Kind != KindCard
}

// answerLost reports whether nobody knows what became of a checkout. A gateway
// that does not say is not believed to have done nothing.
func answerLost(err error) bool {
	answer := (*GatewayError)(nil)
	return errors.Is(err, ErrOutcomeUnknown) || !refusedFinally(err) && !errors.Is(err, ErrWrongState) && !errors.As(err, &answer)
}

// ofBoth is the error of two gateways that failed. Whoever asked must know above
// all if an answer was lost: the same call again finds out.
func ofBoth(last, before error) error {
	if answerLost(before) && !answerLost(last) {
		last, before = before, last
	}
	return fmt.Errorf("%w; and another gateway: %v", last, before) //nolint:errorlint // it is not to be branched on
}

// failOver has another gateway take a session's place. It returns nil if the
// session is no longer what it was when its gateway was called: somebody else
// went on with it, or a notification says that it has begun.
func (u *unit) failOver(i, tries int, to Choice, why error) *Session {
	old := &u.p.Sessions[i]
	if old.Closed || !old.OpenedAt.IsZero() || old.Tries != tries || u.p.mayBegin(u.at) != nil || u.p.begunBy(*old) ||
		len(u.p.Sessions) >= maxSessions {
		return nil
	}
	old.Closed, old.GivenUp = true, answerLost(why) || tries > 1 // the first try's was
	if refusedFinally(why) {
		old.Refused = why.Error()
	}
	to.Reason += "; " + old.Gateway + " failed: " + plain(shortly(why))
	method, extra := old.Method, old.Extra
	next := *u.begin(to, method, extra)
	return &next
}

// shortly is an error for the history.
func shortly(err error) string {
	text := err.Error()
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}

// refusedFinally reports whether a gateway said no, for good.
func refusedFinally(err error) bool {
	if invalid := (*InvalidError)(nil); errors.As(err, &invalid) {
		return true
	}
	if errors.Is(err, ErrUnsupported) {
		return true
	}
	answer := (*GatewayError)(nil)
	return errors.As(err, &answer) && !answer.Retry && !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrWrongState)
}

// keep stores what a gateway answered to a call of ours.
func (u *unit) keep(gateway, op, ref string, raw []byte, callErr error) {
	m := Message{ID: NewID(), PaymentID: u.p.ID, Gateway: gateway, Op: op, Ref: ref, Raw: raw, At: u.at}
	if callErr != nil {
		m.Note = callErr.Error()
	}
	if raw != nil || callErr != nil {
		u.change.Messages = append(u.change.Messages, m)
	}
}

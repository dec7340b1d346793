package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// lookUp asks a gateway for the truth about an attempt, or about what a
// session has come to.
func (s *Service) lookUp(ctx context.Context, g Gateway, a AttemptRef) (Observation, error) {
	reader, ok := As[StatusReader](g)
	if !ok {
		return Observation{}, fmt.Errorf("status of %s: %w", g.Name(), ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o, err := reader.Status(ctx, a)
	if err != nil {
		return Observation{}, fmt.Errorf("status of %s: %w", a.Ref, err)
	}
	if a.TransactionID != "" && o.TransactionID != a.TransactionID {
		return Observation{}, fmt.Errorf("status of %s: asked for transaction %q, answered with %q: %w",
			a.Ref, a.TransactionID, clip(o.TransactionID), errMismatch)
	}
	if o.Ref != "" && o.Ref != a.Ref && o.Ref != o.TransactionID {
		return Observation{}, fmt.Errorf("status of %s: transaction %q belongs to %q: %w",
			a.Ref, a.TransactionID, clip(o.Ref), errMismatch)
	}
	return o, nil
}

// errMismatch: the answer is about something else than was asked for. Whoever
// named the transaction for this order lied, or the gateway erred.
var errMismatch = errors.New("payments: the gateway's answer is about another order")

// aboutNothing reports whether a look-up came to nothing that is the
// payment's: the gateway knows of no such transaction, or it is another's.
func aboutNothing(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, errMismatch)
}

// absorb merges what a look-up of a told.
//
// Some gateways do not say which order a transaction belongs to (they repeat
// the transaction's own id). The transaction is then claimed for this payment
// by name, so that one payment's money can never settle another order, too.
func (u *unit) absorb(gateway string, a AttemptRef, o Observation) {
	if o.Ref != a.Ref && o.TransactionID != "" {
		u.change.Refs = append(u.change.Refs, Ref{Kind: RefTransaction, Scope: gateway, Value: o.TransactionID})
	}
	o.Ref = a.Ref
	u.observe(gateway, o)
	if known := u.p.Attempt(gateway, o.TransactionID); known != nil {
		known.Ref = a.Ref // whatever an unproven message said
	}
	u.dropDoubts()
}

// ask looks an attempt up and merges the answer. ErrNotFound (wrapped) if the
// gateway knows of none, errMismatch if it is another order's; the payment is
// then as before but for a note.
func (s *Service) ask(ctx context.Context, p *Payment, g Gateway, a AttemptRef) (*Payment, error) {
	a.PaymentID, a.Amount = p.ID, p.Amount
	o, err := s.lookUp(ctx, g, a)
	if err == nil {
		var updated *Payment
		updated, err = s.updateID(ctx, p.ID, func(u *unit) error {
			u.keepAnswer(g.Name(), o, a)
			u.absorb(g.Name(), a, o)
			return nil
		})
		switch {
		case err == nil:
			return updated, nil
		case errors.Is(err, ErrRefTaken):
			err = fmt.Errorf("status of %s: transaction %q: %w: %w", a.Ref, o.TransactionID, errMismatch, err)
		}
	}
	if errors.Is(err, errMismatch) {
		s.log.WarnContext(ctx, "a gateway's answer was not merged", "payment", p.ID, "error", err)
		return s.forget(ctx, p, g, a, "it is another order's", err)
	}
	return p, err
}

// forget ends an attempt that its gateway knows nothing of, or says to be
// another order's. It returns why.
func (s *Service) forget(ctx context.Context, p *Payment, g Gateway, a AttemptRef, note string, why error) (*Payment, error) {
	updated, err := s.updateID(ctx, p.ID, func(u *unit) error {
		u.p.note("transaction " + clip(cmp.Or(a.TransactionID, a.Ref)) + ": " + note)
		if known := u.p.Attempt(g.Name(), a.TransactionID); known != nil {
			u.forget(*known, note)
		}
		return nil
	})
	if err != nil {
		return p, errors.Join(why, err)
	}
	return updated, why
}

// keepAnswer keeps the answer of a look-up if it tells something new: the
// schedule asks often, and the same answer again is no news.
func (u *unit) keepAnswer(gateway string, o Observation, a AttemptRef) {
	if u.p.weighs(gateway, o) {
		u.keep(gateway, "status", a.Ref, o.Raw, nil)
	}
}

// Sync asks the gateway now about everything that is open or in doubt, and
// returns the payment as it is then.
//
// Errors: ErrUnsupported if the gateway cannot be asked; a *GatewayError if it
// does not answer.
func (s *Service) Sync(ctx context.Context, id ID) (*Payment, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.askAll(ctx, p)
}

// askAll asks about all that may still change. An attempt or session that the
// gateway knows nothing of is no error. ErrUnsupported: nobody can be asked.
func (s *Service) askAll(ctx context.Context, p *Payment) (*Payment, error) {
	var errs []error
	var answered, mute bool
	ask := func(questions []question) {
		for _, q := range questions {
			g, err := s.gateway(q.gateway)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			p, err = s.ask(ctx, p, g, q.ref)
			switch {
			case err == nil:
				answered = true
			case errors.Is(err, ErrUnsupported):
				mute = true
			case !aboutNothing(err):
				errs = append(errs, err)
			}
		}
	}
	ask(p.doubtful())
	ask(p.silent(answered))
	if mute && !answered && len(errs) == 0 {
		return p, fmt.Errorf("ask about payment %s: %w", p.ID, ErrUnsupported)
	}
	return p, errors.Join(errs...)
}

type question struct {
	gateway string
	ref     AttemptRef
}

// doubtful are attempts whose facts are not final, notifications that were
// not confirmed, and sessions of which nobody knows what came.
func (p *Payment) doubtful() []question {
	var qs []question
	known := map[string]bool{}
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if p.unfinished(p.stand(a)) {
			qs = append(qs, question{a.Gateway, p.ref(a)})
			known[a.Gateway+"/"+a.TransactionID] = true
		}
	}
	for _, d := range p.Watch.Doubts {
		if !d.Contradicted && !known[d.Gateway+"/"+d.TransactionID] {
			qs = append(qs, question{d.Gateway, AttemptRef{PaymentID: p.ID, Ref: d.Ref, TransactionID: d.TransactionID}})
			known[d.Gateway+"/"+d.TransactionID] = true
		}
	}
	for _, session := range p.Sessions { // what came of it is to be canceled
		if p.unwanted(session) && !p.begunBy(session) {
			qs = append(qs, question{session.Gateway, AttemptRef{PaymentID: p.ID, Ref: session.Ref}})
		}
	}
	return qs
}

// unwanted: something may be there to pay by, and is not to be paid by: the
// session was given up; or the answer to its call was lost, and another one has
// brought the money.
func (p *Payment) unwanted(session Session) bool {
	if session.GivenUp {
		return p.sweepable() || p.holdsMoney()
	}
	return session.OpenedAt.IsZero() && session.Refused == "" && !session.Closed && p.look().covered()
}

// begunBy reports whether an attempt of the session is known.
func (p *Payment) begunBy(session Session) bool {
	return slices.ContainsFunc(p.Attempts, session.has)
}

// silent are sessions in which something may have been started that nobody
// told us of. With unbegun only those of which nothing is known: of the others
// what is known was asked about.
func (p *Payment) silent(unbegun bool) []question {
	if p.look().covered() {
		return nil
	}
	var qs []question
	for _, session := range p.Sessions {
		if !session.Closed && session.Refused == "" && !(unbegun && p.begunBy(session)) {
			qs = append(qs, question{session.Gateway, AttemptRef{PaymentID: p.ID, Ref: session.Ref}})
		}
	}
	return qs
}

// unfinished reports whether the gateway may still have news of the attempt
// that we wait for.
func (p *Payment) unfinished(s standing) bool {
	f := s.attempt.Facts
	switch s.status {
	case StatusPending, StatusAuthorized, StatusChallenged:
		return true
	}
	waitsForFunds := f.has(FactCaptured) && !f.has(FactFunds) && !s.void
	waitsForRefund := f.has(FactRefundUnknown) && s.out == 0
	return s.unsettled || waitsForFunds || waitsForRefund || len(s.attempt.pendingRefunds()) > 0
}

// ref names the attempt to its gateway.
func (p *Payment) ref(a *Attempt) AttemptRef {
	return AttemptRef{PaymentID: p.ID, Ref: a.Ref, TransactionID: a.TransactionID, Method: a.Method(), Amount: p.Amount}
}

// doubtSchedule is when the gateway is asked again about a notification that
// it did not confirm; behind its end the notification stays contradicted.
var doubtSchedule = Schedule{
	10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// dropDoubts forgets doubts that have been cleared: what was claimed is known
// by now.
func (u *unit) dropDoubts() {
	var left []Doubt
	for _, d := range u.p.Watch.Doubts {
		o := Observation{TransactionID: d.TransactionID, Facts: d.Facts}
		if !u.p.confirms(d.Gateway, o) {
			left = append(left, d)
		}
	}
	u.p.Watch.Doubts = left
}

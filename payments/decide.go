package payments

import (
	"context"
	"fmt"
)

// Approve accepts what the gateway holds for suspicion of fraud: a challenged
// card payment. The gateway's own word, asked for afterwards, is what counts.
//
// Errors: ErrWrongState (wrapped) if nothing is challenged; ErrUnsupported if
// the gateway cannot; ErrOutcomeUnknown (wrapped) if nobody knows.
func (s *Service) Approve(ctx context.Context, id ID) (*Payment, error) {
	return s.decide(ctx, id, StatusChallenged, nil, func(ctx context.Context, g Gateway, a AttemptRef) error {
		reviewer, ok := As[Reviewer](g)
		if !ok {
			return fmt.Errorf("approve at %s: %w", g.Name(), ErrUnsupported)
		}
		return reviewer.Approve(ctx, a)
	})
}

// Deny refuses what the gateway holds for suspicion of fraud. Errors are as
// those of [Service.Approve].
func (s *Service) Deny(ctx context.Context, id ID) (*Payment, error) {
	return s.decide(ctx, id, StatusChallenged, nil, func(ctx context.Context, g Gateway, a AttemptRef) error {
		reviewer, ok := As[Reviewer](g)
		if !ok {
			return fmt.Errorf("deny at %s: %w", g.Name(), ErrUnsupported)
		}
		return reviewer.Deny(ctx, a)
	})
}

// Capture takes money that was authorized: amount, or all of it if that is the
// zero value. A smaller amount settles the order all the same, as it was asked
// for; the rest stays with the payer.
//
// Errors: *InvalidError; ErrWrongState (wrapped) if nothing is authorized;
// ErrUnsupported if the gateway cannot; ErrOutcomeUnknown (wrapped) if nobody
// knows.
func (s *Service) Capture(ctx context.Context, id ID, amount Money) (*Payment, error) {
	wish := func(u *unit, a *Attempt) error {
		whole := u.p.Amount
		if amount == (Money{}) {
			amount = whole
		}
		if amount.Currency != whole.Currency || amount.Amount < 1 || amount.Amount > whole.Amount {
			return Invalid("amount", "must be between 1 and %s", whole)
		}
		u.record(a, Fact{Kind: FactCaptureRequested, Amount: amount, By: actor(ctx)})
		return nil
	}
	return s.decide(ctx, id, StatusAuthorized, wish, func(ctx context.Context, g Gateway, a AttemptRef) error {
		capturer, ok := As[Capturer](g)
		if !ok {
			return fmt.Errorf("capture at %s: %w", g.Name(), ErrUnsupported)
		}
		return capturer.Capture(ctx, a, amount)
	})
}

// decide acts on the one attempt that has the status. What prepare, if there
// is one, writes down comes before the call.
func (s *Service) decide(ctx context.Context, id ID, status Status, prepare func(*unit, *Attempt) error, how actFunc) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	held := p.withStatus(status)
	if held == nil {
		return p, p.tooLate()
	}
	g, err := s.gateway(held.Gateway)
	if err != nil {
		return p, err
	}
	ref := p.ref(held)
	if prepare != nil {
		p, err = s.updateID(ctx, id, func(u *unit) error {
			a := u.p.withStatus(status)
			if a == nil {
				return u.p.tooLate()
			}
			return prepare(u, a)
		})
		if err != nil {
			return p, err
		}
	}
	bounded := func(ctx context.Context, g Gateway, a AttemptRef) error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return how(ctx, g, a)
	}
	if p, err = s.actAndAsk(ctx, p, g, ref, bounded); err != nil {
		return p, err
	}
	if a := p.Attempt(g.Name(), ref.TransactionID); a != nil && p.stand(a).status == status {
		return p, fmt.Errorf("payment %s: %w: the gateway did not do it", p.ID, ErrWrongState)
	}
	return p, nil
}

// withStatus is the first attempt that has the status, or nil.
func (p *Payment) withStatus(status Status) *Attempt {
	for i := range p.Attempts {
		if p.stand(&p.Attempts[i]).status == status {
			return &p.Attempts[i]
		}
	}
	return nil
}

package payments

import (
	"context"
	"errors"
	"fmt"
)

// PauseSubscription has the gateway charge no more until it is resumed. Errors,
// of this and the next three: ErrNotFound; ErrWrongState if the subscription is
// not in a state for it; ErrOutcomeUnknown (wrapped): do it again.
func (s *Service) PauseSubscription(ctx context.Context, ref string) error {
	return s.turn(ctx, ref, Subscriber.PauseSubscription, SubscriptionPaused, SubscriptionActive)
}

// ResumeSubscription has the gateway charge again, from its next date on.
func (s *Service) ResumeSubscription(ctx context.Context, ref string) error {
	return s.turn(ctx, ref, Subscriber.ResumeSubscription, SubscriptionActive, SubscriptionPaused)
}

// CancelSubscription ends it for good. The plan then goes on by invoices; see
// [Service.StopRenewal] for the end of that, too.
func (s *Service) CancelSubscription(ctx context.Context, ref string) error {
	err := s.turn(ctx, ref, Subscriber.CancelSubscription, SubscriptionEnded, SubscriptionActive, SubscriptionPaused, SubscriptionAsked)
	if !errors.Is(err, ErrWrongState) {
		return err
	}
	return nil // it has ended before
}

// UpdateSubscription changes what is charged: another card or wallet, or, with
// an amount that is not zero, another amount.
func (s *Service) UpdateSubscription(ctx context.Context, ref, paymentToken string, amount Money) error {
	sub, err := s.Subscription(ctx, ref)
	if err != nil {
		return err
	}
	if amount == (Money{}) {
		amount = sub.Amount
	}
	if amount.Amount < 1 || amount.Currency != sub.Amount.Currency {
		return Invalid("amount", "must be at least 1 %s", sub.Amount.Currency)
	}
	update := func(g Subscriber, ctx context.Context, id string) error {
		return g.UpdateSubscription(ctx, id, SubscriptionRequest{
			Ref: ref, Method: sub.Method, PaymentToken: paymentToken, Amount: amount, Every: sub.Plan.Period, User: sub.User,
		})
	}
	if err := s.turn(ctx, ref, update, "", SubscriptionActive, SubscriptionPaused); err != nil {
		return err
	}
	_, err = s.updateSubscription(ctx, ref, func(sub *Subscription) { sub.Amount = amount })
	return err
}

// turn does something to a subscription at its gateway, and records the state
// that it is in then, if that changes.
func (s *Service) turn(
	ctx context.Context, ref string, do func(Subscriber, context.Context, string) error, to SubscriptionStatus, from ...SubscriptionStatus,
) error {
	sub, err := s.Subscription(ctx, ref)
	if err != nil {
		return err
	}
	possible := sub.State == to
	for _, state := range from {
		possible = possible || sub.State == state
	}
	if !possible || sub.State == SubscriptionEnded {
		return fmt.Errorf("subscription %s: %w: it is %s", ref, ErrWrongState, sub.State)
	}
	if sub.ID == "" { // it is canceled when it turns up
		return s.lose(ctx, ref)
	}
	g, err := s.gateway(sub.Gateway)
	if err != nil {
		return err
	}
	subscriber, err := subscriberOf(g)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	at := s.now()
	record := func(state SubscriptionStatus) error {
		_, err := s.updateSubscription(ctx, ref, func(sub *Subscription) {
			if sub.State != SubscriptionEnded {
				sub.State, sub.PausedAt = state, at
			}
		})
		return err
	}
	if to == SubscriptionPaused { // before: a timer that looks would take it for the end
		if err := record(to); err != nil {
			return err
		}
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = do(subscriber, call, sub.ID)
	switch {
	case to == SubscriptionPaused && refusedFinally(err):
		return errors.Join(err, record(sub.State))
	case to == SubscriptionEnded && errors.Is(err, ErrNotFound):
		return record(to)
	case err != nil || to == "" || to == SubscriptionPaused:
		return err
	}
	return record(to)
}

package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// recurringPerMinute is how many messages about subscriptions are asked about.
// The others are to be sent again; what is never told of, the timers ask for.
const recurringPerMinute = 1200

// recurring takes what a gateway tells of a subscription. Nothing in it is
// believed but that there is something to ask about: such messages are not
// signed, so anybody may send them.
func (s *Service) recurring(ctx context.Context, g Gateway, n Notification, m Message) (Verdict, error) {
	about := n.Subscription
	m.Verdict, m.Ref = VerdictNotice, clip(about.Ref)
	sub, err := s.Subscription(ctx, about.Ref)
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnsupported) || err == nil && sub.Gateway != g.Name():
		m.Note = "no subscription has this reference"
		return s.reject(ctx, m, VerdictNotice)
	case err != nil:
		return "", err
	}
	if !s.recur.allow(m.At) { // payers see the reference in their statements
		return "", errors.New("more messages about subscriptions than can be asked about")
	}
	asking, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	_, err = s.askSubscription(asking, g, sub, about)
	switch {
	case aboutNothing(err):
		m.Note = plain(err.Error())
		return s.reject(ctx, m, VerdictNotice)
	case err != nil:
		return "", fmt.Errorf("subscription %s: %w", sub.Ref, err)
	}
	_, err = s.update(ctx, s.store, Ref{}, func(u *unit) error {
		u.change.Messages = []Message{m}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("keep a notification: %w", err)
	}
	return m.Verdict, nil
}

// checkSubscription asks about a charge that should have come. It reports
// whether the gateway still charges by itself.
func (s *Service) checkSubscription(ctx context.Context, ref string) (sub *Subscription, charging bool, err error) {
	if sub, err = s.Subscription(ctx, ref); err != nil {
		return nil, false, err
	}
	if sub.State == SubscriptionAsked && s.now().Sub(sub.AskedAt) < callWindow {
		return sub, true, nil // it is being asked for
	}
	if sub.ID == "" {
		return sub, false, s.lose(ctx, ref)
	}
	if sub.State != SubscriptionActive && sub.State != SubscriptionPaused {
		return sub, false, nil
	}
	g, err := s.gateway(sub.Gateway)
	if err != nil {
		return sub, false, err
	}
	sub, err = s.askSubscription(ctx, g, sub, &SubscriptionNotice{ID: sub.ID, Ref: ref})
	if errors.Is(err, errGone) {
		sub, err = s.endSubscription(ctx, ref)
	}
	if err != nil {
		return sub, false, err
	}
	return sub, sub.State != SubscriptionEnded, nil
}

// errGone: the gateway knows no such subscription.
var errGone = errors.New("payments: the subscription is gone")

// askSubscription asks the gateway for a subscription and takes in what has
// come of it: that it is there, its charges, its end.
func (s *Service) askSubscription(ctx context.Context, g Gateway, sub *Subscription, about *SubscriptionNotice) (*Subscription, error) {
	subscriber, err := subscriberOf(g)
	if err != nil {
		return sub, err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	state, err := subscriber.Subscription(call, about.ID)
	if errors.Is(err, ErrNotFound) {
		return sub, fmt.Errorf("%w: %w", errGone, err)
	}
	if err != nil {
		return sub, err
	}
	if state.ID != about.ID || state.Ref != sub.Ref {
		return sub, fmt.Errorf("subscription %q is %q: %w", clip(about.ID), clip(state.Ref), errMismatch)
	}
	at := s.now()
	sub, err = s.updateSubscription(ctx, sub.Ref, func(sub *Subscription) {
		if sub.ID == "" {
			sub.ID = state.ID
		}
		resumed := sub.State == SubscriptionPaused && state.Active && at.Sub(sub.PausedAt) > callWindow
		if sub.ID == state.ID && (sub.State == SubscriptionAsked || resumed) {
			sub.State = SubscriptionActive
		}
	})
	if err != nil {
		return sub, err
	}
	transactions := state.TransactionIDs
	if about.TransactionID != "" {
		transactions = append(slices.Clone(transactions), about.TransactionID)
	}
	var failed []error
	for _, id := range transactions {
		made, err := s.charged(ctx, g, sub, id, state.Charges)
		switch {
		case err == nil:
			sub = made
		case aboutNothing(err): // whoever named it; the others may be good
			s.log.WarnContext(ctx, "a charge that is none", "subscription", sub.Ref, "error", err)
		default:
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return sub, errors.Join(failed...)
	}
	if sub.ID != state.ID || sub.State != SubscriptionActive && sub.State != SubscriptionPaused {
		if state.Active {
			return sub, cancelUnwanted(ctx, subscriber, state.ID)
		}
		return sub, nil
	}
	ended := !state.Active && sub.State == SubscriptionActive
	if ended || about.Failure != "" && state.Charges > sub.Charged {
		if err := s.chargeFailed(ctx, sub, state, about.Failure, ended); err != nil {
			return sub, err
		}
		if sub, err = s.updateSubscription(ctx, sub.Ref, func(sub *Subscription) { sub.Charged = max(sub.Charged, state.Charges) }); err != nil {
			return sub, err
		}
	}
	if !ended {
		return sub, nil
	}
	if _, err := s.charges(ctx, sub.Last, sub.Ref, ""); err != nil && !errors.Is(err, ErrInProgress) {
		return sub, err
	}
	return s.endSubscription(ctx, sub.Ref)
}

// cancelUnwanted cancels at the gateway what nobody wants, or has asked for twice.
func cancelUnwanted(ctx context.Context, subscriber Subscriber, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return subscriber.CancelSubscription(ctx, id)
}

// endSubscription records that the gateway charges no more.
func (s *Service) endSubscription(ctx context.Context, ref string) (*Subscription, error) {
	return s.updateSubscription(ctx, ref, func(sub *Subscription) { sub.State = SubscriptionEnded })
}

// chargeFailed tells of a charge that came to nothing, once for each interval
// that the gateway itself counts.
func (s *Service) chargeFailed(ctx context.Context, sub *Subscription, state SubscriptionState, reason string, final bool) error {
	key := "renewal/failed/" + sub.Ref + "/" + itoa(state.Charges)
	if final {
		key += "/final"
	}
	_, err := s.updateID(ctx, sub.Last, func(u *unit) error {
		u.tell(EventRenewalFailed, key, &RenewalFailed{Reason: cmp.Or(codeOf(reason), "no charge"), Interval: state.Charges, Final: final})
		return nil
	})
	return err
}

// codeOf is the number that a failure begins with: the words are not proven to
// be the gateway's.
func codeOf(failure string) string {
	code, _, _ := strings.Cut(failure, ":")
	if len(code) > 3 || !isDigits(code) {
		return ""
	}
	return code
}

// charged makes a payment of a charge, once: the transaction is a name of it.
func (s *Service) charged(ctx context.Context, g Gateway, sub *Subscription, transactionID string, interval int) (*Subscription, error) {
	name := Ref{Kind: RefTransaction, Scope: g.Name(), Value: transactionID}
	last := func(p *Payment) (*Subscription, error) {
		if p.ID <= sub.Last {
			return sub, nil
		}
		return s.updateSubscription(ctx, sub.Ref, func(sub *Subscription) {
			sub.Last, sub.Charged = max(sub.Last, p.ID), max(sub.Charged, interval)
		})
	}
	switch p, err := s.store.Get(ctx, name); {
	case err == nil && (p.Renews == nil || p.Renews.Subscription != sub.Ref):
		return sub, fmt.Errorf("transaction %q is of payment %s: %w", clip(transactionID), p.ID, errMismatch)
	case err == nil && p.Attempt(g.Name(), transactionID) != nil:
		return last(p)
	case err != nil && !errors.Is(err, ErrNotFound):
		return sub, err
	}
	reader, ok := As[StatusReader](g)
	if !ok {
		return sub, fmt.Errorf("status of %s: %w", g.Name(), ErrUnsupported)
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o, err := reader.Status(call, AttemptRef{TransactionID: transactionID})
	if err != nil {
		return sub, fmt.Errorf("status of %s: %w", clip(transactionID), err)
	}
	if o.TransactionID != transactionID || !strings.HasPrefix(o.Ref, sub.Ref) {
		return sub, fmt.Errorf("transaction %q is of order %q: %w", clip(transactionID), clip(o.Ref), errMismatch)
	}
	p, err := s.update(ctx, s.store, ByGatewayRef(g.Name(), o.Ref), func(u *unit) error {
		u.change.Refs = []Ref{name}
		if u.p != nil {
			return nil
		}
		plan := sub.Plan
		u.begun(Order{
			Reference: sub.Reference, User: sub.User, Plan: &plan, Amount: sub.Amount, Metadata: sub.Metadata,
			Renews: &Renews{PaymentID: sub.Last, EndsAt: u.at, Subscription: sub.Ref},
		}, Session{Gateway: g.Name(), Ref: o.Ref, Method: o.Method, TransactionID: transactionID})
		u.p.Renewal.Subscription = sub.Ref
		return nil
	})
	if err != nil {
		return sub, fmt.Errorf("create a payment of subscription %s: %w", sub.Ref, err)
	}
	a := AttemptRef{PaymentID: p.ID, Ref: o.Ref, TransactionID: transactionID}
	if _, err = s.updateID(ctx, p.ID, func(u *unit) error { // its claim is locked only now that it exists
		u.keepAnswer(g.Name(), o, a)
		u.absorb(g.Name(), a, o)
		return nil
	}); err != nil {
		return sub, err
	}
	return last(p)
}

package payments

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Subscription is a gateway's promise to charge a payer for each next period of
// a plan, by a saved card or a linked wallet.
type Subscription struct {
	// Ref is our name for it; ID is the gateway's, once it has answered.
	Ref     string `json:"ref"`
	ID      string `json:"id,omitempty"`
	Gateway string `json:"gateway"`
	// State is where it stands.
	State SubscriptionStatus `json:"state"`
	User  EndUser            `json:"user"`
	Plan  Plan               `json:"plan"`
	// Amount is what each charge takes.
	Amount Money  `json:"amount"`
	Method Method `json:"method,omitempty"`
	// PaymentID is the payment of the period before its first charge, Last that
	// of its last charge; the same until there is one.
	PaymentID ID `json:"payment_id"`
	Last      ID `json:"last"`
	// Reference and Metadata are those of each of its payments.
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	// AskedAt is when it was first asked for, StartAt when its first charge is
	// due.
	AskedAt time.Time `json:"asked_at"`
	StartAt time.Time `json:"start_at"`
	// PausedAt is when it was last paused.
	PausedAt time.Time `json:"paused_at,omitzero"`
	// Charged is the last interval, as the gateway counts, of which we know a
	// charge, or have told that there was none.
	Charged int `json:"charged,omitempty"`
	// Refused is the gateway's final no, in its own words.
	Refused string `json:"refused,omitempty"`
}

// SubscriptionStatus is where a subscription stands.
type SubscriptionStatus string

// The states of a subscription.
const (
	SubscriptionAsked   SubscriptionStatus = "asked" // the gateway has not answered
	SubscriptionActive  SubscriptionStatus = "active"
	SubscriptionPaused  SubscriptionStatus = "paused"
	SubscriptionEnded   SubscriptionStatus = "ended" // canceled, or the gateway gave up
	SubscriptionRefused SubscriptionStatus = "refused"
	// SubscriptionLost: the gateway did not answer, and another was asked for
	// since. If it turns out to be there, it is canceled.
	SubscriptionLost SubscriptionStatus = "lost"
)

// SubscribeParams asks for a subscription.
type SubscribeParams struct {
	// User and PlanKey name a claim whose present period was paid for, of a plan
	// with a Renewal.
	User    EndUser
	PlanKey string
	// Method and PaymentToken are what is charged. The token is given to the
	// gateway, and kept nowhere.
	Method       Method
	PaymentToken string
	// Gateway is the name of the one whose the token is; default: the first that
	// has subscriptions.
	Gateway string
	// Extra holds options of the gateway's own, e.g. midtrans.SubscriptionExtra.
	Extra any
}

const (
	recordSubscription RecordKind = "subscription"
	// sameAnswer is how long gateways are sure to give the same answer to the
	// same request; Midtrans: 3 minutes.
	sameAnswer = 2 * time.Minute
	// soonest is how soon a first charge may be asked for.
	soonest = 10 * time.Minute
)

// Subscribe has the gateway charge the user for each next period of a plan, the
// first an hour before the end of the one that is paid. An invoice that was made
// for it already is withdrawn. It returns the subscription that
// there is, if it is active or paused.
//
// After ErrOutcomeUnknown (wrapped) call it again within two minutes: the
// gateway then gives the same answer. Later it makes another, and cancels the
// first when it turns up.
//
// Errors, beside the subscription if there is one: ErrNotFound if nothing
// renews; ErrWrongState if the next period is being paid for;
// ErrUnsupported if the gateway cannot; *InvalidError and *GatewayError
// for a refusal; ErrInProgress.
func (s *Service) Subscribe(ctx context.Context, params SubscribeParams) (*Subscription, error) {
	extra, err := marshalExtra(params.Extra)
	if err != nil {
		return nil, err
	}
	claim, paid, err := s.paidFor(ctx, params.User, params.PlanKey)
	if err != nil {
		return nil, err
	}
	p := renewing(claim, paid)
	if p == nil {
		return nil, noRenewal(params.PlanKey)
	}
	g, _, err := withAbility[Subscriber](s, params.Gateway, "subscriptions")
	if err != nil {
		return nil, err
	}
	sub, err := s.present(ctx, paid)
	if err != nil {
		return nil, err
	}
	if sub == nil {
		if sub, err = s.newSubscription(ctx, p, claim, g.Name(), params); err != nil {
			return sub, err
		}
	} else if _, err := s.charges(ctx, p.ID, p.Renewal.Subscription, sub.Ref); err != nil || sub.State != SubscriptionAsked {
		return sub, err
	}
	g, subscriber, err := withAbility[Subscriber](s, sub.Gateway, "subscriptions")
	if err != nil {
		return sub, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.insteadOf(ctx, p, sub.Ref); err != nil {
		return sub, err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	state, callErr := subscriber.CreateSubscription(call, SubscriptionRequest{
		Ref: sub.Ref, Method: params.Method, PaymentToken: params.PaymentToken, Amount: sub.Amount, Every: sub.Plan.Period,
		StartAt: sub.StartAt, User: sub.User, Extra: extra,
	})
	recorded, err := s.updateSubscription(ctx, sub.Ref, func(sub *Subscription) {
		switch {
		case callErr == nil && sub.ID == "":
			sub.ID = state.ID
			if sub.State == SubscriptionAsked {
				sub.State = SubscriptionActive
			}
		case callErr != nil && sub.State == SubscriptionAsked && refusedFinally(callErr):
			sub.State, sub.Refused = SubscriptionRefused, clip(callErr.Error())
		}
	})
	if err != nil {
		return sub, fmt.Errorf("record the answer of %s: %w", g.Name(), errors.Join(err, callErr))
	}
	switch recorded.State {
	case SubscriptionRefused:
		_, err = s.charges(ctx, p.ID, sub.Ref, "")
	case SubscriptionLost, SubscriptionEnded:
		if callErr == nil { // it was stopped while it was made
			err = errors.Join(fmt.Errorf("subscription %s: %w: it was stopped", sub.Ref, ErrWrongState), cancelUnwanted(ctx, subscriber, state.ID))
		}
	}
	return recorded, errors.Join(callErr, err)
}

// present is the subscription that charges for the claim, or may: one that was
// asked for too long ago for the gateway to give the same answer is lost.
func (s *Service) present(ctx context.Context, paid []*Payment) (*Subscription, error) {
	seen := map[string]bool{"": true}
	for _, p := range paid {
		ref := p.Renewal.Subscription
		if seen[ref] {
			continue
		}
		seen[ref] = true
		sub, err := s.Subscription(ctx, ref)
		if err != nil {
			return nil, err
		}
		switch sub.State {
		case SubscriptionActive, SubscriptionPaused:
			return sub, nil
		case SubscriptionAsked:
			if s.now().Sub(sub.AskedAt) < sameAnswer {
				return sub, nil
			}
			if err := s.lose(ctx, ref); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// insteadOf withdraws the invoice of the next period, as the gateway is to
// charge for it. If it is being paid, the gateway is not asked.
func (s *Service) insteadOf(ctx context.Context, p *Payment, ref string) error {
	if p.Renewal.Next == "" {
		return nil
	}
	_, err := s.Cancel(ctx, p.Renewal.Next, "the gateway charges from now on")
	if err == nil {
		_, err = s.updateID(ctx, p.ID, func(u *unit) error {
			u.p.forgetInvoice(p.Renewal.Next)
			return nil
		})
		return err
	}
	lost := s.lose(ctx, ref)
	_, undone := s.charges(ctx, p.ID, ref, "")
	return errors.Join(err, lost, undone)
}

// newSubscription stores a subscription before it is asked for. From then on
// it is the payment's.
func (s *Service) newSubscription(ctx context.Context, p *Payment, claim *Claim, gateway string, params SubscribeParams) (*Subscription, error) {
	at := s.now()
	sub := &Subscription{
		Ref: "s" + strings.ToLower(rand.Text()[:14]), Gateway: gateway, State: SubscriptionAsked, User: p.User, Plan: *p.Plan, Amount: p.Plan.Price,
		Method: params.Method, PaymentID: p.ID, Last: p.ID, Reference: p.Reference, Metadata: p.Metadata, AskedAt: at, StartAt: claim.End.Add(-chargeEarly),
	}
	if least := stamp(at.Add(soonest)); sub.StartAt.Before(least) {
		sub.StartAt = least
	}
	_, err := updateRecord(ctx, s, subscriptionRef(sub.Ref), (*Subscription).tenant, func(*Subscription) (*Subscription, error) { return sub, nil })
	if err != nil {
		return nil, err
	}
	_, err = s.charges(ctx, p.ID, p.Renewal.Subscription, sub.Ref)
	return sub, err
}

// lose gives up a subscription whose gateway never answered.
func (s *Service) lose(ctx context.Context, ref string) error {
	_, err := s.updateSubscription(ctx, ref, func(sub *Subscription) {
		if sub.State == SubscriptionAsked {
			sub.State = SubscriptionLost
		}
	})
	return err
}

func subscriberOf(g Gateway) (Subscriber, error) {
	if subscriber, ok := As[Subscriber](g); ok {
		return subscriber, nil
	}
	return nil, fmt.Errorf("subscriptions of %s: %w", g.Name(), ErrUnsupported)
}

func subscriptionRef(ref string) RecordRef { return RecordRef{Kind: recordSubscription, Key: ref} }

func (s *Subscription) tenant() string { return s.User.Tenant }

// updateSubscription changes one that must exist.
func (s *Service) updateSubscription(ctx context.Context, ref string, fn func(*Subscription)) (*Subscription, error) {
	return updateRecord(ctx, s, subscriptionRef(ref), (*Subscription).tenant, func(sub *Subscription) (*Subscription, error) {
		if sub == nil {
			return nil, fmt.Errorf("subscription %s: %w", clip(ref), ErrNotFound)
		}
		fn(sub)
		return sub, nil
	})
}

// Subscription returns one by our reference, as it was last heard of, or
// ErrNotFound (wrapped).
func (s *Service) Subscription(ctx context.Context, ref string) (*Subscription, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	r, err := records.Record(ctx, subscriptionRef(ref))
	if err != nil {
		return nil, fmt.Errorf("subscription %s: %w", clip(ref), err)
	}
	return decodeRecord[Subscription](r)
}

// SubscriptionQuery selects subscriptions.
type SubscriptionQuery struct {
	// Tenant selects those of one; empty selects all.
	Tenant string
	Cursor string
	// Limit is 50 if zero, and at most 500.
	Limit int
}

// Subscriptions lists them, by their references.
func (s *Service) Subscriptions(ctx context.Context, q SubscriptionQuery) (Page[*Subscription], error) {
	return pageOf[Subscription](ctx, s, RecordQuery{Kind: recordSubscription, Tenant: q.Tenant, Cursor: q.Cursor, Limit: q.Limit})
}

package payments

import (
	"context"
	"encoding/json"
	"time"
)

// SubscriptionRequest asks a gateway to charge a payer again and again.
type SubscriptionRequest struct {
	// Ref is our name for it: lower-case letters and digits, at most 15 bytes.
	// It is never used for anything but this subscription, and the gateway
	// makes the references of the charges of it.
	Ref string
	// Method is how it is charged, PaymentToken what: a saved card, or a
	// linked wallet.
	Method       Method
	PaymentToken string
	// Amount is what each charge takes.
	Amount Money
	// Every is the time from one charge to the next: a number of days, or a
	// number of months.
	Every Period
	// StartAt is when the first charge is due.
	StartAt time.Time
	User    EndUser
	// Extra holds options of the gateway's own, as JSON.
	Extra json.RawMessage
}

// SubscriptionState is a subscription as the gateway has it. What a gateway
// does not tell is zero.
type SubscriptionState struct {
	// ID is the gateway's, Ref is ours.
	ID, Ref string
	// Active: it will be charged again.
	Active bool
	// Charges counts the intervals for which a charge was tried.
	Charges int
	// NextAt is when the next charge is due.
	NextAt time.Time
	// TransactionIDs are those of the charges, as far as told.
	TransactionIDs []string
}

// SubscriptionNotice is what a notification says of a subscription.
type SubscriptionNotice struct {
	// ID is the gateway's, Ref is ours.
	ID, Ref string
	// TransactionID is that of a charge; empty if none was made.
	TransactionID string
	// Interval is the number of the interval that was to be charged, or zero.
	Interval int
	// Failure says why no charge was made; empty if one was, or if the notice is
	// not about a charge.
	Failure string
}

// Subscriber charges a payer again and again by itself.
type Subscriber interface {
	// CreateSubscription is asked again with the same Ref soon after an
	// unknown outcome. Errors are as those of Gateway.Checkout.
	CreateSubscription(ctx context.Context, r SubscriptionRequest) (SubscriptionState, error)
	// Subscription returns ErrNotFound (wrapped) if there is none.
	Subscription(ctx context.Context, id string) (SubscriptionState, error)
	// UpdateSubscription changes what is charged: PaymentToken and Amount;
	// the others are as they were.
	UpdateSubscription(ctx context.Context, id string, r SubscriptionRequest) error
	// PauseSubscription stops the charges, ResumeSubscription has them go on,
	// CancelSubscription ends them for good, with the retries of a charge that
	// failed. ErrNotFound (wrapped) if there is none.
	PauseSubscription(ctx context.Context, id string) error
	ResumeSubscription(ctx context.Context, id string) error
	CancelSubscription(ctx context.Context, id string) error
}

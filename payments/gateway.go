package payments

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Gateway is one merchant account at a payment service provider. These three
// methods are all it must do; whatever else it can is one of the small
// interfaces below, found through [As].
//
// Implementations must be safe for concurrent use and honour ctx. Run
// gatewaytest.Run against yours.
type Gateway interface {
	// Name is the account's name: part of its notification route, stored
	// with payments, and never to be changed without a migration. Lower-case
	// letters, digits and dashes.
	Name() string
	// Checkout opens a checkout for the payer. Asked again with the same
	// Ref, it opens the same one, or another for the same order; it never
	// makes a second order.
	//
	// A final refusal is a *GatewayError with Retry unset. An outcome that
	// is not known (timeout, lost connection, 5xx) must wrap
	// ErrOutcomeUnknown. A Ref that has been paid or is being paid wraps
	// ErrWrongState. Bad input is an *InvalidError.
	Checkout(ctx context.Context, r CheckoutRequest) (CheckoutResult, error)
	// ReadNotification verifies a notification and reads it. It does no I/O
	// and keeps no state. ErrForged for a missing or wrong signature,
	// ErrMalformed for a body that cannot be read; Ref and Raw may be set
	// beside the error, for the trace that is kept.
	ReadNotification(raw RawNotification) (Notification, error)
}

// CheckoutRequest asks for a checkout.
type CheckoutRequest struct {
	Order Order
	// Ref is our reference: letters, digits and dashes, at most 40 bytes.
	Ref string
	// Method limits the choice to one way to pay; empty leaves it open.
	Method Method
	// ReturnURL is where the payer is to be sent afterwards.
	ReturnURL string
	// NotificationURL is where notifications are to be sent, for gateways
	// that can be told per order.
	NotificationURL string
	ExpiresAt       time.Time
	// Extra holds options of the gateway's own, as JSON.
	Extra json.RawMessage
}

// CheckoutResult is what the payer pays by.
type CheckoutResult struct {
	// RedirectURL is the gateway's page, Token what its script takes.
	RedirectURL string
	Token       string
	// Observation tells about the transaction if there is one already.
	Observation Observation
}

// RawNotification is a notification as received.
type RawNotification struct {
	Header http.Header
	Body   []byte
	// Verified: the signature was checked when the message was first
	// received, and secrets were removed since. Only the core sets it, to
	// replay a kept message.
	Verified bool
}

// Proof is what a notification's signature covers.
type Proof int

const (
	// ProofPartial: the signature leaves out what matters, so before
	// anything of weight changes the gateway is asked ([StatusReader]).
	ProofPartial Proof = iota
	// ProofWhole: the whole body is signed, or the host trusts it.
	ProofWhole
)

// Notification is a verified notification. Its Observation.Raw is the body
// without secrets, fit to be kept; it must still be readable by
// ReadNotification with Verified set.
type Notification struct {
	Observation
	Proof Proof
	// Test: the gateway's test message for an order that does not exist.
	Test bool
}

// AttemptRef names an attempt, or a session if TransactionID is empty.
type AttemptRef struct {
	PaymentID     ID
	Ref           string
	TransactionID string
	// Token is the session's.
	Token  string
	Method Method
	Amount Money
}

// StatusReader asks for the truth about an attempt. Gateways whose
// notifications are ProofPartial need it.
type StatusReader interface {
	// Status returns ErrNotFound (wrapped) if the gateway knows of no
	// transaction. Everything else that fails is a *GatewayError.
	Status(ctx context.Context, a AttemptRef) (Observation, error)
}

// Canceler cancels an attempt that is not settled, or a session without one.
type Canceler interface {
	// Cancel returns ErrWrongState (wrapped) if it is too late, ErrNotFound
	// if there is nothing.
	Cancel(ctx context.Context, a AttemptRef) error
}

// Expirer ends an attempt that is still waiting for its payer.
type Expirer interface {
	// Expire returns errors as Canceler.Cancel does.
	Expire(ctx context.Context, a AttemptRef) error
}

// RefundRequest asks a gateway to send money back.
type RefundRequest struct {
	Key    string
	Amount Money
	Reason string
}

// Refunder sends money back.
type Refunder interface {
	// Refund is asked again with the same key after an unknown outcome, and
	// must not refund twice. nil: accepted. ErrOutcomeUnknown (wrapped):
	// nobody knows. A *GatewayError with Retry: not now. Any other
	// *GatewayError: refused, finally. An *InvalidError: nothing was sent.
	Refund(ctx context.Context, a AttemptRef, r RefundRequest) error
}

// As finds an ability of g, looking through wrappers that have a method
// Unwrap() Gateway. It is to gateways what errors.As is to errors.
func As[T any](g Gateway) (T, bool) {
	for g != nil {
		if t, ok := g.(T); ok {
			return t, true
		}
		w, ok := g.(interface{ Unwrap() Gateway })
		if !ok {
			break
		}
		g = w.Unwrap()
	}
	var none T
	return none, false
}

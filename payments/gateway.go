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
// gatewaytest.Run against yours; docs/writing-a-gateway.md is the way there.
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
	// ErrWrongState, and so does one that was used for another amount or
	// method: [StatusReader] is asked then. One that has ended unpaid is no
	// error if the Observation tells so. Bad input is an *InvalidError, also an
	// amount beyond the limits of MethodInfo: with one gateway nobody has
	// compared them before. Without a Method, see [MethodChooser].
	Checkout(ctx context.Context, r CheckoutRequest) (CheckoutResult, error)
	// ReadNotification verifies a notification and reads it. It does no I/O
	// and keeps no state. ErrForged for a missing or wrong signature,
	// ErrMalformed for a body that cannot be read; Ref and Raw may be set
	// beside the error, for the trace that is kept. Over HTTP a body has at
	// most 64 KiB.
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
	// PaymentToken stands for the payer's card or wallet. It is given once: a
	// request that is made again after a lost answer has none.
	PaymentToken string
	// Repeat: the same Ref was asked for before, maybe with a PaymentToken, and
	// maybe with success: also if ExpiresAt has passed meanwhile.
	Repeat bool
	// At is when it is asked, by Config.Clock; zero: now.
	At time.Time
	// Extra holds options of the gateway's own, as JSON.
	Extra json.RawMessage
}

// CheckoutResult is what the payer pays by.
type CheckoutResult struct {
	// RedirectURL is the gateway's page, Token what its script takes. Both are
	// empty where the Instructions of the Observation are all there is.
	RedirectURL string
	Token       string
	// Observation tells about the transaction if there is one already; its
	// Instructions say how to pay it. The zero value, if the payer has still to
	// choose.
	Observation Observation
}

// RawNotification is a notification as received.
type RawNotification struct {
	Header http.Header
	Body   []byte
	// Verified: the signature was checked when the message was first
	// received, and secrets were removed since. Only the core sets it, to
	// replay a kept message: Body is then the Observation.Raw of that time, and
	// Header is nil.
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
// ReadNotification with Verified set, without its headers, and tell the same.
type Notification struct {
	Observation
	Proof Proof
	// Test: the gateway's test message for an order that does not exist.
	Test bool
	// Links are references of links (LinkRequest.Ref) that the payment may have
	// come by, judged by what is signed; the likeliest first.
	Links []string
	// Notice, if not nil, is what the gateway does about a message beside what
	// it tells of a payment, such as that a wallet was linked. It may call the
	// gateway and the host. An error has the message sent again, so it is done
	// at least once. A message without a Ref is only a notice.
	Notice func(ctx context.Context) error
	// Subscription, if not nil, is what the message says of a subscription. None
	// of it is believed: the gateway is asked ([Subscriber], [StatusReader]).
	Subscription *SubscriptionNotice
}

// AttemptRef names an attempt, or a session if TransactionID is empty. Status
// then tells of the newest attempt in it, and Cancel ends the session itself:
// ErrWrongState if somebody has begun to pay by it. Where a checkout makes the one
// transaction at once, that one is meant.
type AttemptRef struct {
	PaymentID     ID
	Ref           string
	TransactionID string
	// Token is the session's.
	Token string
	// Method may be empty. Amount is the order's; for a session it may be zero.
	Method Method
	Amount Money
}

// StatusReader asks for the truth about an attempt. Gateways whose
// notifications are ProofPartial need it.
type StatusReader interface {
	// Status returns ErrNotFound (wrapped) if the gateway knows of no
	// transaction: only if the gateway says so in its own words, as a proxy
	// answers 404, too, and attempts are forgotten on this. Everything else that
	// fails is a *GatewayError. The facts are those that ReadNotification tells
	// of the same state.
	Status(ctx context.Context, a AttemptRef) (Observation, error)
}

// Canceler cancels an attempt that is not settled, or a session without one.
type Canceler interface {
	// Cancel returns ErrWrongState (wrapped) if it is too late, ErrNotFound
	// if there is nothing, ErrUnsupported if the attempt's method has no such
	// thing; nil for what is canceled already. Everything else that fails is a
	// *GatewayError, and wraps ErrOutcomeUnknown if nobody knows.
	Cancel(ctx context.Context, a AttemptRef) error
}

// Expirer ends an attempt that is still waiting for its payer.
type Expirer interface {
	// Expire returns errors as Canceler.Cancel does.
	Expire(ctx context.Context, a AttemptRef) error
}

// RefundRequest asks a gateway to send money back.
type RefundRequest struct {
	// Key is the host's: letters, digits, "-" and "_", at most 64. It is unique
	// within the payment, not at the gateway.
	Key string
	// Amount is what is to go back: the core puts a figure to "all of it".
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

// Capturer takes money that a card's bank has set aside.
type Capturer interface {
	// Capture takes the amount, at most what was authorized. Errors are as
	// those of Canceler.Cancel; ErrOutcomeUnknown (wrapped): nobody knows.
	Capture(ctx context.Context, a AttemptRef, amount Money) error
}

// Reviewer decides about what is held for suspicion of fraud.
type Reviewer interface {
	// Approve and Deny return errors as Canceler.Cancel does.
	Approve(ctx context.Context, a AttemptRef) error
	Deny(ctx context.Context, a AttemptRef) error
}

// LinkRequest asks for a payment link: a page by which any number of people
// may pay, each by a payment of its own.
type LinkRequest struct {
	// Ref is our reference: lower-case letters, digits and dashes, at most 36
	// bytes. It is never used for anything but this link. The gateway makes
	// the references of the link's payments of it.
	Ref string
	// Title is shown above the bill, if the gateway shows one.
	Title string
	// Amount is what each payer pays.
	Amount Money
	// Min and Max, if Max is not zero, let the payer choose an amount from
	// Min to Max. Amount is then the one that the page suggests; zero for none.
	Min, Max Money
	// UsageLimit is how often the link may be paid. At least 1.
	UsageLimit int
	// Plan or Lines are the bill of a fixed Amount, if there is one.
	Plan  *Plan
	Lines []Line
	// ExpiresAt is when the page closes, counted from CreatedAt; zero: not by
	// itself.
	CreatedAt, ExpiresAt time.Time
	// ReturnURL is where payers are sent afterwards.
	ReturnURL string
	// Extra holds options of the gateway's own, as JSON.
	Extra json.RawMessage
}

// LinkPage is a link as the gateway has it. What a gateway does not tell is
// zero.
type LinkPage struct {
	URL string
	// Amount is what the gateway states as the link's; of one whose payers
	// choose, nothing may hang on it.
	Amount Money
	// Usage is how many uses are taken, also by payers who have begun and not
	// paid yet.
	UsageLimit, Usage int
	ExpiresAt         time.Time
}

// Linker makes payment links.
type Linker interface {
	// CreateLink returns the URL of a new link. Asked again for the same
	// request, it returns the URL of the same link. Errors are as those of
	// Gateway.Checkout; ErrWrongState (wrapped) if Ref has been used for
	// another link.
	CreateLink(ctx context.Context, r LinkRequest) (url string, err error)
	// Link returns ErrNotFound (wrapped) if there is none, or if the gateway
	// cannot tell.
	Link(ctx context.Context, ref string) (LinkPage, error)
	// DeleteLink closes a link for good. What has been paid stays paid, and
	// who has begun may still pay. ErrNotFound (wrapped) if there is none.
	DeleteLink(ctx context.Context, ref string) error
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

package payments

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Sentinels to branch on with errors.Is. Each says who returns it and when.
var (
	// ErrNotFound: no such payment, plan, item, message or delivery; from a
	// gateway, no such transaction. Also for what belongs to somebody else.
	ErrNotFound = errors.New("payments: not found")
	// ErrUnauthenticated is returned by Config.Identify for a stranger.
	ErrUnauthenticated = errors.New("payments: not signed in")
	// ErrKeyReused: the idempotency or refund key was used for something else.
	ErrKeyReused = errors.New("payments: key was used before for a different request")
	// ErrInProgress: the same request is still running. Try again shortly.
	ErrInProgress = errors.New("payments: the same request is still in progress")
	// ErrUnsupported: the gateway has no such ability, or declines it for
	// this method.
	ErrUnsupported = errors.New("payments: not supported by the gateway")
	// ErrWrongState: the payment is not in a state that allows it.
	ErrWrongState = errors.New("payments: not possible in this state")
	// ErrRefTaken must be returned by Store.Update when a reference in
	// Change.Refs belongs to another payment.
	ErrRefTaken = errors.New("payments: reference belongs to another payment")
	// ErrLeaseLost: a delivery was leased again by somebody else meanwhile.
	ErrLeaseLost = errors.New("payments: lease lost")
	// ErrFinished is returned by a hook wrapper that has marked the delivery
	// done itself, in the hook's own transaction.
	ErrFinished = errors.New("payments: delivery already finished")
	// ErrForged must be returned by Gateway.ReadNotification when the
	// signature is missing or wrong.
	ErrForged = errors.New("payments: signature does not match")
	// ErrMalformed must be returned by Gateway.ReadNotification for a body
	// that cannot be what the gateway sends.
	ErrMalformed = errors.New("payments: malformed notification")
	// ErrOutcomeUnknown: a call may or may not have taken effect. It is
	// never a failure: the reconciler, or the same call again, finds out.
	ErrOutcomeUnknown = errors.New("payments: outcome unknown")
	// ErrTooNew: written by a later version of this module.
	ErrTooNew = errors.New("payments: written by a newer version")
)

// FieldError is one field that was refused, named as in the JSON.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// InvalidError is a request with fields that cannot be accepted. Nothing was
// stored or sent.
type InvalidError struct {
	Fields []FieldError
}

// Invalid returns an InvalidError of one field.
func Invalid(field, format string, args ...any) *InvalidError {
	return &InvalidError{Fields: []FieldError{{Field: field, Message: fmt.Sprintf(format, args...)}}}
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + ": " + f.Message
	}
	return "payments: invalid request: " + strings.Join(parts, "; ")
}

// GatewayError is a gateway's answer that is not a success, or the failure
// to get one. It wraps ErrNotFound, ErrWrongState, ErrUnsupported or
// ErrOutcomeUnknown where one applies. Its text never holds a secret.
type GatewayError struct {
	Gateway string
	Op      string
	// Code is the gateway's own code, Message its own words.
	Code, Message string
	HTTPStatus    int
	// Retry: the same call may succeed later.
	Retry bool
	// RetryAfter is how long the gateway asked to wait, if it did.
	RetryAfter time.Duration
	Err        error
}

func (e *GatewayError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "payments: %s: %s", e.Gateway, e.Op)
	if e.Code != "" {
		fmt.Fprintf(&b, ": code %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *GatewayError) Unwrap() error { return e.Err }

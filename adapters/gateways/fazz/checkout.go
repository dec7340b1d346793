package fazz

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Checkout makes a payment by r.Method, which is required: one of
// [Gateway.Methods], or an alias of it. Extra is the JSON of an [Extra]. An
// e-wallet needs a ReturnURL, and gives the RedirectURL that the payer is sent
// to; the others give the Instructions in the Observation.
//
// Asked again with the same Ref it finds the same payment: at Fazz the
// reference is the idempotency key. If that one has been paid, is for another
// amount or by another method, the error wraps payments.ErrWrongState: what
// Fazz does with a key that is used for something else is not published, so
// what comes back is always compared with what was asked for. One that has
// ended unpaid is told as such, by its facts.
//
// The order's reference, metadata and NotificationURL are not sent: callbacks
// go to the URL that the dashboard has.
func (g *Gateway) Checkout(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	var none payments.CheckoutResult
	if err := g.usable("checkout"); err != nil {
		return none, err
	}
	ch, known := channelBy(r.Method)
	switch {
	case r.Method == "":
		return none, payments.Invalid("method", "is required: one of those that GET /methods lists")
	case !known:
		return none, payments.Invalid("method", "%q is not one of Fazz's", gatewaykit.Shorten(string(r.Method), 64))
	}
	// Before anything can be refused for good: what was asked for in time may
	// have come about, though its time is up by now.
	if r.Repeat && validRef.MatchString(r.Ref) {
		found, err := g.find(ctx, "checkout", payments.AttemptRef{Ref: r.Ref, Method: ch.method})
		if err == nil {
			return g.opened(found, r, ch)
		}
		if !errors.Is(err, payments.ErrNotFound) {
			return none, g.stillUnknown(err)
		}
	}
	body, err := g.attributesOf(r, ch)
	if err != nil {
		return none, err
	}
	call, got, err := g.client.post(ctx, "checkout", "/payments", body)
	if err != nil {
		return none, err
	}
	if !got.isOK() {
		refusal := g.client.refusal(call, got)
		switch {
		case errors.Is(refusal, payments.ErrNotFound): // what is not found is no payment
			refusal.Err = nil
		case got.Status == http.StatusConflict && !refusal.Retry: // assumed: the reference is used
			refusal.Err = payments.ErrWrongState
		}
		return none, refusal
	}
	opened, err := g.client.readAnswer(got, ch.method)
	if err == nil && opened.Ref != r.Ref {
		err = errReference
	}
	if err != nil {
		return none, g.client.unreadable(call, got, err)
	}
	return g.opened(opened, r, ch)
}

var (
	errOther = fmt.Errorf("%w: the reference was used for another amount or method", payments.ErrWrongState)
	errPaid  = fmt.Errorf("%w: the reference has been paid", payments.ErrWrongState)
)

// opened is the result of a payment that answers r, or the error that it does
// not.
func (g *Gateway) opened(p reading, r payments.CheckoutRequest, ch channel) (payments.CheckoutResult, error) {
	switch {
	case p.Amount != r.Order.Amount, p.Method != ch.method:
		return payments.CheckoutResult{}, g.fault("checkout", errOther)
	case p.is(wordPaid, wordCompleted):
		return payments.CheckoutResult{}, g.fault("checkout", errPaid)
	}
	result := payments.CheckoutResult{Observation: p.Observation}
	if p.Instructions != nil {
		result.RedirectURL = p.Instructions.RedirectURL
	}
	return result, nil
}

// stillUnknown: a look-up that failed says nothing about the checkout whose
// answer was lost. Even a final no to the look-up is none to that.
func (g *Gateway) stillUnknown(err error) error {
	e := &payments.GatewayError{Gateway: g.config.Name, Op: "checkout"}
	if answered := (*payments.GatewayError)(nil); errors.As(err, &answered) {
		clone := *answered
		e = &clone
	}
	e.Retry = true
	if e.Err == nil || errors.Is(e.Err, payments.ErrUnsupported) {
		e.Err = payments.ErrOutcomeUnknown
	} else {
		e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
	}
	return e
}

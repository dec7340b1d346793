package toygateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Extra is what CheckoutRequest.Extra may hold.
type Extra struct {
	// Note is shown to the payer, in his bank's app. Default: what is bought.
	Note string `json:"note"`
}

var validRef = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

// Checkout implements payments.Gateway. It makes a charge by r.Method, which is
// required.
//
// At Kopipay the reference is the idempotency key, and one that is known is
// answered with its charge before anything else is looked at. So a repeat needs
// no look-up first, not even when the order's time is up by now.
func (g *Gateway) Checkout(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	var none payments.CheckoutResult
	ch, known := channelBy(r.Method)
	extra, err := gatewaykit.ReadExtra[Extra](r.Extra, "Kopipay")
	if err != nil {
		return none, err
	}
	var check gatewaykit.Checker
	if !validRef.MatchString(r.Ref) {
		check.Add("ref", "must be 1 to %d letters, digits and dashes", maxRef)
	}
	if !known {
		check.Add("method", "must be one of those that GET /methods lists")
	}
	amount, whole := sen(r.Order.Amount)
	switch {
	case !whole:
		check.Add("amount", "must be at least one rupiah")
	case known && (r.Order.Amount.Amount < ch.Min.Amount || r.Order.Amount.Amount > ch.Max.Amount):
		check.Add("amount", "must be %s to %s", ch.Min, ch.Max)
	}
	check.Most("extra.note", extra.Note, 60)
	if err := check.Err(); err != nil {
		return none, err
	}
	if extra.Note == "" {
		extra.Note = gatewaykit.Shorten(gatewaykit.Title(r.Order), 60)
	}
	body := map[string]any{"reference": r.Ref, "amount_sen": amount, "channel": ch.word, "note": extra.Note}
	if r.NotificationURL != "" {
		body["callback_url"] = r.NotificationURL
	}
	if !r.ExpiresAt.IsZero() {
		body["ends_at"] = r.ExpiresAt.Unix()
	}
	charge, o, err := g.do(ctx, "checkout", http.MethodPost, "", body)
	switch {
	case err != nil:
		return none, err
	case o.Ref != r.Ref:
		return none, g.unreadable("checkout", http.MethodPost, errors.New("the answer is about another reference"))
	case o.Amount != r.Order.Amount || o.Method != ch.Method:
		return none, g.fault("checkout", fmt.Errorf("%w: the reference was used for another amount or method", payments.ErrWrongState))
	}
	switch charge.Text("state") {
	case checking, received, returned, takenBack, disputed:
		return none, g.fault("checkout", fmt.Errorf("%w: the reference has been paid, or is being paid", payments.ErrWrongState))
	}
	return payments.CheckoutResult{Token: charge.Text("view_token"), Observation: o}, nil
}

// Status implements payments.StatusReader.
func (g *Gateway) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	if !validRef.MatchString(a.Ref) {
		return payments.Observation{}, g.fault("status", payments.ErrNotFound)
	}
	_, o, err := g.do(ctx, "status", http.MethodGet, "/"+a.Ref, nil)
	switch {
	case err != nil:
		return payments.Observation{}, err
	case o.Ref != a.Ref:
		return payments.Observation{}, g.unreadable("status", http.MethodGet, errors.New("the answer is about another reference"))
	case a.TransactionID != "" && o.TransactionID != a.TransactionID:
		return payments.Observation{}, g.fault("status", payments.ErrNotFound) // the reference has a charge, but not this one
	}
	return o, nil
}

// Cancel implements payments.Canceler.
func (g *Gateway) Cancel(ctx context.Context, a payments.AttemptRef) error {
	return g.act(ctx, "cancel", a, "withdraw", struct{}{})
}

// Expire implements payments.Expirer.
func (g *Gateway) Expire(ctx context.Context, a payments.AttemptRef) error {
	return g.act(ctx, "expire", a, "lapse", struct{}{})
}

// Refund implements payments.Refunder. Kopipay keeps a return's key for ever,
// and answers a repeat of it with the return that there is.
func (g *Gateway) Refund(ctx context.Context, a payments.AttemptRef, r payments.RefundRequest) error {
	if ch, known := channelBy(a.Method); known && !ch.Can.Refund {
		return g.fault("refund", payments.ErrUnsupported)
	}
	var check gatewaykit.Checker
	amount, whole := sen(r.Amount)
	if !whole {
		check.Add("amount", "must be at least one rupiah")
	}
	check.Between("key", r.Key, 1, maxID)
	if err := check.Err(); err != nil {
		return err
	}
	return g.act(ctx, "refund", a, "returns", map[string]any{"key": r.Key, "amount_sen": amount, "why": gatewaykit.Shorten(r.Reason, 100)})
}

// act has something done to a charge. What goes into the path has been matched
// before, here as in Status.
func (g *Gateway) act(ctx context.Context, op string, a payments.AttemptRef, path string, body any) error {
	if !validRef.MatchString(a.Ref) {
		return g.fault(op, payments.ErrNotFound)
	}
	_, _, err := g.do(ctx, op, http.MethodPost, "/"+a.Ref+"/"+path, body)
	return err
}

// do makes a call whose answer is a charge.
func (g *Gateway) do(ctx context.Context, op, method, path string, body any) (gatewaykit.Object, payments.Observation, error) {
	var none payments.Observation
	call := gatewaykit.Call{Op: op, Method: method, URL: g.base + "/v1/charges" + path, Body: body}
	answer, err := g.client.Do(ctx, call)
	if err != nil {
		return nil, none, err
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusCreated {
		return nil, none, g.refusal(call, answer)
	}
	o, err := g.observe(answer.Fields)
	if err != nil {
		return nil, none, g.unreadable(op, method, err)
	}
	return answer.Fields, o, nil
}

// refusal is the error of an answer that is none of success. Three ends are
// told apart: Kopipay said no, not now, or nobody knows.
func (g *Gateway) refusal(call gatewaykit.Call, a gatewaykit.Answer) error {
	problem := a.Fields.Text("problem")
	e := &payments.GatewayError{
		Gateway: g.name, Op: call.Op, HTTPStatus: a.Status, RetryAfter: min(a.RetryAfter, time.Hour),
		Code:    gatewaykit.Shorten(g.client.Hide(call, problem), gatewaykit.MaxCode),
		Message: gatewaykit.Shorten(g.client.Hide(call, a.Fields.Text("detail")), gatewaykit.MaxMessage),
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Retry = true
	case a.Status >= 500 || problem == "": // without a problem it is not Kopipay that speaks, but a proxy on the way
		e.Retry = true
		if !call.ReadsOnly() {
			e.Err = payments.ErrOutcomeUnknown
		}
	case a.Status == http.StatusNotFound && problem == "no_such_charge":
		e.Err = payments.ErrNotFound
	case problem == "wrong_state":
		e.Err = payments.ErrWrongState
	}
	return e
}

// fault is an error that Kopipay was not asked for, or did not call one.
func (g *Gateway) fault(op string, err error) error {
	return &payments.GatewayError{Gateway: g.name, Op: op, Err: err}
}

// unreadable is the error of a success that cannot be read: something happened,
// and nobody knows what.
func (g *Gateway) unreadable(op, method string, err error) error {
	e := &payments.GatewayError{Gateway: g.name, Op: op, Retry: true, Err: fmt.Errorf("cannot read the answer: %w", err)}
	if method != http.MethodGet {
		e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
	}
	return e
}

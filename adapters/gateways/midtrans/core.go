package midtrans

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Status asks for a transaction by its id, or for the latest one of a.Ref if
// a.TransactionID is empty. ErrNotFound (wrapped) if there is none, which for
// a Snap order means that the payer has not chosen how to pay yet.
//
// The observation's Ref is the order id as answered. For DANA and some
// virtual accounts Midtrans puts the transaction id there, so nothing may be
// routed by it.
func (g *Gateway) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	call, err := g.coreCall("status", http.MethodGet, a)
	if err != nil {
		return payments.Observation{}, err
	}
	got, err := g.client.do(ctx, call)
	if err != nil {
		return payments.Observation{}, err
	}
	// 201 is pending, 202 denied and 407 expired: all of them found.
	found := got.code() == "" || strings.HasPrefix(got.code(), "2") || got.code() == "407"
	if !got.isOK() || got.Fields == nil || !found {
		return payments.Observation{}, g.client.refusal(call, got)
	}
	o, err := g.readStatus(got.Fields)
	if err != nil {
		return payments.Observation{}, &payments.GatewayError{
			Gateway: g.config.Name, Op: call.Op, HTTPStatus: got.Status, Retry: true, Err: fmt.Errorf("read the answer: %w", err),
		}
	}
	return o, nil
}

func (g *Gateway) readStatus(fields object) (payments.Observation, error) {
	switch {
	case !gatewaykit.IsID(fields.Text("transaction_id"), maxTransactionID):
		return payments.Observation{}, errTransactionID
	case fields.Text("transaction_status") == "":
		return payments.Observation{}, errNoStatus
	}
	o, err := observe(fields, true)
	if err != nil {
		return payments.Observation{}, err
	}
	o.Instructions = instructionsOf(fields, o)
	o.Raw, err = g.client.clean(fields)
	return o, err
}

// Cancel cancels a transaction that is not settled: by its id, else by
// a.Ref. If only the session is known (a Token and no TransactionID), it
// cancels that, so that nobody can begin to pay; ErrWrongState (wrapped) if
// somebody has begun.
func (g *Gateway) Cancel(ctx context.Context, a payments.AttemptRef) error {
	if a.TransactionID == "" && a.Token != "" {
		if err := g.usable("cancel"); err != nil {
			return err
		}
		return g.cancelSession(ctx, a.Token)
	}
	return g.plainChange(ctx, "cancel", a)
}

// Expire ends a transaction that waits for its payer. ErrUnsupported for a
// method that cannot be expired, such as DANA.
func (g *Gateway) Expire(ctx context.Context, a payments.AttemptRef) error {
	if ch, known := channelBy(a.Method); known && !ch.can.Expire {
		return &payments.GatewayError{Gateway: g.config.Name, Op: "expire", Err: payments.ErrUnsupported}
	}
	call, got, err := g.change(ctx, "expire", a, nil, "")
	if err != nil || got.done() || got.code() == "407" {
		return err
	}
	return g.client.refusal(call, got)
}

var validRefundKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

type refundBody struct {
	Key    string `json:"refund_key"`
	Amount int64  `json:"amount"`
	Reason string `json:"reason,omitempty"`
}

// Approve accepts a challenged card payment, Deny refuses it.
func (g *Gateway) Approve(ctx context.Context, a payments.AttemptRef) error {
	return g.plainChange(ctx, "approve", a)
}

// Deny is Approve's opposite.
func (g *Gateway) Deny(ctx context.Context, a payments.AttemptRef) error {
	return g.plainChange(ctx, "deny", a)
}

// plainChange is an action without a body.
func (g *Gateway) plainChange(ctx context.Context, op string, a payments.AttemptRef) error {
	call, got, err := g.change(ctx, op, a, nil, "")
	if err != nil || got.done() {
		return err
	}
	return g.client.refusal(call, got)
}

// Capture takes what a card's bank has set aside, or a part of it. The bank's
// no is a *payments.GatewayError; the authorization stands then.
func (g *Gateway) Capture(ctx context.Context, a payments.AttemptRef, amount payments.Money) error {
	if err := g.usable("capture"); err != nil {
		return err
	}
	if a.TransactionID == "" {
		return payments.Invalid("transaction_id", "is required to capture")
	}
	if amount.Currency != payments.Rupiah || amount.Amount < 1 {
		return payments.Invalid("amount", "must be at least one rupiah")
	}
	call := request{
		Op: "capture", Method: http.MethodPost, URL: g.config.CoreURL + "/v2/capture",
		Body: map[string]any{"transaction_id": a.TransactionID, "gross_amount": amount.Amount},
		Header: map[string]string{
			"Idempotency-Key": idempotencyKey("capture", a.TransactionID, strconv.FormatInt(amount.Amount, 10)),
		},
	}
	got, err := g.client.do(ctx, call)
	if err != nil || got.done() {
		return err
	}
	return g.client.refusal(call, got)
}

// Refund sends money of a settled transaction back. A key that has refunded
// already is a success. The reason is cut to 255 characters. ErrUnsupported
// for a method that knows no way back.
//
// Midtrans has one code for an amount that is too large and for a merchant's
// balance that is too small; only if its words speak of the balance may the
// refund be tried again.
func (g *Gateway) Refund(ctx context.Context, a payments.AttemptRef, r payments.RefundRequest) error {
	var c checker
	if !validRefundKey.MatchString(r.Key) {
		c.Add("key", "must be 1 to 255 letters, digits, dashes or underscores")
	}
	if r.Amount.Currency != payments.Rupiah || r.Amount.Amount < 1 {
		c.Add("amount", "must be at least one rupiah")
	}
	if err := c.Err(); err != nil {
		return err
	}
	if ch, known := channelBy(a.Method); known && !ch.can.Refund {
		return &payments.GatewayError{Gateway: g.config.Name, Op: "refund", Err: payments.ErrUnsupported}
	}
	body := refundBody{Key: r.Key, Amount: r.Amount.Amount, Reason: gatewaykit.Shorten(r.Reason, 255)}
	call, got, err := g.change(ctx, "refund", a, body, r.Key)
	if err != nil || got.done() {
		return err
	}
	if got.code() == "406" {
		return nil
	}
	refusal := g.client.refusal(call, got)
	if got.code() == "414" && got.says("balance", "saldo") {
		refusal.Retry = true
	}
	return refusal
}

// done reports whether the answer to a change is its success.
func (a answer) done() bool {
	return a.isOK() && (a.code() == "200" || a.code() == "201")
}

const methodDANA payments.Method = "dana"

// coreCall is a call about one transaction.
func (g *Gateway) coreCall(op, method string, a payments.AttemptRef) (request, error) {
	if err := g.usable(op); err != nil {
		return request{}, err
	}
	id := a.TransactionID
	if id == "" {
		id = a.Ref
	}
	if strings.Trim(id, ".") == "" { // a path of dots leads elsewhere
		return request{}, payments.Invalid("ref", "names no transaction")
	}
	call := request{Op: op, Method: method, URL: g.config.CoreURL + "/v2/" + url.PathEscape(id) + "/" + op}
	if a.Method == methodDANA {
		call.Header = map[string]string{"transaction-source": "SNAP_API"}
	}
	return call, nil
}

// change calls for op on a transaction. The error is that no call was
// possible, or no answer came.
//
// With an Idempotency-Key Midtrans answers a repeat within five minutes as it
// answered the first. What is named by an order id has none: a later
// transaction of the order would be taken for the first.
func (g *Gateway) change(ctx context.Context, op string, a payments.AttemptRef, body any, key string) (request, answer, error) {
	call, err := g.coreCall(op, http.MethodPost, a)
	if err != nil {
		return call, answer{}, err
	}
	call.Body = body
	if a.TransactionID != "" || key != "" {
		header := map[string]string{"Idempotency-Key": idempotencyKey(op, a.TransactionID, a.Ref, key)}
		maps.Copy(header, call.Header)
		call.Header = header
	}
	got, err := g.client.do(ctx, call)
	return call, got, err
}

// idempotencyKey names an operation in 32 characters; Midtrans ignores keys
// of more than 36. It takes them across all endpoints, so op is part of it.
func idempotencyKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

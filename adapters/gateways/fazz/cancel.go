package fazz

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// Cancel cancels a virtual account that waits for its payer, by a.TransactionID
// or else the newest of a.Ref. What is canceled already is canceled. Of
// anything else Fazz knows no cancellation: ErrUnsupported (wrapped).
// ErrWrongState (wrapped) if money has been seen or the payment has ended.
//
// Fazz's answer is not the payment, so its no may mean anything; the payment is
// asked for then, and what it says is the answer.
func (g *Gateway) Cancel(ctx context.Context, a payments.AttemptRef) error {
	const op = "cancel"
	if err := g.usable(op); err != nil {
		return err
	}
	ch, known := channelBy(a.Method)
	if known && !ch.can().Cancel {
		return g.fault(op, payments.ErrUnsupported)
	}
	if a.TransactionID == "" || !known {
		r, err := g.ask(ctx, op, a)
		switch {
		case err != nil:
			return err
		case r.is(wordCancelled):
			return nil
		case !r.isAccount():
			return g.fault(op, payments.ErrUnsupported)
		case !r.is(wordPending):
			return g.fault(op, payments.ErrWrongState)
		}
		a.TransactionID = r.TransactionID
	}
	if !isInPath(a.TransactionID) {
		return payments.Invalid("transaction_id", "names no payment of Fazz's")
	}
	call, got, err := g.client.post(ctx, op, "/payments/"+url.PathEscape(a.TransactionID)+"/tasks", task{Action: "cancel"})
	if err != nil || got.isOK() {
		return err
	}
	refusal := g.client.refusal(call, got)
	if refusal.Retry {
		return refusal
	}
	r, err := g.ask(ctx, op, a)
	switch {
	case errors.Is(err, payments.ErrNotFound):
		return err
	case err != nil, r.is(wordPending):
		return refusal
	case r.is(wordCancelled):
		return nil
	}
	refusal.Err = payments.ErrWrongState
	return refusal
}

// task is something to be done with a payment.
type task struct {
	Action string `json:"action"`
}

// isAccount reports whether the payment is by a virtual account.
func (r reading) isAccount() bool {
	return r.typ == typeAccount || strings.HasPrefix(string(r.Method), "bank_transfer/")
}

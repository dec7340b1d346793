package races

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// payNow pays at the gateway, and brings what that has to tell. It returns the
// gateway's refusal.
func (r *round) payNow(ctx context.Context, process int, id payments.ID, opts ...midtranstest.PayOption) error {
	step(ctx)
	if err := r.sim.Pay(string(id), opts...); err != nil {
		return err
	}
	for _, sent := range r.mail(id) {
		r.accepted(r.notify(ctx, process, sent))
	}
	return nil
}

// choose lets the payer choose a way to pay, every second time.
func (r *round) choose(id payments.ID) {
	r.t.Helper()
	if rand.IntN(2) == 0 {
		require.NoError(r.t, r.sim.Choose(string(id)))
	}
}

// sweep lets the process do what is due.
func (r *round) sweep(process int) func(context.Context) {
	return func(ctx context.Context) {
		if err := r.shop(process).pay.Drain(ctx); err != nil {
			r.wrong("drain: %v", err)
		}
	}
}

// sweeperAndLatePayment: the time is up here and at the gateway, and money
// comes all the same. It wins; what was settled is never told to be expired.
func sweeperAndLatePayment(r *round) string {
	p := r.openMug()
	r.choose(p.ID)
	r.clock.Advance(24*time.Hour + 3*time.Minute)
	r.race(
		r.sweep(0), r.sweep(1),
		func(ctx context.Context) {
			if err := r.payNow(ctx, 0, p.ID, midtranstest.Late()); err != nil {
				r.wrong("pay: %v", err)
			}
		},
	)
	r.quiet(p.ID)
	b := r.books(p.ID)
	r.require(b, payments.StatusSettled)
	if b.told[payments.EventExpired] == 0 {
		return "settled, never expired"
	}
	return "expired, then settled"
}

// sweeperAndPayer: the time is up here, and the gateway's page is still open.
// The sweeper closes it, or finds somebody paying.
func sweeperAndPayer(r *round) string {
	p := r.open(payments.CreateParams{
		Items: []payments.Pick{{ID: mug.ID, Quantity: 1}}, ExpiresIn: time.Hour,
		Extra: midtrans.SnapExtra{PageExpiry: &midtrans.PageExpiry{Unit: "day", Duration: 1}},
	})
	r.clock.Advance(time.Hour + 3*time.Minute)
	var paid error
	r.race(
		r.sweep(0), r.sweep(1),
		func(ctx context.Context) { paid = r.payNow(ctx, 0, p.ID) },
	)
	r.quiet(p.ID)
	b := r.books(p.ID)
	if paid != nil {
		r.require(b, payments.StatusExpired)
		return "expired, payer turned away"
	}
	r.require(b, payments.StatusSettled)
	if b.told[payments.EventExpired] > 0 {
		r.wrong("it was told to be expired, and the page was still open")
	}
	return "settled, never expired"
}

// cancelAndPayment: either nobody can pay any more, or it is too late to
// cancel.
func cancelAndPayment(r *round) string {
	p := r.openMug()
	r.choose(p.ID)
	var paid error
	var errs [2]error
	r.race(append(
		several(2, func(ctx context.Context, i int) { _, errs[i] = r.shop(i).pay.Cancel(ctx, p.ID, "out of stock") }),
		func(ctx context.Context) { paid = r.payNow(ctx, 1, p.ID) },
	)...)
	r.quiet(p.ID)
	b := r.books(p.ID)
	for _, err := range errs {
		if refused := errors.Is(err, payments.ErrWrongState); err != nil && !refused || refused != (paid == nil) {
			r.wrong("paid: %v, canceled: %v", paid, err)
		}
	}
	if paid == nil {
		r.require(b, payments.StatusSettled)
		return "paid, cancellation refused"
	}
	r.require(b, payments.StatusCanceled)
	return "canceled, payer turned away"
}

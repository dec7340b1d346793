package payments_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The main job, end to end: buy a plan, pay, be granted it once, renew it,
// get the money back.
func TestAPlanIsBoughtPaidGrantedAndRefunded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var settled []payments.Settled
	var refunded []payments.Refunded
	s.pay.OnSettled("fulfil", func(_ context.Context, e payments.Settled) error {
		settled = append(settled, e)
		return nil
	})
	s.pay.OnRefund("fulfil", func(_ context.Context, e payments.Refunded) error {
		refunded = append(refunded, e)
		return nil
	})

	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.status(p, payments.StatusPending)
	s.settle(p, "tx1")
	for range 3 {
		code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: 29_000})
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictDuplicate, verdict)
	}
	s.drain()

	require.Len(t, settled, 1)
	require.Equal(t, payments.IDR(29_000), settled[0].Amount)
	require.Equal(t, "ana", settled[0].Order.User.ID)
	require.Equal(t, start.AddDate(0, 1, 0), settled[0].Claim.End)
	require.Equal(t, payments.StatusSettled, settled[0].Now.Status)
	require.Equal(t, 1, s.fake.count("status"), "duplicates ask nobody")

	e, err := s.pay.Entitled(t.Context(), payments.EndUser{ID: "ana"}, "pro")
	require.NoError(t, err)
	require.True(t, e.OK)

	r, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1", Reason: "returned"})
	require.NoError(t, err)
	require.Equal(t, payments.RefundDone, r.State)
	s.drain()
	s.status(p, payments.StatusRefunded)
	require.Len(t, refunded, 1)
	require.True(t, refunded[0].Full)

	e, err = s.pay.Entitled(t.Context(), payments.EndUser{ID: "ana"}, "pro")
	require.NoError(t, err)
	require.False(t, e.OK)
	require.Equal(t, "revoked", e.Reason)
}

func TestNobodyPaysAndThePaymentExpires(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	expired := 0
	s.pay.OnExpired("stock", func(context.Context, payments.Expired) error { expired++; return nil })
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":2}]}`)
	require.Equal(t, payments.IDR(170_000), p.Amount)

	s.clock.Advance(23 * time.Hour)
	s.drain()
	s.status(p, payments.StatusPending)
	s.clock.Advance(2 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
	require.Equal(t, 1, expired)

	s.settle(p, "late") // late truth wins
	s.drain()
	s.status(p, payments.StatusSettled)
	require.Equal(t, 1, expired)
}

func TestAFreePlanIsGrantedAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	settled := 0
	s.pay.OnSettled("x", func(context.Context, payments.Settled) error { settled++; return nil })
	p := s.buy("ana", `{"plan_id":"free"}`)
	q := s.buy("ana", `{"plan_id":"free"}`)
	require.Equal(t, p.ID, q.ID)
	s.drain()
	s.status(p, payments.StatusSettled)
	require.Equal(t, 1, settled)
	require.Zero(t, s.fake.count("checkout"))
}

package payments_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// A crash is a write that never came about, or whose end nobody heard of, and
// nothing after it. Wherever it strikes, what others send again and what the
// timer does lead to the same end: paid once, told once, refunded once.
func TestACrashBetweenAnyTwoWritesIsHealed(t *testing.T) {
	t.Parallel()
	for after := range 12 {
		for _, committed := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, committed %t", after, committed), func(t *testing.T) {
				t.Parallel()
				crashes(t, after, committed)
			})
		}
	}
}

func crashes(t *testing.T, after int, committed bool) {
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	settled := map[payments.ID]int{}
	s.pay.OnSettled("fulfil", func(_ context.Context, e payments.Settled) error { settled[e.EventID]++; return nil })
	sent := s.fake.bank()

	// Whoever crashes is started again a little later.
	writes := 0
	crash := func() error {
		if writes++; writes == after+1 {
			return errors.New("the lights went out")
		}
		return nil
	}
	if committed {
		store.lost = crash
	} else {
		store.set(crash, nil)
	}
	again := func(what func() error) {
		t.Helper()
		for try := 0; ; try++ {
			err := what()
			if err == nil {
				return
			}
			require.Less(t, try, 5, "%v", err)
			s.clock.Advance(3 * time.Minute)
			_ = s.pay.Drain(t.Context()) // may be what crashes
		}
	}

	var p *payments.Payment
	again(func() error {
		out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Key: "k"})
		if err == nil {
			p = out.Payment
		}
		return err
	})
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	again(func() error {
		w := s.do("POST", "/notifications/fake", "", `{"Sign":"good","Ref":"`+string(p.ID)+`","Tx":"tx1","Word":"settlement","Amount":29000}`)
		if w.Code != 200 {
			return fmt.Errorf("answered %d: %s", w.Code, w.Body)
		}
		return nil
	})
	again(func() error { return s.pay.Drain(t.Context()) })
	s.status(p, payments.StatusSettled)
	again(func() error {
		_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1", Amount: payments.IDR(9_000)})
		return err
	})
	again(func() error { return s.pay.Drain(t.Context()) })
	s.clock.Advance(40 * day)
	again(func() error { return s.pay.Drain(t.Context()) })

	p = s.status(p, payments.StatusPartiallyRefunded)
	require.EqualValues(t, 9_000, sent())
	require.Equal(t, payments.IDR(9_000), p.Totals.Refunded)
	require.Len(t, p.Sessions, 1, "one order at the gateway")
	require.Len(t, settled, 1)
	kinds := s.kinds(p)
	for _, once := range []payments.EventKind{
		payments.EventSettled, payments.EventFundsAvailable, payments.EventClaimGranted, payments.EventRefunded,
		payments.EventRefundSucceeded, payments.EventClaimExpired,
	} {
		require.Equal(t, 1, s.told(p, once), once)
	}
	require.NotContains(t, kinds, payments.EventExpired)
	require.True(t, p.WakeAt.IsZero())
}

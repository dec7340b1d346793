package payments_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

// A look-up of one transaction that is not there is taken for the whole
// subscription's absence.
func TestRenewalsUnknownTransactionDoesNotEndTheSubscription(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30*day - time.Hour)
	c.fake.putSub(sub.ID, sub.Ref, true, 1, "not-to-be-found-yet")
	_ = c.pay.Drain(t.Context())
	c.clock.Advance(time.Hour)
	_ = c.pay.Drain(t.Context())
	c.clock.Advance(time.Hour)
	_ = c.pay.Drain(t.Context())
	require.Equal(t, payments.SubscriptionActive, c.sub(sub.Ref).State, "the gateway says that it is active")
	require.Len(t, c.payments(), 1, "no invoice beside an active subscription")
}

// One transaction of the list that cannot be believed hides all behind it.
func TestRenewalsOneBadTransactionHidesTheOthers(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30*day - time.Hour)
	good := c.charge(sub, 2, "settlement")
	c.fake.putSub(sub.ID, sub.Ref, true, 2, "denied-and-forgotten", good)
	c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: good})
	_ = c.pay.Drain(t.Context())
	c.clock.Advance(12 * time.Hour)
	_ = c.pay.Drain(t.Context())
	require.Contains(t, c.heard, "renewed to 1440h0m0s")
}

// The timer looks while Subscribe waits for the gateway.
func TestRenewalsTimerDuringSubscribe(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.at(27 * day)
	c.at(31 * day) // in the grace, with an unpaid invoice
	c.fake.subscribe = func(r payments.SubscriptionRequest) (payments.SubscriptionState, error) {
		c.drain()
		return c.fake.putSub("id-"+r.Ref, r.Ref, true, 0), nil
	}
	sub, err := c.pay.Subscribe(t.Context(), byCard())
	require.NoError(t, err)
	require.Equal(t, payments.SubscriptionActive, sub.State)
	open := 0
	c.at(31*day + time.Hour)
	for _, p := range c.payments() {
		if p.Status == payments.StatusCreated {
			open++
		}
	}
	require.Zero(t, open, "an invoice beside the subscription")
}

// The user stops while Subscribe waits for the gateway.
func TestRenewalsStopDuringSubscribe(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.fake.subscribe = func(r payments.SubscriptionRequest) (payments.SubscriptionState, error) {
		require.NoError(t, c.pay.StopRenewal(t.Context(), ana, "club"))
		return c.fake.putSub("id-"+r.Ref, r.Ref, true, 0), nil
	}
	sub, err := c.pay.Subscribe(t.Context(), byCard())
	t.Log("answer:", sub.State, err)
	c.at(29 * day)
	require.False(t, c.fake.subs[sub.ID].Active, "the gateway will charge a user who has stopped")
}

// Whoever pays by himself hides his subscription.
func TestRenewalsStopAfterPayingByHimself(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(10 * day)
	c.join()
	require.NoError(t, c.pay.StopRenewal(t.Context(), ana, "club"))
	require.False(t, c.fake.subs[sub.ID].Active, "stopped, and charged at day 30 all the same")
}

func TestRenewalsSubscribeTwiceAfterPayingByHimself(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.subscribe()
	c.at(10 * day)
	c.join()
	c.subscribe()
	active := 0
	for _, s := range c.fake.subs {
		if s.Active {
			active++
		}
	}
	require.Equal(t, 1, active, "two subscriptions charge for one plan")
}

// A refund of the period, or a gift behind it, leaves the subscription on, and
// nothing stops it.
func TestRenewalsStopAfterRefundOrGift(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*club, *payments.Payment){
		"refund": func(c *club, p *payments.Payment) {
			_, err := c.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r"})
			require.NoError(t, err)
			c.fake.set(string(p.ID), "tx-"+string(p.ID), "refund", 50_000)
			_, err = c.pay.Sync(t.Context(), p.ID)
			require.NoError(t, err)
		},
		"gift": func(c *club, _ *payments.Payment) {
			_, err := c.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "club", Key: "k"})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClub(t)
			p := c.join()
			sub := c.subscribe()
			c.at(day)
			then(c, p)
			err := c.pay.StopRenewal(t.Context(), ana, "club")
			require.False(t, c.fake.subs[sub.ID].Active, "still charges; StopRenewal said: %v", err)
		})
	}
}

// A failure is told again when it arrives late.
func TestRenewalsALateCopyOfAFailure(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30 * day)
	failed := payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, Interval: 1, Failure: "411"}
	c.fake.putSub(sub.ID, sub.Ref, true, 1)
	require.Equal(t, 200, c.recur(failed))
	require.Equal(t, []string{"failed 1: 411, final false"}, c.at(30*day+time.Minute))
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: c.charge(sub, 1, "settlement")}))
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day+2*time.Minute))
	require.Equal(t, 200, c.recur(failed))
	require.Empty(t, c.at(30*day+3*time.Minute))
}

// A stranger says that a charge has failed.
func TestRenewalsAStrangersFailure(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(day)
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, Failure: "call +62 800 SCAM"}))
	require.Empty(t, c.at(day+time.Minute))
}

// The answer to a pause is lost: the gateway has paused.
func TestRenewalsAPauseWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30*day - time.Hour)
	c.fake.turn = func(string, string) error {
		c.fake.putSub(sub.ID, sub.Ref, false, 0)
		c.at(30*day - time.Minute) // the timer looks before it is recorded
		return nil
	}
	require.NoError(t, c.pay.PauseSubscription(t.Context(), sub.Ref))
	c.fake.turn = nil
	require.Equal(t, payments.SubscriptionPaused, c.sub(sub.Ref).State)
	c.at(30*day + time.Hour)
	require.Equal(t, sub.Ref, c.renewal().Renewal.Subscription, "paused, and forgotten by its payment")
	require.Zero(t, c.openPayments(), "an invoice while paused; resumed, the gateway charges, too")
}

// Subscribe has withdrawn the invoice, and the timer makes another.
func TestRenewalsTimerWhileSubscribeWithdraws(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.at(27 * day)
	c.at(28 * day)
	once := true
	store := &faultyRecords{Store: c.store, fail: func() error { return nil }}
	hooked := &recordHook{faultyRecords: store, before: func() {
		if once {
			once = false
			c.drain()
		}
	}}
	other, err := payments.New(payments.Config{
		Store: hooked, Gateways: []payments.Gateway{c.fake}, Clock: c.clock, PublicURL: "https://shop.test/pay", Logger: slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
	})
	require.NoError(t, err)
	_, err = other.Subscribe(t.Context(), byCard())
	t.Log(err)
	c.at(28*day + time.Hour)
	require.False(t, c.renewal().Renewal.Subscription != "" && c.openPayments() > 0, "an invoice and a subscription for one period")
}

type recordHook struct {
	*faultyRecords
	before func()
}

func (s *recordHook) UpdateRecord(
	ctx context.Context, ref payments.RecordRef, fn func(*payments.Record) (*payments.Record, error),
) (*payments.Record, error) {
	s.before()
	return s.faultyRecords.UpdateRecord(ctx, ref, fn)
}

// A subscription that was given up, and is there, cannot be canceled.
func TestRenewalsCancelWhatWasLostAndIsThere(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.fake.subscribe = func(r payments.SubscriptionRequest) (payments.SubscriptionState, error) {
		require.NoError(t, c.pay.CancelSubscription(t.Context(), r.Ref))
		return c.fake.putSub("id-"+r.Ref, r.Ref, true, 0), nil
	}
	sub, err := c.pay.Subscribe(t.Context(), byCard())
	t.Log(sub.State, err)
	require.NoError(t, c.pay.CancelSubscription(t.Context(), sub.Ref))
	require.False(t, c.fake.subs["id-"+sub.Ref].Active, "canceled without an error, and charges")
}

// The same charge, told and found by many at once.
func TestRenewalsAChargeToldByManyAtOnce(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.clock.Advance(30*day - 10*time.Minute)
	tx := c.charge(sub, 1, "settlement")
	c.fake.putSub(sub.ID, sub.Ref, true, 1, tx)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: tx}) })
	}
	all.Go(func() { _ = c.pay.Drain(t.Context()) })
	all.Wait()
	require.Len(t, c.payments(), 2)
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day))
}

// StopRenewal failed at the gateway, and the user subscribes again.
func TestRenewalsSubscribeAfterAStopThatFailed(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.subscribe()
	c.fake.turn = func(string, string) error { return unreachable("500") }
	require.Error(t, c.pay.StopRenewal(t.Context(), ana, "club"))
	c.fake.turn = nil
	require.Equal(t, payments.SubscriptionActive, c.subscribe().State)
	require.False(t, c.renewal().Renewal.Stopped, "it charges, and counts as stopped: no grace, nobody asks")
}

// Paused for long, then resumed; the message of the charge is lost.
func TestRenewalsResumedAfterALongPause(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	require.NoError(t, c.pay.PauseSubscription(t.Context(), sub.Ref))
	for d := day; d < 80*day; d += day {
		c.at(d)
	}
	require.NoError(t, c.pay.ResumeSubscription(t.Context(), sub.Ref))
	c.fake.putSub(sub.ID, sub.Ref, true, 1, c.charge(sub, 1, "settlement"))
	for d := 80 * day; d < 90*day; d += day {
		c.at(d)
	}
	require.Len(t, c.payments(), 2, "charged, and nobody asks")
}

// The answer to a resume is lost; later the gateway gives up.
func TestRenewalsAResumeWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	require.NoError(t, c.pay.PauseSubscription(t.Context(), sub.Ref))
	c.fake.turn = func(_, id string) error {
		c.fake.putSub(id, sub.Ref, true, 0)
		return unreachable("500")
	}
	require.Error(t, c.pay.ResumeSubscription(t.Context(), sub.Ref))
	c.fake.turn = nil
	c.at(30*day - time.Minute)
	c.fake.putSub(sub.ID, sub.Ref, false, 1)
	heard := slices.Concat(c.at(30*day+7*time.Hour), c.at(30*day+14*time.Hour), c.at(31*day))
	require.Contains(t, heard, "due 0, 720h0m0s", "it counts as paused for ever")
}

// The gateway's calendar may be behind ours: while it charges, there is a grace
// of more than a day, whatever the plan says.
func TestRenewalsAChargeADayBehindTheEnd(t *testing.T) {
	t.Parallel()
	plan := payments.Plan{ID: "club", Price: payments.IDR(50_000), Period: payments.Period{Days: 30}, Renewal: &payments.Renewal{}}
	c := &club{}
	c.shop = newShop(t, with(func(cfg *payments.Config) { cfg.Plans = payments.Plans{plan} }))
	told := 0
	c.pay.OnClaimExpired("x", func(context.Context, payments.ClaimExpired) error { told++; return nil })
	c.join()
	sub := c.subscribe()
	c.at(30*day + 23*time.Hour)
	c.entitled(true, "grace")
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: c.charge(sub, 1, "settlement")}))
	c.at(31 * day)
	require.Zero(t, told)
	e, err := c.pay.Entitled(t.Context(), ana, "club")
	require.NoError(t, err)
	require.Equal(t, start.Add(60*day), e.Until)
}

// for by nobody.
func TestRenewalsALostChargeAfterPayingByHimself(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(10 * day)
	c.join()
	c.at(30*day - time.Hour)
	c.fake.putSub(sub.ID, sub.Ref, true, 1, c.charge(sub, 1, "settlement"))
	for d := 30 * day; d < 120*day; d += day {
		c.at(d)
	}
	var charged int
	for _, p := range c.payments() {
		if p.Renews != nil && p.Renews.Subscription == sub.Ref {
			charged++
		}
	}
	require.Equal(t, 1, charged, "money that settles nothing")
}

// A refund of the whole period: an invoice is not made any more, but the gateway
// goes on charging.
func TestRenewalsARefundedPeriodIsStillCharged(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.join()
	sub := c.subscribe()
	_, err := c.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r"})
	require.NoError(t, err)
	c.fake.set(string(p.ID), "tx-"+string(p.ID), "refund", 50_000)
	_, err = c.pay.Sync(t.Context(), p.ID)
	require.NoError(t, err)
	for d := day; d < 30*day; d += day {
		c.at(d)
	}
	require.False(t, c.fake.subs[sub.ID].Active, "what was refunded is not renewed; yet it will be charged on day 30")
}

// The gateway ends the subscription while another period is the last.
func TestRenewalsAnEndThatNobodySees(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(10 * day)
	c.join()
	c.fake.putSub(sub.ID, sub.Ref, false, 1)
	var heard []string
	for d := 30 * day; d < 62*day; d += 6 * time.Hour {
		heard = append(heard, c.at(d)...)
	}
	require.Contains(t, heard, "due 0, 1440h0m0s")
}

// The user has paid by himself beside a subscription, and asked for it again.
// What becomes of his own payment is no matter of the subscription.
func TestRenewalsBesideASubscription(t *testing.T) {
	t.Parallel()
	begin := func() (*club, *payments.Subscription, *payments.Payment) {
		c := newClub(t)
		c.join()
		sub := c.subscribe()
		c.at(10 * day)
		own := c.join()
		require.Equal(t, sub.Ref, c.subscribe().Ref)
		return c, sub, own
	}
	t.Run("it is refunded", func(t *testing.T) {
		c, sub, own := begin()
		c.fake.set(string(own.ID), "tx-"+string(own.ID), "refund", 50_000)
		_, err := c.pay.Refund(t.Context(), own.ID, payments.RefundParams{Key: "r"})
		require.NoError(t, err)
		c.at(11 * day)
		require.Equal(t, payments.StatusRefunded, c.get(own.ID).Status)
		require.True(t, c.fake.subs[sub.ID].Active)
	})
	t.Run("the gateway gives up", func(t *testing.T) {
		c, sub, _ := begin()
		c.fake.putSub(sub.ID, sub.Ref, false, 1)
		var heard []string
		for d := 11 * day; d < 61*day; d += 6 * time.Hour {
			heard = append(heard, c.at(d)...)
		}
		require.Contains(t, heard, "due 0, 1440h0m0s")
	})
}

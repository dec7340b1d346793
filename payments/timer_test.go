package payments_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// asks advances the clock step by step, drains, and returns when the gateway
// was asked for a status, counted from now.
func (s *shop) asks(step, until time.Duration) []time.Duration {
	s.t.Helper()
	var asked []time.Duration
	seen := s.fake.count("status")
	for at := step; at <= until; at += step {
		s.clock.Advance(step)
		s.drain()
		if n := s.fake.count("status"); n > seen {
			seen = n
			asked = append(asked, at)
		}
	}
	return asked
}

const day = 24 * time.Hour

func TestASilentPaymentIsAskedAboutOnSchedule(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		if begun {
			s.fake.set(string(p.ID), "tx1", "pending", 29_000)
			s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
		}
		require.Equal(t, []time.Duration(payments.DefaultSchedule[:6]), s.asks(time.Minute, 23*time.Hour))
		require.Equal(t, 6, s.fake.count("status"), "once each time")
	}
}

// Captured, and the bank has not settled: asked about until it has, for 45
// days at most.
func TestACaptureIsWatchedUntilItHasSettled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(p.ID), "tx1", "capture", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "capture", Amount: 85_000})
	s.status(p, payments.StatusSettled)
	asked := s.asks(time.Hour, 10*day)
	require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}, asked[:4])
	for i, at := range asked[4:] {
		require.Equal(t, day*time.Duration(i+1), at)
	}
	s.asks(6*time.Hour, 40*day)
	kept := 0
	for m, err := range s.pay.Messages(t.Context(), payments.MessageQuery{PaymentID: p.ID}) {
		require.NoError(t, err)
		if m.Op == "status" {
			kept++
		}
	}
	require.Equal(t, 1, kept, "the same answer again is no news")
	require.Empty(t, s.asks(day, 100*day), "in the end it is left to people")
	require.True(t, s.get(p.ID).WakeAt.IsZero())

	q := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(q.ID), "tx2", "capture", 85_000)
	s.notify(note{Ref: string(q.ID), Tx: "tx2", Word: "capture", Amount: 85_000})
	s.fake.set(string(q.ID), "tx2", "settlement", 85_000)
	s.clock.Advance(day)
	s.drain()
	require.Equal(t, 1, s.told(q, payments.EventFundsAvailable))
	require.True(t, s.get(q.ID).WakeAt.IsZero(), "now there is nothing to wait for")
}

func TestOneWhoHasPaidIsNotExpired(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} { // the payer had begun, as far as we know, or not
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		if told {
			s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
		}
		s.fake.set(string(p.ID), "tx1", "settlement", 29_000) // and the notification is lost
		s.clock.Advance(day + 3*time.Minute)
		s.drain()
		s.status(p, payments.StatusSettled)
		require.Zero(t, s.fake.count("expire")+s.fake.count("cancel"))
		require.Zero(t, s.told(p, payments.EventExpired))
		require.Equal(t, 1, s.told(p, payments.EventSettled))
	}
}

func TestWhatIsOverdueIsAskedAboutThenExpired(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.clock.Advance(day + time.Minute)
	s.drain()
	s.status(p, payments.StatusPending) // the gateway's own notice may be on its way
	require.Zero(t, s.fake.count("expire"))
	s.clock.Advance(time.Minute)
	s.drain()
	require.Equal(t, 1, s.fake.count("expire"))
	p = s.status(p, payments.StatusExpired)
	require.Equal(t, 1, s.told(p, payments.EventExpired))
	require.True(t, p.Sessions[0].Closed)
	require.True(t, p.WakeAt.IsZero())
	_, open := p.Session()
	require.False(t, open)
}

func TestAGatewayThatIsDownAtTheDeadlineIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"status", "expire", "cancel"} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		if op != "cancel" {
			s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
			s.fake.set(string(p.ID), "tx1", "pending", 29_000)
		}
		s.clock.Advance(day)
		s.drain()
		down := fmt.Errorf("fake: %w", payments.ErrOutcomeUnknown)
		switch op {
		case "status":
			s.fake.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, down }
		case "expire":
			s.fake.expire = func(payments.AttemptRef) error { return down }
		case "cancel":
			s.fake.cancel = func(payments.AttemptRef) error { return down }
		}
		for range 60 {
			s.clock.Advance(2 * time.Minute)
			if err := s.pay.Drain(t.Context()); err != nil {
				require.ErrorIs(t, err, down)
			}
		}
		s.status(p, payments.StatusPending)
		require.Zero(t, s.told(p, payments.EventExpired), op)
		require.Greater(t, s.fake.count(op), 5)
		require.Less(t, s.fake.count(op), 70)
		s.fake.status, s.fake.expire, s.fake.cancel = nil, nil, nil
		s.clock.Advance(2 * time.Hour)
		s.drain()
		s.status(p, payments.StatusExpired)
		require.Equal(t, 1, s.told(p, payments.EventExpired))
	}
}

// The gateway cannot be told to expire a transaction: only its own word ends
// it.
func TestAnOpenTransactionThatCannotBeExpiredIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{readOnly{c.Gateways[0].(*fakeGateway)}}
	}))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.asks(time.Hour, 3*day)
	s.status(p, payments.StatusPending)
	require.Less(t, s.fake.count("status"), 60, "ever more seldom")
	s.fake.set(string(p.ID), "tx1", "expire", 29_000)
	s.asks(time.Hour, 7*time.Hour)
	s.status(p, payments.StatusExpired)

	// Where nothing was begun, there is nothing to wait for.
	q := s.buy("ana", `{"plan_id":"pro"}`)
	s.asks(time.Hour, 25*time.Hour)
	s.status(q, payments.StatusExpired)
}

// A gateway that cannot be asked tells by itself, or nobody does: what nobody
// has begun to pay expires all the same.
func TestAGatewayThatCannotBeAskedKeepsNothingOpen(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Gateways = []payments.Gateway{mute{c.Gateways[0]}} }))
	s.fake.proof = payments.ProofWhole
	p, q := s.buy("ana", `{"plan_id":"pro"}`), s.buy("budi", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(q.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	_, err := s.pay.Sync(t.Context(), p.ID)
	require.ErrorIs(t, err, payments.ErrUnsupported)
	require.Equal(t, 303, s.do("GET", "/return/"+string(p.ID), "ana", "").Code)
	s.clock.Advance(day + 5*time.Minute)
	s.drain()
	s.status(p, payments.StatusExpired)
	s.status(q, payments.StatusPending)
	s.notify(note{Ref: string(q.ID), Tx: "tx1", Word: "settlement", Amount: 29_000})
	s.status(q, payments.StatusSettled)
	_, err = s.pay.Sync(t.Context(), q.ID)
	require.NoError(t, err, "there is nothing to ask")
}

// A page on which a card was denied is "in progress" for some gateways. That
// must not keep the order from its end, which releases the stock.
func TestADeniedTransactionDoesNotKeepAnOrderOpen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(p.ID), "card", "deny", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "card", Word: "deny", Amount: 85_000})
	s.fake.cancel = func(payments.AttemptRef) error { return payments.ErrWrongState }
	s.clock.Advance(day + 10*time.Minute)
	s.drain()
	s.status(p, payments.StatusExpired)
	require.Equal(t, 1, s.told(p, payments.EventExpired))
}

// The payer begins in the very moment in which the page is closed.
func TestOneWhoPaysAtTheLastMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.clock.Advance(day)
	s.drain()
	s.fake.cancel = func(payments.AttemptRef) error {
		s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Amount: p.Amount, Facts: words("pending"),
			ExpiresAt: s.clock.Now().Add(time.Hour)})
		return payments.ErrWrongState
	}
	s.clock.Advance(3 * time.Minute)
	s.drain()
	s.status(p, payments.StatusPending)
	require.Zero(t, s.told(p, payments.EventExpired))
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.clock.Advance(time.Hour + 3*time.Minute)
	s.drain()
	s.status(p, payments.StatusSettled)
}

// The same, told by a notification between our last look and the end.
func TestOneWhoBeginsBehindOurBackIsNotOver(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.clock.Advance(day)
	s.drain()
	s.fake.cancel = func(payments.AttemptRef) error {
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
		s.fake.set(string(p.ID), "tx1", "pending", 29_000)
		return nil
	}
	s.clock.Advance(3 * time.Minute)
	s.drain()
	p = s.status(p, payments.StatusPending)
	for _, f := range p.Facts {
		require.NotEqual(t, payments.FactLapsed, f.Kind)
	}
}

// Nothing was ever opened: there is nobody to ask.
func TestAnOrderThatWasNeverOpenedExpiresToo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ExpiresIn: time.Hour})
	require.NoError(t, err)
	s.clock.Advance(time.Hour + 2*time.Minute)
	s.drain()
	s.status(p, payments.StatusExpired)
	require.Empty(t, s.fake.calls)
	require.Equal(t, []payments.EventKind{payments.EventExpired}, s.kinds(p))
}

func TestAfterExpiryLateMoneyStillSettles(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.clock.Advance(2 * day)
	s.drain()
	s.status(p, payments.StatusExpired)
	s.settle(p, "late")
	s.status(p, payments.StatusSettled)
	s.clock.Advance(2 * day)
	s.drain()
	require.Equal(t, []payments.EventKind{
		payments.EventPending, payments.EventExpired, payments.EventSettled, payments.EventFundsAvailable, payments.EventClaimGranted,
	}, s.kinds(p))
}

// A gateway that was taken out of the Config is an alarm, not a busy loop.
func TestAGatewayThatIsGoneIsAnErrorAndNoBusyLoop(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	old := s.store
	s = newShop(t, with(func(c *payments.Config) { c.Store, c.Gateways = old, []payments.Gateway{named("other")} }))
	var failures int
	for range 40 * 24 {
		s.clock.Advance(time.Hour)
		if err := s.pay.Drain(t.Context()); err != nil {
			require.ErrorContains(t, err, "fake")
			failures++
		}
	}
	require.Equal(t, payments.StatusPending, s.get(p.ID).Status, "nobody can say that it was not paid")
	require.Positive(t, failures)
	require.Less(t, failures, 250)
}

// The merchant's account was closed: what is watched is given up in the end.
func TestAGatewayThatRefusesForEverIsAskedEverMoreSeldom(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(p.ID), "tx1", "capture", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "capture", Amount: 85_000})
	s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{}, unreachable("401")
	}
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "refund", Amount: 85_000})
	before := s.fake.count("status")
	for range 60 * 24 {
		s.clock.Advance(time.Hour)
		_ = s.pay.Drain(t.Context()) // fails as often as it asks
	}
	require.Less(t, s.fake.count("status")-before, 250)
	require.True(t, s.get(p.ID).WakeAt.IsZero())
}

func TestTheEndOfAClaimIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	end := start.AddDate(0, 1, 0)
	require.Equal(t, end, s.get(p.ID).WakeAt)
	s.clock.Advance(end.Sub(start) - time.Second)
	s.drain()
	require.Zero(t, s.told(p, payments.EventClaimExpired))
	s.clock.Advance(time.Second)
	s.drain()
	require.Equal(t, 1, s.told(p, payments.EventClaimExpired))
	require.True(t, s.get(p.ID).WakeAt.IsZero())
	s.clock.Advance(100 * day)
	s.drain()
	require.Equal(t, 1, s.told(p, payments.EventClaimExpired))

	// Bought anew, it ends anew.
	q := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(q, "tx2")
	require.Equal(t, 1, s.told(q, payments.EventClaimGranted))
	s.clock.Advance(31 * day)
	s.drain()
	require.Equal(t, 1, s.told(q, payments.EventClaimExpired))
	require.Equal(t, 1, s.told(p, payments.EventClaimExpired))
}

func TestARenewedClaimEndsLater(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	s.clock.Advance(20 * day)
	q := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(q, "tx2")
	require.Equal(t, 1, s.told(q, payments.EventClaimExtended))
	s.clock.Advance(20 * day)
	s.drain()
	require.Zero(t, s.told(p, payments.EventClaimExpired)+s.told(q, payments.EventClaimExpired))
	s.clock.Advance(30 * day)
	s.drain()
	require.Zero(t, s.told(p, payments.EventClaimExpired))
	require.Equal(t, 1, s.told(q, payments.EventClaimExpired))
}

// The renewal goes back, so the end is the first payment's again; whichever
// payment wakes, it is told once.
func TestAClaimWhoseEndMovesBackEndsThen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	s.clock.Advance(20 * day)
	q := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(q, "tx2")
	_, err := s.refund(q, "r1", 0)
	require.NoError(t, err)
	require.Equal(t, 1, s.told(q, payments.EventClaimRevoked))
	s.clock.Advance(20 * day)
	s.drain()
	require.Equal(t, 1, s.told(p, payments.EventClaimExpired)+s.told(q, payments.EventClaimExpired))
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.False(t, e.OK)
	require.Equal(t, "ended", e.Reason)
}

// A store that fails while a timer runs: the payment is looked at again.
func TestATimerSurvivesAStoreThatFails(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.clock.Advance(2 * day)
	store.set(func() error { return errors.New("the store is down") }, nil)
	require.ErrorContains(t, s.pay.Drain(t.Context()), "the store is down")
	store.set(nil, nil)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusExpired)
}

package payments_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestALaneKeepsTheOrderAndOthersGoOn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var fulfil, mail []string
	broken := true
	s.pay.OnSettled("fulfil", func(context.Context, payments.Settled) error {
		if fulfil = append(fulfil, "settled"); broken {
			return errOut
		}
		return nil
	})
	s.pay.OnRefund("fulfil", func(context.Context, payments.Refunded) error {
		fulfil = append(fulfil, "refunded")
		return nil
	})
	s.pay.OnSettled("mail", func(context.Context, payments.Settled) error { mail = append(mail, "settled"); return nil })
	s.pay.OnRefund("mail", func(context.Context, payments.Refunded) error { mail = append(mail, "refunded"); return nil })

	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.settle(p, "tx1")
	_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1"})
	require.NoError(t, err)
	s.drain()
	require.Equal(t, []string{"settled"}, fulfil, "the refund does not overtake the settlement")
	require.Equal(t, []string{"settled", "refunded"}, mail, "another lane waits for nothing")

	s.clock.Advance(time.Second)
	s.drain()
	broken = false
	s.clock.Advance(4 * time.Second)
	s.drain()
	require.Equal(t, []string{"settled", "settled", "settled", "refunded"}, fulfil)
	require.Equal(t, []string{"settled", "refunded"}, mail)
}

func TestAFailedHookIsTriedAgainWithGrowingPausesUntilItIsDead(t *testing.T) {
	t.Parallel()
	var log logbook
	s := newShop(t, withLog(t, &log))
	calls := 0
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return errOut })
	p := s.mug(ana)
	s.drain()
	for try, pause := range []time.Duration{
		time.Second, 4 * time.Second, 16 * time.Second, 64 * time.Second, 256 * time.Second, 1024 * time.Second,
		4096 * time.Second, 16384 * time.Second, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
	} {
		d := s.delivery(p, 1, "mail")
		require.Equal(t, payments.DeliveryOpen, d.State)
		require.Equal(t, try+1, d.Tries)
		require.Equal(t, try+1, calls)
		require.Equal(t, "out of order", d.LastError)
		wait := d.Due.Sub(s.clock.Now())
		require.GreaterOrEqual(t, wait, pause/2-time.Microsecond, "after try %d", d.Tries)
		require.LessOrEqual(t, wait, pause, "after try %d", d.Tries)

		s.clock.Advance(wait - time.Microsecond)
		s.drain()
		require.Equal(t, try+1, calls, "not before its time")
		s.clock.Advance(time.Microsecond)
		s.drain()
	}
	require.Equal(t, 12, calls)
	d := s.delivery(p, 1, "mail")
	require.Equal(t, payments.DeliveryDead, d.State)
	require.Equal(t, "out of order", d.LastError)
	require.Equal(t, 11, log.count("hook failed and will be tried again"))
	require.Equal(t, 1, log.count("hook given up"))

	s.clock.Advance(1000 * time.Hour)
	s.drain()
	require.Equal(t, 12, calls, "dead is dead")
}

func TestWhatFailedTogetherDoesNotComeBackTogether(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) {
		c.Hooks.Backoff = func(int) time.Duration { return time.Hour }
	})
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { return errOut })
	for range 20 {
		s.mug(ana)
	}
	s.drain()
	dues := map[time.Time]bool{}
	for _, d := range s.deliveries(payments.DeliveryQuery{}) {
		dues[d.Due] = true
	}
	require.Greater(t, len(dues), 10)
}

func TestABackoffOfNothingEndsAllTheSame(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 1, -time.Hour} {
		s := newShop(t, func(c *payments.Config) {
			c.Hooks.Backoff, c.Hooks.MaxTries = func(int) time.Duration { return pause }, 5
		})
		calls := 0
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return errOut })
		p := s.mug(ana)
		for range 5 {
			s.drain()
			s.clock.Advance(time.Microsecond)
		}
		require.Equal(t, 5, calls)
		require.Equal(t, payments.DeliveryDead, s.delivery(p, 1, "mail").State)
	}
}

// nilError is an error whose methods cannot stand a nil pointer.
type nilError struct{ text string }

func (e *nilError) Error() string        { return e.text }
func (e *nilError) Is(target error) bool { return e.text == target.Error() }

// nilText is one that is only asked for its text.
type nilText struct{ text string }

func (e *nilText) Error() string { return e.text }

func TestAHookThatBreaksIsAFailureAndNotACrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hook func() error
		kept string // part of the error
		log  string
	}{
		"panic with a text":       {func() error { panic("no stock") }, "panic: no stock", "TestAHookThatBreaks"},
		"panic with an error":     {func() error { panic(errOut) }, "panic: out of order", "TestAHookThatBreaks"},
		"panic with nil":          {func() error { panic(nil) }, "panic: ", "TestAHookThatBreaks"},
		"panic with a nil error":  {func() error { panic((*nilError)(nil)) }, "panic: ", "TestAHookThatBreaks"},
		"an error that panics":    {func() error { return (*nilError)(nil) }, "panic: ", "nilError"},
		"a text that panics":      {func() error { return (*nilText)(nil) }, "panic: ", "nilText"},
		"the end of the routine":  {func() error { runtime.Goexit(); return nil }, "Goexit", "tried again"},
		"text that is not text":   {func() error { return errors.New("a\x00b\xffc") }, "a\uFFFDb\uFFFDc", "tried again"},
		"text that never ends":    {func() error { return errors.New(strings.Repeat("é", 5000)) }, strings.Repeat("é", 500) + "…", "tried again"},
		"text cut in a character": {func() error { return errors.New("x" + strings.Repeat("é", 5000)) }, "é\uFFFD…", "tried again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logbook
			s := newShop(t, withLog(t, &log), func(c *payments.Config) { c.Hooks.Concurrency = 1 })
			broken := true
			s.pay.OnCreated("mail", func(context.Context, payments.Created) error {
				if !broken {
					return nil
				}
				return c.hook()
			})
			p, q := s.mug(payments.EndUser{ID: "ana", Email: "ana@example.com"}), s.mug(budi)
			s.drain()
			for _, x := range []*payments.Payment{p, q} { // its worker is free again
				d := s.delivery(x, 1, "mail")
				require.Equal(t, payments.DeliveryOpen, d.State)
				require.Equal(t, 1, d.Tries)
				require.Contains(t, d.LastError, c.kept)
				require.Less(t, len(d.LastError), 1010)
			}
			require.Contains(t, log.String(), c.log, "the log says where")
			require.NotContains(t, log.String(), "example.com", "and not who")

			broken = false
			s.clock.Advance(time.Second)
			s.drain()
			require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
		})
	}
}

func TestAHookHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(c *payments.Config) { c.Hooks.Timeout = 7 * time.Second })
		begun := time.Now()
		s.pay.OnCreated("obeys", func(ctx context.Context, _ payments.Created) error {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, 7*time.Second, time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		})
		s.pay.OnCreated("tarries", func(ctx context.Context, _ payments.Created) error {
			<-ctx.Done()
			return nil // it was late, and it was done
		})
		p := s.mug(ana)
		s.drain()
		require.Equal(t, 14*time.Second, time.Since(begun), "Drain calls one after the other")
		late := s.delivery(p, 1, "obeys")
		require.Equal(t, payments.DeliveryOpen, late.State)
		require.Equal(t, 1, late.Tries)
		require.Equal(t, context.DeadlineExceeded.Error(), late.LastError)
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "tarries").State)
	})
}

func TestAnEventThatIsTooNewWaitsAndCountsNoTry(t *testing.T) {
	t.Parallel()
	var log logbook
	s := newShop(t, withLog(t, &log))
	settled, raw := 0, 0
	s.pay.OnSettled("typed", func(context.Context, payments.Settled) error { settled++; return nil })
	s.pay.OnEvent("raw", func(context.Context, payments.Event) error { raw++; return nil })
	p := s.mug(ana)
	s.emit(p, event{kind: payments.EventSettled, version: 2}, event{kind: payments.EventSettled})
	for range 20 { // more than the tries there are
		s.drain()
		s.clock.Advance(31 * time.Second)
	}
	d := s.delivery(p, 2, "typed")
	require.Equal(t, payments.DeliveryOpen, d.State)
	require.Equal(t, 0, d.Tries)
	require.Contains(t, d.LastError, "newer version")
	require.Zero(t, settled, "nothing overtakes it")
	require.Equal(t, 3, raw, "who decodes nothing gets it")
	require.Equal(t, 20, log.count("hook could not be run"), "it is no secret")
}

// bare is a store whose leases bring no orders along.
type bare struct{ payments.Store }

func (b bare) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	leased, err := b.Store.LeaseDeliveries(ctx, l)
	for i := range leased {
		leased[i].Event.Order, leased[i].Event.Now = payments.Order{}, payments.Totals{}
	}
	return leased, err
}

func TestAHookGetsItsOrderThoughTheLeaseDoesNotBringIt(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Store = bare{c.Store} })
	var heard payments.Created
	s.pay.OnCreated("mail", func(_ context.Context, e payments.Created) error { heard = e; return nil })
	p := s.mug(ana)
	s.drain()
	require.Equal(t, p.Order, heard.Order)
	require.Equal(t, payments.StatusCreated, heard.Now.Status)
}

func TestAHookThatCannotBeCalledCountsNoTry(t *testing.T) {
	t.Parallel()
	var store *faulty
	s := newShop(t, withFaults(&store))
	calls := 0
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return nil })
	p := s.mug(ana)
	store.failing("Get")
	for range 20 {
		s.drain()
		s.clock.Advance(31 * time.Second)
	}
	d := s.delivery(p, 1, "mail")
	require.Equal(t, payments.DeliveryOpen, d.State)
	require.Zero(t, d.Tries)
	require.Contains(t, d.LastError, errDown.Error())
	require.Zero(t, calls)

	store.failing()
	s.drain()
	require.Equal(t, 1, calls)
}

func TestAStoreThatGivesMoreThanWasAskedForCallsNobody(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Store = generous{c.Store} })
	s.pay.OnSettled("mail", func(context.Context, payments.Settled) error { return nil })
	_, err := s.store.Lanes(t.Context(), payments.LaneChange{Seen: []payments.Lane{{Name: "mail", SeenAt: start}}, At: start})
	require.NoError(t, err)
	p := s.mug(ana)
	s.drain()
	d := s.delivery(p, 1, "mail")
	require.Equal(t, payments.DeliveryOpen, d.State)
	require.Zero(t, d.Tries)
	require.Contains(t, d.LastError, "no function for payment.created")
}

// generous is a store that forgets which kinds a process handles.
type generous struct{ payments.Store }

func (g generous) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	for i := range l.Targets {
		l.Targets[i].Kinds = nil
	}
	return g.Store.LeaseDeliveries(ctx, l)
}

func TestAHookThatKillsItsProcessEachTimeIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls := 0
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return nil })
	p := s.mug(ana)
	for range 12 { // leased, and never heard of again
		s.die("hook:mail", time.Minute)
		s.clock.Advance(time.Minute)
	}
	s.drain()
	require.Zero(t, calls)
	d := s.delivery(p, 1, "mail")
	require.Equal(t, payments.DeliveryDead, d.State)
	require.Contains(t, d.LastError, "never told how it ended")

	require.NoError(t, s.pay.Redeliver(t.Context(), d.ID))
	s.drain()
	require.Equal(t, 1, calls)
}

func TestAWrapperMayFinishTheDeliveryItself(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls := 0
	s.pay.OnEvent("tx", func(ctx context.Context, e payments.Event) error {
		calls++
		done, ok := payments.DoneOutcome(ctx)
		require.True(t, ok)
		lost, err := s.store.Finish(ctx, []payments.Outcome{done})
		require.NoError(t, err)
		require.Empty(t, lost)
		return errors.Join(errors.New("committed"), payments.ErrFinished)
	})
	p := s.mug(ana)
	s.emit(p, event{kind: payments.EventPending})
	s.drain()
	require.Equal(t, 2, calls, "once each, the second behind the first")
	for seq := 1; seq <= 2; seq++ {
		d := s.delivery(p, seq, "tx")
		require.Equal(t, payments.DeliveryDone, d.State)
		require.Equal(t, start, d.DoneAt)
	}
	_, ok := payments.DoneOutcome(t.Context())
	require.False(t, ok, "outside a hook there is nothing to finish")
	_, ok = payments.DeliveryFrom(t.Context())
	require.False(t, ok)
}

func TestFinishedWithoutHavingFinishedIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls := 0
	s.pay.OnCreated("tx", func(context.Context, payments.Created) error {
		if calls++; calls == 1 {
			return payments.ErrFinished
		}
		return nil
	})
	p := s.mug(ana)
	s.drain()
	s.clock.Advance(30 * time.Second) // its timeout
	s.drain()
	require.Equal(t, 1, calls)
	s.clock.Advance(30 * time.Second) // and time to have told
	s.drain()
	require.Equal(t, 2, calls)
	require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "tx").State)
}

func TestAHookKnowsItsDelivery(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var seen []payments.Delivery
	s.pay.OnCreated("mail", func(ctx context.Context, e payments.Created) error {
		d, ok := payments.DeliveryFrom(ctx)
		require.True(t, ok)
		require.Equal(t, e.EventID, d.Event.ID)
		if seen = append(seen, d); len(seen) == 1 {
			return errOut
		}
		return nil
	})
	p := s.mug(ana)
	s.drain()
	s.clock.Advance(time.Second)
	s.drain()
	require.Len(t, seen, 2)
	for i, d := range seen {
		require.Equal(t, s.delivery(p, 1, "mail").ID, d.ID)
		require.Equal(t, "hook:mail", d.Target)
		require.Equal(t, i+1, d.Tries)
	}
	require.Greater(t, seen[1].Lease, seen[0].Lease)
}

func TestAnEventTellsWhatWasTrueThenAndWhatIsNow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var got []payments.Settled
	s.pay.OnSettled("ship", func(_ context.Context, e payments.Settled) error { got = append(got, e); return errOut })
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.settle(p, "tx1")
	s.drain()
	_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1", Amount: payments.IDR(85_000)})
	require.NoError(t, err)
	s.clock.Advance(time.Second)
	s.drain()

	require.Len(t, got, 2)
	require.Equal(t, payments.StatusSettled, got[0].Now.Status)
	require.Equal(t, payments.IDR(85_000), got[0].Now.Live)
	require.Equal(t, payments.StatusRefunded, got[1].Now.Status)
	require.Equal(t, payments.IDR(0), got[1].Now.Live, "nothing to ship any more")
	require.Equal(t, payments.IDR(85_000), got[1].Now.Refunded)
	for _, e := range got {
		require.Equal(t, payments.StatusSettled, e.Then.Status)
		require.Equal(t, payments.IDR(85_000), e.Then.Live)
	}
	require.Equal(t, got[0].EventID, got[1].EventID, "a repeat is known by its id")
}

func TestAHookMayRefund(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls, refunded := 0, 0
	s.pay.OnSettled("give-back", func(ctx context.Context, e payments.Settled) error {
		_, err := s.pay.Refund(ctx, e.Order.ID, payments.RefundParams{Key: string(e.EventID)})
		require.NoError(t, err)
		if calls++; calls == 1 {
			return errOut
		}
		return nil
	})
	s.pay.OnRefund("give-back", func(context.Context, payments.Refunded) error { refunded++; return nil })
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.settle(p, "tx1")
	s.drain()
	s.clock.Advance(time.Second)
	s.drain()
	require.Equal(t, 2, calls)
	require.Equal(t, 1, s.fake.count("refund"), "a repeat of the hook refunds once")
	require.Equal(t, 1, refunded)
	s.status(p, payments.StatusRefunded)
}

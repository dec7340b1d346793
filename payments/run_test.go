package payments_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// These tests live in synctest bubbles: time stands still while anybody can
// still do something, and a goroutine that is left behind fails the test.

// live is a shop on the bubble's clock.
func live(t *testing.T, change ...func(*payments.Config)) *shop {
	t.Helper()
	s := newShop(t, append([]func(*payments.Config){func(c *payments.Config) { c.Clock = nil }}, change...)...)
	s.clock = paymentstest.NewClock(time.Now().UTC())
	return s
}

// liveSibling is another process on the bubble's clock and the same store.
func (s *shop) liveSibling(change ...func(*payments.Config)) *shop {
	s.t.Helper()
	return s.sibling(append([]func(*payments.Config){func(c *payments.Config) { c.Clock = nil }}, change...)...)
}

// run starts Run. The func that it returns stops it, and checks that it ends
// with nil.
func (s *shop) run() (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.pay.Run(ctx) }()
	synctest.Wait()
	return func() {
		s.t.Helper()
		cancel()
		require.NoError(s.t, <-ended)
	}
}

// pass lets time go by in the bubble, and all be done that it brings.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// rarely makes the store be asked so rarely that nothing but a commit of its
// own can wake a process.
func rarely(c *payments.Config) { c.Hooks.Poll = 1000 * time.Hour }

func TestRunDeliversAtOnceWhatItsProcessCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t, rarely, func(c *payments.Config) { c.Hooks.Concurrency = 2 })
		var mu sync.Mutex
		heard := map[payments.ID][]payments.EventKind{}
		s.pay.OnEvent("all", func(_ context.Context, e payments.Event) error {
			mu.Lock()
			defer mu.Unlock()
			heard[e.PaymentID] = append(heard[e.PaymentID], e.Kind)
			return nil
		})
		stop := s.run()
		begun := time.Now()
		for range 10 {
			p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
			s.settle(p, "tx-"+string(p.ID))
		}
		synctest.Wait()
		require.Len(t, heard, 10, "more than there are workers")
		for _, kinds := range heard {
			require.Equal(t, []payments.EventKind{
				payments.EventCreated, payments.EventPending, payments.EventSettled, payments.EventFundsAvailable,
			}, kinds, "each behind the one before")
		}
		require.Zero(t, time.Since(begun))
		stop()
	})
}

func TestRunGoesOnAtOnceAfterRedeliverAndDismiss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t, rarely, func(c *payments.Config) { c.Hooks.MaxTries = 1 })
		var fail atomic.Bool
		fail.Store(true)
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error {
			if fail.Load() {
				return errOut
			}
			return nil
		})
		pending := 0
		s.pay.OnPending("mail", func(context.Context, payments.Pending) error { pending++; return nil })
		stop := s.run()
		p, q := s.buy("ana", `{"plan_id":"pro"}`), s.buy("budi", `{"plan_id":"pro"}`)
		synctest.Wait()
		require.Zero(t, pending)
		fail.Store(false)
		require.NoError(t, s.pay.Redeliver(t.Context(), s.delivery(p, 1, "mail").ID))
		synctest.Wait()
		require.Equal(t, 1, pending)
		require.NoError(t, s.pay.Dismiss(t.Context(), s.delivery(q, 1, "mail").ID, "no"))
		synctest.Wait()
		require.Equal(t, 2, pending)
		stop()
	})
}

func TestRunFindsWhatOthersCommitAndWhatIsDueAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t)
		var calls []time.Duration
		begun := time.Now()
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error {
			if calls = append(calls, time.Since(begun)); len(calls) < 3 {
				return errOut
			}
			return nil
		})
		stop := s.run()
		s.liveSibling().mug(ana)
		pass(time.Minute)
		stop()
		require.Len(t, calls, 3)
		require.LessOrEqual(t, calls[0], time.Second)
		require.LessOrEqual(t, calls[1]-calls[0], 2*time.Second, "a pause of a second at most, and the poll")
		require.LessOrEqual(t, calls[2]-calls[1], 5*time.Second)
	})
}

func TestRunLetsHooksInFlightFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t, rarely)
		release, begun := make(chan struct{}), 0
		s.pay.OnCreated("mail", func(ctx context.Context, _ payments.Created) error {
			begun++
			<-release
			return ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.pay.Run(ctx) }()
		p := s.mug(ana)
		synctest.Wait()
		cancel()
		synctest.Wait()
		q := s.mug(budi)
		synctest.Wait()
		require.Empty(t, ended, "it waits for the hook")
		require.Equal(t, 1, begun, "and starts no other")
		close(release)
		require.NoError(t, <-ended)
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
		require.Zero(t, s.delivery(q, 1, "mail").Lease)
	})
}

func TestRunCutsOffHooksThatTakeTooLongAndTheyAreDeliveredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		s := live(t, withLog(t, &log))
		s.pay.OnCreated("mail", func(ctx context.Context, _ payments.Created) error { <-ctx.Done(); return ctx.Err() })
		next := s.liveSibling()
		calls := 0
		next.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return nil })

		p := s.mug(ana)
		stop := s.run()
		begun := time.Now()
		stop()
		require.Equal(t, 15*time.Second, time.Since(begun))
		d := s.delivery(p, 1, "mail")
		require.Equal(t, payments.DeliveryOpen, d.State)
		require.Zero(t, d.Tries, "it is not the hook's fault")
		require.Zero(t, log.count("hook failed"))
		next.drain()
		require.Equal(t, 1, calls, "at once")
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
	})
}

func TestRunEndsThoughAHookDoesNotListen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		s := live(t, withLog(t, &log))
		release := make(chan struct{})
		s.pay.OnCreated("deaf", func(context.Context, payments.Created) error { <-release; return nil })
		p := s.mug(ana)
		stop := s.run()
		begun := time.Now()
		stop()
		require.Equal(t, 16*time.Second, time.Since(begun))
		require.Equal(t, 1, log.count("hooks did not stop in time"))
		close(release)
		synctest.Wait()
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "deaf").State, "what it did is recorded all the same")
	})
}

func TestRunTakesOverFromAProcessThatDied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t)
		var calls atomic.Int64
		s.pay.OnEvent("mail", func(context.Context, payments.Event) error { calls.Add(1); return nil })
		p := s.mug(ana)
		s.emit(p, event{kind: payments.EventPending})
		lost := s.die("hook:mail", time.Minute)
		stop := s.run()
		pass(time.Minute - time.Millisecond)
		require.Zero(t, calls.Load(), "the dead have their time, and nothing overtakes them")
		pass(time.Second + time.Millisecond)
		require.EqualValues(t, 2, calls.Load())
		stop()
		require.Equal(t, 2, s.delivery(p, 1, "mail").Tries)

		late, err := s.store.Finish(t.Context(), []payments.Outcome{{
			DeliveryID: lost.ID, Lease: lost.Lease, State: payments.DeliveryDead, At: time.Now().UTC(), Error: "back from the dead",
		}})
		require.NoError(t, err)
		require.Equal(t, []payments.ID{lost.ID}, late)
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
	})
}

func TestAHookThatOutrunsItsLeaseChangesNothingAnyMore(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]error{"done": nil, "failed": errOut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				slow := live(t, withLog(t, &log), rarely) // so that it is not the one to take over
				release := make(chan struct{})
				slow.pay.OnCreated("mail", func(context.Context, payments.Created) error { <-release; return end })
				other := slow.liveSibling()
				var calls atomic.Int64
				other.pay.OnEvent("mail", func(context.Context, payments.Event) error { calls.Add(1); return nil })

				p := slow.mug(ana)
				stopSlow := slow.run()
				stop := other.run()
				pass(2 * time.Minute)
				require.EqualValues(t, 1, calls.Load(), "the lease is over, so another process has it")
				want := slow.delivery(p, 1, "mail")
				require.Equal(t, payments.DeliveryDone, want.State)
				close(release)
				synctest.Wait()
				require.Equal(t, want, slow.delivery(p, 1, "mail"))
				require.Equal(t, 1, log.count("a hook ran for longer than its lease"))
				stop()
				stopSlow()
				require.EqualValues(t, 1, calls.Load())
			})
		})
	}
}

func TestRunSurvivesAStoreThatIsDownForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		var store *faulty
		s := live(t, withFaults(&store), withLog(t, &log), func(c *payments.Config) { c.Hooks.Poll = time.Minute })
		var created, expired atomic.Int64
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error { created.Add(1); return nil })
		s.pay.OnExpired("mail", func(context.Context, payments.Expired) error { expired.Add(1); return nil })
		store.failing("all")
		stop := s.run()
		pass(10 * time.Minute)
		require.Contains(t, log.String(), "deliveries cannot be leased")
		require.Contains(t, log.String(), "lanes cannot be recorded")
		require.Contains(t, log.String(), "some payments could not be looked at")
		require.LessOrEqual(t, log.count("level=ERROR"), 3*11, "it does not spin")

		store.failing()
		s.mug(ana)
		synctest.Wait()
		require.EqualValues(t, 1, created.Load())
		store.failing("all")
		pass(25 * time.Hour)
		store.failing()
		pass(5 * time.Minute)
		require.EqualValues(t, 1, expired.Load())
		lanes, err := s.pay.Lanes(t.Context())
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), lanes[0].SeenAt, time.Minute, "its lanes are told again")
		stop()
	})
}

func TestAnOutcomeThatCannotBeStoredIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		var store *faulty
		s := live(t, withFaults(&store), withLog(t, &log))
		var calls atomic.Int64
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls.Add(1); return nil })
		p := s.mug(ana)
		store.failing("Finish")
		stop := s.run()
		require.EqualValues(t, 1, calls.Load())
		require.Equal(t, 1, log.count("how a hook ended could not be recorded"))
		store.failing()
		pass(2 * time.Minute)
		require.EqualValues(t, 2, calls.Load(), "at least once")
		require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
		stop()
	})
}

func TestRunExpiresWhatNobodyPays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t, func(c *payments.Config) { c.Hooks.Poll = time.Minute })
		var expired atomic.Int64
		s.pay.OnExpired("stock", func(context.Context, payments.Expired) error { expired.Add(1); return nil })
		stop := s.run()
		p := s.buy("ana", `{"plan_id":"pro"}`)
		pass(24 * time.Hour)
		s.status(p, payments.StatusPending)
		pass(4 * time.Minute)
		s.status(p, payments.StatusExpired)
		require.EqualValues(t, 1, expired.Load(), "its hook waits for no poll")
		stop()
	})
}

func TestRunLooksAtAllThatIsOverdueAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t, rarely)
		var expired atomic.Int64
		s.pay.OnExpired("stock", func(context.Context, payments.Expired) error { expired.Add(1); return nil })
		for range 45 { // more than two batches
			s.mug(ana)
		}
		pass(25 * time.Hour)
		begun := time.Now()
		stop := s.run()
		require.EqualValues(t, 45, expired.Load())
		require.Zero(t, time.Since(begun))
		stop()
	})
}

func TestTwoProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := live(t, func(c *payments.Config) { c.Hooks.Concurrency = 4 })
		b := a.liveSibling(func(c *payments.Config) { c.Hooks.Concurrency = 4 })
		var mu sync.Mutex
		heard, by := map[payments.ID][]int{}, map[string]int{}
		for name, s := range map[string]*shop{"a": a, "b": b} {
			running := 0
			s.pay.OnEvent("all", func(_ context.Context, e payments.Event) error {
				mu.Lock()
				heard[e.PaymentID] = append(heard[e.PaymentID], e.Seq)
				by[name]++
				running++
				if running > 4 {
					t.Errorf("%d hooks at once", running)
				}
				mu.Unlock()
				<-time.After(time.Second)
				mu.Lock()
				defer mu.Unlock()
				running--
				return nil
			})
		}
		for range 30 {
			p := a.mug(ana)
			a.emit(p, event{kind: payments.EventPending}, event{kind: payments.EventSettled}, event{kind: payments.EventRefunded})
		}
		stopA, stopB := a.run(), b.run()
		pass(time.Minute)
		stopA()
		stopB()
		require.Len(t, heard, 30)
		for id, seqs := range heard {
			require.Equal(t, []int{1, 2, 3, 4}, seqs, "payment %s: each once, in order", id)
		}
		require.Greater(t, by["a"], 30)
		require.Greater(t, by["b"], 30)
		owners := map[string]bool{}
		for _, d := range a.deliveries(payments.DeliveryQuery{}) {
			owners[d.Owner] = true
		}
		require.Len(t, owners, 2)
	})
}

func TestRunKeepsItsLanesAndMissesThoseThatAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		old := live(t)
		hears(old, "points")
		stopOld := old.run()
		s := old.liveSibling(withLog(t, &log))
		hears(s, "mail")
		stop := s.run()
		pass(time.Hour)
		require.Zero(t, log.count("no process has this lane"))
		stopOld()
		pass(payments.LaneOverlap)
		require.Zero(t, log.count("no process has this lane"))
		pass(5 * time.Minute)
		require.GreaterOrEqual(t, log.count("no process has this lane"), 3)
		require.Contains(t, log.String(), "lane=points")
		require.NotContains(t, log.String(), "lane=mail")

		require.NoError(t, s.pay.RetireLane(t.Context(), "points"))
		alarms := log.count("no process has this lane")
		pass(time.Hour)
		require.Equal(t, alarms, log.count("no process has this lane"))
		stop()
	})
}

func TestRunThatIsStoppedBeforeItBeganEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := live(t)
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error { return errors.New("called") })
		p := s.mug(ana)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, s.pay.Run(ctx))
		require.Zero(t, s.delivery(p, 1, "mail").Lease)
		require.NoError(t, s.pay.Run(ctx), "it can be run again")
	})
}

package payments_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

func keeping(r payments.Retention) func(*payments.Config) {
	return func(c *payments.Config) { c.Retention = r }
}

// sweeper is a store that remembers how it was asked to clean. It answers as
// a test says.
type sweeper struct {
	payments.Store
	mu     sync.Mutex
	asked  []payments.Cleaning
	at     []time.Duration // since begun
	begun  time.Time
	answer func(n int) (more bool, err error) // of call n, from 1
}

func (s *sweeper) Clean(_ context.Context, c payments.Cleaning) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.at = append(s.asked, c), append(s.at, time.Since(s.begun))
	if s.answer == nil {
		return false, nil
	}
	return s.answer(len(s.asked))
}

func (s *sweeper) calls() ([]payments.Cleaning, []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.at
}

func withSweeper(into **sweeper) func(*payments.Config) {
	return func(c *payments.Config) {
		*into = &sweeper{Store: c.Store, begun: time.Now()}
		c.Store = *into
	}
}

func TestRunCleansSoonAndThenHourly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *sweeper
		s := live(t, rarely, withSweeper(&store), keeping(payments.Retention{Deliveries: 90 * day, Messages: 400 * day}))
		stop := s.run()
		pass(time.Minute)
		asked, _ := store.calls()
		require.Len(t, asked, 1)
		pass(3 * time.Hour)
		stop()
		asked, at := store.calls()
		require.Len(t, asked, 4)
		for i, c := range asked {
			now := store.begun.Add(at[i])
			require.Equal(t, time.Duration(i)*time.Hour, at[i]-at[0])
			require.WithinDuration(t, now.Add(-90*day), c.DeliveriesBefore, time.Microsecond)
			require.WithinDuration(t, now.Add(-400*day), c.MessagesBefore, time.Microsecond)
			require.Equal(t, time.UTC, c.MessagesBefore.Location())
			require.Equal(t, 500, c.Limit)
		}
	})
}

func TestOneKindMayBeKeptForEver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		payments.Retention
		deliveries, messages bool
	}{
		"deliveries": {payments.Retention{Deliveries: day}, true, false},
		"messages":   {payments.Retention{Messages: day}, false, true},
	} {
		var store *sweeper
		s := newShop(t, withSweeper(&store), keeping(tc.Retention))
		s.drain()
		asked, _ := store.calls()
		require.Len(t, asked, 1, name)
		require.Equal(t, tc.deliveries, !asked[0].DeliveriesBefore.IsZero(), name)
		require.Equal(t, tc.messages, !asked[0].MessagesBefore.IsZero(), name)
	}
}

func TestNothingIsDeletedUnlessTheHostSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *sweeper
		s := live(t, rarely, withSweeper(&store))
		stop := s.run()
		pass(3 * time.Hour)
		stop()
		s.drain()
		asked, _ := store.calls()
		require.Empty(t, asked)
	})
}

func TestRunCleansInBatchesWithPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *sweeper
		s := live(t, rarely, withSweeper(&store), keeping(payments.Retention{Messages: 400 * day}))
		store.answer = func(n int) (bool, error) { return n < 5, nil }
		stop := s.run()
		pass(2 * time.Minute)
		asked, at := store.calls()
		require.Len(t, asked, 5)
		for i := range asked[1:] {
			require.Equal(t, asked[0], asked[i+1], "all of one cleaning have the same bounds")
			require.Greater(t, at[i+1], at[i], "others have a turn")
			require.Less(t, at[i+1]-at[i], time.Second)
		}
		stop()
	})
}

func TestRunThatIsStoppedDoesNotGoOnCleaning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *sweeper
		var log logbook
		s := live(t, rarely, withLog(t, &log), withSweeper(&store), keeping(payments.Retention{Messages: 400 * day}))
		store.answer = func(int) (bool, error) { return true, nil }
		stop := s.run()
		pass(2 * time.Minute)
		begun := time.Now()
		stop()
		require.Zero(t, time.Since(begun))
		before, _ := store.calls()
		pass(time.Hour)
		after, _ := store.calls()
		require.Len(t, after, len(before))
		require.NotContains(t, log.String(), "cannot be deleted")
	})
}

func TestRunCleansAgainSoonAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *sweeper
		var log logbook
		s := live(t, withLog(t, &log), withSweeper(&store), keeping(payments.Retention{Deliveries: 90 * day}))
		store.answer = func(n int) (bool, error) {
			if n <= 10 {
				return false, errDown
			}
			return false, nil
		}
		stop := s.run()
		pass(10 * time.Minute)
		asked, _ := store.calls()
		require.Len(t, asked, 11, "it does not spin, and does not wait for an hour")
		require.Equal(t, 10, log.count("what is old cannot be deleted; trying again"))
		require.Contains(t, log.String(), errDown.Error())
		pass(time.Hour)
		asked, _ = store.calls()
		require.Len(t, asked, 12)
		stop()
	})
}

func TestProcessesDoNotCleanTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := map[time.Duration]bool{}
		for range 4 {
			var store *sweeper
			s := live(t, rarely, withSweeper(&store), keeping(payments.Retention{Messages: 400 * day}))
			stop := s.run()
			pass(time.Minute)
			stop()
			_, at := store.calls()
			require.Len(t, at, 1)
			first[at[0]] = true
		}
		require.Greater(t, len(first), 1)
	})
}

// A clock that stands still would never end a pause.
func TestDrainCleansAllAtOnce(t *testing.T) {
	t.Parallel()
	var store *sweeper
	s := newShop(t, withSweeper(&store), keeping(payments.Retention{Messages: 400 * day}))
	store.answer = func(n int) (bool, error) { return n < 5, nil }
	cleanings := -1
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error {
		asked, _ := store.calls()
		cleanings = len(asked)
		return nil
	})
	s.mug(ana)
	s.drain()
	require.Zero(t, cleanings, "hooks come first")
	asked, _ := store.calls()
	require.Len(t, asked, 5)
}

func TestDrainTellsThatItCouldNotClean(t *testing.T) {
	t.Parallel()
	var store *sweeper
	s := newShop(t, withSweeper(&store), keeping(payments.Retention{Messages: 400 * day}))
	store.answer = func(int) (bool, error) { return false, errDown }
	require.ErrorIs(t, s.pay.Drain(t.Context()), errDown)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store.answer = func(int) (bool, error) { cancel(); return true, nil }
	require.ErrorIs(t, s.pay.Drain(ctx), context.Canceled)
}

func TestWhatIsOldIsDeletedAndTheRestStays(t *testing.T) {
	t.Parallel()
	// Ids know the time of the wall, so the shop lives by it, too.
	clock := paymentstest.NewClock(time.Now().UTC().Truncate(time.Second))
	s := newShop(t, func(c *payments.Config) { c.Clock = clock }, keeping(payments.Retention{Deliveries: 90 * day, Messages: 400 * day}))
	s.clock = clock
	hears(s, "all")
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.settle(p, "tx1")
	s.drain()
	story := func() *payments.Story {
		t.Helper()
		st, err := s.pay.Explain(t.Context(), p.ID)
		require.NoError(t, err)
		return st
	}
	was := story()
	require.NotEmpty(t, was.Deliveries)
	require.NotEmpty(t, was.Messages)

	clock.Advance(89 * day)
	s.drain()
	require.Equal(t, was.Deliveries, story().Deliveries)
	clock.Advance(2 * day)
	s.drain()
	require.Empty(t, story().Deliveries)
	require.Equal(t, was.Messages, story().Messages)
	clock.Advance(310 * day)
	s.drain()
	require.Empty(t, story().Messages)
	require.Equal(t, was.Events, story().Events)
	require.Equal(t, was.Payment.Status, story().Payment.Status)

	late := was.Deliveries[0].ID
	require.ErrorIs(t, s.pay.Redeliver(t.Context(), late), payments.ErrNotFound)
	_, err := s.pay.Replay(t.Context(), was.Messages[0].ID)
	require.ErrorIs(t, err, payments.ErrNotFound)
}

func TestFirstID(t *testing.T) {
	t.Parallel()
	for want, at := range map[payments.ID]time.Time{
		"00000000-0000-7000-8000-000000000000": time.Unix(0, 0),
		"00000000-0001-7000-8000-000000000000": time.Unix(0, 1_999_999),
		"0197a3e5-1c00-7000-8000-000000000000": time.UnixMilli(0x0197a3e51c00),
		"ffffffff-ffff-7000-8000-000000000000": time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		require.Equal(t, want, payments.FirstID(at))
		require.True(t, want.Valid())
	}
	require.Equal(t, payments.FirstID(time.Unix(0, 0)), payments.FirstID(time.Time{}), "there are none from before 1970")
	jakarta := time.FixedZone("WIB", 7*60*60)
	now := time.Now()
	require.Equal(t, payments.FirstID(now), payments.FirstID(now.In(jakarta)))

	id := payments.NewID()
	require.Less(t, id, payments.FirstID(time.Now().Add(time.Hour)))
	require.Greater(t, id, payments.FirstID(now.Add(-time.Hour)))
}

func TestRetentionTakesAStoreThatCanDelete(t *testing.T) {
	t.Parallel()
	c := workingConfig()
	c.Retention.Messages = 400 * day
	_, err := payments.New(c)
	require.NoError(t, err)
	c.Store = struct{ payments.Store }{c.Store} // hides what it is besides
	_, err = payments.New(c)
	require.ErrorContains(t, err, "Config.Retention is set, but the Store, a struct")
	c.Retention = payments.Retention{}
	_, err = payments.New(c)
	require.NoError(t, err)

	for field, r := range map[string]payments.Retention{
		"Retention.Deliveries is negative": {Deliveries: -1},
		"Retention.Messages is negative":   {Messages: -400 * day},
		"Retention.Deliveries is 90ns":     {Deliveries: 90},
		"Retention.Messages is 23h59m0s":   {Messages: day - time.Minute},
	} {
		c := workingConfig()
		c.Retention = r
		_, err := payments.New(c)
		require.ErrorContains(t, err, "payments: Config."+field)
	}
	c = workingConfig()
	c.Retention = payments.Retention{Deliveries: day, Messages: day}
	_, err = payments.New(c)
	require.NoError(t, err)
}

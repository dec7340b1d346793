package paymentstest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

var (
	noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

	_ payments.Clock = (*paymentstest.Clock)(nil)
)

// rung reports whether the channel has something to receive, and what.
func rung(ch <-chan time.Time) (time.Time, bool) {
	select {
	case at := <-ch:
		return at, true
	default:
		return time.Time{}, false
	}
}

func TestAClockStandsStillUntilItIsAdvanced(t *testing.T) {
	t.Parallel()
	c := paymentstest.NewClock(noon)
	require.Equal(t, noon, c.Now())
	require.Equal(t, noon, c.Now())
	c.Advance(time.Hour)
	require.Equal(t, noon.Add(time.Hour), c.Now())
	c.Advance(-2 * time.Hour)
	require.Equal(t, noon.Add(-time.Hour), c.Now())
}

func TestAfterRingsOnceWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	c := paymentstest.NewClock(noon)
	late, soon := c.After(time.Hour), c.After(time.Minute)
	c.Advance(time.Minute - 1)
	for _, ch := range []<-chan time.Time{late, soon} {
		_, ok := rung(ch)
		require.False(t, ok)
	}
	c.Advance(1)
	at, ok := rung(soon)
	require.True(t, ok)
	require.Equal(t, noon.Add(time.Minute), at)
	_, ok = rung(late)
	require.False(t, ok)

	c.Advance(24 * time.Hour)
	at, ok = rung(late)
	require.True(t, ok)
	require.Equal(t, c.Now(), at)
	c.Advance(24 * time.Hour)
	_, ok = rung(late)
	require.False(t, ok, "once")
}

func TestAfterNothingRingsAtOnce(t *testing.T) {
	t.Parallel()
	c := paymentstest.NewClock(noon)
	for _, d := range []time.Duration{0, -time.Second} {
		at, ok := rung(c.After(d))
		require.True(t, ok)
		require.Equal(t, noon, at)
	}
}

func TestAClockThatGoesBackRingsLater(t *testing.T) {
	t.Parallel()
	c := paymentstest.NewClock(noon)
	ch := c.After(time.Minute)
	c.Advance(-time.Hour)
	c.Advance(time.Hour)
	_, ok := rung(ch)
	require.False(t, ok)
	c.Advance(time.Minute)
	_, ok = rung(ch)
	require.True(t, ok)
}

func TestAClockIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c := paymentstest.NewClock(noon)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				ch := c.After(time.Second)
				c.Advance(time.Second)
				<-ch
				c.Now()
			}
		})
	}
	group.Wait()
	require.Equal(t, noon.Add(800*time.Second), c.Now())
}

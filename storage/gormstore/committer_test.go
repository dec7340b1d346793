package gormstore

import (
	"context"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The committer by itself: its batches go to a function of the test, and no
// database is there. Most tests run in a bubble of synctest, which ends them
// at once when everybody waits for a wake-up that never comes.

// runAll stands in for a transaction: it runs every fn, and gives each request
// a result that tells whose it is.
func runAll(_ context.Context, batch []*request) {
	for _, r := range batch {
		r.after, r.err, r.own = nil, nil, false
		if _, err := r.call(payments.Snapshot{}); err != nil {
			r.err, r.own = err, true
			continue
		}
		r.after = &payments.Payment{Order: payments.Order{ID: payments.ID(r.ref.Value)}}
	}
}

// storeOf is a store without a database.
func storeOf(leaders int, commit func(ctx context.Context, batch []*request)) *Store {
	hold := func(ctx context.Context) (func(), error) { return func() {}, ctx.Err() }
	return &Store{updates: &committer{leaders: leaders, hold: hold, commit: commit}}
}

func (s *Store) requireIdle(t *testing.T) {
	t.Helper()
	s.updates.mu.Lock()
	defer s.updates.mu.Unlock()
	require.Empty(t, s.updates.waiting)
	require.Zero(t, s.updates.leading)
}

func nothing(payments.Snapshot) (payments.Change, error) { return payments.Change{}, nil }

// updateOf is an Update that must give the caller its own result.
func updateOf(t *testing.T, s *Store, id string) {
	after, err := s.Update(t.Context(), payments.ByID(payments.ID(id)), nothing)
	if assert.NoError(t, err) {
		assert.Equal(t, payments.ID(id), after.ID)
	}
}

// gated lets a test hold batches back, and look at them.
type gated struct {
	mu      sync.Mutex
	batches [][]string // the ids in each, in the order in which they began
	open    int        // right now
	most    int        // at once, ever
	gate    chan struct{}
}

func newGated() *gated { return &gated{gate: make(chan struct{})} }

func (g *gated) commit(ctx context.Context, batch []*request) {
	ids := make([]string, len(batch))
	for i, r := range batch {
		ids[i] = r.ref.Value
	}
	g.mu.Lock()
	g.batches = append(g.batches, ids)
	g.open++
	g.most = max(g.most, g.open)
	g.mu.Unlock()
	<-g.gate
	runAll(ctx, batch)
	g.mu.Lock()
	g.open--
	g.mu.Unlock()
}

func (g *gated) sizes() (sizes []int) {
	for _, b := range g.batches {
		sizes = append(sizes, len(b))
	}
	return sizes
}

func TestLoneUpdateWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commits := 0
		s := storeOf(2, func(ctx context.Context, batch []*request) {
			commits++
			assert.Len(t, batch, 1)
			assert.Contains(t, string(debug.Stack()), "updateOf", "it runs in the caller's goroutine")
			runAll(ctx, batch)
		})
		start := time.Now()
		for i := range 3 {
			updateOf(t, s, strconv.Itoa(i))
		}
		require.Equal(t, 3, commits)
		require.Equal(t, start, time.Now(), "there is no timer")
		s.requireIdle(t)
	})
}

func TestThoseWhoMeetShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		s := storeOf(2, g.commit)
		want := [][]string{{"0"}, nil}
		for i := range busy + 1 {
			go updateOf(t, s, strconv.Itoa(i))
			synctest.Wait()
			if i > 0 {
				want[1] = append(want[1], strconv.Itoa(i))
			}
		}
		require.Equal(t, want[:1], g.batches)
		close(g.gate)
		synctest.Wait()
		require.Equal(t, want, g.batches, "in the order in which they came")
		require.Equal(t, 1, g.most)
		s.requireIdle(t)
	})
}

func TestSecondLeaderNeverAThird(t *testing.T) {
	for leaders, want := range map[int][]int{
		1: {1, 64, 64, 64, 25},
		2: {1, 1 + busy, 64, 64, 64, 8},
	} {
		t.Run(strconv.Itoa(leaders), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGated()
				s := storeOf(leaders, g.commit)
				for i := range 218 {
					go updateOf(t, s, strconv.Itoa(i))
					synctest.Wait()
					switch {
					case i <= busy:
						require.Len(t, g.batches, 1)
					default:
						require.Len(t, g.batches, leaders, "update %d", i)
					}
				}
				for {
					synctest.Wait()
					if g.open == 0 {
						break
					}
					g.gate <- struct{}{}
				}
				require.Equal(t, want, g.sizes())
				require.Equal(t, leaders, g.most)
				s.requireIdle(t)
			})
		})
	}
}

package gormstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
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

// A caller that leaves before its batch has begun is taken out of the queue.
func TestCallerLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		s := storeOf(2, g.commit)
		go updateOf(t, s, "first")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := s.Update(ctx, payments.ByID("leaves"), func(payments.Snapshot) (payments.Change, error) {
				t.Error("fn ran")
				return payments.Change{}, nil
			})
			left <- err
		}()
		synctest.Wait()
		go updateOf(t, s, "stays")
		synctest.Wait()
		cancel()
		synctest.Wait()
		require.ErrorIs(t, <-left, context.Canceled, "it does not wait for the batch that is open")
		close(g.gate)
		synctest.Wait()
		require.Equal(t, [][]string{{"first"}, {"stays"}}, g.batches)
		s.requireIdle(t)
	})
}

// A caller that leaves while its batch is open, but not at its turn yet, has
// its fn left out. Nothing that fn uses is touched after Update has returned:
// the race detector watches.
func TestCallerLeavesItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		s := storeOf(1, g.commit)
		go updateOf(t, s, "first")
		synctest.Wait()
		go updateOf(t, s, "other") // leads the second batch
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		left, calls := make(chan error, 1), 0
		go func() {
			_, err := s.Update(ctx, payments.ByID("leaves"), func(payments.Snapshot) (payments.Change, error) {
				calls++
				return payments.Change{}, nil
			})
			calls++ // as anybody may who gets an error
			left <- err
		}()
		synctest.Wait()
		g.gate <- struct{}{}
		synctest.Wait()
		require.Equal(t, []string{"other", "leaves"}, g.batches[1], "it is in the batch that is open")
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		g.gate <- struct{}{}
		synctest.Wait()
		require.Equal(t, 1, calls, "fn ran behind the caller's back")
		s.requireIdle(t)
	})
}

// A caller that leaves while its fn runs waits for it, but not for the commit.
// The race detector tells if it did not wait. (No bubble here: it would take a
// caller that waits for a mutex to be busy.)
func TestCallerLeavesDuringItsFn(t *testing.T) {
	t.Parallel()
	inFn, goOn, ran := make(chan struct{}), make(chan struct{}), false
	opened, commit := make(chan struct{}, 2), make(chan struct{})
	s := storeOf(1, func(ctx context.Context, batch []*request) {
		opened <- struct{}{}
		runAll(ctx, batch)
		<-commit
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { updateOf(t, s, "first") })
	<-opened
	all.Go(func() { updateOf(t, s, "leader") })
	s.awaitWaiting(t, 1)
	all.Go(func() {
		_, err := s.Update(ctx, payments.ByID("leaves"), func(payments.Snapshot) (payments.Change, error) {
			close(inFn)
			<-goOn
			ran = true
			return payments.Change{}, nil
		})
		assert.True(t, ran)
		left <- err
	})
	s.awaitWaiting(t, 2)
	commit <- struct{}{}
	<-inFn
	cancel()
	runtime.Gosched()
	close(goOn)
	require.ErrorIs(t, <-left, context.Canceled)
	close(commit)
	all.Wait()
	s.requireIdle(t)
}

// awaitWaiting is for tests that are in no bubble.
func (s *Store) awaitWaiting(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		s.updates.mu.Lock()
		waiting := len(s.updates.waiting)
		s.updates.mu.Unlock()
		if waiting == n {
			return
		}
		require.True(t, time.Now().Before(deadline), "%d are waiting and not %d", waiting, n)
	}
}

// The next leader may have lost its interest just when it is made one. Both
// orders of the two happen here; whoever stands behind it is served in both.
func TestLeadershipGoesPastThoseWhoLeft(t *testing.T) {
	for round := range 500 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			started := make(chan struct{})
			s := storeOf(1, func(ctx context.Context, batch []*request) {
				if batch[0].ref.Value == "first" {
					<-started
					cancel()
					for range round % 4 {
						runtime.Gosched()
					}
				}
				runAll(ctx, batch)
			})
			var all sync.WaitGroup
			all.Go(func() { updateOf(t, s, "first") })
			synctest.Wait()
			for range 3 {
				all.Go(func() {
					after, err := s.Update(ctx, payments.ByID("leaves"), nothing)
					if err != nil {
						assert.ErrorIs(t, err, context.Canceled)
						assert.Nil(t, after)
					}
				})
				synctest.Wait()
			}
			all.Go(func() { updateOf(t, s, "behind") })
			synctest.Wait()
			close(started)
			all.Wait()
			s.requireIdle(t)
		})
	}
}

// A leader that cannot get what a batch needs leaves with its own ctx only.
func TestLeaderGivesUpWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, lock := newGated(), make(chan struct{}, 1)
		close(g.gate)
		s := storeOf(1, g.commit)
		s.writer = lock
		s.updates.hold = s.lockWriter
		lock <- struct{}{} // somebody else's
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := s.Update(ctx, payments.ByID("leader"), nothing)
			left <- err
		}()
		synctest.Wait()
		for i := range 3 {
			go updateOf(t, s, strconv.Itoa(i))
			synctest.Wait()
		}
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		synctest.Wait()
		require.Empty(t, g.batches)
		<-lock
		synctest.Wait()
		require.Equal(t, [][]string{{"0", "1", "2"}}, g.batches)
		require.Empty(t, lock, "the lock is free again")
		s.requireIdle(t)
	})
}

// meet has n updates share a batch, the first of them leading it, and returns
// how each of them ended: its error, or what it panicked with, or that its
// goroutine was ended.
func meet(t *testing.T, s *Store, fns ...payments.UpdateFunc) []any {
	t.Helper()
	plug, ends := make(chan struct{}), make([]any, len(fns))
	go func() {
		_, err := s.Update(t.Context(), payments.ByID("plug"), func(payments.Snapshot) (payments.Change, error) {
			<-plug
			return payments.Change{}, nil
		})
		assert.NoError(t, err)
	}()
	synctest.Wait()
	for i, fn := range fns {
		go func() {
			ends[i] = "goroutine ended"
			defer func() {
				if p := recover(); p != nil {
					ends[i] = p
				}
			}()
			after, err := s.Update(t.Context(), payments.ByID(payments.ID(strconv.Itoa(i))), fn)
			if err == nil {
				ends[i] = after.ID
				return
			}
			ends[i] = err
		}()
		synctest.Wait()
	}
	close(plug)
	synctest.Wait()
	s.requireIdle(t)
	updateOf(t, s, "afterwards")
	return ends
}

var errOwn = errors.New("fn's own")

func TestEachFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panics := func(payments.Snapshot) (payments.Change, error) { panic("boom") }
		fails := func(payments.Snapshot) (payments.Change, error) { return payments.Change{}, errOwn }
		s := storeOf(1, runAll)
		require.Equal(t, []any{payments.ID("0"), "boom", payments.ID("2"), errOwn, payments.ID("4")}, meet(t, s, nothing, panics, nothing, fails, nothing))
		require.Equal(t, []any{"boom", payments.ID("1"), errOwn}, meet(t, s, panics, nothing, fails), "the leader's")
	})
}

// What ends the leader before the commit is through is no success of anybody.
func TestNobodyTakesABrokenBatchForDone(t *testing.T) {
	exits := func(payments.Snapshot) (payments.Change, error) {
		runtime.Goexit()
		return payments.Change{}, nil
	}
	for name, c := range map[string]struct {
		fns    []payments.UpdateFunc
		commit func(ctx context.Context, batch []*request)
		leader any
	}{
		"goexit in an fn": {
			fns: []payments.UpdateFunc{nothing, nothing, exits, nothing}, commit: runAll, leader: "goroutine ended",
		},
		"panic in the store": {
			fns: []payments.UpdateFunc{nothing, nothing, nothing},
			commit: func(ctx context.Context, batch []*request) {
				runAll(ctx, batch)
				if len(batch) > 1 {
					panic("a mistake of the store")
				}
			},
			leader: "a mistake of the store",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ends := meet(t, storeOf(1, c.commit), c.fns...)
				require.Equal(t, c.leader, ends[0])
				for _, end := range ends[1:] {
					err, failed := end.(error)
					require.True(t, failed, "told %v of a batch that broke off", end)
					require.ErrorIs(t, err, errNotRun)
				}
			})
		})
	}
}

// Many callers come, leave, fail and panic, with as many leaders as can be.
// A wake-up that is lost, or given twice, stops them all.
func TestCommitterUnderStress(t *testing.T) {
	for _, leaders := range []int{1, 2, 8} {
		t.Run(strconv.Itoa(leaders), func(t *testing.T) {
			t.Parallel()
			stress(t, leaders)
		})
	}
}

func stress(t *testing.T, leaders int) {
	const callers, each = 128, 60
	var open, most, ran atomic.Int64
	s := storeOf(leaders, func(ctx context.Context, batch []*request) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		assert.LessOrEqual(t, len(batch), maxBatch)
		for range rand.N(4) {
			runtime.Gosched()
		}
		runAll(ctx, batch)
		ran.Add(int64(len(batch)))
		open.Add(-1)
	})
	s.updates.hold = func(ctx context.Context) (func(), error) {
		runtime.Gosched()
		return func() {}, ctx.Err()
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := range each {
				stressOne(t, s, fmt.Sprintf("%d/%d", i, n))
			}
		})
	}
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("somebody still waits to be woken")
	}
	s.requireIdle(t)
	assert.LessOrEqual(t, most.Load(), int64(leaders))
	t.Logf("%d of %d in batches, %d leaders at once", ran.Load(), callers*each, most.Load())
}

// stressOne is one update that ends in one of all ways there are.
func stressOne(t *testing.T, s *Store, id string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls, fails, panics := 0, rand.N(8) == 0, rand.N(16) == 0
	switch rand.N(4) {
	case 0:
		go cancel()
	case 1:
		go func() {
			runtime.Gosched()
			cancel()
		}()
	}
	defer func() {
		calls++ // races with an fn that is called too late
		if p := recover(); p != nil {
			assert.True(t, panics)
			assert.Equal(t, id, p)
			assert.Equal(t, 2, calls)
		}
	}()
	after, err := s.Update(ctx, payments.ByID(payments.ID(id)), func(payments.Snapshot) (payments.Change, error) {
		calls++
		switch {
		case panics:
			panic(id)
		case fails:
			return payments.Change{}, fmt.Errorf("%s: %w", id, errOwn)
		}
		return payments.Change{}, nil
	})
	switch {
	case err == nil:
		assert.False(t, fails || panics)
		assert.Equal(t, payments.ID(id), after.ID)
		assert.Equal(t, 1, calls)
	case errors.Is(err, errOwn):
		assert.True(t, fails)
		assert.Equal(t, id+": fn's own", err.Error())
	default:
		assert.ErrorIs(t, err, context.Canceled)
	}
}

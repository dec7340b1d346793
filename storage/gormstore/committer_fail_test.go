package gormstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
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

package gormstore

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Callers that do not wait for the end.

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

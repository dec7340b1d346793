package gormstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// Crowds of callers.

// Two processes update the same payments, by whatever name, with claims and
// messages that payments share. No transaction ever stands in the way of another in a circle.
func TestNoDeadlock(t *testing.T) {
	t.Parallel()
	const callers, each, some, users = 64, 10, 50, 10
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.create(t)
			if e.dialect == "postgres" {
				dsn = scratch.Postgres(t) // the server counts deadlocks by database
			}
			taps := []*tap{{}, {}}
			stores := []*gormstore.Store{openStore(t, e.open(t, dsn, taps[0]), nil), openStore(t, e.open(t, dsn, taps[1]), nil)}
			ids := make([]payments.ID, some)
			refs := make([][]payments.Ref, some)
			for i := range ids {
				ids[i] = payments.NewID()
				refs[i] = []payments.Ref{payments.ByID(ids[i]), payments.ByGatewayRef("midtrans", string(ids[i]))}
				update(t, stores[0], refs[i][1], func(payments.Snapshot) (payments.Change, error) {
					p := buying(ids[i])
					p.User.ID = fmt.Sprint("user-", i%users)
					return payments.Change{Payment: p, Refs: refs[i][1:]}, nil
				})
			}
			var all sync.WaitGroup
			for c := range callers {
				all.Go(func() {
					for n := range each {
						i := rand.N(some)
						name := fmt.Sprint(c, "/", n)
						update(t, stores[c%2], refs[i][rand.N(2)], func(s payments.Snapshot) (payments.Change, error) {
							change, err := mark(name)(s)
							change.Claim = granted(s, name)
							return change, err
						})
						update(t, stores[c%2], payments.Ref{}, func(payments.Snapshot) (c payments.Change, err error) {
							for range 8 {
								c.Messages = append(c.Messages, payments.Message{ID: payments.ID(fmt.Sprint("shared-", rand.N(some))), At: t0})
							}
							return c, nil
						})
					}
				})
			}
			all.Wait()
			for _, tap := range taps {
				for _, err := range tap.errs {
					for _, word := range []string{"40P01", "1213", "1205"} {
						require.NotContains(t, err.Error(), word)
					}
				}
			}
			require.Zero(t, e.deadlocks(t, dsn))
			grants, updates := 0, int64(0)
			claims, err := stores[0].Claims(t.Context(), payments.ClaimQuery{})
			require.NoError(t, err)
			for _, claim := range claims.Items {
				grants += len(claim.Grants)
			}
			for _, id := range ids {
				p, err := stores[1].Get(t.Context(), payments.ByID(id))
				require.NoError(t, err)
				updates += p.Version - 1
			}
			require.Equal(t, callers*each, grants)
			require.EqualValues(t, callers*each, updates)
		})
	}
}

// deadlocks that PostgreSQL saw in the database. It counts those of a session
// when that ends, at the latest.
func (e engine) deadlocks(t *testing.T, dsn string) (n int) {
	t.Helper()
	if e.dialect != "postgres" {
		return 0
	}
	require.NoError(t, e.oneConn(t, dsn).QueryRow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n))
	return n
}

// A pool of one or two connections serves a crowd that updates and reads, and
// a host that has a transaction open meanwhile.
func TestSmallPools(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		for _, conns := range []int{1, 2} {
			db := e.open(t, e.create(t), nil)
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(conns)
			store := openStore(t, db, nil)
			ids := createMany(t, store, crowd)
			var all sync.WaitGroup
			for i, id := range ids {
				all.Go(func() {
					for _, n := range []string{"x", "y"} {
						name := fmt.Sprint("k-", i, n)
						if i%8 == 0 { // with the host
							assert.NoError(t, db.Transaction(func(tx *gorm.DB) error {
								_, err := store.Tx(tx).Update(t.Context(), payments.ByID(id), mark(name))
								return err
							}))
						} else {
							update(t, store, payments.ByID(id), mark(name))
						}
						got, err := store.Get(t.Context(), payments.ByGatewayRef("mark", name))
						assert.NoError(t, err)
						assert.Equal(t, id, got.ID)
					}
				})
			}
			all.Wait()
			require.Zero(t, pool.Stats().InUse)
			for i, id := range ids {
				requireMarked(t, store, id, fmt.Sprint("k-", i, "x"), fmt.Sprint("k-", i, "y"))
			}
		}
	})
}

// Callers come, leave, fail and panic on a few payments, in two processes. The
// outcome of each is there once or not at all, as it was told; who left may
// have been served. No goroutine and no connection stays behind.
func TestNothingStaysBehind(t *testing.T) { // not in parallel, for the sake of the goroutines
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.create(t)
			before := goleak.IgnoreCurrent()
			handles := []*gorm.DB{e.handle(t, dsn, nil), e.handle(t, dsn, nil)}
			stores := []*gormstore.Store{openStore(t, handles[0], nil), openStore(t, handles[1], nil)}
			ids := createMany(t, stores[0], 5)
			told, left := make([][]string, len(ids)), make([][]string, len(ids))
			var mu sync.Mutex
			var all sync.WaitGroup
			for c := range crowd {
				all.Go(func() {
					for n := range 6 {
						i, name := rand.N(len(ids)), fmt.Sprint("l-", c, "-", n)
						done, gone := tryOne(t, stores[c%2], ids[i], name)
						mu.Lock()
						if done {
							told[i] = append(told[i], name)
						}
						if gone {
							left[i] = append(left[i], name)
						}
						mu.Unlock()
					}
				})
			}
			all.Wait()
			for i, id := range ids {
				p, err := stores[0].Get(t.Context(), payments.ByID(id))
				require.NoError(t, err)
				require.Subset(t, p.Notes, told[i])
				require.Subset(t, append(told[i], left[i]...), p.Notes)
				requireMarked(t, stores[1], id, p.Notes...)
			}
			for _, db := range handles {
				pool, err := db.DB()
				require.NoError(t, err)
				require.Zero(t, pool.Stats().InUse)
				require.NoError(t, pool.Close())
			}
			require.NoError(t, goleak.Find(before))
		})
	}
}

// tryOne is an update that may fail, panic, or be left by its caller. It tells
// whether it succeeded, or else whether it may have.
func tryOne(t *testing.T, store payments.Store, id payments.ID, name string) (done, left bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fails, panics, leaves, returned := rand.N(8) == 0, rand.N(16) == 0, rand.N(3) == 0, atomic.Bool{}
	if leaves {
		go func() {
			for range rand.N(2000) {
				runtime.Gosched()
			}
			cancel()
		}()
	}
	defer func() {
		returned.Store(true)
		if p := recover(); p != nil {
			assert.Equal(t, name, p)
			assert.True(t, panics)
		}
	}()
	p, err := store.Update(ctx, payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		assert.False(t, returned.Load(), "fn runs behind its caller's back")
		switch {
		case panics:
			panic(name)
		case fails:
			return payments.Change{}, errMine
		}
		return mark(name)(s)
	})
	if err == nil {
		assert.Equal(t, name, p.Notes[len(p.Notes)-1], "its own")
		return true, false
	}
	if errors.Is(err, errMine) {
		assert.True(t, fails)
		return false, false
	}
	assert.True(t, leaves, "that of another: %v", err)
	assert.ErrorIs(t, err, context.Canceled)
	return false, true
}

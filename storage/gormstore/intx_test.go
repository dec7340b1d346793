package gormstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/gormstore"
)

var t0 = time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)

// effect is a row of the host's own, written by a hook.
type effect struct {
	ID    uint
	Event string
}

// hookBench is a store with one delivery that a hook is about to handle.
type hookBench struct {
	db       *gorm.DB
	store    *gormstore.Store
	delivery payments.Delivery
	ctx      context.Context
}

func newHookBench(t *testing.T, db *gorm.DB) *hookBench {
	t.Helper()
	require.NoError(t, db.AutoMigrate(&effect{}))
	b := &hookBench{db: db, store: openStore(t, db, nil)}
	createPayment(t, b.store, "hook:fulfil")
	b.lease(t, t0)
	return b
}

// lease makes the delivery ours, as of now.
func (b *hookBench) lease(t *testing.T, now time.Time) {
	t.Helper()
	leased := leaseAll(t, b.store, now)
	require.Len(t, leased, 1)
	b.delivery = leased[0]
	b.ctx = payments.HandlingContext(t.Context(), b.delivery, paymentstest.NewClock(now))
}

// run runs f as a transactional hook and returns what the hook returned.
func (b *hookBench) run(f func(ctx context.Context, tx *gorm.DB, e payments.Event) error) error {
	return gormstore.InTx(b.store, f)(b.ctx, b.delivery.Event)
}

func insertEffect(_ context.Context, tx *gorm.DB, e payments.Event) error {
	return tx.Create(&effect{Event: string(e.ID)}).Error
}

func (b *hookBench) requireEffects(t *testing.T, want int, state payments.DeliveryState) {
	t.Helper()
	var effects int64
	require.NoError(t, b.db.Model(&effect{}).Count(&effects).Error)
	require.EqualValues(t, want, effects)
	page, err := b.store.Deliveries(t.Context(), payments.DeliveryQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, state, page.Items[0].State)
}

// createPayment stores a payment with one event, on its way to a target.
func createPayment(t testing.TB, store payments.Store, target string) *payments.Payment {
	t.Helper()
	id := payments.NewID()
	p, err := store.Update(context.WithoutCancel(t.Context()), payments.ByID(id), func(payments.Snapshot) (payments.Change, error) {
		event := payments.Event{
			ID: payments.EventID(id, 1), PaymentID: id, Kind: payments.EventSettled, Version: 1, Seq: 1, At: t0, Data: []byte(`{}`),
		}
		return payments.Change{
			Payment: &payments.Payment{
				Order: payments.Order{
					ID: id, User: payments.EndUser{ID: "u1", Name: "Siti Rahayu", Email: "siti@example.com"}, Amount: payments.IDR(29_000), CreatedAt: t0,
				},
				Status: payments.StatusSettled, LastSeq: 1,
			},
			Refs:       []payments.Ref{payments.ByGatewayRef("midtrans", "order-"+string(id))},
			Events:     []payments.Event{event},
			Deliveries: []payments.Delivery{{ID: payments.DeliveryID(event.ID, target), Target: target, Event: event, Due: t0}},
			Messages:   []payments.Message{{ID: payments.NewID(), PaymentID: id, Gateway: "midtrans", Raw: []byte("raw of siti"), At: t0}},
		}, nil
	})
	require.NoError(t, err)
	return p
}

func leaseAll(t *testing.T, store payments.Store, now time.Time) []payments.Delivery {
	t.Helper()
	leased, err := store.LeaseDeliveries(t.Context(), payments.DeliveryLease{
		Lease: payments.Lease{Now: now, Until: now.Add(time.Minute), Limit: 100}, Owner: "test",
		Targets: []payments.Target{{Name: "hook:fulfil"}},
	})
	require.NoError(t, err)
	return leased
}

// eachHost runs a test on the kinds of handle that hosts have.
func eachHost(t *testing.T, test func(t *testing.T, db *gorm.DB)) {
	deferred := strings.ReplaceAll(gormstore.SQLiteDSN("PATH"), "&_txlock=immediate", "")
	require.NotContains(t, deferred, "txlock")
	for name, open := range map[string]func(t *testing.T) *gorm.DB{
		"file": func(t *testing.T) *gorm.DB { return openFile(t) },
		"prepared statements": func(t *testing.T) *gorm.DB {
			return openDB(t, fileDSN(t), &gorm.Config{PrepareStmt: true, Logger: logger.Discard})
		},
		"one connection": func(t *testing.T) *gorm.DB { return limited(t, openFile(t)) },
		"memory":         func(t *testing.T) *gorm.DB { return limited(t, openDB(t, gormstore.SQLiteDSN(":memory:"))) },
		"deferred transactions": func(t *testing.T) *gorm.DB {
			return openDB(t, strings.Replace(deferred, "PATH", filepath.Join(t.TempDir(), "shop.db"), 1))
		},
		"a name that wants care": func(t *testing.T) *gorm.DB {
			return openDB(t, gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "a 100%?#.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func fileDSN(t testing.TB) string { return gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")) }

func limited(t *testing.T, db *gorm.DB) *gorm.DB {
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	return db
}

func TestInTxCommitsBoth(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		b := newHookBench(t, db)
		err := b.run(func(ctx context.Context, tx *gorm.DB, e payments.Event) error {
			require.Equal(t, ctx, tx.Statement.Context)
			require.Equal(t, b.delivery.Event, e)
			return insertEffect(ctx, tx, e)
		})
		require.ErrorIs(t, err, payments.ErrFinished)
		b.requireEffects(t, 1, payments.DeliveryDone)
		require.Empty(t, leaseAll(t, b.store, t0.Add(time.Hour)))
	})
}

func TestInTxFailureUndoesBoth(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		b := newHookBench(t, db)
		refused := errors.New("out of stock")
		err := b.run(func(ctx context.Context, tx *gorm.DB, e payments.Event) error {
			require.NoError(t, insertEffect(ctx, tx, e))
			return refused
		})
		require.Equal(t, refused, err, "as it is")
		b.requireEffects(t, 0, payments.DeliveryOpen)

		lost, err := b.store.Finish(t.Context(), []payments.Outcome{{
			DeliveryID: b.delivery.ID, Lease: b.delivery.Lease, State: payments.DeliveryOpen, Due: t0.Add(time.Hour), Error: refused.Error(), At: t0,
		}})
		require.NoError(t, err)
		require.Empty(t, lost, "the lease is still ours")
		b.lease(t, t0.Add(time.Hour))
		require.ErrorIs(t, b.run(insertEffect), payments.ErrFinished)
		b.requireEffects(t, 1, payments.DeliveryDone)
	})
}

func TestInTxPanicUndoesBoth(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		b := newHookBench(t, db)
		require.PanicsWithValue(t, "boom", func() {
			_ = b.run(func(ctx context.Context, tx *gorm.DB, e payments.Event) error {
				require.NoError(t, insertEffect(ctx, tx, e))
				panic("boom")
			})
		})
		b.requireEffects(t, 0, payments.DeliveryOpen)
		require.ErrorIs(t, b.run(insertEffect), payments.ErrFinished)
		b.requireEffects(t, 1, payments.DeliveryDone)
	})
}

func TestInTxWithoutTheLeaseDoesNothing(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		b := newHookBench(t, db)
		stale := *b
		b.lease(t, t0.Add(time.Hour)) // somebody else's, by now
		err := stale.run(func(context.Context, *gorm.DB, payments.Event) error {
			t.Error("the hook ran")
			return nil
		})
		require.ErrorIs(t, err, payments.ErrLeaseLost)
		b.requireEffects(t, 0, payments.DeliveryOpen)

		require.ErrorIs(t, b.run(insertEffect), payments.ErrFinished)
		require.ErrorIs(t, b.run(insertEffect), payments.ErrLeaseLost, "a repeat")
		b.requireEffects(t, 1, payments.DeliveryDone)
	})
}

func TestInTxCanceled(t *testing.T) {
	t.Parallel()
	b := newHookBench(t, openFile(t))
	ctx, cancel := context.WithCancel(b.ctx)
	err := gormstore.InTx(b.store, func(ctx context.Context, tx *gorm.DB, e payments.Event) error {
		require.NoError(t, insertEffect(ctx, tx, e))
		cancel()
		return nil
	})(ctx, b.delivery.Event)
	require.ErrorIs(t, err, context.Canceled)
	b.requireEffects(t, 0, payments.DeliveryOpen)
}

func TestInTxOutsideOfADelivery(t *testing.T) {
	t.Parallel()
	b := newHookBench(t, openFile(t))
	b.ctx = t.Context()
	require.ErrorContains(t, b.run(insertEffect), "outside of a hook's delivery")
	b.requireEffects(t, 0, payments.DeliveryOpen)
}

// In its transaction a hook goes on with the bound store.
func TestInTxWithBoundStore(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		b := newHookBench(t, db)
		id := payments.ByID(b.delivery.Event.PaymentID)
		err := b.run(func(ctx context.Context, tx *gorm.DB, e payments.Event) error {
			_, err := b.store.Tx(tx).Update(ctx, id, func(s payments.Snapshot) (payments.Change, error) {
				s.Payment.Reference = "handled"
				return payments.Change{Payment: s.Payment}, nil
			})
			return err
		})
		require.ErrorIs(t, err, payments.ErrFinished)
		p, err := b.store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "handled", p.Reference)
	})
}

// Transactional hooks, updates and the host's own transactions all want the
// one lock that there is. Nobody is refused it.
func TestWritersQueue(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		const each = 10
		b := newHookBench(t, db)
		for range each - 1 {
			createPayment(t, b.store, "hook:fulfil")
		}
		deliveries := leaseAll(t, b.store, t0.Add(time.Hour))
		require.Len(t, deliveries, each)
		errs := make(chan error, 3*each)
		var all sync.WaitGroup
		for _, d := range deliveries {
			all.Go(func() {
				ctx := payments.HandlingContext(t.Context(), d, paymentstest.NewClock(t0))
				err := gormstore.InTx(b.store, insertEffect)(ctx, d.Event)
				if !errors.Is(err, payments.ErrFinished) {
					errs <- err
				}
			})
			all.Go(func() {
				_, err := b.store.Update(t.Context(), payments.ByID(d.Event.PaymentID), func(s payments.Snapshot) (payments.Change, error) {
					return payments.Change{Payment: s.Payment}, nil
				})
				errs <- err
			})
			all.Go(func() { errs <- db.Create(&effect{Event: "the host's own"}).Error })
		}
		all.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		var effects int64
		require.NoError(t, db.Model(&effect{}).Count(&effects).Error)
		require.EqualValues(t, 2*each, effects)
	})
}

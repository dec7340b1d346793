package gormstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
)

// Values that are asked for twice are found once.
func TestDoubledFilters(t *testing.T) {
	t.Parallel()
	store, ctx := openStore(t, openFile(t), nil), t.Context()
	p := createPayment(t, store, "hook:fulfil")
	listed, err := store.Payments(ctx, payments.PaymentQuery{Status: []payments.Status{p.Status, p.Status}})
	require.NoError(t, err)
	require.Len(t, listed.Items, 1)
	target := payments.Target{Name: "hook:fulfil"}
	leased, err := store.LeaseDeliveries(ctx, payments.DeliveryLease{
		Lease: payments.Lease{Now: t0, Until: t0.Add(time.Minute), Limit: 10}, Targets: []payments.Target{target, target},
	})
	require.NoError(t, err)
	require.Len(t, leased, 1)
}

// A lane with no kinds at all is served by nobody; nil kinds mean all.
func TestLaneWithoutKinds(t *testing.T) {
	t.Parallel()
	store, ctx := openStore(t, openFile(t), nil), t.Context()
	createPayment(t, store, "hook:fulfil")
	leased, err := store.LeaseDeliveries(ctx, payments.DeliveryLease{
		Lease:   payments.Lease{Now: t0, Until: t0.Add(time.Minute), Limit: 10},
		Targets: []payments.Target{{Name: "hook:fulfil", Kinds: []payments.EventKind{}}},
	})
	require.NoError(t, err)
	require.Empty(t, leased)
	lanes, err := store.Lanes(ctx, payments.LaneChange{Seen: []payments.Lane{{Name: "a", Kinds: []payments.EventKind{}, SeenAt: t0}, {Name: "b", SeenAt: t0}}})
	require.NoError(t, err)
	require.NotNil(t, lanes[0].Kinds)
	require.Empty(t, lanes[0].Kinds)
	require.Nil(t, lanes[1].Kinds)
}

func TestWhatIsThereIsNotAddedAgain(t *testing.T) {
	t.Parallel()
	store, ctx := openStore(t, openFile(t), nil), t.Context()
	p := createPayment(t, store, "hook:fulfil")
	d := leaseAll(t, store, t0)[0]
	finish(t, store, payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: payments.DeliveryDone, At: t0})
	_, err := store.Update(ctx, payments.ByID(p.ID), func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Deliveries: []payments.Delivery{d}}, nil
	})
	require.ErrorContains(t, err, "exists")
	require.Empty(t, leaseAll(t, store, t0.Add(time.Hour)))

	_, err = store.Update(ctx, payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: &payments.Payment{Order: payments.Order{ID: p.ID, Reference: "another"}}}, nil
	})
	require.ErrorIs(t, err, payments.ErrRefTaken)
	got, err := store.Get(ctx, payments.ByID(p.ID))
	require.NoError(t, err)
	require.Equal(t, p, got)
}

func TestZeroRefNamesNothing(t *testing.T) {
	t.Parallel()
	store, ctx := openStore(t, openFile(t), nil), t.Context()
	p := createPayment(t, store, "hook:fulfil")
	_, err := store.Update(ctx, payments.ByID(p.ID), func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Refs: []payments.Ref{{}}}, nil
	})
	require.NoError(t, err)
	_, err = store.Get(ctx, payments.Ref{})
	require.ErrorIs(t, err, payments.ErrNotFound)
}

// Once it has begun, an update is finished, whoever still waits for it. No
// statement of it may know that its caller has left: some drivers would skip
// it and say nothing.
func TestUpdateOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	db := openWatched(t, fileDSN(t), func(ctx context.Context, _ string) error { return ctx.Err() })
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")
	ctx, cancel := context.WithCancel(t.Context())
	after, err := store.Update(ctx, payments.ByID(p.ID), func(s payments.Snapshot) (payments.Change, error) {
		cancel()
		return payments.Change{Payment: s.Payment}, nil
	})
	require.NoError(t, err)
	got, err := store.Get(t.Context(), payments.ByID(p.ID))
	require.NoError(t, err)
	require.Equal(t, after, got)

	neverRuns := func(payments.Snapshot) (payments.Change, error) {
		t.Error("fn ran for a caller that had left before")
		return payments.Change{}, nil
	}
	_, err = store.Update(ctx, payments.ByID(p.ID), neverRuns)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		_, err := store.Tx(tx).Update(ctx, payments.ByID(p.ID), neverRuns)
		require.ErrorIs(t, err, context.Canceled)
		return nil
	}))
}

// Writers of one store queue in the process and never ask the database for a
// lock that another one of them holds.
func TestWritersNeverMeet(t *testing.T) {
	t.Parallel()
	var open, met atomic.Int32
	db := openWatched(t, fileDSN(t), func(_ context.Context, statement string) error {
		switch statement {
		case "BEGIN IMMEDIATE":
			if open.Add(1) > 1 {
				met.Add(1)
			}
		case "COMMIT", "ROLLBACK":
			open.Add(-1)
		}
		return nil
	})
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")
	refused := errors.New("refused")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if err := touch(t, store, p.ID); err != nil {
					t.Error(err)
				}
				_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
					return payments.Change{}, refused
				})
				if !errors.Is(err, refused) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, met.Load())
	require.Zero(t, open.Load())
}

// A host in prepared statement mode keeps no statement of ours.
func TestHostsCacheIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := openDB(t, fileDSN(t), &gorm.Config{PrepareStmt: true, Logger: logger.Discard})
	store := openStore(t, db, nil)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		createPayment(t, store.Tx(tx), "hook:fulfil")
		return tx.Exec("SELECT 1").Error
	}))
	kept := db.ConnPool.(*gorm.PreparedStmtDB).Stmts.Keys()
	require.NotEmpty(t, kept)
	require.NotContains(t, strings.Join(kept, "\n"), "lunas_")
}

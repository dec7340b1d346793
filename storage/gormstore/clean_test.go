package gormstore_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/storagetest"
)

func TestCleaning(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) { storagetest.RunCleaning(t, newStore(dialect)) })
}

func TestCleaningOfAnOddHost(t *testing.T) {
	storagetest.RunCleaning(t, func(t *testing.T) payments.Store {
		t.Parallel()
		return openStore(t, oddHost(t, "sqlite"), &gormstore.Options{Prefix: "odd_"})
	})
}

// In a transaction of the host a Clean is a part of it, to the rollback.
func TestCleanInATransaction(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect string) {
		t.Parallel()
		db := openNew(t, dialect)
		store, ctx := openStore(t, db, nil), t.Context()
		says(t, store, 5)
		before := time.Now().Add(time.Hour)
		batch := payments.Cleaning{MessagesBefore: before, Limit: 2}
		clean := func(store payments.Store) bool {
			t.Helper()
			more, err := store.(payments.Cleaner).Clean(ctx, batch)
			require.NoError(t, err)
			return more
		}

		tx := db.Begin()
		require.NoError(t, tx.Error)
		require.True(t, clean(store.Tx(tx)))
		require.True(t, clean(store.Tx(tx)))
		require.Len(t, said(t, store.Tx(tx)), 1)
		require.NoError(t, tx.Rollback().Error)
		require.Len(t, said(t, store), 5)

		require.True(t, clean(store), "from the beginning again")
		require.Len(t, said(t, store), 3)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			for clean(store.Tx(tx)) {
			}
			return nil
		}))
		require.Empty(t, said(t, store))
		require.False(t, clean(store))
	})
}

// Several processes may clean one database, each with a progress of its own.
func TestProcessesCleanTogether(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect string) {
		t.Parallel()
		db := openNew(t, dialect)
		stores := []*gormstore.Store{openStore(t, db, nil), openStore(t, db, nil), openStore(t, db, nil)}
		says(t, stores[0], 600)
		before := time.Now().Add(time.Hour)
		var all sync.WaitGroup
		for _, store := range stores {
			all.Go(func() {
				for more := true; more; {
					var err error
					if more, err = store.Clean(t.Context(), payments.Cleaning{MessagesBefore: before, Limit: 150}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		require.Empty(t, said(t, stores[0]))
	})
}

// Where there are locks on rows, a Clean and a transaction that is under way
// do not wait for each other: not even in small tables, which databases like
// to read from end to end.
func TestCleanAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect string) {
		if dialect == "sqlite" {
			return // it has one writer at a time
		}
		t.Parallel()
		db := openNew(t, dialect)
		store := openStore(t, db, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := func(store payments.Store, n int) {
			t.Helper()
			for range n {
				createPayment(t, store, "hook:fulfil")
			}
			for _, d := range leaseAll(t, store, t0) {
				finish(t, store.(*gormstore.Store), payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: payments.DeliveryDone, At: t0})
			}
		}
		before := time.Now().Add(time.Hour)
		clean := func(store payments.Store) {
			t.Helper()
			_, err := store.(payments.Cleaner).Clean(ctx, payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: 100})
			require.NoError(t, err)
		}
		finished := func() int {
			t.Helper()
			list, err := store.Deliveries(ctx, payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDone}})
			require.NoError(t, err)
			return len(list.Items)
		}

		done(store, 10)
		hook := db.Begin() // as of a transactional hook that takes its time
		require.NoError(t, hook.Error)
		defer hook.Rollback()
		done(store.Tx(hook), 2)
		clean(store)
		require.Zero(t, finished())
		require.Empty(t, said(t, store))
		require.NoError(t, hook.Commit().Error)
		require.Equal(t, 2, finished())

		cleaning := db.Begin()
		require.NoError(t, cleaning.Error)
		defer cleaning.Rollback()
		clean(store.Tx(cleaning))
		done(store, 10)
		require.NoError(t, cleaning.Commit().Error)
		require.Equal(t, 10, finished())
	})
}

// says keeps messages of long ago.
func says(t *testing.T, store payments.Store, n int) {
	t.Helper()
	change := payments.Change{}
	for range n {
		change.Messages = append(change.Messages, payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "status", At: t0})
	}
	_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { return change, nil })
	require.NoError(t, err)
}

func said(t *testing.T, store payments.Store) []payments.Message {
	t.Helper()
	list, err := store.Messages(t.Context(), payments.MessageQuery{})
	require.NoError(t, err)
	return list.Items
}

// What is old is found by a range of the primary key, and deleted by its whole
// key. Each batch goes on where the one before ended, and a batch that finds
// nothing takes no lock.
func TestCleanStatements(t *testing.T) {
	t.Parallel()
	var sent []string
	db := openWatched(t, gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")), func(_ context.Context, statement string) error {
		sent = append(sent, statement)
		return nil
	})
	store := openStore(t, db, nil)
	before := time.Now().Add(time.Hour)
	clean := func() (statements []string) {
		t.Helper()
		sent = nil
		_, err := store.Clean(t.Context(), payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: 250})
		require.NoError(t, err)
		return sent
	}

	statements := clean()
	require.Len(t, statements, 2, "one for each kind")
	for _, s := range statements {
		require.True(t, strings.HasPrefix(s, "SELECT"), s)
		plan := strings.Join(explain(t, db, s), "\n")
		require.Regexp(t, `USING (COVERING )?INDEX sqlite_autoindex_lunas_message_1 \(id>\? AND id<\?\)|USING PRIMARY KEY \(payment_id>\? AND payment_id<\?\)`, plan, s)
		require.NotContains(t, plan, "TEMP B-TREE", s)
	}

	says(t, store, 300)
	createPayment(t, store, "hook:fulfil")
	d := leaseAll(t, store, t0)[0]
	finish(t, store, payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: payments.DeliveryDone, At: t0})
	count := func(prefix string) (n int) {
		for _, s := range sent {
			if strings.HasPrefix(s, prefix) {
				n++
			}
		}
		return n
	}
	clean()
	require.Equal(t, 250+1, count("DELETE"))
	require.Equal(t, 3+1, count("BEGIN"), "a hundred rows at a time")
	for _, s := range sent {
		if strings.HasPrefix(s, "DELETE") {
			require.Regexp(t, `INDEX sqlite_autoindex_lunas_message_1 \(id=\?\)|PRIMARY KEY \(payment_id=\? AND seq=\? AND target=\?\)`, strings.Join(explain(t, db, s), "\n"), s)
		}
	}
	clean()
	require.Equal(t, 50+1, count("DELETE"), "the payment came with a message")
	require.Empty(t, said(t, store))
}

// Of many that are left alone, each is looked at once in a cleaning, not in
// each batch of it.
func TestCleanPassesWhatItLeavesAlone(t *testing.T) {
	t.Parallel()
	store := openStore(t, openFile(t), nil)
	before := time.Now().Add(time.Hour)
	keep := func(v payments.Verdict) payments.ID {
		m := payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "notification", Verdict: v, At: t0}
		_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
			return payments.Change{Messages: []payments.Message{m}}, nil
		})
		require.NoError(t, err)
		return m.ID
	}
	clean := func(before time.Time) bool {
		t.Helper()
		more, err := store.Clean(t.Context(), payments.Cleaning{MessagesBefore: before, Limit: 1})
		require.NoError(t, err)
		return more
	}
	parked := keep(payments.VerdictParked)
	keep(payments.VerdictApplied)
	keep(payments.VerdictApplied)
	require.True(t, clean(before))
	// While the cleaning is under way, one that it has passed becomes old.
	m := said(t, store)[0]
	require.Equal(t, parked, m.ID)
	m.Verdict = payments.VerdictApplied
	_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Messages: []payments.Message{m}}, nil
	})
	require.NoError(t, err)
	require.True(t, clean(before))
	require.False(t, clean(before))
	require.Len(t, said(t, store), 1, "it is passed")
	require.True(t, clean(before), "until the next cleaning")
	require.Empty(t, said(t, store))

	// A cleaning of another time begins at the beginning.
	keep(payments.VerdictApplied)
	keep(payments.VerdictApplied)
	require.True(t, clean(before))
	require.True(t, clean(before.Add(time.Second)))
	require.Empty(t, said(t, store))
}

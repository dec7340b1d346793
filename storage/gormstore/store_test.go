package gormstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// onEach runs a test on each kind of database.
func onEach(t *testing.T, test func(t *testing.T, dialect string)) {
	for _, dialect := range scratch.Dialects {
		t.Run(dialect, func(t *testing.T) { test(t, dialect) })
	}
}

func TestStore(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) { storagetest.Run(t, newStore(dialect)) })
}

func TestDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) { storagetest.RunDeliveries(t, newStore(dialect)) })
}

func TestConcurrency(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) { storagetest.RunConcurrency(t, newStore(dialect)) })
}

func TestRecords(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		storagetest.RunRecords(t, func(t *testing.T) payments.RecordStore { return newStore(dialect)(t).(payments.RecordStore) })
	})
}

func TestTx(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		storagetest.RunTx(t, func(t *testing.T) (payments.Store, func(t *testing.T) storagetest.Bound) {
			return bindable(t, openNew(t, dialect), nil)
		})
	})
}

func bindable(t *testing.T, db *gorm.DB, o *gormstore.Options) (payments.Store, func(t *testing.T) storagetest.Bound) {
	store := openStore(t, db, o)
	return store, func(t *testing.T) storagetest.Bound {
		tx := db.Begin()
		require.NoError(t, tx.Error)
		return storagetest.Bound{
			Store:    store.Tx(tx),
			Commit:   func() error { return tx.Commit().Error },
			Rollback: func() error { return tx.Rollback().Error },
		}
	}
}

// newStore makes stores that have a database each.
func newStore(dialect string) func(t *testing.T) payments.Store {
	return func(t *testing.T) payments.Store {
		t.Parallel()
		return openStore(t, openNew(t, dialect), nil)
	}
}

// openNew opens a new database.
func openNew(t *testing.T, dialect string) *gorm.DB {
	t.Helper()
	return scratch.Open(t, dialect, scratch.New(t, dialect))
}

// openFile opens a new database as the documentation says.
func openFile(t testing.TB) *gorm.DB {
	t.Helper()
	return openDB(t, fileDSN(t))
}

func openDB(t testing.TB, dsn string, o ...gorm.Option) *gorm.DB {
	t.Helper()
	if len(o) == 0 {
		o = []gorm.Option{&gorm.Config{Logger: logger.Discard}}
	}
	db, err := gorm.Open(sqlite.Open(dsn), o...)
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}

func closeAfter(t testing.TB, db *gorm.DB) {
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
}

func openStore(t testing.TB, db *gorm.DB, o *gormstore.Options) *gormstore.Store {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	require.NoError(t, gormstore.Migrate(ctx, db, o))
	store, err := gormstore.Open(ctx, db, o)
	require.NoError(t, err)
	return store
}

// Behind a pooler that gives a connection to somebody else after each
// transaction, with prepared statements off in both of pgx's ways.
func TestBehindAPooler(t *testing.T) {
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			// One database for all: they share it by their prefixes.
			dsn := scratch.PostgresDSN(scratch.Pooler(t, scratch.Postgres(t)), "default_query_exec_mode", mode)
			db := scratch.Open(t, "postgres", dsn)
			stores := 0
			newStore := func(t *testing.T) payments.Store {
				stores++
				return openStore(t, db, &gormstore.Options{Prefix: fmt.Sprintf("s%d_", stores)})
			}
			storagetest.Run(t, newStore)
			storagetest.RunDeliveries(t, newStore)
			storagetest.RunConcurrency(t, newStore)
		})
	}
}

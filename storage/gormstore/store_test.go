package gormstore_test

import (
	"context"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/storagetest"
)

func TestStore(t *testing.T)       { storagetest.Run(t, newStore) }
func TestDeliveries(t *testing.T)  { storagetest.RunDeliveries(t, newStore) }
func TestConcurrency(t *testing.T) { storagetest.RunConcurrency(t, newStore) }

func TestTx(t *testing.T) {
	storagetest.RunTx(t, func(t *testing.T) (payments.Store, func(t *testing.T) storagetest.Bound) {
		return bindable(t, openFile(t), nil)
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

func newStore(t *testing.T) payments.Store {
	t.Parallel()
	return openStore(t, openFile(t), nil)
}

// openFile opens a new database as the documentation says.
func openFile(t *testing.T) *gorm.DB {
	t.Helper()
	return openDB(t, fileDSN(t))
}

func openDB(t *testing.T, dsn string, o ...gorm.Option) *gorm.DB {
	t.Helper()
	if len(o) == 0 {
		o = []gorm.Option{&gorm.Config{Logger: logger.Discard}}
	}
	db, err := gorm.Open(sqlite.Open(dsn), o...)
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}

func closeAfter(t *testing.T, db *gorm.DB) {
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
}

func openStore(t *testing.T, db *gorm.DB, o *gormstore.Options) *gormstore.Store {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	require.NoError(t, gormstore.Migrate(ctx, db, o))
	store, err := gormstore.Open(ctx, db, o)
	require.NoError(t, err)
	return store
}

package gormstore_test

import (
	"database/sql"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// hosts are handles that hosts have besides GORM's plain ones.
var hosts = []struct {
	name, dialect string
	open          func(t *testing.T, dsn string) *gorm.DB
}{
	{"wrapped pgx", "postgres", func(t *testing.T, dsn string) *gorm.DB { return engines[2].open(t, dsn, nil) }},
	{"pq", "postgres", func(t *testing.T, dsn string) *gorm.DB {
		connector, err := pq.NewConnector(dsn)
		require.NoError(t, err)
		db := onPool(t, "postgres", sql.OpenDB(connector))
		closeAfter(t, db)
		return db
	}},
	{"exec", "postgres", func(t *testing.T, dsn string) *gorm.DB {
		return scratch.Open(t, "postgres", scratch.PostgresDSN(dsn, "default_query_exec_mode", "exec"))
	}},
	{"simple protocol", "postgres", func(t *testing.T, dsn string) *gorm.DB {
		return scratch.Open(t, "postgres", scratch.PostgresDSN(dsn, "default_query_exec_mode", "simple_protocol"), everySetting())
	}},
	{"every setting of GORM", "postgres", func(t *testing.T, dsn string) *gorm.DB { return scratch.Open(t, "postgres", dsn, everySetting()) }},
	{"every setting", "mysql", func(t *testing.T, dsn string) *gorm.DB {
		return scratch.Open(t, "mysql", dsn+"&interpolateParams=true&clientFoundRows=true&multiStatements=true&loc=Asia%2FJakarta", everySetting())
	}},
}

// everySetting of GORM that changes how statements are sent or fail.
func everySetting() *gorm.Config {
	return &gorm.Config{PrepareStmt: true, TranslateError: true, SkipDefaultTransaction: true, Logger: logger.Discard}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, host := range hosts {
		t.Run(host.dialect+" "+host.name, func(t *testing.T) {
			t.Parallel()
			db := host.open(t, scratch.New(t, host.dialect))
			require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
			// Cases take turns in one database, which is emptied in between.
			newStore := func(t *testing.T) payments.Store {
				store, err := gormstore.Open(t.Context(), db, nil)
				require.NoError(t, err)
				for _, table := range []string{"payment", "ref", "event", "delivery", "delivery_log", "lane", "claim", "message"} {
					require.NoError(t, db.Exec("DELETE FROM lunas_"+table).Error)
				}
				return store
			}
			t.Run("store", func(t *testing.T) { storagetest.Run(t, newStore) })
			t.Run("deliveries", func(t *testing.T) { storagetest.RunDeliveries(t, newStore) })
			t.Run("concurrency", func(t *testing.T) { storagetest.RunConcurrency(t, newStore) })
			t.Run("tx", func(t *testing.T) {
				storagetest.RunTx(t, func(t *testing.T) (payments.Store, func(t *testing.T) storagetest.Bound) {
					newStore(t)
					return bindable(t, db, nil)
				})
			})
		})
	}
}

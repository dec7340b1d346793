package faults

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore"
)

// disk is a SQLite database that can be told to grow no more.
type disk struct {
	driver driver.Driver
	dsn    string
	full   atomic.Bool
}

// Connect opens a connection. PRAGMA max_page_count lasts for one connection,
// and never means less than what is there.
func (d *disk) Connect(context.Context) (driver.Conn, error) {
	if d.full.Load() {
		return d.driver.Open(d.dsn + "&_pragma=max_page_count(1)")
	}
	return d.driver.Open(d.dsn)
}

func (d *disk) Driver() driver.Driver { return d.driver }

// diskRows let the disk of a SQLite database be full.
func diskRows() []row {
	return []row{{"disk full", func(t *testing.T, fault string) result {
		dsn := gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db"))
		plain, err := sql.Open(sqlite.DriverName, dsn)
		require.NoError(t, err)
		require.NoError(t, plain.Close())
		d := &disk{driver: plain.Driver(), dsn: dsn}
		w := newWorld(t, fault, database{
			name: "SQLite", dialect: "sqlite",
			connect: func(string) (*sql.DB, error) { return sql.Open(sqlite.DriverName, dsn) },
		}, around{connect: func() (*sql.DB, error) {
			pool := sql.OpenDB(d)
			pool.SetMaxIdleConns(-1) // so that each use has the limit of its time
			return pool, nil
		}})
		return w.run(trial{
			inject: func() func() { d.full.Store(true); return func() { d.full.Store(false) } }, last: short, refuses: true,
		})
	}}}
}

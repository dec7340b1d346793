package gormstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// openWatched opens a database through a driver that calls before ahead of
// every statement, and fails the statement with the error that it returns.
func openWatched(t *testing.T, dsn string, before func(ctx context.Context, statement string) error) *gorm.DB {
	t.Helper()
	plain, err := sql.Open(sqlite.DriverName, dsn)
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	pool := sql.OpenDB(watched{plain.Driver(), dsn, before})
	db, err := gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}

type watched struct {
	driver driver.Driver
	dsn    string
	before func(ctx context.Context, statement string) error
}

func (w watched) Driver() driver.Driver { return w.driver }

func (w watched) Connect(context.Context) (driver.Conn, error) {
	inner, err := w.driver.Open(w.dsn)
	if err != nil {
		return nil, err
	}
	return watchedConn{inner, w.before}, nil
}

type watchedConn struct {
	driver.Conn
	before func(ctx context.Context, statement string) error
}

func (c watchedConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.before(ctx, statement); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args)
}

func (c watchedConn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.before(ctx, statement); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, statement, args)
}

func (c watchedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

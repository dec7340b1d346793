package kill

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// newDSN makes an empty database. On PostgreSQL it is not only a schema, as
// that cannot be dropped while a transaction of a killed process lingers.
func newDSN(t *testing.T, dialect string) string {
	t.Helper()
	if dialect == "postgres" {
		return scratch.Postgres(t)
	}
	return scratch.New(t, dialect)
}

// openDB opens a database with few connections: hooks and requests compete for
// them, and many apps fit on one small server.
func openDB(dialect, dsn string, conns int) (*gorm.DB, error) {
	db, err := gorm.Open(scratch.Dialector(dialect, dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err == nil && dialect != "sqlite" {
		pool.SetMaxOpenConns(conns)
		pool.SetMaxIdleConns(conns)
	}
	return db, err
}

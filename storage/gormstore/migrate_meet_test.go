package gormstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// Handles that migrate at the same moment, each with a pool of its own: every
// migration runs once.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		atOnce(t, dialect, dsn, dsn)
	})
	t.Run("pooler", func(t *testing.T) {
		t.Parallel()
		dsn := scratch.New(t, "postgres")
		atOnce(t, "postgres", dsn, scratch.Pooler(t, dsn))
	})
}

// atOnce migrates over one DSN and looks at the results over another one.
func atOnce(t *testing.T, dialect, direct, dsn string) {
	t.Helper()
	handles := make([]*gorm.DB, 6)
	for i := range handles {
		handles[i] = scratch.Open(t, dialect, dsn)
	}
	all := func(migrate func(db *gorm.DB) error) {
		t.Helper()
		errs := make([]error, len(handles))
		var waiting sync.WaitGroup
		for i, db := range handles {
			waiting.Go(func() { errs[i] = migrate(db) })
		}
		waiting.Wait()
		require.NoError(t, errors.Join(errs...))
	}
	all(func(db *gorm.DB) error { return gormstore.Migrate(t.Context(), db, nil) })
	store := openStore(t, scratch.Open(t, dialect, direct), nil)
	p := createPayment(t, store, "hook:fulfil")

	// Then once more, with what does not take being done twice.
	all(func(db *gorm.DB) error {
		return gormstore.MigrateFurther(t.Context(), db,
			"UPDATE lunas_payment SET version = version + 1;", "UPDATE lunas_payment SET version = version + 10;")
	})
	after, err := store.Get(t.Context(), payments.ByID(p.ID))
	require.NoError(t, err)
	require.Equal(t, p.Version+11, after.Version)
}

// The ways in which two meet, one at a time: what happens between the look at
// the version and the turn to migrate.
func TestMigrateMeetsAnother(t *testing.T) {
	t.Parallel()
	for _, dialect := range scratch.Dialects {
		meet := func(t *testing.T, met func(other *gorm.DB, times int) error) error {
			t.Helper()
			dsn := scratch.New(t, dialect)
			other := scratch.Open(t, dialect, dsn)
			times := 0
			db := openMortal(t, dialect, dsn, func(statement string) error {
				if beginsMigrating(dialect, statement) {
					times++
					return met(other, times)
				}
				return nil
			})
			return gormstore.Migrate(t.Context(), db, nil)
		}
		t.Run(dialect+", it is done already", func(t *testing.T) {
			t.Parallel()
			require.NoError(t, meet(t, func(other *gorm.DB, times int) error {
				require.Equal(t, 1, times)
				return gormstore.Migrate(t.Context(), other, nil)
			}))
		})
		t.Run(dialect+", a later module has done more", func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, meet(t, func(other *gorm.DB, _ int) error {
				return gormstore.MigrateFurther(t.Context(), other, "CREATE TABLE lunas_more (id INT);")
			}), gormstore.ErrSchemaNew)
		})
		t.Run(dialect+", the database asks to try again", func(t *testing.T) {
			t.Parallel()
			require.NoError(t, meet(t, func(_ *gorm.DB, times int) error {
				if times > 2 {
					return nil
				}
				return transient[dialect]
			}))
		})
		t.Run(dialect+", something else fails", func(t *testing.T) {
			t.Parallel()
			failed := errors.New("permission denied")
			require.ErrorIs(t, meet(t, func(_ *gorm.DB, times int) error {
				require.Equal(t, 1, times)
				return failed
			}), failed)
		})
	}
}

var transient = map[string]error{
	"sqlite":   errors.New("database is locked (5) (SQLITE_BUSY)"),
	"postgres": deadlock{errors.New("deadlock detected")},
	"mysql":    errors.New("Error 1213 (40001): Deadlock found when trying to get lock"),
}

type deadlock struct{ error }

func (deadlock) SQLState() string { return "40P01" }

// One that waits for another gives up with its ctx, and the other goes on.
func TestMigrateWaits(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		begun, halt := make(chan struct{}), make(chan struct{})
		goOn := sync.OnceFunc(func() { close(halt) })
		defer goOn()
		first := openMortal(t, dialect, dsn, func(statement string) error {
			if strings.Contains(statement, "lunas_payment") && strings.Contains(statement, "CREATE TABLE") {
				close(begun)
				<-halt
			}
			return nil
		})
		done := make(chan error)
		go func() { done <- gormstore.Migrate(t.Context(), first, nil) }()
		<-begun

		ctx, cancel := context.WithCancel(t.Context())
		impatient := strings.Replace(dsn, "busy_timeout(5000)", "busy_timeout(50)", 1) // which SQLite does not interrupt
		second, db := scratch.Open(t, dialect, impatient), scratch.Open(t, dialect, dsn)
		go func() {
			assert.Eventually(t, func() bool { return waits(db) }, time.Minute, time.Millisecond)
			cancel()
		}()
		require.ErrorIs(t, gormstore.Migrate(ctx, second, nil), context.Canceled)
		goOn()
		require.NoError(t, <-done)
		require.NoError(t, gormstore.Migrate(t.Context(), second, nil), "the pool is as good as before")
	})
}

// waits reports whether somebody waits for his turn to migrate. SQLite cannot
// tell.
func waits(db *gorm.DB) bool {
	waiting := 0
	err := db.Raw(map[string]string{
		"sqlite": "SELECT 1",
		"postgres": `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND (classid::bigint << 32) | objid::bigint = hashtextextended(concat(current_schema(), '.lunas_schema'), 0)`,
		"mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND state = 'User lock'",
	}[db.Name()]).Scan(&waiting).Error
	return err == nil && waiting > 0
}

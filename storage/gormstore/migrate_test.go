package gormstore_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	dummy "gorm.io/gorm/utils/tests"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

func TestOpenSaysWhatTheSchemaLacks(t *testing.T) {
	t.Parallel()
	db, ctx := openFile(t), t.Context()
	_, err := gormstore.Open(ctx, db, nil)
	require.ErrorIs(t, err, gormstore.ErrSchemaMissing)
	require.Empty(t, tables(t, db), "Open changes nothing")

	require.NoError(t, gormstore.Migrate(ctx, db, nil))
	_, err = gormstore.Open(ctx, db, nil)
	require.NoError(t, err)

	require.NoError(t, db.Exec("UPDATE lunas_schema SET version = 0").Error)
	_, err = gormstore.Open(ctx, db, nil)
	require.ErrorIs(t, err, gormstore.ErrSchemaOld)

	require.NoError(t, db.Exec("UPDATE lunas_schema SET version = 4711").Error)
	_, err = gormstore.Open(ctx, db, nil)
	require.ErrorIs(t, err, gormstore.ErrSchemaNew)
	require.ErrorContains(t, err, "4711")
	require.ErrorIs(t, gormstore.Migrate(ctx, db, nil), gormstore.ErrSchemaNew)
}

func tables(t *testing.T, db *gorm.DB) (names []string) {
	t.Helper()
	require.NoError(t, db.Raw("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").Scan(&names).Error)
	return names
}

func TestMigrateAgainKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		store := openStore(t, db, nil)
		p := createPayment(t, store, "hook:fulfil")
		again := openStore(t, db, nil)
		got, err := again.Get(t.Context(), payments.ByID(p.ID))
		require.NoError(t, err)
		require.Equal(t, p, got)
	})
}

// Processes that start together migrate together, each over a handle of its
// own.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	handles := make([]*gorm.DB, 6)
	for i := range handles {
		handles[i] = openDB(t, gormstore.SQLiteDSN(file))
	}
	errs := make([]error, len(handles))
	var all sync.WaitGroup
	for i, db := range handles {
		all.Go(func() { errs[i] = gormstore.Migrate(t.Context(), db, nil) })
	}
	all.Wait()
	for i, db := range handles {
		require.NoError(t, errs[i])
		_, err := gormstore.Open(t.Context(), db, nil)
		require.NoError(t, err)
	}
}

// The ways in which two processes meet, one at a time.
func TestMigrateMeetsAnother(t *testing.T) {
	t.Parallel()
	for name, meet := range map[string]func(t *testing.T, file string) error{
		"it is done already": func(t *testing.T, file string) error {
			return gormstore.Migrate(context.WithoutCancel(t.Context()), openDB(t, file), nil)
		},
		"the lock is taken": func(*testing.T, string) error { return errors.New("database is locked (5)") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "shop.db") // deferred: what begins first is not what writes first
			met := 0
			db := openWatched(t, file+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)", func(_ context.Context, statement string) error {
				if !strings.Contains(statement, "CREATE TABLE lunas_schema") {
					return nil
				}
				if met++; met == 1 {
					return meet(t, file)
				}
				return nil
			})
			openStore(t, db, nil)
			require.GreaterOrEqual(t, met, 1)
		})
	}
}

func TestTransactionsAreRefused(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		openStore(t, db, nil)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.ErrorContains(t, gormstore.Migrate(t.Context(), tx, nil), "not a transaction")
			_, err := gormstore.Open(t.Context(), tx, nil)
			require.ErrorContains(t, err, "not a transaction")
			return nil
		}))
	})
}

// A host with a migration tool of its own needs nothing but the files.
func TestMigrationsForOtherTools(t *testing.T) {
	t.Parallel()
	o := &gormstore.Options{Prefix: "pay_"}
	files, err := gormstore.Migrations("sqlite", o)
	require.NoError(t, err)
	names, err := fs.Glob(files, "*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	require.NoError(t, fstest.TestFS(files, names...))

	db := openFile(t)
	for i, name := range names { // Glob sorts
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		require.Equal(t, i+1, n)
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		require.NotContains(t, string(text), "lunas_")
		require.NoError(t, db.Exec(string(text)).Error)
		var version int
		require.NoError(t, db.Raw("SELECT version FROM pay_schema").Scan(&version).Error)
		require.Equal(t, n, version, "%s must end by setting the version", name)
	}
	_, err = gormstore.Open(t.Context(), db, o)
	require.NoError(t, err)
	require.NoError(t, gormstore.Migrate(t.Context(), db, o), "there is nothing left to do")
	require.NotContains(t, tables(t, db), "pay_migrations")
}

func TestTwoPrefixesShareNothing(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, db *gorm.DB) {
		live, sandbox := openStore(t, db, nil), openStore(t, db, &gormstore.Options{Prefix: "lunas_sandbox_"})
		p := createPayment(t, live, "hook:fulfil")
		_, err := sandbox.Get(t.Context(), payments.ByID(p.ID))
		require.ErrorIs(t, err, payments.ErrNotFound)
		require.Empty(t, leaseAll(t, sandbox, t0))
		require.Len(t, leaseAll(t, live, t0), 1)
		name := regexp.MustCompile(`^(lunas_|lunas_sandbox_|sqlite_sequence$)`)
		require.Greater(t, len(tables(t, db)), 20)
		for _, table := range tables(t, db) {
			require.Regexp(t, name, table)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	db, ctx := openFile(t), t.Context()
	for _, prefix := range []string{"Lunas_", "1_", "a-b", "a b", "x;", "ü_", strings.Repeat("x", 33)} {
		o := &gormstore.Options{Prefix: prefix}
		_, err := gormstore.Open(ctx, db, o)
		require.ErrorContains(t, err, "prefix")
		require.ErrorContains(t, gormstore.Migrate(ctx, db, o), "prefix")
		_, err = gormstore.Migrations("sqlite", o)
		require.ErrorContains(t, err, "prefix")
	}

	other, err := gorm.Open(dummy.DummyDialector{}, &gorm.Config{})
	require.NoError(t, err)
	_, err = gormstore.Open(ctx, other, nil)
	require.ErrorContains(t, err, `"dummy" is not supported`)
	require.ErrorContains(t, gormstore.Migrate(ctx, other, nil), `"dummy" is not supported`)
	_, err = gormstore.Migrations("oracle", nil)
	require.ErrorContains(t, err, `"oracle" is not supported`)
}

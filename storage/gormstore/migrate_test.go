package gormstore_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	mysqldriver "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	dummy "gorm.io/gorm/utils/tests"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

func TestOpenSaysWhatTheSchemaLacks(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db, ctx := scratch.Open(t, dialect, dsn), t.Context()
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
	})
}

func TestMigrateAgainKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	again := func(t *testing.T, db *gorm.DB) {
		p := createPayment(t, openStore(t, db, nil), "hook:fulfil")
		before := structure(t, db)
		got, err := openStore(t, db, nil).Get(t.Context(), payments.ByID(p.ID))
		require.NoError(t, err)
		require.Equal(t, p, got)
		require.Equal(t, before, structure(t, db))
	}
	eachHost(t, again)
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) { again(t, scratch.Open(t, dialect, dsn)) })
}

// The ways in which handles and drivers send statements, and how few
// connections there may be.
func TestMigrateOverAnyHandle(t *testing.T) {
	t.Parallel()
	mode := func(dsn, mode string) string { return scratch.PostgresDSN(dsn, "default_query_exec_mode", mode) }
	for name, c := range map[string]struct {
		dialect  string
		change   func(t *testing.T, dsn string) string
		prepared bool
	}{
		"postgres, prepared":            {"postgres", nil, true},
		"postgres, cache_describe":      {"postgres", func(_ *testing.T, dsn string) string { return mode(dsn, "cache_describe") }, false},
		"postgres, describe_exec":       {"postgres", func(_ *testing.T, dsn string) string { return mode(dsn, "describe_exec") }, false},
		"postgres, exec":                {"postgres", func(_ *testing.T, dsn string) string { return mode(dsn, "exec") }, false},
		"postgres, simple_protocol":     {"postgres", func(_ *testing.T, dsn string) string { return mode(dsn, "simple_protocol") }, false},
		"pooler, exec":                  {"postgres", func(t *testing.T, dsn string) string { return scratch.Pooler(t, dsn) }, false},
		"pooler, simple_protocol":       {"postgres", func(t *testing.T, dsn string) string { return mode(scratch.Pooler(t, dsn), "simple_protocol") }, false},
		"mysql, prepared":               {"mysql", nil, true},
		"mysql, a DSN that says little": {"mysql", func(_ *testing.T, dsn string) string { return strings.Replace(dsn, "parseTime=true", "", 1) }, false},
		"mysql, all in the text":        {"mysql", func(_ *testing.T, dsn string) string { return dsn + "&interpolateParams=true&multiStatements=true" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := scratch.New(t, c.dialect)
			dsn := direct
			if c.change != nil {
				dsn = c.change(t, dsn)
			}
			db := limited(t, scratch.Open(t, c.dialect, dsn, &gorm.Config{PrepareStmt: c.prepared, Logger: logger.Discard}))
			require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
			require.NoError(t, gormstore.MigrateFurther(t.Context(), db, "CREATE TABLE lunas_more (id INT);"))
			require.NoError(t, db.Exec("INSERT INTO lunas_more VALUES (1)").Error, "the pool is as good as before")
			require.Contains(t, tables(t, scratch.Open(t, c.dialect, direct)), "lunas_more")
		})
	}
}

func TestTransactionsAreRefused(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, db *gorm.DB) {
		openStore(t, db, nil)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.ErrorContains(t, gormstore.Migrate(t.Context(), tx, nil), "not a transaction")
			_, err := gormstore.Open(t.Context(), tx, nil)
			require.ErrorContains(t, err, "not a transaction")
			return nil
		}))
	}
	eachHost(t, refused)
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) { refused(t, scratch.Open(t, dialect, dsn)) })
}

// The files are numbered without gaps, alike for all databases, and each ends
// by setting its version.
func TestMigrationsAreNumbered(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		o := &gormstore.Options{Prefix: "pay_"}
		files, err := gormstore.Migrations(dialect, o)
		require.NoError(t, err)
		names, err := fs.Glob(files, "*.sql")
		require.NoError(t, err)
		require.Len(t, names, gormstore.LatestVersion)
		require.NoError(t, fstest.TestFS(files, names...))
		db := scratch.Open(t, dialect, dsn)
		sent := 0
		for i, name := range names {
			require.Regexp(t, fmt.Sprintf(`^%05d_[a-z_]+\.sql$`, i+1), name)
			all := statements(t, dialect, o, i+1)
			require.NotContains(t, strings.Join(all, ""), "lunas_")
			execAll(t, db, all[sent:])
			sent = len(all)
			var version int
			require.NoError(t, db.Raw("SELECT version FROM pay_schema").Scan(&version).Error)
			require.Equal(t, i+1, version, name)
		}
	})
}

// A host with a migration tool of its own needs nothing but the files; and if
// it changes its mind, Migrate goes on from there.
func TestMigrationsForOtherTools(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db, ctx := scratch.Open(t, dialect, dsn), t.Context()
		execAll(t, db, statements(t, dialect, nil, gormstore.LatestVersion))
		_, err := gormstore.Open(ctx, db, nil)
		require.NoError(t, err)
		ours := scratch.Open(t, dialect, scratch.New(t, dialect))
		require.NoError(t, gormstore.Migrate(ctx, ours, nil))
		require.Equal(t, structure(t, ours), structure(t, db))

		require.NoError(t, gormstore.Migrate(ctx, db, nil), "there is nothing left to do")
		require.Equal(t, structure(t, ours), structure(t, db))
		require.NoError(t, gormstore.MigrateFurther(ctx, db, "CREATE TABLE lunas_more (id INT);"))
		require.Contains(t, tables(t, db), "lunas_more")
	})
}

func TestTwoPrefixesShareNothing(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db := scratch.Open(t, dialect, dsn)
		live := openStore(t, db, nil)
		count := len(tables(t, db))
		sandbox := openStore(t, db, &gormstore.Options{Prefix: "lunas_sandbox_"})
		other := openStore(t, db, &gormstore.Options{Prefix: "x"})
		p := createPayment(t, live, "hook:fulfil")
		for _, store := range []*gormstore.Store{sandbox, other} {
			_, err := store.Get(t.Context(), payments.ByID(p.ID))
			require.ErrorIs(t, err, payments.ErrNotFound)
			require.Empty(t, leaseAll(t, store, t0))
		}
		require.Len(t, leaseAll(t, live, t0), 1)
		all := tables(t, db)
		require.Len(t, all, 3*count)
		for _, table := range all {
			require.Regexp(t, "^(lunas_|lunas_sandbox_|x)[a-z]+", table)
		}
		_, err := gormstore.Open(t.Context(), db, &gormstore.Options{Prefix: "lunas"})
		require.ErrorIs(t, err, gormstore.ErrSchemaMissing, "an underscore is no wildcard")
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

// The longest prefix leaves all names within the databases' limits.
func TestLongestPrefix(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db := scratch.Open(t, dialect, dsn)
		o := &gormstore.Options{Prefix: strings.Repeat("x", 31) + "_"}
		createPayment(t, openStore(t, db, o), "hook:fulfil")
		again := &gormstore.Options{Prefix: strings.Repeat("x", 30) + "y_"}
		openStore(t, db, again) // nothing was cut to the same name
	})
}

// A DSN holds a password; an error never does.
func TestMigrateErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	const password = "tOp-s3cret"
	for dialect, dsn := range map[string]string{
		"postgres": "host=127.0.0.1 port=1 user=shop password=" + password + " dbname=shop sslmode=disable",
		"mysql":    "shop:" + password + "@tcp(127.0.0.1:1)/shop",
	} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			dialector := scratch.Dialector(dialect, dsn)
			if d, ok := dialector.(*mysqldriver.Dialector); ok {
				d.SkipInitializeWithVersion = true // or it would fail before we do
			}
			db, err := gorm.Open(dialector, &gorm.Config{DisableAutomaticPing: true, Logger: logger.Discard})
			require.NoError(t, err)
			err = gormstore.Migrate(t.Context(), db, nil)
			require.ErrorContains(t, err, "connect", "why it failed is told")
			require.NotContains(t, err.Error(), password)
		})
	}
}

func TestMigrateEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db := scratch.Open(t, dialect, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, gormstore.Migrate(ctx, db, nil), context.Canceled)
		require.Empty(t, tables(t, db))
	})
}

// What a migration cannot do is told, and is not half done.
func TestFailedMigration(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db, ctx := limited(t, scratch.Open(t, dialect, dsn)), t.Context()
		err := gormstore.MigrateFurther(ctx, db, "CREATE TABLE lunas_more (id INT);", "CREATE TABLE lunas_most (id INT);\nNONSENSE;")
		require.ErrorContains(t, err, "NONSENSE")
		require.ErrorContains(t, err, fmt.Sprintf("version:%d", gormstore.LatestVersion+2))
		if dialect == "mysql" { // where CREATE TABLE commits
			_, err = gormstore.Open(ctx, db, nil)
			require.ErrorIs(t, err, gormstore.ErrSchemaNew)
			return
		}
		require.Empty(t, tables(t, db))
		openStore(t, db, nil)
	})
}

// A migration that does not set its version would be run again and again.
func TestMigrationMustSetItsVersion(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		db := scratch.Open(t, dialect, dsn)
		require.ErrorContains(t, gormstore.MigrateFurther(t.Context(), db, "DELETE FROM lunas_schema;"), "at version 0")
	})
}

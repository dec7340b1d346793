// Package scratch gives each test an empty database of its own, and drops it
// afterwards:
//
//	for _, dialect := range scratch.Dialects {
//		t.Run(dialect, func(t *testing.T) {
//			dsn := scratch.New(t, dialect)
//			db := scratch.Open(t, dialect, dsn)
//			…
//		})
//	}
//
// A database is known by its data source name (DSN), so that other handles
// and other processes can open it as well.
//
// SQLite is always there. PostgreSQL and MySQL (or MariaDB) are looked for at
// their usual local ports; these variables name others:
//
//	LUNAS_TEST_POSTGRES  "host=127.0.0.1 port=5432 user=postgres dbname=postgres sslmode=disable"
//	LUNAS_TEST_MYSQL     "root@tcp(127.0.0.1:3306)/"
//
// The user must be allowed to create databases. A test whose server does not
// answer is skipped, and says so; it fails if CI is "true" or the variable is
// set, since then somebody counts on it.
//
// The databases are named lunas_test_ and something random. Those of a test
// process that was killed stay behind and may be dropped by hand.
package scratch

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore"
)

// Dialects that there are databases of, as GORM names them.
var Dialects = []string{"sqlite", "postgres", "mysql"}

// New creates a database for the test, in the way that is quickest, and
// returns its DSN.
func New(t testing.TB, dialect string) (dsn string) {
	t.Helper()
	switch dialect {
	case "sqlite":
		return SQLite(t)
	case "postgres":
		return PostgresSchema(t)
	case "mysql":
		return MySQL(t)
	}
	t.Fatalf("scratch: database %q is none of %s", dialect, strings.Join(Dialects, ", "))
	return ""
}

// SQLite creates a database in a file.
func SQLite(t testing.TB) (dsn string) {
	t.Helper()
	return gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "scratch.db"))
}

// maxConns of a handle. The servers' own limits are about a hundred, and the
// tests of several packages run at the same time.
const maxConns = 16

// Open opens a handle on a database and closes it at the end of the test. One
// without options logs nothing. Of a server it has 16 connections at most.
func Open(t testing.TB, dialect, dsn string, o ...gorm.Option) *gorm.DB {
	t.Helper()
	if len(o) == 0 {
		o = []gorm.Option{&gorm.Config{Logger: logger.Discard}}
	}
	db, err := gorm.Open(Dialector(dialect, dsn), o...)
	noError(t, err)
	pool, err := db.DB()
	noError(t, err)
	if dialect != "sqlite" {
		pool.SetMaxOpenConns(maxConns)
		pool.SetMaxIdleConns(maxConns)
	}
	t.Cleanup(func() { noError(t, pool.Close()) })
	return db
}

// Dialector is for those that have no test: gorm.Open takes it. It panics on
// an unknown dialect.
func Dialector(dialect, dsn string) gorm.Dialector {
	switch dialect {
	case "sqlite":
		return sqlite.Open(dsn)
	case "postgres":
		return postgres.Open(dsn)
	case "mysql":
		return mysql.Open(dsn)
	}
	panic(fmt.Sprintf("scratch: database %q is none of %s", dialect, strings.Join(Dialects, ", ")))
}

// patience is how long a server may take for one answer. It is the test's
// limit, so it is generous.
const patience = 30 * time.Second

// background is a context for before and after the test itself.
func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func newName() string { return "lunas_test_" + strings.ToLower(rand.Text()[:16]) }

// server is where the databases of a dialect are made.
type server struct {
	what, variable, preset string
}

// dsn of the server's administrator.
func (s server) dsn() string {
	if set := os.Getenv(s.variable); set != "" {
		return set
	}
	return s.preset
}

// missing ends the test for the lack of something.
func missing(t testing.TB, wanted bool, format string, args ...any) {
	t.Helper()
	if wanted || os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func (s server) missing(t testing.TB, err error) {
	t.Helper()
	missing(t, os.Getenv(s.variable) != "", "%s does not answer: start it, or say where it is by %s=%q (%v)", s.what, s.variable, s.preset, err)
}

// noError ends the test if there is one.
func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("scratch: %v", err)
	}
}

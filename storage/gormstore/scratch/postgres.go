package scratch

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

var postgresServer = server{
	what:     "PostgreSQL",
	variable: "LUNAS_TEST_POSTGRES",
	preset:   "host=127.0.0.1 port=5432 user=postgres dbname=postgres sslmode=disable",
}

// postgresAnswers asks once for all tests: a server that is away may take its
// time to say so.
var postgresAnswers = sync.OnceValue(func() error { return postgresAdmin("SELECT 1") })

// postgresAdmin executes a statement.
func postgresAdmin(statement string) error {
	ctx, cancel := background()
	defer cancel()
	admin, err := pgx.Connect(ctx, postgresServer.dsn())
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	_, err = admin.Exec(ctx, statement)
	return err
}

// Postgres creates a database on the PostgreSQL server, which takes a fifth of
// a second.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	name := postgresNew(t, "CREATE DATABASE %s", "DROP DATABASE %s WITH (FORCE)")
	return PostgresDSN(postgresServer.dsn(), "dbname", name)
}

// PostgresSchema creates a schema in the administrator's database, which is
// ten times as quick, for tests that are many. Connections that are still open
// at the end of the test must not be in a transaction, or it fails.
func PostgresSchema(t testing.TB) (dsn string) {
	t.Helper()
	name := postgresNew(t, "CREATE SCHEMA %s", "SET lock_timeout = '10s'; DROP SCHEMA %s CASCADE")
	return PostgresDSN(postgresServer.dsn(), "search_path", name)
}

func postgresNew(t testing.TB, create, drop string) (name string) {
	t.Helper()
	if err := postgresAnswers(); err != nil {
		postgresServer.missing(t, err)
	}
	name = newName()
	noError(t, postgresAdmin(fmt.Sprintf(create, name)))
	t.Cleanup(func() { noError(t, postgresAdmin(fmt.Sprintf(drop, name))) })
	return name
}

// PostgresDSN returns the DSN with another value of a setting, such as
// default_query_exec_mode, which pgx takes exec and simple_protocol for.
func PostgresDSN(dsn, setting, value string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " " + setting + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'" // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // which whoever connects will say
	}
	if setting == "dbname" {
		u.Path = "/" + value
		return u.String()
	}
	q := u.Query()
	q.Set(setting, value)
	u.RawQuery = q.Encode()
	return u.String()
}

package scratch_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

func TestEachTestHasItsOwn(t *testing.T) {
	t.Parallel()
	for _, dialect := range scratch.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			one, other := scratch.New(t, dialect), scratch.New(t, dialect)
			require.NotEqual(t, one, other)
			db := scratch.Open(t, dialect, one)
			require.Equal(t, dialect, db.Name())
			require.NoError(t, db.Exec("CREATE TABLE a (id int)").Error)
			require.NoError(t, scratch.Open(t, dialect, one).Exec("INSERT INTO a VALUES (1)").Error, "another handle sees the same")
			require.Error(t, scratch.Open(t, dialect, other).Exec("INSERT INTO a VALUES (1)").Error)
		})
	}
}

// What a test leaves behind, and be it open connections, goes with it.
func TestDropsWhatItMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialect string
		create  func(testing.TB) string
		gone    string
	}{
		"postgres":        {"postgres", scratch.Postgres, "does not exist"},
		"postgres schema": {"postgres", scratch.PostgresSchema, "no schema has been selected"},
		"mysql":           {"mysql", scratch.MySQL, "Unknown database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dsn string
			t.Run("test", func(t *testing.T) {
				dsn = c.create(t)
				forgotten, err := gorm.Open(scratch.Dialector(c.dialect, dsn))
				require.NoError(t, err)
				require.NoError(t, forgotten.Exec("CREATE TABLE a (id int)").Error)
			})
			if dsn == "" {
				t.Skip("without a server there is nothing to drop")
			}
			db, err := gorm.Open(scratch.Dialector(c.dialect, dsn), &gorm.Config{Logger: logger.Discard})
			if err == nil {
				err = db.Exec("CREATE TABLE a (id int)").Error
			}
			require.ErrorContains(t, err, c.gone)
		})
	}
}

// A session of the server serves whoever has a transaction: two connections
// that take turns have the same one.
func TestPoolerPoolsByTransaction(t *testing.T) {
	t.Parallel()
	dsn := scratch.PostgresSchema(t)
	sessions := func(dsn string) (seen [2]int) {
		for i := range seen {
			c, err := pgx.Connect(t.Context(), dsn)
			require.NoError(t, err)
			t.Cleanup(func() { _ = c.Close(context.Background()) })
			require.NoError(t, c.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&seen[i]))
		}
		return seen
	}
	direct, pooled := sessions(dsn), sessions(scratch.Pooler(t, dsn))
	require.NotEqual(t, direct[0], direct[1])
	require.Equal(t, pooled[0], pooled[1])

	db := scratch.Open(t, "postgres", scratch.PostgresDSN(scratch.Pooler(t, dsn), "default_query_exec_mode", "simple_protocol"))
	require.NoError(t, db.Exec("CREATE TABLE a (id int)").Error)
	require.NoError(t, scratch.Open(t, "postgres", dsn).Exec("SELECT * FROM a").Error, "it is the same database")
}

func TestPostgresDSN(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"host=db.example port=6000 user=u dbname=x sslmode=disable",
		"postgres://u:p%40ss@db.example:6000/x?sslmode=disable",
	} {
		dsn = scratch.PostgresDSN(scratch.PostgresDSN(dsn, "dbname", `o'b\r`), "default_query_exec_mode", "exec")
		config, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		require.Equal(t, []any{"db.example", uint16(6000), "u", `o'b\r`, pgx.QueryExecModeExec},
			[]any{config.Host, config.Port, config.User, config.Database, config.DefaultQueryExecMode})
	}
}

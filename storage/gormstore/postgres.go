package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

var postgres = dialect{
	name:       "postgres",
	begin:      []string{"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
	tune:       tunePostgres,
	hasTable:   "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass(?)",
	check:      checkPostgres,
	numbered:   true,
	in:         inArrays,
	insert:     arrayRows,
	insertWord: "INSERT",
	upsert:     onConflict,
	returning:  true,
	lock:       " FOR UPDATE",
	skip:       " FOR UPDATE SKIP LOCKED",
	leaders:    2,
	transient: func(err error) bool {
		return slices.Contains([]string{"40001", "40P01"}, sqlState(err)) // serialization failure, deadlock
	},
	duplicate: func(err error) bool { return sqlState(err) == "23505" },
	refused:   postgresRefused,
}

// postgresRefused goes by errors that end the transaction and not the session.
// A server that is stopping may say so after it has committed, and a pooler
// that has lost its server (class 08), or a distributed database that has lost
// a part of itself (40003), cannot know.
func postgresRefused(err error) bool {
	state := sqlState(err)
	if len(state) != 5 || state == "40003" || strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P") {
		return false
	}
	var answer *pgconn.PgError
	return !errors.As(err, &answer) || answer.SeverityUnlocalized == "ERROR"
}

// postgresPlans makes the server plan each of the store's statements once per
// connection, for the rest of the transaction: to plan them anew is a good part
// of the work of a small batch. Such a plan must do for a table of any size, so
// it is to be one that goes by indexes, as the statements are written for.
//
// It also has the server end a transaction that is left alone for longer than
// the store would wait in it. One whose client has vanished without a word
// would keep its locks until TCP notices, by default after two hours.
const postgresPlans = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true), " +
	"set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), " +
	"set_config('idle_in_transaction_session_timeout', '20s', true)"

// tunePostgres leaves out what the server does not know: there are others that
// speak PostgreSQL's protocol.
func tunePostgres(ctx context.Context, pool *sql.DB) (statement string, err error) {
	var known int
	err = pool.QueryRowContext(ctx, "SELECT count(*) FROM pg_settings WHERE name IN "+
		"('plan_cache_mode', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'idle_in_transaction_session_timeout')").Scan(&known)
	if err != nil || known < 5 {
		return "", err
	}
	return postgresPlans, nil
}

// sqlState is PostgreSQL's code of an error, with pgx and with lib/pq.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if !errors.As(err, &coded) {
		return ""
	}
	return coded.SQLState()
}

func checkPostgres(ctx context.Context, pool *sql.DB) error {
	var commit string
	if err := pool.QueryRowContext(ctx, "SELECT current_setting('synchronous_commit')").Scan(&commit); err != nil {
		return err
	}
	if commit == "off" {
		return errors.New("synchronous_commit is off: a crash of the server would lose what was answered; " +
			"set it to on for this role or in the DSN (options='-c synchronous_commit=on')")
	}
	return nil
}

// isPgx reports whether the pool's connections are pgx's own: then the store
// can send many statements in one round trip. A driver that is wrapped, for
// tracing say, is served statement by statement.
func isPgx(ctx context.Context, pool *sql.DB) (is bool, err error) {
	one, err := pool.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer one.Close()
	err = one.Raw(func(c any) error {
		_, is = c.(*stdlib.Conn)
		return nil
	})
	return is, err
}

// pgxWire sends all steps in one round trip.
type pgxWire struct{ *pgx.Conn }

func (w pgxWire) send(ctx context.Context, steps []*step) (err error) {
	batch := &pgx.Batch{}
	for _, st := range steps {
		batch.Queue(st.text, st.args...)
	}
	results := w.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for _, st := range steps {
		if st.scan == nil {
			tag, err := results.Exec()
			if err != nil {
				return err
			}
			st.changed = int(tag.RowsAffected())
			continue
		}
		if err := readAll(results, st); err != nil {
			return err
		}
	}
	return nil
}

func readAll(results pgx.BatchResults, st *step) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := st.scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

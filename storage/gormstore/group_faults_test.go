package gormstore_test

import (
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// Connections that break before the COMMIT, or are not to be had.

// named makes the sessions of a DSN known by a name, for sessions to find.
func (e engine) named(dsn, name string) string {
	if e.dialect == "postgres" {
		return scratch.PostgresDSN(dsn, "application_name", name)
	}
	return dsn
}

// endSessions ends the sessions of that name, or on MySQL all those of the
// database but the one of admin, and waits until they are gone.
func (e engine) endSessions(t *testing.T, admin *sql.DB, name string) {
	list, end := "SELECT pid FROM pg_stat_activity WHERE application_name = '"+name+"'", "SELECT pg_terminate_backend("
	if e.dialect == "mysql" {
		list, end = "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()", "KILL ("
	}
	sessions := func() (ids []int) {
		rows, err := admin.Query(list)
		if !assert.NoError(t, err) {
			return nil
		}
		defer rows.Close()
		for rows.Next() {
			var id int
			assert.NoError(t, rows.Scan(&id))
			ids = append(ids, id)
		}
		assert.NoError(t, rows.Err())
		return ids
	}
	for _, id := range sessions() {
		_, _ = admin.Exec(end + strconv.Itoa(id) + ")") // it may be gone by itself
	}
	assert.Eventually(t, func() bool { return len(sessions()) == 0 }, patience, tick)
}

// oneConn is a pool of one connection to the database of a DSN.
func (e engine) oneConn(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	pool, err := e.open(t, dsn, nil).DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	return pool
}

// The session ends while an fn runs in it. The batch runs once more.
func TestLostBeforeCommit(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn, name := e.create(t), rand.Text()
			store, admin := openStore(t, e.open(t, e.named(dsn, name), nil), nil), e.oneConn(t, dsn)
			ids := createMany(t, store, 3)
			var calls atomic.Int64
			together(t, store, len(ids), func(i int) {
				update(t, store, payments.ByID(ids[i]), func(s payments.Snapshot) (payments.Change, error) {
					if calls.Add(1) == 2 {
						e.endSessions(t, admin, name)
					}
					return mark(fmt.Sprint("d-", i))(s)
				})
			})
			require.EqualValues(t, 2*len(ids), calls.Load())
			for i, id := range ids {
				requireMarked(t, store, id, fmt.Sprint("d-", i))
			}
		})
	}
}

// Where all that is written goes in one message with the COMMIT, nobody can
// tell whether the session ended before it.
func TestLostWithTheCommit(t *testing.T) {
	t.Parallel()
	e := engines[1]
	dsn, name := e.create(t), rand.Text()
	store, admin := openStore(t, e.open(t, e.named(dsn, name), nil), nil), e.oneConn(t, dsn)
	p, calls := createPayment(t, store, "hook:fulfil"), 0
	_, err := store.Update(t.Context(), payments.ByID(p.ID), func(s payments.Snapshot) (payments.Change, error) {
		calls++
		e.endSessions(t, admin, name)
		return payments.Change{Payment: s.Payment}, nil
	})
	requireNoneDone(t, []error{err})
	require.Equal(t, 1, calls)
	got, err := store.Get(t.Context(), payments.ByID(p.ID))
	require.NoError(t, err)
	require.Equal(t, p, got)
	require.NoError(t, touch(t, store, p.ID))
}

// The connection breaks at the first statements, or at one that writes: all
// that is before the COMMIT is repeated.
func TestBrokenStatementIsRepeated(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		begin := map[string]string{"sqlite": "BEGIN", "mysql": "START"}[e.dialect]
		for _, at := range []string{begin, "BEGIN", "SELECT", "INSERT"} {
			if at == "" || !e.tapped && at == "INSERT" || e.dialect == "mysql" && at == "BEGIN" {
				continue
			}
			var broken atomic.Bool
			broken.Store(true)
			tap := &tap{before: func(statement string) error {
				if strings.HasPrefix(statement, at) && broken.CompareAndSwap(false, true) {
					return driver.ErrBadConn
				}
				return nil
			}}
			store := openStore(t, e.open(t, e.create(t), tap), nil)
			id := createPayment(t, store, "hook:fulfil").ID
			broken.Store(false)
			update(t, store, payments.ByID(id), mark("e"))
			require.True(t, broken.Load())
			requireMarked(t, store, id, "e")
		}
	})
}

// A server that went away for a moment leaves a pool full of dead connections.
func TestPoolOfDeadConnections(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn, name := e.create(t), rand.Text()
			db, admin := e.open(t, e.named(dsn, name), nil), e.oneConn(t, dsn)
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxIdleConns(20)
			pool.SetMaxOpenConns(20)
			store := openStore(t, db, nil)
			id := createPayment(t, store, "hook:fulfil").ID
			for range 2 { // pgx looks after those that were used a moment ago no more
				conns := make([]*sql.Conn, 20)
				for i := range conns {
					conns[i], err = pool.Conn(t.Context())
					require.NoError(t, err)
				}
				for _, c := range conns {
					require.NoError(t, c.Close())
				}
			}
			e.endSessions(t, admin, name)
			update(t, store, payments.ByID(id), mark("f"))
			requireMarked(t, store, id, "f")
		})
	}
}

// A database that takes no more connections is not asked for one by each half
// of a batch.
func TestNoConnectionIsNotTheFaultOfOne(t *testing.T) {
	t.Parallel()
	tap, e := &tap{}, engines[2]
	db := e.open(t, e.create(t), tap)
	store := openStore(t, db, nil)
	id := createPayment(t, store, "hook:fulfil").ID
	pool, err := db.DB()
	require.NoError(t, err)
	const callers = 16
	errs, connects := make([]error, callers), atomic.Int64{}
	together(t, store, callers, func(i int) {
		if i == callers-1 {
			pool.SetMaxIdleConns(-1) // from now on each batch connects anew
			tap.refuseConnects(func() error {
				connects.Add(1)
				return fatal("53300") // too many clients
			})
		}
		_, errs[i] = store.Update(t.Context(), payments.ByID(id), mark(fmt.Sprint("g-", i)))
	})
	tap.refuseConnects(nil)
	for _, err := range errs {
		require.ErrorContains(t, err, "53300")
	}
	require.EqualValues(t, 1, connects.Load())
	requireMarked(t, store, id)
}

// A server that starts again has the store wait for it, for a moment.
func TestServerStartsAgain(t *testing.T) {
	t.Parallel()
	tap, e := &tap{}, engines[2]
	db := e.open(t, e.create(t), tap)
	store := openStore(t, db, nil)
	id := createPayment(t, store, "hook:fulfil").ID
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxIdleConns(-1)
	tries := []error{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, fatal("57P03"), io.ErrUnexpectedEOF}
	tap.refuseConnects(func() (err error) {
		if len(tries) > 0 {
			err, tries = tries[0], tries[1:]
		}
		return err
	})
	update(t, store, payments.ByID(id), mark("n"))
	require.Empty(t, tries)
	requireMarked(t, store, id, "n")
}

// requireNoneDone requires errors that say that the outcome is not known.
func requireNoneDone(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.ErrorContains(t, err, "not known")
	}
}

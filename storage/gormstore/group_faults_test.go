package gormstore_test

import (
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// Connections that break, before the COMMIT and during it.

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

// requireNoneDone requires errors that say that the outcome is not known.
func requireNoneDone(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.ErrorContains(t, err, "not known")
	}
}

// fault is a way in which a COMMIT gets no answer.
type fault struct {
	name    string
	engines []string
	// executed: the database has committed.
	executed bool
	// open opens a handle on which the COMMIT after the next one breaks, once
	// that arm is called.
	open func(t *testing.T, e engine, dsn string) (db *gorm.DB, arm func())
}

var (
	all       = []string{"sqlite", "postgres", "postgres by statements", "mysql"}
	onMessage = []string{"sqlite", "postgres by statements", "mysql"}
)

var faults = []fault{
	{"breaks before it is sent", all, false, tapFault(false, driver.ErrBadConn)},
	{"breaks before it is answered", onMessage, true, tapFault(true, driver.ErrBadConn)},
	{"breaks before it is answered, in one message", []string{"postgres"}, true, cutFault},
	{"server ends the session", []string{"postgres", "postgres by statements"}, false, suicideFault},
	{"server stops", []string{"postgres by statements"}, true, tapFault(true, fatal("57P01"))},
	{"pooler loses the server", []string{"postgres by statements"}, true, tapFault(true, fatal("08P01"))},
	{"cluster loses a node", []string{"postgres by statements"}, true, tapFault(true, &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40003"})},
	{"wrapped driver that says little", []string{"postgres by statements"}, true, tapFault(true, errors.New("i/o trouble"))},
	{"server stops", []string{"mysql"}, true, tapFault(true, &mysqldriver.MySQLError{Number: 1053})},
	{"proxy loses the server", []string{"mysql"}, true, tapFault(true, &mysqldriver.MySQLError{Number: 2013})},
	{"connection is killed", []string{"mysql"}, true, tapFault(true, &mysqldriver.MySQLError{Number: 1927})},
}

func fatal(code string) error {
	return &pgconn.PgError{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code}
}

func tapFault(executed bool, err error) func(t *testing.T, e engine, dsn string) (*gorm.DB, func()) {
	return func(t *testing.T, e engine, dsn string) (*gorm.DB, func()) {
		var commits atomic.Int64
		commits.Store(100)
		at := func(statement string) error {
			if statement == "COMMIT" && commits.Add(1) == 2 {
				return err
			}
			return nil
		}
		tap := &tap{before: at}
		if executed {
			tap.before, tap.after = nil, at
		}
		return e.open(t, dsn, tap), func() { commits.Store(0) }
	}
}

// cutFault goes by the wire: there is no driver in between.
func cutFault(t *testing.T, e engine, dsn string) (*gorm.DB, func()) {
	line := newCut(t, dsn)
	return e.open(t, line.dsn, nil), func() { line.arm(2) }
}

// suicideFault is a trigger that runs when the transaction commits.
func suicideFault(t *testing.T, e engine, dsn string) (*gorm.DB, func()) {
	db := e.open(t, dsn, nil)
	require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
	for _, statement := range []string{
		`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(60); RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER die AFTER INSERT ON lunas_message DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW WHEN (NEW.id = 'h-0') EXECUTE FUNCTION die()`,
	} {
		require.NoError(t, db.Exec(statement).Error)
	}
	return db, func() {}
}

// Nobody is told that a COMMIT without an answer took place, not even those
// whose fn failed on what others in the batch had done, and no fn runs again.
// The callers may ask again: then each change is there, once.
func TestCommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			onEngines(t, func(t *testing.T, e engine) {
				if !slices.Contains(f.engines, e.name) {
					t.Skip("not there")
				}
				dsn := e.create(t)
				db, arm := f.open(t, e, dsn)
				store := openStore(t, db, nil)
				elsewhere := openStore(t, e.open(t, dsn, nil), nil)
				ids := createMany(t, store, 4)
				ids = append(ids, ids[0])
				var calls atomic.Int64
				errs := make([]error, len(ids))
				arm()
				together(t, store, len(ids), func(i int) {
					_, errs[i] = store.Update(t.Context(), payments.ByID(ids[i]), func(s payments.Snapshot) (payments.Change, error) {
						calls.Add(1)
						if len(s.Payment.Notes) > 0 { // the last one
							return payments.Change{}, errMine
						}
						return mark(fmt.Sprint("h-", i))(s)
					})
				})
				requireNoneDone(t, errs)
				require.EqualValues(t, len(ids), calls.Load())
				ids = ids[:4]
				for i, id := range ids {
					var there []string
					if f.executed {
						there = []string{fmt.Sprint("h-", i)}
					}
					requireMarked(t, elsewhere, id, there...)
				}
				if f.name == "server ends the session" {
					require.NoError(t, elsewhereExec(t, e, dsn, "DROP TRIGGER die ON lunas_message"))
				}
				var all sync.WaitGroup
				for i, id := range ids {
					all.Go(func() { update(t, store, payments.ByID(id), markOnce(fmt.Sprint("h-", i))) })
				}
				all.Wait()
				for i, id := range ids {
					requireMarked(t, elsewhere, id, fmt.Sprint("h-", i))
				}
			})
		})
	}
}

func elsewhereExec(t *testing.T, e engine, dsn, statement string) error {
	return e.open(t, dsn, nil).Exec(statement).Error
}

// Behind a pooler that has lost its server during the COMMIT.
func TestCommitOfUnknownOutcomeBehindAPooler(t *testing.T) {
	t.Parallel()
	e := engines[1]
	dsn := e.create(t)
	direct := openStore(t, e.open(t, dsn, nil), nil)
	id := createPayment(t, direct, "hook:fulfil").ID
	line := newCut(t, dsn)
	store := openStore(t, e.open(t, scratch.Pooler(t, line.dsn), nil), nil)
	line.arm(1)
	calls := 0
	_, err := store.Update(t.Context(), payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		calls++
		return mark("i")(s)
	})
	requireNoneDone(t, []error{err})
	require.Equal(t, 1, calls)
	requireMarked(t, direct, id, "i")
	update(t, store, payments.ByID(id), markOnce("i"))
	requireMarked(t, direct, id, "i")
}

// A COMMIT that the database refuses is one that did not take place: the
// culprit is found.
func TestCommitRefused(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:3] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.open(t, e.create(t), nil)
			store := openStore(t, db, nil)
			ids := createMany(t, store, 8)
			for _, statement := range []string{
				`CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$`,
				`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON lunas_message DEFERRABLE INITIALLY DEFERRED
					FOR EACH ROW WHEN (NEW.id = 'j-3') EXECUTE FUNCTION late()`,
			} {
				require.NoError(t, db.Exec(statement).Error)
			}
			errs := make([]error, len(ids))
			together(t, store, len(ids), func(i int) {
				_, errs[i] = store.Update(t.Context(), payments.ByID(ids[i]), mark(fmt.Sprint("j-", i)))
			})
			for i, id := range ids {
				if i == 3 {
					require.ErrorContains(t, errs[i], "too late")
					requireMarked(t, store, id)
					continue
				}
				require.NoError(t, errs[i])
				requireMarked(t, store, id, fmt.Sprint("j-", i))
			}
		})
	}
}

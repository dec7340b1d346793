package gormstore_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// COMMITs that get no answer, or a refusal.

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
	onAll     = []string{"sqlite", "postgres", "postgres by statements", "mysql"}
	bySteps   = []string{"sqlite", "postgres by statements", "mysql"}
	pipelined = []string{"postgres"}
	pgByStep  = []string{"postgres by statements"}
	onMySQL   = []string{"mysql"}
)

var faults = []fault{
	{"breaks before it is sent", onAll, false, tapFault(false, driver.ErrBadConn)},
	{"breaks before it is answered", bySteps, true, tapFault(true, driver.ErrBadConn)},
	{"breaks before it is answered", pipelined, true, cutFault},
	{"server ends the session", []string{"postgres", "postgres by statements"}, false, suicideFault},
	{"server stops", pgByStep, true, tapFault(true, fatal("57P01"))},
	{"pooler loses the server", pgByStep, true, tapFault(true, fatal("08P01"))},
	{"cluster loses a node", pgByStep, true, tapFault(true, goesOn{&pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40003"}})},
	{"disk makes trouble", pgByStep, true, tapFault(true, &pgconn.PgError{SeverityUnlocalized: "PANIC", Code: "58030"})},
	{"driver says little", bySteps, true, tapFault(true, goesOn{errors.New("input/output error")})},
	{"server stops", onMySQL, true, tapFault(true, &mysqldriver.MySQLError{Number: 1053})},
	{"proxy loses the server", onMySQL, true, tapFault(true, &mysqldriver.MySQLError{Number: 2013})},
	{"session is killed", onMySQL, true, tapFault(true, &mysqldriver.MySQLError{Number: 1927})},
	{"disk makes trouble", onMySQL, true, tapFault(true, goesOn{&mysqldriver.MySQLError{Number: 1180}})},
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
		for _, e := range engines {
			if !slices.Contains(f.engines, e.name) {
				continue
			}
			t.Run(e.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				commitOfUnknownOutcome(t, e, f)
			})
		}
	}
}

func commitOfUnknownOutcome(t *testing.T, e engine, f fault) {
	dsn := e.create(t)
	db, arm := f.open(t, e, dsn)
	store := openStore(t, db, nil)
	otherDB := e.open(t, dsn, nil)
	other := openStore(t, otherDB, nil)
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
		requireMarked(t, other, id, there...)
	}
	if e.dialect == "postgres" {
		require.NoError(t, otherDB.Exec("DROP TRIGGER IF EXISTS die ON lunas_message").Error)
	}
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { update(t, store, payments.ByID(id), markOnce(fmt.Sprint("h-", i))) })
	}
	all.Wait()
	for i, id := range ids {
		requireMarked(t, other, id, fmt.Sprint("h-", i))
	}
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

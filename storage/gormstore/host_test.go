package gormstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// Parts of the suites once more, on other kinds of handle.

func TestStoreInMemory(t *testing.T) {
	storagetest.RunConcurrency(t, func(t *testing.T) payments.Store {
		t.Parallel()
		return openStore(t, limited(t, openDB(t, gormstore.SQLiteDSN(":memory:"))), nil)
	})
}

func TestStoreOfAnOddHost(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		storagetest.Run(t, func(t *testing.T) payments.Store {
			t.Parallel()
			return openStore(t, oddHost(t, dialect), &gormstore.Options{Prefix: "odd_"})
		})
	})
}

func TestTxOfAnOddHost(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		storagetest.RunTx(t, func(t *testing.T) (payments.Store, func(t *testing.T) storagetest.Bound) {
			return bindable(t, oddHost(t, dialect), &gormstore.Options{Prefix: "odd_"})
		})
	})
}

// oddHost has its own ideas of names, hooks into every statement of GORM, and
// logs all it sees.
func oddHost(t *testing.T, dialect string) *gorm.DB {
	t.Helper()
	db := scratch.Open(t, dialect, scratch.New(t, dialect), &gorm.Config{
		PrepareStmt:    true,
		NamingStrategy: schema.NamingStrategy{TablePrefix: "T_", SingularTable: true, NoLowerCase: true},
		Logger:         silence{t},
	})
	refuse := func(db *gorm.DB) { t.Errorf("a statement went through GORM: %s", db.Statement.SQL.String()) }
	for _, err := range []error{
		db.Callback().Create().Before("*").Register("host:create", refuse),
		db.Callback().Query().Before("*").Register("host:query", refuse),
		db.Callback().Update().Before("*").Register("host:update", refuse),
		db.Callback().Delete().Before("*").Register("host:delete", refuse),
		db.Callback().Row().Before("*").Register("host:row", refuse),
		db.Callback().Raw().Before("*").Register("host:raw", refuse),
	} {
		require.NoError(t, err)
	}
	return db.Where("1 = 0") // a scope that the host forgot on its handle
}

// silence is a logger that must not hear anything.
type silence struct{ t *testing.T }

func (s silence) LogMode(logger.LogLevel) logger.Interface    { return s }
func (s silence) Info(_ context.Context, m string, a ...any)  { s.t.Errorf("logged: "+m, a...) }
func (s silence) Warn(_ context.Context, m string, a ...any)  { s.t.Errorf("logged: "+m, a...) }
func (s silence) Error(_ context.Context, m string, a ...any) { s.t.Errorf("logged: "+m, a...) }
func (s silence) Trace(_ context.Context, _ time.Time, f func() (string, int64), err error) {
	text, _ := f()
	s.t.Errorf("logged: %s: %v", text, err)
}

// Nothing of a payer reaches the host's logger or an error, even when
// statements fail.
func TestErrorsHoldNothingOfThePayer(t *testing.T) {
	t.Parallel()
	db := oddHost(t, "sqlite")
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")
	pool, err := db.DB()
	require.NoError(t, err)
	_, err = pool.Exec("UPDATE lunas_payment SET doc = replace(doc, '\"user\":{', '\"user\":{\"Siti Rahayu')")
	require.NoError(t, err)

	_, errGet := store.Get(t.Context(), payments.ByID(p.ID))
	_, errList := store.Payments(t.Context(), payments.PaymentQuery{})
	_, errUpdate := store.Update(t.Context(), payments.ByID(p.ID), func(payments.Snapshot) (payments.Change, error) {
		t.Error("fn got a payment that cannot be read")
		return payments.Change{}, nil
	})
	_, err = pool.Exec("DROP TABLE lunas_message")
	require.NoError(t, err)
	_, errGone := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Messages: []payments.Message{{ID: payments.NewID(), Raw: []byte("siti@example.com")}}}, nil
	})
	for _, err := range []error{errGet, errList, errUpdate} {
		require.ErrorContains(t, err, "payment "+string(p.ID))
		require.NotContains(t, strings.ToLower(err.Error()), "siti")
	}
	require.ErrorContains(t, errGone, "no such table")
	require.NotContains(t, strings.ToLower(errGone.Error()), "siti")
}

func TestReopenedFile(t *testing.T) {
	t.Parallel()
	dsn := fileDSN(t)
	first := openDB(t, dsn)
	p := createPayment(t, openStore(t, first, nil), "hook:fulfil")
	pool, err := first.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())

	store, err := gormstore.Open(t.Context(), openDB(t, dsn), nil)
	require.NoError(t, err)
	got, err := store.Get(t.Context(), payments.ByGatewayRef("midtrans", "order-"+string(p.ID)))
	require.NoError(t, err)
	require.Equal(t, p, got)
	require.Len(t, leaseAll(t, store, t0), 1)
}

func TestOpenSaysWhatTheDSNLacks(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"%s": "journal_mode(WAL)",
		"%s?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)": "synchronous(FULL)",
		"%s?_pragma=journal_mode(WAL)&_pragma=busy_timeout(0)":     "busy_timeout(5000)",
		"%s?_pragma=journal_mode(MEMORY)":                          "journal_mode(WAL)",
		":memory:":                                                 "SetMaxOpenConns(1)",
	} {
		if strings.Contains(dsn, "%s") {
			dsn = fmt.Sprintf(dsn, filepath.Join(t.TempDir(), "shop.db"))
		}
		db := openDB(t, dsn)
		_, err := gormstore.Open(t.Context(), db, nil)
		require.ErrorContains(t, err, want, dsn)
	}
}

// A PRAGMA that is executed reaches one connection of the pool. Open is not
// taken in by it.
func TestOpenIsNotTakenInByOneConnection(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "shop.db")+"?_pragma=synchronous(NORMAL)&_pragma=journal_mode(WAL)")
	require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
	pool, err := db.DB()
	require.NoError(t, err)
	_, err = pool.Exec("PRAGMA synchronous = FULL")
	require.NoError(t, err)
	_, err = gormstore.Open(t.Context(), db, nil)
	require.ErrorContains(t, err, "synchronous(FULL)")
}

// The handle that a host passes to Tx by mistake works on nothing.
func TestTxWithoutTransaction(t *testing.T) {
	t.Parallel()
	db := openFile(t)
	store := openStore(t, db, nil)
	bound := store.Tx(db)
	_, err := bound.Get(t.Context(), payments.ByID("x"))
	require.ErrorContains(t, err, "not a transaction")
	_, err = bound.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		t.Error("fn ran")
		return payments.Change{}, nil
	})
	require.ErrorContains(t, err, "not a transaction")

	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	_, err = store.Tx(db.Begin()).Get(t.Context(), payments.ByID("x"))
	require.ErrorContains(t, err, "closed")
}

// touch is the smallest of updates.
func touch(t *testing.T, store payments.Store, id payments.ID) error {
	_, err := store.Update(t.Context(), payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: s.Payment}, nil
	})
	return err
}

// The database is somebody else's for a while: the store tries again.
func TestBusyDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	other, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	holder, err := other.Conn(t.Context())
	require.NoError(t, err)

	var mu sync.Mutex
	tries, release := 0, 0
	db := openWatched(t, strings.Replace(gormstore.SQLiteDSN(file), "5000", "1", 1), func(_ context.Context, statement string) error {
		mu.Lock()
		defer mu.Unlock()
		if statement != "BEGIN IMMEDIATE" {
			return nil
		}
		if tries++; tries == release {
			_, err := holder.ExecContext(context.Background(), "ROLLBACK")
			return err
		}
		return nil
	})
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")

	_, err = holder.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	tries, release = 0, 3
	require.NoError(t, touch(t, store, p.ID))
	require.Equal(t, 3, tries)

	_, err = holder.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	tries, release = 0, -1
	require.ErrorContains(t, touch(t, store, p.ID), "database is locked")
	require.Equal(t, 5, tries, "it gives up at last")
	_, err = holder.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, touch(t, store, p.ID))
	require.NoError(t, holder.Close())
}

// A commit that failed was none, and leaves no transaction behind.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	failing := ""
	db := openWatched(t, fileDSN(t), func(_ context.Context, statement string) error {
		if failing != "" && strings.Contains(failing, statement) {
			return broken
		}
		return nil
	})
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")
	for _, failing = range []string{"COMMIT", "COMMIT ROLLBACK"} {
		require.ErrorIs(t, touch(t, store, p.ID), broken)
		_, err := store.LeaseDeliveries(t.Context(), payments.DeliveryLease{
			Lease: payments.Lease{Now: t0, Until: t0, Limit: 1}, Targets: []payments.Target{{Name: "hook:fulfil"}},
		})
		require.ErrorIs(t, err, broken)
		got, err := store.Get(t.Context(), payments.ByID(p.ID))
		require.NoError(t, err)
		require.Equal(t, p, got)
		failing = ""
		require.NoError(t, touch(t, store, p.ID))
		p.Version++
	}
	require.Len(t, leaseAll(t, store, t0), 1)
}

// fn's panic goes up, and nothing of the transaction stays.
func TestPanicInFn(t *testing.T) {
	t.Parallel()
	store := openStore(t, limited(t, openFile(t)), nil)
	require.PanicsWithValue(t, "boom", func() {
		_, _ = store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { panic("boom") })
	})
	createPayment(t, store, "hook:fulfil")
}

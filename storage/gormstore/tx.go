package gormstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
)

// Tx returns the store bound to a transaction of the host: what it writes is
// committed or rolled back with it. It neither commits nor rolls back itself,
// and a method that fails leaves the transaction as it was before. Like the
// transaction, it is for one goroutine at a time.
//
// Every method of a store that was bound to something else than a transaction
// fails.
func (s *Store) Tx(tx *gorm.DB) payments.Store {
	bound := *s
	if tx.Error != nil {
		bound.bound = broken{tx.Error} // Begin failed, and nobody looked
		return &bound
	}
	switch pool := tx.Statement.ConnPool.(type) {
	case *gorm.PreparedStmtTX:
		bound.bound = pool.Tx // our statements stay out of the host's cache
	case gorm.TxCommitter:
		bound.bound = tx.Statement.ConnPool
	default:
		bound.bound = broken{errors.New("gormstore: Store.Tx was given a database handle, not a transaction")}
	}
	return &bound
}

// broken is a transaction that there is none of.
type broken struct{ err error }

func (b broken) ExecContext(context.Context, string, ...any) (sql.Result, error) { return nil, b.err }
func (b broken) QueryContext(context.Context, string, ...any) (*sql.Rows, error) { return nil, b.err }

// InTx makes a transactional hook of f: what f writes through tx and the end
// of the delivery commit together, or not at all, so f takes effect exactly
// once. When f returns an error or panics, everything is rolled back and the
// delivery is tried again, as with any hook.
//
//	pay.OnSettled("activate", gormstore.InTx(store, func(ctx context.Context, tx *gorm.DB, e payments.Settled) error {
//		return tx.Model(&User{ID: e.Order.User.ID}).Update("pro", true).Error
//	}))
//
// ctx is that of the hook, marked by [payments.InTransaction]; tx carries it.
// Within f the store is to be used through [Store.Tx] with tx only.
func InTx[E any](s *Store, f func(ctx context.Context, tx *gorm.DB, e E) error) func(ctx context.Context, e E) error {
	return func(ctx context.Context, e E) error {
		return s.finishWith(ctx, func(ctx context.Context, tx *gorm.DB) error { return f(ctx, tx, e) })
	}
}

// finishWith ends the delivery that ctx handles in one transaction with f.
func (s *Store) finishWith(ctx context.Context, f func(ctx context.Context, tx *gorm.DB) error) error {
	outcome, ok := payments.DoneOutcome(ctx)
	if !ok {
		return errors.New("gormstore: InTx outside of a hook's delivery")
	}
	if err := s.lockWriter(ctx); err != nil {
		return fmt.Errorf("begin hook's transaction: %w", err)
	}
	defer s.unlockWriter()
	var tx *gorm.DB
	err := repeat(ctx, s.dialect.transient, func() (err error) {
		tx, err = s.beginFinished(ctx, outcome)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin hook's transaction: %w", err)
	}
	// Rolling back what is committed does nothing, so this covers f's errors,
	// its panics, and a commit that failed.
	defer tx.Rollback()
	ctx = payments.InTransaction(ctx)
	if err := f(ctx, tx.WithContext(ctx)); err != nil {
		return err
	}
	if err := tx.Commit().Error; err != nil {
		return fmt.Errorf("commit hook's transaction: %w", err)
	}
	return payments.ErrFinished
}

// beginFinished begins a transaction in which the delivery has ended already.
// Ending it first is lock and acknowledgement in one: whoever else had a hand
// in the delivery waits, or is found out, before the hook has run.
func (s *Store) beginFinished(ctx context.Context, outcome payments.Outcome) (*gorm.DB, error) {
	tx := s.db.Session(&gorm.Session{NewDB: true, Context: ctx}).Begin()
	if tx.Error != nil {
		return nil, tx.Error
	}
	lost, err := s.Tx(tx).Finish(ctx, []payments.Outcome{outcome})
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("delivery %s: %w", outcome.DeliveryID, payments.ErrLeaseLost)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback().Error)
	}
	return tx, nil
}

// reader is where a statement that only reads goes.
func (s *Store) reader() conn {
	if s.bound != nil {
		return conn{s.bound, s.prefix}
	}
	return conn{s.pool, s.prefix}
}

// write runs f in a transaction: one of its own, or a part of the host's. All
// that f wrote is kept, or nothing if f or the commit failed. f may run
// several times.
//
// The ctx that f gets never ends. A transaction is short, to finish it is
// cheaper than to have its outcome unknown, and there are drivers that skip a
// statement whose context has just ended without a word.
func (s *Store) write(ctx context.Context, f func(ctx context.Context, c conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.bound != nil {
		return s.inSavepoint(context.WithoutCancel(ctx), f)
	}
	if err := s.lockWriter(ctx); err != nil {
		return err
	}
	defer s.unlockWriter()
	return repeat(ctx, s.dialect.transient, func() error { return s.inTransaction(ctx, f) })
}

func (s *Store) lockWriter(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) unlockWriter() { <-s.writer }

// maxTries is how often a transaction is begun that other processes get in
// the way of. Each try waits as long as the database is told to wait for
// locks.
const maxTries = 4

// repeat calls f until it succeeds, fails for good, or has failed too often.
func repeat(ctx context.Context, again func(error) bool, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == maxTries || !again(err) {
			return err
		}
		pause := time.NewTimer(rand.N(time.Duration(try) * 20 * time.Millisecond)) //nolint:gosec // jitter
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// inTransaction begins by statement and not by sql.Tx, which would begin in
// whatever way the host's DSN says.
func (s *Store) inTransaction(ctx context.Context, f func(ctx context.Context, c conn) error) (err error) {
	one, err := s.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer one.Close()
	ctx = context.WithoutCancel(ctx)
	if _, err := one.ExecContext(ctx, s.dialect.begin); err != nil {
		return err
	}
	committed := false
	defer func() { // also when f panics
		if committed {
			return
		}
		if failed := rollback(ctx, one); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	if err := f(ctx, conn{one, s.prefix}); err != nil {
		return err
	}
	if _, err := one.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// rollback gives the connection back clean, or not at all: the pool closes
// one that may still be in a transaction.
func rollback(ctx context.Context, one *sql.Conn) error {
	if _, err := one.ExecContext(ctx, "ROLLBACK"); err != nil {
		discard := one.Raw(func(any) error { return driver.ErrBadConn })
		if !errors.Is(discard, driver.ErrBadConn) {
			err = errors.Join(err, discard)
		}
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// inSavepoint is a transaction within the host's.
func (s *Store) inSavepoint(ctx context.Context, f func(ctx context.Context, c conn) error) (err error) {
	c := conn{s.bound, s.prefix}
	if _, err := c.exec(ctx, "SAVEPOINT lunas_store"); err != nil {
		return err
	}
	kept := false
	defer func() {
		if kept {
			return
		}
		if _, failed := c.exec(ctx, "ROLLBACK TO SAVEPOINT lunas_store"); failed != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", failed))
		}
	}()
	if err := f(ctx, c); err != nil {
		return err
	}
	if _, err := c.exec(ctx, "RELEASE SAVEPOINT lunas_store"); err != nil {
		return err
	}
	kept = true
	return nil
}

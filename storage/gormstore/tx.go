package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
	release, err := s.lockWriter(ctx)
	if err != nil {
		return fmt.Errorf("begin hook's transaction: %w", err)
	}
	defer release()
	var tx *gorm.DB
	err = repeat(ctx, s.again, func() (err error) {
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

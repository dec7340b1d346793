package gormstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// patience is how long the store waits for the database in one transaction.
// It is the store's own: a caller that leaves takes nobody along. Midtrans waits
// for 15 seconds, and is to hear that it should send again.
const patience = 10 * time.Second

// reader is where a statement that only reads goes.
func (s *Store) reader() *conn {
	if s.bound != nil {
		return s.conn(patient{sqlWire{s.bound}})
	}
	return s.conn(patient{sqlWire{s.pool}})
}

// patient waits for the answer as long as a transaction does, and no longer. A
// database that vanishes without a word would keep the caller, and a connection
// of the pool, for as long as TCP takes to notice: many minutes, or for ever.
type patient struct{ wire }

func (w patient) send(ctx context.Context, steps []*step) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.wire.send(ctx, steps)
}

func (s *Store) conn(w wire) *conn {
	c := &conn{wire: w, store: s}
	switch w.(type) {
	case pgxWire, pipelineWire:
		c.pipelines = true
	}
	return c
}

// write runs f in a transaction: one of its own, or a part of the host's. All
// that f wrote is kept, or nothing if f or the commit failed. f may run
// several times.
//
// The ctx that f gets does not end with the caller's. A transaction is short,
// to finish it is cheaper than to have its outcome unknown, and there are
// drivers that close the connection, or skip a statement without a word, when
// a context ends.
func (s *Store) write(ctx context.Context, f func(ctx context.Context, c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.bound == nil {
		release, err := s.lockWriter(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	return s.writeLocked(ctx, f)
}

// writeLocked is write for those that have the writer's lock.
func (s *Store) writeLocked(ctx context.Context, f func(ctx context.Context, c *conn) error) error {
	if s.bound == nil {
		return repeat(ctx, s.again, func() error { return s.onLive(ctx, f) })
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return repeat(ctx, s.overtaken, func() error { return s.inSavepoint(ctx, f) })
}

func (s *Store) lockWriter(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.writer == nil {
		return func() {}, nil
	}
	select {
	case s.writer <- struct{}{}:
		return func() { <-s.writer }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errUnknown: nobody can tell whether the database has committed.
var errUnknown = errors.New("the connection broke during the commit: whether it took place is not known")

// again reports whether the same transaction may succeed when it is repeated,
// and that it is certain not to have taken place. A key that is there already
// is one that somebody else was quicker with: the next try sees it.
func (s *Store) again(err error) bool {
	return !errors.Is(err, errUnknown) && (s.dialect.transient(err) || s.overtaken(err) || lost(err))
}

func (s *Store) overtaken(err error) bool {
	return errors.Is(err, errOvertaken) || s.dialect.duplicate(err)
}

// maxTries is how often a transaction is begun that others get in the way of.
const maxTries = 5

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

// onLive is inTransaction on a connection that is not dead already: a server
// that went away for a moment leaves a pool that is full of such, and to find
// that out is no try.
func (s *Store) onLive(ctx context.Context, f func(ctx context.Context, c *conn) error) (err error) {
	for idle := s.pool.Stats().Idle; idle >= 0; idle-- {
		if err = s.inTransaction(ctx, f); !lost(err) || errors.Is(err, errUnknown) {
			return err
		}
	}
	return err
}

// errNoConnection: the pool is exhausted, or the database not to be reached.
var errNoConnection = errors.New("no connection to the database")

// inTransaction runs f in a transaction of its own, which begins by statement
// and not by sql.Tx: that would begin in whatever way the host's DSN says.
func (s *Store) inTransaction(ctx context.Context, f func(ctx context.Context, c *conn) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	one, err := s.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoConnection, err)
	}
	defer one.Close()
	transact := func(w wire) error {
		var clean bool
		if clean, err = s.transact(ctx, s.conn(w), f); !clean {
			return driver.ErrBadConn // the pool closes what may still be in a transaction
		}
		return nil
	}
	var discard error
	if s.pgx {
		discard = one.Raw(func(c any) error { return transact(pgxWireOf(c.(*stdlib.Conn).Conn())) })
	} else if transact(sqlWire{one}) != nil {
		discard = one.Raw(func(any) error { return driver.ErrBadConn })
	}
	if discard != nil && !errors.Is(discard, driver.ErrBadConn) {
		err = errors.Join(err, discard)
	}
	return err
}

// transact also reports whether the connection is clean afterwards.
func (s *Store) transact(ctx context.Context, c *conn, f func(ctx context.Context, c *conn) error) (clean bool, err error) {
	for _, begin := range s.begin {
		c.later(c.step(begin))
	}
	committed := false
	defer func() { // also when f panics
		if committed || !c.sent {
			return
		}
		// A context of its own: that of the transaction may be what ended it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if failed := c.send(ctx, []*step{c.step("ROLLBACK")}); failed != nil {
			err, clean = errors.Join(err, fmt.Errorf("roll back: %w", failed)), false
		}
	}()
	if err := f(ctx, c); err != nil {
		return true, err
	}
	if c.failed != nil { // f has kept it as the fault of one update
		return true, c.failed
	}
	if !c.pipelines { // what fails before the COMMIT is sent has not taken place
		if err := c.do(ctx); err != nil {
			return true, err
		}
	}
	if err := c.do(ctx, c.step("COMMIT")); err != nil {
		if !s.dialect.refused(err) {
			err = fmt.Errorf("%w: %w", errUnknown, err)
		}
		return true, fmt.Errorf("commit: %w", err)
	}
	committed = true
	return true, nil
}

// inSavepoint is a transaction within the host's.
func (s *Store) inSavepoint(ctx context.Context, f func(ctx context.Context, c *conn) error) (err error) {
	c := s.conn(sqlWire{s.bound})
	if _, err := c.exec(ctx, "SAVEPOINT lunas_store"); err != nil {
		return err
	}
	kept := false
	defer func() {
		if kept {
			return
		}
		if failed := c.send(ctx, []*step{c.step("ROLLBACK TO SAVEPOINT lunas_store")}); failed != nil {
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

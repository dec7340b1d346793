package gormstore

import (
	"context"
	"database/sql"
)

// step is one statement of a conversation with the database, and what came of
// it.
type step struct {
	text string
	args []any
	// scan takes the rows, one at a time. Without it no rows are wanted.
	scan    func(row) error
	changed int // rows, of a step without scan
}

// row is *sql.Rows or pgx.Rows.
type row interface{ Scan(dest ...any) error }

// wire carries steps to a database, in order, in as few round trips as it
// can. The first one that fails ends it.
type wire interface {
	send(ctx context.Context, steps []*step) error
}

// conn sends the store's statements. They are written for all databases: with
// the default prefix, "?" for a value, and rows for many of them. No value is
// ever part of their text.
type conn struct {
	wire
	store *Store
	// ahead is sent before whatever is sent next.
	ahead []*step
	sent  bool // anything, so far
	// failed is what ended the conversation: whatever comes after a statement
	// that failed is not sent. Some databases have rolled back by then, and
	// would commit it on its own.
	failed error
	// pipelines: many steps cost one round trip, if none needs the results of
	// another.
	pipelines bool
}

// step is a statement without rows.
func (c *conn) step(text string, args ...any) *step {
	text, args = c.store.render(text, args)
	return &step{text: text, args: args}
}

// reading is a statement whose rows go to into.
func reading[T any](c *conn, into *[]T, scan func(row) (T, error), text string, args ...any) *step {
	st := c.step(text, args...)
	*into = []T{}
	st.scan = func(r row) error {
		v, err := scan(r)
		if err == nil {
			*into = append(*into, v)
		}
		return err
	}
	return st
}

// later is for statements whose results nobody waits for: they go with the
// next ones, at the latest with the commit.
func (c *conn) later(steps ...*step) { c.ahead = append(c.ahead, steps...) }

// do sends what waits and these.
func (c *conn) do(ctx context.Context, steps ...*step) error {
	if c.ahead != nil {
		steps, c.ahead = append(c.ahead, steps...), nil
	}
	if len(steps) == 0 {
		return nil
	}
	if c.failed == nil {
		c.sent = true
		c.failed = c.send(ctx, steps)
	}
	return c.failed
}

// exec returns the number of rows that it changed.
func (c *conn) exec(ctx context.Context, text string, args ...any) (int, error) {
	st := c.step(text, args...)
	err := c.do(ctx, st)
	return st.changed, err
}

// query reads all rows before it returns, so that the connection is free for
// the next statement.
func query[T any](ctx context.Context, c *conn, scan func(row) (T, error), text string, args ...any) ([]T, error) {
	var found []T
	err := c.do(ctx, reading(c, &found, scan, text, args...))
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanOne[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// querier is a connection, a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// sqlWire sends one statement after the other.
type sqlWire struct{ querier }

func (w sqlWire) send(ctx context.Context, steps []*step) error {
	for _, st := range steps {
		if err := w.one(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (w sqlWire) one(ctx context.Context, st *step) error {
	if st.scan == nil {
		result, err := w.ExecContext(ctx, st.text, st.args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		st.changed = int(n)
		return err
	}
	rows, err := w.QueryContext(ctx, st.text, st.args...)
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

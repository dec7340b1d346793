package gormstore

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// querier is a connection, a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// conn sends the store's statements: they are written with the default prefix
// and sent with the store's own. No value is ever part of their text.
type conn struct {
	querier
	prefix string
}

func (c conn) text(statement string) string {
	if c.prefix == defaultPrefix {
		return statement
	}
	return strings.ReplaceAll(statement, defaultPrefix, c.prefix)
}

// exec returns the number of rows that it changed.
func (c conn) exec(ctx context.Context, statement string, args ...any) (int, error) {
	result, err := c.ExecContext(ctx, c.text(statement), args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// query reads all rows before it returns, so that the connection is free for
// the next statement.
func query[T any](ctx context.Context, c conn, scan func(*sql.Rows) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := c.QueryContext(ctx, c.text(statement), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

func scanOne[T any](rows *sql.Rows) (v T, err error) {
	err = rows.Scan(&v)
	return v, err
}

// maxTuples bounds the placeholders of a statement. Databases have limits, and
// some drivers take quadratic time for them.
const maxTuples = 100

// execTuples executes a statement with rows of values in the place of its
// "%s", in parts if there are many, and returns the number of rows changed.
// Before holds the values of placeholders in front of the rows.
func (c conn) execTuples(ctx context.Context, statement string, rows [][]any, before ...any) (int, error) {
	changed := 0
	for part := range slices.Chunk(rows, maxTuples) {
		args := append(slices.Clone(before), slices.Concat(part...)...)
		n, err := c.exec(ctx, strings.Replace(statement, "%s", tuples(part), 1), args...)
		if err != nil {
			return 0, err
		}
		changed += n
	}
	return changed, nil
}

// tuples is the placeholders of rows: (?, ?), (?, ?).
func tuples(rows [][]any) string {
	one := "(" + marks(len(rows[0])) + ")"
	return strings.Repeat(one+", ", len(rows)-1) + one
}

func marks(n int) string {
	return strings.Repeat("?, ", n-1) + "?"
}

package gormstore

import (
	"database/sql"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Many rows of values in one statement. The databases want them written
// differently: as placeholders, or, on PostgreSQL, as an array for each
// column, so that the text is the same for any number of rows and its plan is
// kept.
type (
	// set is rows to look for: "(payment_id, seq) IN ?".
	set [][]any
	// table is rows to insert: "INSERT INTO lunas_event (…) ?".
	table [][]any
)

// maxRows bounds the rows of one statement. Databases have limits, and some
// drivers take quadratic time for many placeholders.
const maxRows = 100

// column makes rows of one column each.
func column[T any](values []T) set {
	rows := make(set, len(values))
	for i, v := range values {
		rows[i] = []any{v}
	}
	return rows
}

// inserts are the statements that insert rows: more than one if there are
// many, none if there are none.
func (c *conn) inserts(text string, rows [][]any) (steps []*step) {
	text = c.store.dialect.insertWord + strings.TrimPrefix(text, "INSERT")
	for part := range slices.Chunk(rows, maxRows) {
		steps = append(steps, c.step(text, table(part)))
	}
	return steps
}

// render writes a statement for the store's database and prefix.
func (s *Store) render(text string, args []any) (string, []any) {
	if s.prefix != defaultPrefix {
		text = strings.ReplaceAll(text, defaultPrefix, s.prefix)
	}
	if !s.dialect.numbered && !slices.ContainsFunc(args, isRows) {
		return text, args
	}
	var out strings.Builder
	flat := make([]any, 0, len(args))
	put := func(v any) string {
		flat = append(flat, v)
		if s.dialect.numbered {
			return "$" + strconv.Itoa(len(flat))
		}
		return "?"
	}
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		text = after
		switch v := arg.(type) {
		case set:
			out.WriteString(strings.TrimSuffix(before, "IN "))
			out.WriteString(s.dialect.in(s, v, put))
		case table:
			out.WriteString(before)
			out.WriteString(s.dialect.insert(s, v, put))
		default:
			out.WriteString(before)
			out.WriteString(put(v))
		}
	}
	out.WriteString(text)
	return out.String(), flat
}

func isRows(arg any) bool {
	switch arg.(type) {
	case set, table:
		return true
	}
	return false
}

// placeholders writes many rows of values, for one kind of database.
type placeholders func(s *Store, rows [][]any, put func(any) string) string

// valuesRows is VALUES (?, ?), (?, ?).
func valuesRows(_ *Store, rows [][]any, put func(any) string) string {
	return "VALUES " + tuples(rows, put)
}

// inValues is SQLite's form of a set.
func inValues(_ *Store, rows [][]any, put func(any) string) string {
	return "IN (VALUES " + tuples(rows, put) + ")"
}

// inTuples is that of the MySQL family. MariaDB goes by an index for two tuples
// or more, and for one reads the whole table.
func inTuples(_ *Store, rows [][]any, put func(any) string) string {
	if len(rows) == 1 && len(rows[0]) > 1 {
		rows = append(rows, rows[0])
	}
	return "IN (" + tuples(rows, put) + ")"
}

func tuples(rows [][]any, put func(any) string) string {
	var out strings.Builder
	for i, r := range rows {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteByte('(')
		for j, v := range r {
			if j > 0 {
				out.WriteString(", ")
			}
			out.WriteString(put(v))
		}
		out.WriteByte(')')
	}
	return out.String()
}

// arrayRows is SELECT unnest($1::text[]), unnest($2::bigint[]), …: PostgreSQL's
// form. With the arrays in a FROM clause the server would make a copy of the
// rows first.
func arrayRows(s *Store, rows [][]any, put func(any) string) string {
	return "SELECT unnest(" + strings.Join(arrays(s, rows, put), "), unnest(") + ")"
}

// inArrays is that of a set.
func inArrays(s *Store, rows [][]any, put func(any) string) string {
	columns := arrays(s, rows, put)
	if len(columns) == 1 {
		return "= ANY(" + columns[0] + ")"
	}
	return "IN (SELECT * FROM unnest(" + strings.Join(columns, ", ") + "))"
}

func arrays(s *Store, rows [][]any, put func(any) string) []string {
	columns := make([]string, len(rows[0]))
	for j := range columns {
		array, kind := arrayOf(rows, j)
		if !s.pgx {
			array = arrayText(rows, j)
		}
		columns[j] = put(array) + "::" + kind + "[]"
	}
	return columns
}

// arrayOf is a column as pgx encodes arrays, and PostgreSQL's name of its
// type.
func arrayOf(rows [][]any, j int) (array any, kind string) {
	switch rows[0][j].(type) {
	case string:
		return columnOf[string](rows, j), "text"
	case int:
		return columnOf[int](rows, j), "bigint"
	case int64:
		return columnOf[int64](rows, j), "bigint"
	case sql.NullInt64:
		return pointersOf(rows, j), "bigint"
	case []byte:
		return columnOf[[]byte](rows, j), "bytea"
	}
	panic("gormstore: a statement has a value of a kind that it was not written for")
}

func columnOf[T any](rows [][]any, j int) []T {
	array := make([]T, len(rows))
	for i, r := range rows {
		array[i] = r[j].(T)
	}
	return array
}

// pointersOf: pgx takes arrays of pointers in all of its modes, and those of
// sql.NullInt64 only where the server has prepared the statement.
func pointersOf(rows [][]any, j int) []*int64 {
	array := make([]*int64, len(rows))
	for i, r := range rows {
		if v := r[j].(sql.NullInt64); v.Valid {
			array[i] = &v.Int64
		}
	}
	return array
}

// arrayText is the column as text, {"a","b"}, which every driver takes.
func arrayText(rows [][]any, j int) string {
	var out strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	next := "{"
	for _, r := range rows {
		out.WriteString(next)
		next = ","
		switch v := r[j].(type) {
		case string:
			out.WriteString(`"` + quote.Replace(v) + `"`)
		case int:
			out.WriteString(strconv.Itoa(v))
		case int64:
			out.WriteString(strconv.FormatInt(v, 10))
		case sql.NullInt64:
			if !v.Valid {
				out.WriteString("NULL")
				break
			}
			out.WriteString(strconv.FormatInt(v.Int64, 10))
		case []byte:
			if v == nil {
				out.WriteString("NULL")
				break
			}
			out.WriteString(`"\\x` + hex.EncodeToString(v) + `"`)
		}
	}
	return out.String() + "}"
}

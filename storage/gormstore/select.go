package gormstore

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lunaspay/lunas/payments"
)

// selection is a SELECT that grows conditions.
type selection struct {
	text string
	args []any
	any  bool // has a condition
}

func selectFrom(text string) *selection { return &selection{text: text} }

// isText reports whether every database takes s for text. What is not can be
// nobody's name: PostgreSQL refuses even to look for it, which would be an
// error, and in a transaction of the host's the end of it.
func isText[T ~string](s T) bool {
	return utf8.ValidString(string(s)) && strings.IndexByte(string(s), 0) < 0
}

// where adds a condition; all of them must hold. One on what is no text holds
// for nothing.
func (s *selection) where(condition string, args ...any) *selection {
	for i, arg := range args {
		if text, ok := arg.(string); ok && !isText(text) {
			condition, args[i] = condition+" AND 1 = 0", ""
		}
	}
	word := " WHERE "
	if s.any {
		word = " AND "
	}
	s.text, s.args, s.any = s.text+word+condition, append(s.args, args...), true
	return s
}

// behindIDs sorts behind every id of a payment. A list of the newest begins
// there, so that a first page is read by the same index as the ones after it.
const behindIDs = "~"

// ordered returns the first rows of all the selections together. Each one is
// cut on its own first: so each can walk an index, which an IN over the same
// values could not do in the order that is asked for.
func ordered(order string, limit int, parts ...*selection) (string, []any) {
	var args []any
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = "SELECT * FROM (" + p.text + " ORDER BY " + order + " LIMIT ?) AS part" + strconv.Itoa(i)
		args = append(append(args, p.args...), limit)
	}
	if len(parts) == 1 {
		return parts[0].text + " ORDER BY " + order + " LIMIT ?", args
	}
	return strings.Join(texts, " UNION ALL ") + " ORDER BY " + order + " LIMIT ?", append(args, limit)
}

// together returns the first rows of each of the selections, those of one
// behind those of another. The servers answer it without a table of their own;
// making one for ordered has crashed MariaDB (10.11.19, in its own clean-up). SQLite does
// not know the parentheses.
func together(order string, limit int, parts ...*selection) (string, []any) {
	var args []any
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = "(" + p.text + " ORDER BY " + order + " LIMIT ?)"
		args = append(append(args, p.args...), limit)
	}
	return strings.Join(texts, " UNION ALL "), args
}

// among adds the condition that column is one of the values.
func among[T ~string](s *selection, column string, values []T) *selection {
	var args []any
	for _, v := range values {
		if isText(v) {
			args = append(args, string(v))
		}
	}
	if len(args) == 0 {
		args = []any{string(values[0])}
	}
	return s.where(column+" IN ("+strings.Repeat("?, ", len(args)-1)+"?)", args...)
}

// partialIndex is an index by one column that leaves one of its values out.
type partialIndex struct{ name, column, without string }

// split adds the condition that the index's column is one of the values, if
// there are any: as a filter, or as selections apart if it is to be walked. What
// the index leaves out is found in the order of the primary key.
func split[T ~string](base func() *selection, by partialIndex, values []T, walked bool) (parts []*selection) {
	switch {
	case len(values) == 0:
		return []*selection{base()}
	case !walked:
		return []*selection{among(base(), by.column, values)}
	}
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		parts = append(parts, allow(by, []T{v}, base().where(by.column+" = ?", string(v))))
	}
	return parts
}

// allow says that the index will do, if it has all the values.
func allow[T ~string](by partialIndex, values []T, s *selection) *selection {
	if slices.Contains(values, T(by.without)) {
		return s
	}
	return s.where(by.column + " <> '" + by.without + "'")
}

// page makes a page of what was read: one more than asked for, if there is.
func page[T any](limit int, found []T, cursor func(T) string) payments.Page[T] {
	limit = payments.PageLimit(limit)
	p := payments.Page[T]{Items: found}
	if len(found) > limit {
		p.Items = found[:limit]
		p.Next = cursor(found[limit-1])
	}
	return p
}

// pageRows is how many rows page needs.
func pageRows(limit int) int { return payments.PageLimit(limit) + 1 }

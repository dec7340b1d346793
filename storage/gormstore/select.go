package gormstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// selection is a SELECT that grows conditions.
type selection struct {
	text string
	args []any
	any  bool // has a condition
}

func selectFrom(text string) *selection { return &selection{text: text} }

// where adds a condition; all of them must hold.
func (s *selection) where(condition string, args ...any) *selection {
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

// among adds the condition that column is one of the values.
func among[T ~string](s *selection, column string, values []T) *selection {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	return s.where(column+" IN ("+strings.Repeat("?, ", len(values)-1)+"?)", args...)
}

// split adds the condition that column is one of the values, if there are
// any: as a filter, or as selections apart if the index is by that column.
func split[T ~string](base func() *selection, column string, values []T, apart bool) []*selection {
	switch {
	case len(values) == 0:
		return []*selection{base()}
	case !apart:
		return []*selection{among(base(), column, values)}
	}
	var parts []*selection
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		part := base().where(column+" = ?", string(v))
		if v != "" {
			part.where(column + " <> ''") // says that a partial index will do
		}
		parts = append(parts, part)
	}
	return parts
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

package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
)

// A run is worth something only if nothing was lost and nothing was done
// twice, so behind every run the database is read with plain SQL, past the
// code that was measured, and each order's rows are counted.

// audit says of each table how to read what is stored in it about an order,
// and what is to be found.
type audit map[string]tableAudit

type tableAudit struct {
	// query gives rows of an order's reference, what is stored of it, and how
	// often.
	query string
	// paid is right for an order whose settlement was answered with 200,
	// review for one of which another amount was paid, open for one of which
	// nothing true was sent.
	paid, review, open expected
}

func (t tableAudit) of(s standing) expected {
	return map[standing]expected{standsPaid: t.paid, standsReview: t.review, standsOpen: t.open}[s]
}

// expected is what is to be found about one order.
type expected struct {
	// exactly is how often each must be there.
	exactly map[string]int
	// others is how often each other thing may be there as well.
	others int
}

// counts are how often what is stored, by reference.
type counts map[string]map[string]int

// readCounts carries out an audit's queries.
func readCounts(ctx context.Context, db *sql.DB, a audit) (map[string]counts, error) {
	found := map[string]counts{}
	for table, t := range a {
		var err error
		if found[table], err = countRows(ctx, db, t.query); err != nil {
			return nil, fmt.Errorf("count %s: %w", table, err)
		}
	}
	return found, nil
}

func countRows(ctx context.Context, db *sql.DB, query string) (counts, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := counts{}
	for rows.Next() {
		var ref sql.NullString // null: it belongs to nothing
		var what string
		var n int
		if err := rows.Scan(&ref, &what, &n); err != nil {
			return nil, err
		}
		if found[ref.String] == nil {
			found[ref.String] = map[string]int{}
		}
		found[ref.String][what] += n
	}
	return found, rows.Err()
}

// verify compares what was found with what is right, and says what is wrong:
// nothing, if the run was correct.
func verify(a audit, found map[string]counts, orders map[standing][]string) []string {
	var faults []string
	for _, table := range slices.Sorted(maps.Keys(a)) {
		rows := maps.Clone(found[table])
		for _, s := range []standing{standsPaid, standsReview, standsOpen} {
			faults = append(faults, wrong(table, s, orders[s], rows, a[table].of(s))...)
		}
		if len(rows) > 0 { // the others were taken out
			faults = append(faults, fmt.Sprintf("%s: there are rows of %d orders that nobody made", table, len(rows)))
		}
	}
	return faults
}

// wrong takes the orders' rows out and says which are not as expected.
func wrong(table string, s standing, orders []string, rows counts, e expected) []string {
	bad, first := 0, ""
	for _, ref := range orders {
		if fault := e.fault(rows[ref]); fault != "" {
			if bad++; bad == 1 {
				first = fmt.Sprintf("order %s: %s", ref, fault)
			}
		}
		delete(rows, ref)
	}
	if bad == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d of %d %s orders are wrong; %s", table, bad, len(orders), s, first)}
}

func (e expected) fault(got map[string]int) string {
	for _, what := range slices.Sorted(maps.Keys(e.exactly)) {
		if got[what] != e.exactly[what] {
			return fmt.Sprintf("%q is there %d times, not %d", what, got[what], e.exactly[what])
		}
	}
	for _, what := range slices.Sorted(maps.Keys(got)) {
		if _, told := e.exactly[what]; told {
			continue
		}
		if got[what] > e.others {
			return fmt.Sprintf("%q is there %d times", what, got[what])
		}
	}
	return ""
}

package gormstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// A delivery that is done or dismissed moves to the log, so that what is live
// stays small. The first live delivery of a payment and target, its head,
// holds up the others. They share its waiting time: while the head waits for
// another try they are not due either, and behind a dead head they never are.
// So no lease looks at them in vain.

// The columns of deliveryRow.fields, from either table.
const (
	liveColumns = "payment_id, target, seq, kind, state, due, lease, tries, owner, last_error"
	logColumns  = "payment_id, target, seq, kind, state, done_at AS due, lease, tries, owner, last_error"
)

// withEvents joins deliveries with their events.
func withEvents(deliveries, order string) string {
	return "SELECT found.*, e.version, e.at, e.data FROM (" + deliveries +
		") AS found JOIN lunas_event e ON e.payment_id = found.payment_id AND e.seq = found.seq ORDER BY " + order
}

// maxTargets is how many targets one statement asks for.
const maxTargets = 100

// LeaseDeliveries implements payments.DeliveryStore.
func (s *Store) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	if l.Limit <= 0 {
		return nil, ctx.Err()
	}
	for _, t := range l.Targets {
		s.served.add(t.Name)
	}
	var leased []payments.Delivery
	err := s.write(ctx, func(ctx context.Context, c *conn) error {
		leased = []payments.Delivery{}
		due, err := dueHeads(ctx, c, l)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(due, maxRows) {
			keys := keySet(part)
			c.later(c.step(update(c)+"state = 'leased', due = ?, owner = ?, lease = lease + 1, tries = tries + 1"+ofKeys,
				micros(l.Until), l.Owner, keys))
			events, owners, err := aboutOf(ctx, c, part)
			if err != nil {
				return err
			}
			for _, r := range part {
				r.due, r.owner = sql.NullInt64{Int64: micros(l.Until), Valid: true}, l.Owner
				r.lease++
				r.tries++
				e := events[payments.EventID(payments.ID(r.payment), r.seq)]
				r.version, r.at, r.data = e.Version, micros(e.At), string(e.Data)
				r.state = stateLeased
				d := r.delivery()
				if p := owners[r.payment]; p != nil {
					d.Event.Order, d.Event.Now = p.Order, p.Totals
				}
				leased = append(leased, d)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lease deliveries: %w", err)
	}
	return leased, nil
}

// ofKeys selects deliveries: keySet.
const ofKeys = " WHERE (payment_id, target, seq) IN ?"

func keySet(deliveries []deliveryRow) set {
	rows := make(set, len(deliveries))
	for i, r := range deliveries {
		rows[i] = r.values()
	}
	return rows
}

// spare is how many times more deliveries are looked at than asked for: other
// processes look at the same, and what they have locked is left to them.
const spare = 4

// dueHeads are the most overdue heads that l asks for, locked. They are looked
// for first and locked then: where the locks come first, the MySQL family sees
// deliveries that are newer than what it takes for their predecessors.
func dueHeads(ctx context.Context, c *conn, l payments.DeliveryLease) ([]deliveryRow, error) {
	limit, skip := l.Limit, c.store.dialect.skip
	if skip != "" {
		limit *= spare
	}
	var due []deliveryRow
	for some := range slices.Chunk(headsOfTargets(l), maxTargets) {
		find := ordered
		if skip != "" {
			find = together // they are sorted below
		}
		statement, args := find("due", limit, some...)
		found, err := query(ctx, c, scanLive, statement, args...)
		if err != nil {
			return nil, err
		}
		due = append(due, found...)
	}
	slices.SortFunc(due, func(a, b deliveryRow) int {
		return cmp.Or(cmp.Compare(a.due.Int64, b.due.Int64), a.compare(b.deliveryKey))
	})
	due = slices.CompactFunc(due, func(a, b deliveryRow) bool { return a.deliveryKey == b.deliveryKey }) // a target may be named twice
	due = due[:min(len(due), limit)]
	if skip == "" || len(due) == 0 {
		return due, nil
	}
	return query(ctx, c, scanLive, "SELECT "+liveColumns+" FROM lunas_delivery"+c.store.dialect.byKey()+ofKeys+" AND due <= ? ORDER BY due LIMIT ?"+skip,
		keySet(due), micros(l.Now), l.Limit)
}

// headsOfTargets selects due heads. A target's deliveries are looked up apart
// from those of other targets, so that a lane which no process serves may pile
// up at no cost to the others.
func headsOfTargets(l payments.DeliveryLease) (parts []*selection) {
	for _, t := range l.Targets {
		part := selectFrom("SELECT "+liveColumns+" FROM lunas_delivery d").where("target = ? AND due <= ?", t.Name, micros(l.Now)).
			where("NOT EXISTS (SELECT 1 FROM lunas_delivery e WHERE e.payment_id = d.payment_id AND e.target = d.target AND e.seq < d.seq)")
		switch {
		case t.Kinds == nil:
			parts = append(parts, part)
		case len(t.Kinds) > 0:
			parts = append(parts, among(part, "kind", t.Kinds))
		}
	}
	return parts
}

func scanLive(from row) (r deliveryRow, err error) {
	err = from.Scan(r.fields()...)
	return r, err
}

// aboutOf are the events that are delivered, and their payments as they are now.
// A payment that does not parse is left out: it must not hold up the others.
func aboutOf(ctx context.Context, c *conn, deliveries []deliveryRow) (map[payments.ID]payments.Event, map[string]*payments.Payment, error) {
	keys, ids := make(set, len(deliveries)), make([]string, len(deliveries))
	for i, r := range deliveries {
		keys[i], ids[i] = []any{r.payment, r.seq}, r.payment
	}
	var found []payments.Event
	var rows []paymentRow
	err := c.do(ctx,
		reading(c, &found, scanEvent, "SELECT "+eventColumns+" FROM lunas_event WHERE (payment_id, seq) IN ?", keys),
		reading(c, &rows, scanPayment, "SELECT "+paymentColumns+" FROM lunas_payment WHERE id IN ?", column(distinct(ids))),
	)
	events, owners := map[payments.ID]payments.Event{}, map[string]*payments.Payment{}
	for _, e := range found {
		events[e.ID] = e
	}
	for _, row := range rows {
		if p, err := row.payment(); err == nil {
			owners[row.id] = p
		}
	}
	return events, owners, err
}

// Deliveries implements payments.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, q payments.DeliveryQuery) (payments.Page[payments.Delivery], error) {
	var none payments.Page[payments.Delivery]
	wanted, known := deliveryKey{}, true
	if q.ID != "" {
		wanted, known = parseDeliveryID(q.ID)
	}
	after, ok := deliveryKey{payment: behindIDs}, true
	if q.Cursor != "" {
		after, ok = parseDeliveryID(payments.ID(q.Cursor))
	}
	if !ok {
		return none, badCursor(q.Cursor)
	}
	base := func(columns, table string) *selection {
		sel := selectFrom("SELECT " + columns + " FROM " + table)
		if q.ID != "" {
			sel.where("payment_id = ? AND target = ? AND seq = ?", wanted.payment, wanted.target, wanted.seq)
		}
		if q.PaymentID != "" {
			sel.where("payment_id = ?", string(q.PaymentID))
		}
		if q.Target != "" {
			sel.where("target = ?", q.Target)
		}
		return sel.where("payment_id <= ? AND (payment_id < ? OR seq < ? OR (seq = ? AND target < ?))",
			after.payment, after.payment, after.seq, after.seq, after.target)
	}
	parts := withStates(base, q.State)
	if !known || len(parts) == 0 {
		return payments.Page[payments.Delivery]{Items: []payments.Delivery{}}, nil
	}
	order := "payment_id DESC, seq DESC" // that of the keys, backwards
	if q.Target == "" {
		order += ", target DESC"
	}
	statement, args := ordered(order, pageRows(q.Limit), parts...)
	rows, err := query(ctx, s.reader(), scanDelivery, withEvents(statement, "found."+strings.ReplaceAll(order, ", ", ", found.")), args...)
	if err != nil {
		return none, fmt.Errorf("list deliveries: %w", err)
	}
	found := make([]payments.Delivery, len(rows))
	for i, r := range rows {
		found[i] = r.delivery()
	}
	return page(q.Limit, found, func(d payments.Delivery) string { return string(d.ID) }), nil
}

// withStates are the selections of deliveries in one of the states: of those
// that are live, of those in the log, or both.
func withStates(base func(columns, table string) *selection, states []payments.DeliveryState) []*selection {
	has := func(s payments.DeliveryState) bool { return len(states) == 0 || slices.Contains(states, s) }
	var parts []*selection
	live := func() *selection { return base(liveColumns, "lunas_delivery") }
	switch open, dead := has(payments.DeliveryOpen), has(payments.DeliveryDead); {
	case open && dead:
		parts = append(parts, live())
	case open:
		parts = append(parts, live().where("state <> 'dead'"))
	case dead:
		parts = append(parts, live().where("state = 'dead'"))
	}
	log := func() *selection { return base(logColumns, "lunas_delivery_log") }
	switch done, dismissed := has(payments.DeliveryDone), has(payments.DeliveryDismissed); {
	case done && dismissed:
		parts = append(parts, log())
	case done:
		parts = append(parts, log().where("state = 'done'"))
	case dismissed:
		parts = append(parts, log().where("state = 'dismissed'"))
	}
	return parts
}

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

// putDeliveries adds deliveries of events that are stored already.
func putDeliveries(ctx context.Context, c conn, id payments.ID, h history, deliveries []payments.Delivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	heads, err := liveHeads(ctx, c, id)
	if err != nil {
		return err
	}
	rows := make([]deliveryRow, len(deliveries))
	for i, d := range deliveries {
		if d.Event.PaymentID != id || d.Event.Seq < 1 || d.Event.Seq > h.after {
			return fmt.Errorf("delivery %s is of no event of payment %s", d.ID, id)
		}
		if d.Event.Seq <= h.before {
			if err := neverEnded(ctx, c, d); err != nil {
				return err
			}
		}
		due := sql.NullInt64{Int64: micros(d.Due), Valid: true}
		if head, ok := heads[d.Target]; ok && head.seq < d.Event.Seq {
			switch head.state {
			case stateDead:
				due = sql.NullInt64{}
			case stateOpen:
				due.Int64 = max(due.Int64, head.due.Int64)
			}
		}
		rows[i] = deliveryRow{
			deliveryKey: deliveryKey{payment: string(id), target: d.Target, seq: d.Event.Seq},
			kind:        string(d.Event.Kind), state: stateOpen, due: due,
		}
	}
	if err := putLive(ctx, c, rows); err != nil {
		return fmt.Errorf("store deliveries of payment %s: %w", id, err)
	}
	return nil
}

// neverEnded makes sure that a delivery of an old event is not in the log: the
// live ones are guarded by their key.
func neverEnded(ctx context.Context, c conn, d payments.Delivery) error {
	ended, err := query(ctx, c, scanOne[string], "SELECT state FROM lunas_delivery_log WHERE payment_id = ? AND seq = ? AND target = ?",
		string(d.Event.PaymentID), d.Event.Seq, d.Target)
	if err != nil {
		return fmt.Errorf("read log of payment %s: %w", d.Event.PaymentID, err)
	}
	if len(ended) > 0 {
		return fmt.Errorf("delivery %s exists, and is %s", d.ID, ended[0])
	}
	return nil
}

// liveHeads are the payment's heads, by target.
func liveHeads(ctx context.Context, c conn, id payments.ID) (map[string]deliveryRow, error) {
	live, err := query(ctx, c, func(rows *sql.Rows) (r deliveryRow, err error) {
		err = rows.Scan(&r.target, &r.seq, &r.state, &r.due)
		return r, err
	}, "SELECT target, seq, state, due FROM lunas_delivery WHERE payment_id = ? ORDER BY target, seq", string(id))
	if err != nil {
		return nil, fmt.Errorf("read deliveries of payment %s: %w", id, err)
	}
	heads := map[string]deliveryRow{}
	for _, r := range slices.Backward(live) {
		heads[r.target] = r
	}
	return heads, nil
}

// The columns of deliveryRow.fields, from either table.
const (
	liveColumns = "payment_id, target, seq, kind, state, due, lease, tries, owner, last_error, NULL AS done_at"
	logColumns  = "payment_id, target, seq, kind, state, NULL AS due, lease, tries, owner, last_error, done_at"
)

// withEvents joins deliveries with their events.
func withEvents(deliveries, order string) string {
	return "SELECT found.*, e.version, e.at, e.data FROM (" + deliveries +
		") found JOIN lunas_event e ON e.payment_id = found.payment_id AND e.seq = found.seq ORDER BY " + order
}

// maxTargets is how many targets one statement asks for.
const maxTargets = 100

// LeaseDeliveries implements payments.DeliveryStore.
func (s *Store) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	if l.Limit <= 0 {
		return nil, ctx.Err()
	}
	var leased []payments.Delivery
	err := s.write(ctx, func(ctx context.Context, c conn) error {
		due, err := dueHeads(ctx, c, l)
		if err != nil {
			return err
		}
		leased = make([]payments.Delivery, len(due))
		keys := make([][]any, len(due))
		for i, r := range due {
			keys[i] = []any{r.payment, r.target, r.seq}
			r.due, r.owner = sql.NullInt64{Int64: micros(l.Until), Valid: true}, l.Owner
			r.lease++
			r.tries++
			leased[i] = r.delivery()
		}
		_, err = c.execTuples(ctx, `UPDATE lunas_delivery SET state = 'leased', due = ?, owner = ?, lease = lease + 1, tries = tries + 1
			WHERE (payment_id, target, seq) IN (VALUES %s)`, keys, micros(l.Until), l.Owner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lease deliveries: %w", err)
	}
	return leased, nil
}

// dueHeads are the most overdue heads that l asks for. A target's deliveries
// are looked up apart from those of other targets, so that a lane which no
// process serves may pile up at no cost to the others.
func dueHeads(ctx context.Context, c conn, l payments.DeliveryLease) ([]deliveryRow, error) {
	var parts []*selection
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
	var due []deliveryRow
	for some := range slices.Chunk(parts, maxTargets) {
		statement, args := ordered("due", l.Limit, some...)
		found, err := query(ctx, c, scanDelivery, withEvents(statement, "found.due"), args...)
		if err != nil {
			return nil, err
		}
		due = append(due, found...)
	}
	slices.SortStableFunc(due, func(a, b deliveryRow) int { return cmp.Compare(a.due.Int64, b.due.Int64) })
	return due[:min(len(due), l.Limit)], nil
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
		return sel.where("payment_id <= ? AND (payment_id < ? OR seq > ? OR (seq = ? AND target > ?))",
			after.payment, after.payment, after.seq, after.seq, after.target)
	}
	parts := withStates(base, q.State)
	if !known || len(parts) == 0 {
		return payments.Page[payments.Delivery]{Items: []payments.Delivery{}}, nil
	}
	const order = "payment_id DESC, seq, target"
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

package gormstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Finish implements payments.DeliveryStore.
func (s *Store) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	if len(outcomes) == 0 {
		return nil, ctx.Err()
	}
	var lost []payments.ID
	err := s.write(ctx, func(ctx context.Context, c *conn) error {
		recorded, err := finish(ctx, c, outcomes)
		lost = nil
		for i, o := range outcomes {
			if err == nil && !recorded[i] {
				lost = append(lost, o.DeliveryID)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finish deliveries: %w", err)
	}
	return lost, nil
}

// leasedKey is a delivery under one of its leases.
type leasedKey struct {
	deliveryKey
	lease int64
}

func (k leasedKey) values() []any { return append(k.deliveryKey.values(), k.lease) }

// finish records outcomes, and tells of each whether it did. Every statement
// writes, and none only reads, for the sake of transactions that have not
// locked the database yet: the first one waits for the lock, and is not
// refused.
func finish(ctx context.Context, c *conn, outcomes []payments.Outcome) (recorded []bool, err error) {
	recorded = make([]bool, len(outcomes))
	done := map[leasedKey]int{} // most are; they are recorded together
	var keys [][]any
	for i, o := range outcomes {
		k, ok := parseDeliveryID(o.DeliveryID)
		if !ok {
			continue
		}
		key := leasedKey{k, o.Lease}
		switch o.State {
		case payments.DeliveryDone:
			if _, twice := done[key]; !twice {
				done[key] = i
				keys = append(keys, key.values())
			}
		case payments.DeliveryOpen:
			recorded[i], err = retry(ctx, c, key, o)
		case payments.DeliveryDead:
			recorded[i], err = bury(ctx, c, key, o)
		default:
			err = fmt.Errorf("outcome %q of delivery %s is none of done, open and dead", o.State, o.DeliveryID)
		}
		if err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(keys, maxRows) {
		ended, err := remove(ctx, c, "PRIMARY", "state = 'leased' AND (payment_id, target, seq, lease) IN ?", set(part))
		if err != nil {
			return nil, err
		}
		for i := range ended {
			r := &ended[i]
			at := done[leasedKey{r.deliveryKey, r.lease}]
			recorded[at] = true
			r.end(payments.DeliveryDone, outcomes[at].At)
			r.lastError = outcomes[at].Error
		}
		c.later(insertLog(c, ended)...)
	}
	return recorded, nil
}

const (
	// ofLease selects a delivery under one of its leases: leasedKey.values.
	ofLease = " WHERE payment_id = ? AND target = ? AND seq = ? AND lease = ? AND state = 'leased'"
	// behind selects the deliveries that wait for one.
	behind = " WHERE payment_id = ? AND target = ? AND seq > ?"
)

// update begins a statement that changes deliveries by their keys.
func update(c *conn) string { return "UPDATE lunas_delivery" + c.store.dialect.byKey() + " SET " }

// retry puts a leased delivery back, and lets those behind it wait as long.
func retry(ctx context.Context, c *conn, key leasedKey, o payments.Outcome) (bool, error) {
	uncounted := 0
	if o.Uncounted {
		uncounted = 1
	}
	due := micros(o.Due)
	n, err := c.exec(ctx, update(c)+"state = 'open', due = ?, tries = tries - ?, last_error = ?"+ofLease,
		append([]any{due, uncounted, o.Error}, key.values()...)...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = c.exec(ctx, update(c)+"due = ?"+behind+" AND due < ?", due, key.payment, key.target, key.seq, due)
	return true, err
}

// bury gives a leased delivery up. Nothing behind it is due any more.
func bury(ctx context.Context, c *conn, key leasedKey, o payments.Outcome) (bool, error) {
	n, err := c.exec(ctx, update(c)+"state = 'dead', due = NULL, last_error = ?"+ofLease,
		append([]any{o.Error}, key.values()...)...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = c.exec(ctx, update(c)+"due = NULL"+behind, key.payment, key.target, key.seq)
	return true, err
}

// release puts a dead delivery back or dismisses it. Either way those behind
// it have a time again. The note goes where people look for why a delivery is
// as it is.
func release(ctx context.Context, c *conn, r payments.Release) error {
	key, ok := parseDeliveryID(r.DeliveryID)
	if !ok {
		return nil
	}
	ended, err := remove(ctx, c, "PRIMARY", "payment_id = ? AND target = ? AND seq = ? AND state = 'dead'", key.payment, key.target, key.seq)
	if err == nil && len(ended) > 0 {
		err = putReleased(ctx, c, ended[0], r)
	}
	if err != nil {
		return fmt.Errorf("release delivery %s: %w", r.DeliveryID, err)
	}
	return nil
}

func putReleased(ctx context.Context, c *conn, row deliveryRow, r payments.Release) error {
	if r.Note != "" {
		row.lastError = strings.TrimPrefix(row.lastError+"; "+r.Note, "; ")
	}
	switch r.State {
	case payments.DeliveryOpen:
		row.state, row.tries, row.due = stateOpen, 0, sql.NullInt64{Int64: micros(r.Due), Valid: true}
		c.later(insertLive(c, []deliveryRow{row})...)
	case payments.DeliveryDismissed:
		row.end(r.State, r.Due)
		c.later(insertLog(c, []deliveryRow{row})...)
	default:
		return fmt.Errorf("state %q is none of open and dismissed", r.State)
	}
	_, err := c.exec(ctx, update(c)+"due = ?"+behind, micros(r.Due), row.payment, row.target, row.seq)
	return err
}

// dismissAll ends all that is on its way to a target, or stuck there.
func dismissAll(ctx context.Context, c *conn, target string, at time.Time) error {
	ended, err := remove(ctx, c, "lunas_delivery_due", "target = ?", target)
	if err != nil {
		return fmt.Errorf("dismiss deliveries to %q: %w", target, err)
	}
	for i := range ended {
		ended[i].end(payments.DeliveryDismissed, at)
	}
	c.later(insertLog(c, ended)...)
	return nil
}

// remove deletes live deliveries, found by an index, and returns what they
// were.
func remove(ctx context.Context, c *conn, index, condition string, args ...any) ([]deliveryRow, error) {
	d := c.store.dialect
	if d.returning {
		return query(ctx, c, scanLive, "DELETE FROM lunas_delivery WHERE "+condition+" RETURNING "+liveColumns, args...)
	}
	found, err := query(ctx, c, scanLive, "SELECT "+liveColumns+" FROM lunas_delivery"+d.by(index)+" WHERE "+condition+d.lock, args...)
	if err != nil {
		return nil, err
	}
	// One by one: a DELETE takes no hint, and for many keys MariaDB reads a
	// table that is small from end to end, and waits for what others have locked.
	for _, r := range found {
		c.later(c.step("DELETE FROM lunas_delivery WHERE payment_id = ? AND target = ? AND seq = ?", r.values()...))
	}
	return found, nil
}

func (r *deliveryRow) end(state payments.DeliveryState, at time.Time) {
	r.state, r.due = string(state), nullable(at)
}

// rowsOf are deliveries in the order of liveColumns, which is that of the
// log's columns, too.
func rowsOf(deliveries []deliveryRow) [][]any {
	rows := make([][]any, len(deliveries))
	for i, r := range deliveries {
		rows[i] = []any{r.payment, r.target, r.seq, r.kind, r.state, r.due, r.lease, r.tries, r.owner, r.lastError}
	}
	return rows
}

func insertLive(c *conn, live []deliveryRow) []*step {
	return c.inserts("INSERT INTO lunas_delivery ("+liveColumns+") ?", rowsOf(live))
}

func insertLog(c *conn, ended []deliveryRow) []*step {
	return c.inserts("INSERT INTO lunas_delivery_log (payment_id, target, seq, kind, state, done_at, lease, tries, owner, last_error) ?",
		rowsOf(ended))
}

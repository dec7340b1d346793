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
	err := s.write(ctx, func(ctx context.Context, c conn) error {
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

func (k leasedKey) values() []any { return []any{k.payment, k.target, k.seq, k.lease} }

// finish records outcomes, and tells of each whether it did. Every statement
// writes, and none only reads, for the sake of transactions that have not
// locked the database yet: the first one waits for the lock, and is not
// refused.
func finish(ctx context.Context, c conn, outcomes []payments.Outcome) (recorded []bool, err error) {
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
	for part := range slices.Chunk(keys, maxTuples) {
		ended, err := remove(ctx, c, "state = 'leased' AND (payment_id, target, seq, lease) IN (VALUES "+tuples(part)+")", slices.Concat(part...)...)
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
		if err := putLog(ctx, c, ended); err != nil {
			return nil, err
		}
	}
	return recorded, nil
}

const (
	// ofLease selects a delivery under one of its leases: leasedKey.values.
	ofLease = " WHERE payment_id = ? AND target = ? AND seq = ? AND lease = ? AND state = 'leased'"
	// behind selects the deliveries that wait for one.
	behind = " WHERE payment_id = ? AND target = ? AND seq > ?"
)

// retry puts a leased delivery back, and lets those behind it wait as long.
func retry(ctx context.Context, c conn, key leasedKey, o payments.Outcome) (bool, error) {
	uncounted := 0
	if o.Uncounted {
		uncounted = 1
	}
	due := micros(o.Due)
	n, err := c.exec(ctx, "UPDATE lunas_delivery SET state = 'open', due = ?, tries = tries - ?, last_error = ?"+ofLease,
		append([]any{due, uncounted, o.Error}, key.values()...)...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = c.exec(ctx, "UPDATE lunas_delivery SET due = ?"+behind+" AND due < ?", due, key.payment, key.target, key.seq, due)
	return true, err
}

// bury gives a leased delivery up. Nothing behind it is due any more.
func bury(ctx context.Context, c conn, key leasedKey, o payments.Outcome) (bool, error) {
	n, err := c.exec(ctx, "UPDATE lunas_delivery SET state = 'dead', due = NULL, last_error = ?"+ofLease,
		append([]any{o.Error}, key.values()...)...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = c.exec(ctx, "UPDATE lunas_delivery SET due = NULL"+behind, key.payment, key.target, key.seq)
	return true, err
}

// release puts a dead delivery back or dismisses it. Either way those behind
// it have a time again. The note goes where people look for why a delivery is
// as it is.
func release(ctx context.Context, c conn, r payments.Release) error {
	key, ok := parseDeliveryID(r.DeliveryID)
	if !ok {
		return nil
	}
	ended, err := remove(ctx, c, "payment_id = ? AND target = ? AND seq = ? AND state = 'dead'", key.payment, key.target, key.seq)
	if err == nil && len(ended) > 0 {
		err = putReleased(ctx, c, ended[0], r)
	}
	if err != nil {
		return fmt.Errorf("release delivery %s: %w", r.DeliveryID, err)
	}
	return nil
}

func putReleased(ctx context.Context, c conn, row deliveryRow, r payments.Release) error {
	if r.Note != "" {
		row.lastError = strings.TrimPrefix(row.lastError+"; "+r.Note, "; ")
	}
	var err error
	switch r.State {
	case payments.DeliveryOpen:
		row.state, row.tries, row.due = stateOpen, 0, sql.NullInt64{Int64: micros(r.Due), Valid: true}
		err = putLive(ctx, c, []deliveryRow{row})
	case payments.DeliveryDismissed:
		row.end(r.State, r.Due)
		err = putLog(ctx, c, []deliveryRow{row})
	default:
		err = fmt.Errorf("state %q is none of open and dismissed", r.State)
	}
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, "UPDATE lunas_delivery SET due = ?"+behind, micros(r.Due), row.payment, row.target, row.seq)
	return err
}

// dismissAll ends all that is on its way to a target, or stuck there.
func dismissAll(ctx context.Context, c conn, target string, at time.Time) error {
	_, err := c.exec(ctx, `INSERT INTO lunas_delivery_log (`+loggedColumns+`)
		SELECT payment_id, target, seq, kind, 'dismissed', lease, tries, owner, last_error, ? FROM lunas_delivery WHERE target = ?`,
		nullable(at), target)
	if err == nil {
		_, err = c.exec(ctx, "DELETE FROM lunas_delivery WHERE target = ?", target)
	}
	if err != nil {
		return fmt.Errorf("dismiss deliveries to %q: %w", target, err)
	}
	return nil
}

// remove deletes live deliveries and returns what they were.
func remove(ctx context.Context, c conn, condition string, args ...any) ([]deliveryRow, error) {
	return query(ctx, c, func(rows *sql.Rows) (r deliveryRow, err error) {
		err = rows.Scan(r.fields()...)
		return r, err
	}, "DELETE FROM lunas_delivery WHERE "+condition+" RETURNING "+liveColumns, args...)
}

func (r *deliveryRow) end(state payments.DeliveryState, at time.Time) {
	r.state, r.doneAt = string(state), nullable(at)
}

const loggedColumns = "payment_id, target, seq, kind, state, lease, tries, owner, last_error, done_at"

func putLog(ctx context.Context, c conn, ended []deliveryRow) error {
	rows := make([][]any, len(ended))
	for i, r := range ended {
		rows[i] = []any{r.payment, r.target, r.seq, r.kind, r.state, r.lease, r.tries, r.owner, r.lastError, r.doneAt}
	}
	_, err := c.execTuples(ctx, "INSERT INTO lunas_delivery_log ("+loggedColumns+") VALUES %s", rows)
	return err
}

func putLive(ctx context.Context, c conn, live []deliveryRow) error {
	rows := make([][]any, len(live))
	for i, r := range live {
		rows[i] = []any{r.payment, r.target, r.seq, r.kind, r.state, r.due, r.lease, r.tries, r.owner, r.lastError}
	}
	_, err := c.execTuples(ctx, `INSERT INTO lunas_delivery
		(payment_id, target, seq, kind, state, due, lease, tries, owner, last_error) VALUES %s`, rows)
	return err
}

package gormstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/lunaspay/lunas/payments"
)

// Update implements payments.PaymentStore. On SQLite all updates, of whatever
// payment, come one after the other.
func (s *Store) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	var after *payments.Payment
	var refused error // fn's own error, to be returned as it is
	err := s.write(ctx, func(ctx context.Context, c conn) error {
		after, refused = nil, nil
		found, err := load(ctx, c, ref)
		if err != nil {
			return err
		}
		change, err := fn(found.snapshot)
		if err != nil {
			refused = err
			return err
		}
		after, err = apply(ctx, c, found, change)
		return err
	})
	if refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("update payment: %w", err)
	}
	return after, nil
}

// loaded is what Update found.
type loaded struct {
	row      *paymentRow // nil: no such payment
	snapshot payments.Snapshot
}

// id is the payment's, or that of the one that a change creates, or empty.
func (l loaded) id(c payments.Change) payments.ID {
	switch {
	case l.row != nil:
		return payments.ID(l.row.id)
	case c.Payment != nil:
		return c.Payment.ID
	}
	return ""
}

func load(ctx context.Context, c conn, ref payments.Ref) (found loaded, err error) {
	if found.snapshot.Lanes, err = liveLanes(ctx, c); err != nil || ref == (payments.Ref{}) {
		return found, err
	}
	name, args := named(ref)
	type joined struct {
		row   paymentRow
		claim sql.NullString
	}
	rows, err := query(ctx, c, func(rows *sql.Rows) (j joined, err error) {
		err = rows.Scan(&j.row.id, &j.row.doc, &j.row.wakeAt, &j.row.version, &j.claim)
		return j, err
	}, `SELECT p.id, p.doc, p.wake_at, p.version, c.doc FROM lunas_payment p
		LEFT JOIN lunas_claim c ON c.tenant = p.tenant AND c.user_id = p.user_id AND c.plan_key = p.plan_key
		WHERE p.`+name, args...)
	if err != nil || len(rows) == 0 {
		return found, err
	}
	found.row = &rows[0].row
	if found.snapshot.Payment, err = found.row.payment(); err != nil {
		return found, err
	}
	if rows[0].claim.Valid {
		claim, err := decode[payments.Claim](rows[0].claim.String, "claim of payment "+found.row.id)
		if err != nil {
			return found, err
		}
		found.snapshot.Claim = &claim
	}
	return found, nil
}

// named is the condition on a payment that ref names.
func named(ref payments.Ref) (string, []any) {
	if ref.Kind == payments.RefID {
		return "id = ?", []any{ref.Value}
	}
	return "id = (SELECT payment_id FROM lunas_ref WHERE kind = ? AND scope = ? AND value = ?)",
		[]any{string(ref.Kind), ref.Scope, ref.Value}
}

// apply writes a change and returns the payment as it is then.
func apply(ctx context.Context, c conn, found loaded, change payments.Change) (*payments.Payment, error) {
	id := found.id(change)
	if id == "" && len(change.Refs)+len(change.Events)+len(change.Deliveries) > 0 {
		return nil, fmt.Errorf("refs, events or deliveries of no payment")
	}
	after, err := putPayment(ctx, c, found, change.Payment)
	if err != nil {
		return nil, err
	}
	if err := putRefs(ctx, c, id, change.Refs); err != nil {
		return nil, err
	}
	if len(change.Events)+len(change.Deliveries) > 0 {
		h, err := putEvents(ctx, c, id, change.Events)
		if err != nil {
			return nil, err
		}
		if err := putDeliveries(ctx, c, id, h, change.Deliveries); err != nil {
			return nil, err
		}
	}
	for _, r := range change.Releases {
		if err := release(ctx, c, r); err != nil {
			return nil, err
		}
	}
	if change.Claim != nil {
		if err := putClaim(ctx, c, *change.Claim); err != nil {
			return nil, err
		}
	}
	return after, putMessages(ctx, c, change.Messages)
}

// putPayment stores p, if not nil, and returns the payment as stored.
func putPayment(ctx context.Context, c conn, found loaded, p *payments.Payment) (*payments.Payment, error) {
	if p == nil {
		if found.row == nil {
			return nil, nil
		}
		return found.row.payment()
	}
	p = p.Clone()
	p.Version = 1
	statement := `INSERT INTO lunas_payment (tenant, user_id, plan_key, reference, status, wake_at, version, created_at, doc, id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
	if found.row != nil {
		if string(p.ID) != found.row.id {
			return nil, fmt.Errorf("payment %s cannot become payment %s", found.row.id, p.ID)
		}
		p.Version = found.row.version + 1
		statement = `UPDATE lunas_payment SET tenant = ?, user_id = ?, plan_key = ?, reference = ?, status = ?, wake_at = ?, version = ?,
			created_at = ?, doc = ? WHERE id = ?`
	}
	doc, err := document(p)
	if err != nil {
		return nil, err
	}
	n, err := c.exec(ctx, statement, p.User.Tenant, p.User.ID, p.PlanKey(), p.Reference, string(p.Status), nullable(p.WakeAt),
		p.Version, micros(p.CreatedAt), doc, string(p.ID))
	if err != nil {
		return nil, fmt.Errorf("store payment %s: %w", p.ID, err)
	}
	if n == 0 {
		return nil, fmt.Errorf("payment %s exists: %w", p.ID, payments.ErrRefTaken)
	}
	return p, nil
}

func putRefs(ctx context.Context, c conn, id payments.ID, refs []payments.Ref) error {
	rows := make([][]any, len(refs))
	for i, r := range refs {
		rows[i] = []any{string(r.Kind), r.Scope, r.Value, string(id)}
	}
	n, err := c.execTuples(ctx, "INSERT INTO lunas_ref (kind, scope, value, payment_id) VALUES %s ON CONFLICT DO NOTHING", rows)
	if err != nil {
		return fmt.Errorf("store refs of payment %s: %w", id, err)
	}
	if n == len(refs) {
		return nil
	}
	// Some were there before: see whose they are. A statement that fails on
	// them would do, but not in a transaction of the host, which some
	// databases break off then.
	for _, r := range refs {
		owner, err := query(ctx, c, scanOne[string],
			"SELECT payment_id FROM lunas_ref WHERE kind = ? AND scope = ? AND value = ?", string(r.Kind), r.Scope, r.Value)
		if err != nil {
			return fmt.Errorf("look up ref: %w", err)
		}
		if len(owner) > 0 && owner[0] != string(id) {
			return fmt.Errorf("%s %q: %w", r.Kind, r.Value, payments.ErrRefTaken)
		}
	}
	return nil
}

// history is the number of a payment's last event, before and after a change.
type history struct{ before, after int }

func putEvents(ctx context.Context, c conn, id payments.ID, events []payments.Event) (history, error) {
	last, err := query(ctx, c, scanOne[int], "SELECT coalesce(max(seq), 0) FROM lunas_event WHERE payment_id = ?", string(id))
	if err != nil {
		return history{}, fmt.Errorf("read history of payment %s: %w", id, err)
	}
	h := history{last[0], last[0]}
	rows := make([][]any, len(events))
	for i, e := range events {
		if h.after++; e.PaymentID != id || e.Seq != h.after {
			return history{}, fmt.Errorf("event %d of %s where number %d of %s follows", e.Seq, e.PaymentID, h.after, id)
		}
		rows[i] = []any{string(id), e.Seq, string(e.Kind), e.Version, micros(e.At), string(e.Data)}
	}
	if _, err := c.execTuples(ctx, "INSERT INTO lunas_event (payment_id, seq, kind, version, at, data) VALUES %s", rows); err != nil {
		return history{}, fmt.Errorf("store events of payment %s: %w", id, err)
	}
	return h, nil
}

// Get implements payments.PaymentStore.
func (s *Store) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if ref == (payments.Ref{}) {
		return nil, notFound(ref)
	}
	name, args := named(ref)
	rows, err := query(ctx, s.reader(), scanPayment, "SELECT "+paymentColumns+" FROM lunas_payment WHERE "+name, args...)
	if err != nil {
		return nil, fmt.Errorf("get payment: %w", err)
	}
	if len(rows) == 0 {
		return nil, notFound(ref)
	}
	return rows[0].payment()
}

// Payments implements payments.PaymentStore.
func (s *Store) Payments(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
	base := func() *selection {
		sel := selectFrom("SELECT " + paymentColumns + " FROM lunas_payment")
		switch {
		case q.UserID != "":
			sel.where("tenant = ? AND user_id = ?", q.Tenant, q.UserID)
		case q.Tenant != "":
			sel.where("tenant = ? AND tenant <> ''", q.Tenant)
		}
		if q.Reference != "" {
			sel.where("reference = ? AND reference <> ''", q.Reference)
		}
		return sel.where("id < ?", cmp.Or(q.Cursor, behindIDs))
	}
	few := q.UserID != "" || q.Tenant != "" || q.Reference != ""
	statement, args := ordered("id DESC", pageRows(q.Limit), split(base, "status", q.Status, !few)...)
	rows, err := query(ctx, s.reader(), scanPayment, statement, args...)
	if err != nil {
		return payments.Page[*payments.Payment]{}, fmt.Errorf("list payments: %w", err)
	}
	found := make([]*payments.Payment, len(rows))
	for i, row := range rows {
		if found[i], err = row.payment(); err != nil {
			return payments.Page[*payments.Payment]{}, fmt.Errorf("list payments: %w", err)
		}
	}
	return page(q.Limit, found, func(p *payments.Payment) string { return string(p.ID) }), nil
}

// Events implements payments.PaymentStore.
func (s *Store) Events(ctx context.Context, q payments.EventQuery) (payments.Page[payments.Event], error) {
	seen := 0
	if q.Cursor != "" {
		var err error
		if seen, err = strconv.Atoi(q.Cursor); err != nil {
			return payments.Page[payments.Event]{}, badCursor(q.Cursor)
		}
	}
	events, err := query(ctx, s.reader(), scanEvent,
		"SELECT payment_id, seq, kind, version, at, data FROM lunas_event WHERE payment_id = ? AND seq > ? ORDER BY seq LIMIT ?",
		string(q.PaymentID), seen, pageRows(q.Limit))
	if err != nil {
		return payments.Page[payments.Event]{}, fmt.Errorf("list events: %w", err)
	}
	return page(q.Limit, events, func(e payments.Event) string { return strconv.Itoa(e.Seq) }), nil
}

// LeasePayments implements payments.PaymentStore.
func (s *Store) LeasePayments(ctx context.Context, l payments.Lease) ([]*payments.Payment, error) {
	if l.Limit <= 0 {
		return nil, ctx.Err()
	}
	var leased []*payments.Payment
	err := s.write(ctx, func(ctx context.Context, c conn) error {
		leased = nil
		rows, err := query(ctx, c, scanPayment,
			"SELECT "+paymentColumns+" FROM lunas_payment WHERE wake_at <= ? ORDER BY wake_at LIMIT ?", micros(l.Now), l.Limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([][]any, len(rows))
		for i, row := range rows {
			row.wakeAt = nullable(l.Until)
			p, err := row.payment()
			if err != nil {
				return err
			}
			ids[i] = []any{row.id}
			leased = append(leased, p)
		}
		_, err = c.execTuples(ctx, "UPDATE lunas_payment SET wake_at = ? WHERE id IN (%s)", ids, nullable(l.Until))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lease payments: %w", err)
	}
	return leased, nil
}

package gormstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/lunaspay/lunas/payments"
)

// namesNothing: it cannot, and no database need be asked. (The other kinds are
// looked up by their hash.)
func namesNothing(ref payments.Ref) bool {
	return ref == payments.Ref{} || ref.Kind == payments.RefID && !isText(ref.Value)
}

// named is the condition on a payment that ref names.
func named(ref payments.Ref) (string, any) {
	if ref.Kind == payments.RefID {
		return "id = ?", ref.Value
	}
	h := refHash(ref)
	return "id = (SELECT payment_id FROM lunas_ref WHERE hash = ?)", h[:]
}

// Get implements payments.PaymentStore.
func (s *Store) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if namesNothing(ref) {
		return nil, notFound(ref)
	}
	name, arg := named(ref)
	rows, err := query(ctx, s.reader(), scanPayment, "SELECT "+paymentColumns+" FROM lunas_payment WHERE "+name, arg)
	if err != nil {
		return nil, fmt.Errorf("get payment: %w", err)
	}
	if len(rows) == 0 {
		return nil, notFound(ref)
	}
	return rows[0].payment()
}

// statusIndex finds those that are not settled, which is how most end.
var statusIndex = partialIndex{name: "lunas_payment_status", column: "status", without: string(payments.StatusSettled)}

// Payments implements payments.PaymentStore.
func (s *Store) Payments(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
	index := "PRIMARY"
	switch {
	case q.Reference != "":
		index = "lunas_payment_reference"
	case q.UserID != "":
		index = "lunas_payment_user"
	case q.Tenant != "":
		index = "lunas_payment_tenant"
	case len(q.Status) > 0:
		index = statusIndex.name
	}
	hint := s.dialect.by(index)
	eitherIndex := index == "lunas_payment_tenant" && len(q.Status) > 0
	if eitherIndex {
		hint = "" // of a rare status, the other index is the better one
	}
	base := func() *selection {
		sel := selectFrom("SELECT " + paymentColumns + " FROM lunas_payment" + hint)
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
	parts := split(base, statusIndex, q.Status, index == statusIndex.name)
	if eitherIndex {
		allow(statusIndex, q.Status, parts[0])
	}
	statement, args := ordered("id DESC", pageRows(q.Limit), parts...)
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
	if !isText(q.PaymentID) {
		return payments.Page[payments.Event]{}, ctx.Err()
	}
	events, err := query(ctx, s.reader(), scanEvent,
		"SELECT "+eventColumns+" FROM lunas_event WHERE payment_id = ? AND seq > ? ORDER BY seq LIMIT ?",
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
	err := s.write(ctx, func(ctx context.Context, c *conn) error {
		leased = nil
		rows, err := query(ctx, c, scanPayment, "SELECT "+paymentColumns+" FROM lunas_payment WHERE wake_at <= ? ORDER BY wake_at LIMIT ?"+
			s.dialect.skip, micros(l.Now), l.Limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]string, len(rows))
		for i, row := range rows {
			row.wakeAt = nullable(l.Until)
			p, err := row.payment()
			if err != nil {
				return err
			}
			ids[i] = row.id
			leased = append(leased, p)
		}
		for part := range slices.Chunk(ids, maxRows) {
			c.later(c.step("UPDATE lunas_payment SET wake_at = ? WHERE id IN ?", micros(l.Until), column(part)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lease payments: %w", err)
	}
	return leased, nil
}

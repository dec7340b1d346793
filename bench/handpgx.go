package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// handPGX is the floor on PostgreSQL: net/http and a pgx pool, one transaction
// per notification, every statement prepared once per connection (pgx's
// default).
type handPGX struct{ setup setup }

func (h *handPGX) audit() audit { return handAudit(h.setup.Hostile) }

const handPGXSchema = `
CREATE TABLE hand_payment (
    id         uuid        NOT NULL PRIMARY KEY,
    order_id   text        NOT NULL UNIQUE,
    user_id    text        NOT NULL,
    amount     bigint      NOT NULL,
    status     text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX hand_payment_user ON hand_payment (user_id, id);
CREATE TABLE hand_event (
    id             bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id     uuid        NOT NULL,
    kind           text        NOT NULL,
    transaction_id text        NOT NULL,
    at             timestamptz NOT NULL
);
CREATE INDEX hand_event_payment ON hand_event (payment_id, id);`

func (h *handPGX) prepare(ctx context.Context, n int) ([]string, error) {
	db, err := pgx.Connect(ctx, h.setup.DSN)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer db.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be sent
	if _, err := db.Exec(ctx, handPGXSchema); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	orders, now := handOrders(n), time.Now()
	rows := pgx.CopyFromSlice(len(orders), func(i int) ([]any, error) {
		o := orders[i]
		return []any{o.id, o.ref, o.user, int64(price), handPending, now, now}, nil
	})
	columns := []string{"id", "order_id", "user_id", "amount", "status", "created_at", "updated_at"}
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"hand_payment"}, columns, rows); err != nil {
		return nil, fmt.Errorf("make orders: %w", err)
	}
	return references(orders), nil
}

func (h *handPGX) serve(ctx context.Context) (http.Handler, func(), error) {
	pool, err := openPGX(ctx, h.setup)
	if err != nil {
		return nil, nil, err
	}
	store := func(ctx context.Context, n notice) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return storePGX(ctx, tx, n) })
	}
	return handHandler(store), pool.Close, nil
}

func storePGX(ctx context.Context, tx pgx.Tx, n notice) error {
	var id [16]byte
	var status string
	var due int64
	err := tx.QueryRow(ctx, "SELECT id, status, amount FROM hand_payment WHERE order_id = $1 FOR UPDATE", n.OrderID).
		Scan(&id, &status, &due)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errNoOrder
	case err != nil:
		return fmt.Errorf("lock payment: %w", err)
	}
	next, err := n.step(status, due)
	if next == "" {
		return err
	}
	now := time.Now()
	if _, err := tx.Exec(ctx, "UPDATE hand_payment SET status = $2, updated_at = $3 WHERE id = $1", id, next, now); err != nil {
		return fmt.Errorf("change payment: %w", err)
	}
	_, err = tx.Exec(ctx, "INSERT INTO hand_event (payment_id, kind, transaction_id, at) VALUES ($1, $2, $3, $4)",
		id, next, n.TransactionID, now)
	if err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	return nil
}

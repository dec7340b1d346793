package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

// handSQL is the floor on MySQL and MariaDB: net/http and database/sql, one
// transaction per notification. The DSN says interpolateParams, which saves a
// round trip per statement and is faster than statements prepared on the
// server.
type handSQL struct{ setup setup }

func (h *handSQL) audit() audit { return handAudit(h.setup.Hostile) }

var handSQLSchema = []string{
	`CREATE TABLE hand_payment (
		id         VARCHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
		order_id   VARCHAR(64) CHARACTER SET ascii NOT NULL UNIQUE,
		user_id    VARCHAR(64) CHARACTER SET ascii NOT NULL,
		amount     BIGINT      NOT NULL,
		status     VARCHAR(20) CHARACTER SET ascii NOT NULL,
		created_at DATETIME(6) NOT NULL,
		updated_at DATETIME(6) NOT NULL,
		INDEX (user_id, id)
	) ENGINE = InnoDB`,
	`CREATE TABLE hand_event (
		id             BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
		payment_id     VARCHAR(36) CHARACTER SET ascii NOT NULL,
		kind           VARCHAR(20) CHARACTER SET ascii NOT NULL,
		transaction_id VARCHAR(64) CHARACTER SET ascii NOT NULL,
		at             DATETIME(6) NOT NULL,
		INDEX (payment_id, id)
	) ENGINE = InnoDB`,
}

func (h *handSQL) open(ctx context.Context) (*sql.DB, error) {
	db, err := sql.Open("mysql", h.setup.DSN)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	db.SetMaxOpenConns(h.setup.Pool)
	db.SetMaxIdleConns(h.setup.Pool)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return db, nil
}

func (h *handSQL) prepare(ctx context.Context, n int) ([]string, error) {
	db, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, statement := range handSQLSchema {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("make tables: %w", err)
		}
	}
	orders, now := handOrders(n), time.Now().UTC()
	for some := range slices.Chunk(orders, 1000) {
		var args []any
		for _, o := range some {
			args = append(args, o.id, o.ref, o.user, price, handPending, now, now)
		}
		statement := "INSERT INTO hand_payment (id, order_id, user_id, amount, status, created_at, updated_at) VALUES " +
			strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?), ", len(some)), ", ")
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			return nil, fmt.Errorf("make orders: %w", err)
		}
	}
	return references(orders), nil
}

func (h *handSQL) serve(ctx context.Context) (http.Handler, func(), error) {
	db, err := h.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	handler := handHandler(func(ctx context.Context, n notice) error { return storeSQL(ctx, db, n) })
	return handler, func() { _ = db.Close() }, nil
}

func storeSQL(ctx context.Context, db *sql.DB, n notice) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing behind a commit
	var id, status string
	var due int64
	err = tx.QueryRowContext(ctx, "SELECT id, status, amount FROM hand_payment WHERE order_id = ? FOR UPDATE", n.OrderID).
		Scan(&id, &status, &due)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errNoOrder
	case err != nil:
		return fmt.Errorf("lock payment: %w", err)
	}
	next, err := n.step(status, due)
	if next == "" {
		return err
	}
	now := time.Now().UTC()
	if _, err := tx.ExecContext(ctx, "UPDATE hand_payment SET status = ?, updated_at = ? WHERE id = ?", next, now, id); err != nil {
		return fmt.Errorf("change payment: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO hand_event (payment_id, kind, transaction_id, at) VALUES (?, ?, ?, ?)",
		id, next, n.TransactionID, now)
	if err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

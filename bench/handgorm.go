package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// handGORM is the floor on SQLite, and runs beside the floor on PostgreSQL:
// net/http and GORM's models, one transaction per notification, statements
// prepared once.
type handGORM struct{ setup setup }

func (h *handGORM) audit() audit { return handAudit(h.setup.Hostile) }

// handPayment and handEvent are the models. Their indexes are those of the
// other hand-written contenders.
type (
	handPayment struct {
		ID        string `gorm:"primaryKey;size:36;index:hand_payment_user,priority:2"`
		OrderID   string `gorm:"uniqueIndex;size:64;not null"`
		UserID    string `gorm:"index:hand_payment_user,priority:1;size:64;not null"`
		Amount    int64
		Status    string `gorm:"size:20;not null"`
		CreatedAt time.Time
		UpdatedAt time.Time
	}
	handEvent struct {
		ID            uint   `gorm:"primaryKey;index:hand_event_payment,priority:2"`
		PaymentID     string `gorm:"index:hand_event_payment,priority:1;size:36;not null"`
		Kind          string `gorm:"size:20;not null"`
		TransactionID string `gorm:"size:64;not null"`
		At            time.Time
	}
)

func (handPayment) TableName() string { return "hand_payment" }
func (handEvent) TableName() string   { return "hand_event" }

func (h *handGORM) prepare(ctx context.Context, n int) ([]string, error) {
	db, closeDB, err := openGORM(h.setup, &gorm.Config{})
	if err != nil {
		return nil, err
	}
	defer closeDB()
	db = db.WithContext(ctx)
	if err := db.AutoMigrate(&handPayment{}, &handEvent{}); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	orders := handOrders(n)
	rows := make([]handPayment, n)
	for i, o := range orders {
		rows[i] = handPayment{ID: o.id, OrderID: o.ref, UserID: o.user, Amount: price, Status: handPending}
	}
	if err := db.CreateInBatches(rows, 1000).Error; err != nil {
		return nil, fmt.Errorf("make orders: %w", err)
	}
	return references(orders), nil
}

func (h *handGORM) serve(context.Context) (http.Handler, func(), error) {
	db, closeDB, err := openGORM(h.setup, &gorm.Config{PrepareStmt: true})
	if err != nil {
		return nil, nil, err
	}
	handler := handHandler(func(ctx context.Context, n notice) error {
		return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return storeGORM(tx, n) })
	})
	return handler, closeDB, nil
}

func storeGORM(tx *gorm.DB, n notice) error {
	var p handPayment
	err := forUpdate(tx).Where("order_id = ?", n.OrderID).Take(&p).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return errNoOrder
	case err != nil:
		return fmt.Errorf("lock payment: %w", err)
	}
	next, err := n.step(p.Status, p.Amount)
	if next == "" {
		return err
	}
	if err := tx.Model(&p).Update("status", next).Error; err != nil {
		return fmt.Errorf("change payment: %w", err)
	}
	event := handEvent{PaymentID: p.ID, Kind: next, TransactionID: n.TransactionID, At: time.Now()}
	if err := tx.Create(&event).Error; err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	return nil
}

// forUpdate locks what is read. SQLite has no words for it: there the
// transaction, which the DSN makes begin immediate, is the lock.
func forUpdate(tx *gorm.DB) *gorm.DB {
	if tx.Name() == sqlite {
		return tx
	}
	return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

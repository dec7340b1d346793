package main

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// Effect is a row of the shop's own: what a hook did.
type Effect struct {
	ID      uint `gorm:"primaryKey"`
	Hook    string
	EventID string `gorm:"size:64;uniqueIndex:once"` // MySQL's indexes want sizes
	Lane    string `gorm:"size:64;uniqueIndex:once"`
	UserID  string `gorm:"size:64;index"`
	Text    string
	At      time.Time
}

// registerHooks says what happens when money arrives, goes back, or does not
// come. "fulfil" is one lane: a refund never overtakes the settlement. Its
// functions run in the very transaction that marks the delivery done, so
// their rows are written exactly once, whatever dies when. "receipt" is a
// plain hook: at least once, so it tells a repeat by the event's id.
func (s *shop) registerHooks(store payments.Store) {
	s.pay.OnSettled("fulfil", inTx(s, store, func(_ context.Context, tx *gorm.DB, e payments.Settled) error {
		text := "Packed " + what(e.Order)
		if e.Claim != nil && e.Claim.End.IsZero() {
			text = what(e.Order) + " is yours for good"
		} else if e.Claim != nil {
			text = fmt.Sprintf("%s until %s", what(e.Order), e.Claim.End.In(time.FixedZone("WIB", 7*60*60)).Format("2 January 2006"))
		}
		return write(tx, "OnSettled", "fulfil", e.EventMeta, text)
	}))
	s.pay.OnRefund("fulfil", inTx(s, store, func(_ context.Context, tx *gorm.DB, e payments.Refunded) error {
		return write(tx, "OnRefund", "fulfil", e.EventMeta, fmt.Sprintf("Took %s back: %s returned", what(e.Order), e.Amount))
	}))
	s.pay.OnExpired("fulfil", inTx(s, store, func(_ context.Context, tx *gorm.DB, e payments.Expired) error {
		return write(tx, "OnExpired", "fulfil", e.EventMeta, "Nobody paid for "+what(e.Order)+"; back on the shelf")
	}))
	s.pay.OnSettled("receipt", func(ctx context.Context, e payments.Settled) error {
		return write(s.db.WithContext(ctx), "OnSettled", "receipt", e.EventMeta, "Sent a receipt for "+e.Amount.String())
	})
}

// inTx is gormstore.InTx where payments are in the shop's own database. With
// the memory store there is no transaction to share, so the hook gets one of
// the shop's own, and the row's unique event id makes a repeat harmless.
func inTx[E any](s *shop, store payments.Store, f func(context.Context, *gorm.DB, E) error) func(context.Context, E) error {
	if shared, ok := store.(*gormstore.Store); ok {
		return gormstore.InTx(shared, f)
	}
	return func(ctx context.Context, e E) error {
		return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return f(ctx, tx, e) })
	}
}

func write(tx *gorm.DB, hook, lane string, m payments.EventMeta, text string) error {
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Effect{
		Hook: hook, Lane: lane, EventID: string(m.EventID), UserID: m.Order.User.ID, Text: text, At: time.Now().UTC(),
	}).Error
}

// effects are what the hooks did for a user, newest first.
func (s *shop) effects(ctx context.Context, userID string) ([]Effect, error) {
	var all []Effect
	err := s.db.WithContext(ctx).Where("user_id = ?", userID).Order("id DESC").Limit(30).Find(&all).Error
	return all, err
}

package gormstore_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// hostOrder is a table of a host app.
type hostOrder struct {
	ID        string `gorm:"primaryKey"`
	PaymentID string
	Paid      bool
}

// host is an app with its own tables, payments in the same database, and
// Midtrans's simulator behind it.
type host struct {
	db    *gorm.DB
	store *gormstore.Store
	pay   *payments.Service
	sim   *midtranstest.Server
	clock *paymentstest.Clock
}

func newHost(t *testing.T) *host {
	t.Helper()
	db := openFile(t)
	require.NoError(t, db.AutoMigrate(&hostOrder{}))
	store := openStore(t, db, nil)
	h := &host{db: db, store: store, clock: paymentstest.NewClock(time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC))}
	h.sim = midtranstest.New(midtranstest.WithClock(h.clock))
	var err error
	h.pay, err = payments.New(payments.Config{
		Store: store, Clock: h.clock, Gateways: []payments.Gateway{midtrans.Snap(h.sim.Config())},
		Plans:     payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}, {ID: "free", Price: payments.IDR(0)}},
		PublicURL: "https://shop.test/pay",
		Logger:    slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
	})
	require.NoError(t, err)
	h.sim.Notify("https://shop.test/pay/notifications/midtrans", http.StripPrefix("/pay", h.pay.Handler()))
	return h
}

// order stores an order and its payment in one transaction of the host.
func (h *host) order(ctx context.Context, id, plan string, fail error) (payments.ID, error) {
	var payment payments.ID
	err := h.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		p, err := h.pay.Within(h.store.Tx(tx)).Create(ctx, payments.CreateParams{
			User: payments.EndUser{ID: "ana"}, PlanID: plan, Reference: id, Key: id,
		})
		if err != nil {
			return err
		}
		payment = p.ID
		if err := tx.Create(&hostOrder{ID: id, PaymentID: string(p.ID)}).Error; err != nil {
			return err
		}
		return fail
	})
	return payment, err
}

func TestTheHostsOrderAndItsPaymentCommitTogether(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ctx := t.Context()
	h.pay.OnSettled("orders", gormstore.InTx(h.store, func(_ context.Context, tx *gorm.DB, e payments.Settled) error {
		return tx.Model(&hostOrder{}).Where("id = ?", e.Order.Reference).Update("paid", true).Error
	}))

	broken := errors.New("the host changed its mind")
	_, err := h.order(ctx, "order-1", "pro", broken)
	require.ErrorIs(t, err, broken)
	none, err := h.pay.Page(ctx, payments.PaymentQuery{})
	require.NoError(t, err)
	require.Empty(t, none.Items, "payments of a transaction that was rolled back")

	id, err := h.order(ctx, "order-1", "pro", nil)
	require.NoError(t, err)
	paymentstest.RequireStatus(t, h.pay, id, payments.StatusCreated)
	out, err := h.pay.Attempt(ctx, id, payments.AttemptParams{})
	require.NoError(t, err)
	require.NotEmpty(t, out.URL)
	require.NoError(t, h.sim.Pay(string(id)))
	require.NoError(t, h.sim.Resend(string(id), 2))
	_, err = h.sim.Deliver(ctx)
	require.NoError(t, err)
	paymentstest.Drain(t, h.pay)
	paymentstest.RequireStatus(t, h.pay, id, payments.StatusSettled)
	var order hostOrder
	require.NoError(t, h.db.First(&order, "id = ?", "order-1").Error)
	require.True(t, order.Paid)
}

// A genuine settlement comes before the order that it is for has been
// committed: it is parked, and settles the order as soon as it is there.
func TestASettlementThatComesBeforeItsOrder(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ctx := t.Context()
	id, err := h.order(ctx, "order-1", "pro", nil)
	require.NoError(t, err)

	// Somebody opened the page before we knew of it: another process, whose
	// database is behind.
	_, err = midtrans.Snap(h.sim.Config()).Checkout(ctx, payments.CheckoutRequest{
		Order: payments.Order{ID: id, Amount: payments.IDR(29_000), CreatedAt: h.clock.Now()}, Ref: string(id),
		NotificationURL: "https://shop.test/pay/notifications/midtrans", ExpiresAt: h.clock.Now().Add(time.Hour),
	})
	require.NoError(t, err)
	require.NoError(t, h.sim.Pay(string(id)))
	answers, err := h.sim.Deliver(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, answers)
	require.Equal(t, http.StatusOK, answers[len(answers)-1].Status)
	paymentstest.RequireStatus(t, h.pay, id, payments.StatusCreated)

	out, err := h.pay.Attempt(ctx, id, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, payments.StatusSettled, out.Payment.Status, "what the gateway has for this order is paid")
	paymentstest.Drain(t, h.pay)
	paymentstest.RequireStatus(t, h.pay, id, payments.StatusSettled)
}

func TestAFreePlanWithinTheHostsTransaction(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	settled := 0
	h.pay.OnSettled("x", func(context.Context, payments.Settled) error { settled++; return nil })
	id, err := h.order(t.Context(), "order-1", "free", nil)
	require.NoError(t, err)
	paymentstest.Drain(t, h.pay)
	paymentstest.RequireStatus(t, h.pay, id, payments.StatusSettled)
	require.Equal(t, 1, settled)
	e, err := h.pay.Entitled(t.Context(), payments.EndUser{ID: "ana"}, "free")
	require.NoError(t, err)
	require.True(t, e.OK)
}

// Inside a transactional hook the service would wait for a lock that the hook
// itself holds, so it refuses at once; Within works.
func TestInsideATransactionalHook(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ctx := t.Context()
	var direct error
	var within *payments.Payment
	h.pay.OnSettled("bonus", gormstore.InTx(h.store, func(ctx context.Context, tx *gorm.DB, e payments.Settled) error {
		_, direct = h.pay.Refund(ctx, e.Order.ID, payments.RefundParams{Key: "r1"})
		if e.Order.PlanKey() != "pro" {
			return nil
		}
		var err error
		within, err = h.pay.Within(h.store.Tx(tx)).Grant(ctx, payments.GrantParams{
			User: e.Order.User, PlanID: "free", Key: "bonus-" + string(e.EventID),
		})
		return err
	}))
	id, err := h.order(ctx, "order-1", "pro", nil)
	require.NoError(t, err)
	_, err = h.pay.Attempt(ctx, id, payments.AttemptParams{})
	require.NoError(t, err)
	require.NoError(t, h.sim.Pay(string(id)))
	_, err = h.sim.Deliver(ctx)
	require.NoError(t, err)
	paymentstest.Drain(t, h.pay)
	require.ErrorContains(t, direct, "Within")
	require.NotNil(t, within)
	paymentstest.RequireStatus(t, h.pay, within.ID, payments.StatusSettled)
}

package sdktest

import (
	"net/http"
	"testing"
	"time"

	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/stretchr/testify/require"
)

func monthly(token string, more ...func(*coreapi.SubscriptionReq)) *coreapi.SubscriptionReq {
	r := &coreapi.SubscriptionReq{
		Name: "MONTHLY", Amount: 100_000, Currency: "IDR", PaymentType: coreapi.PaymentTypeCreditCard, Token: token,
		Schedule:        coreapi.ScheduleDetails{Interval: 1, IntervalUnit: "month", MaxInterval: 12},
		CustomerDetails: &midtrans.CustomerDetails{FName: "Sari", Email: "sari@example.com", Phone: "081234567890"},
	}
	for _, change := range more {
		change(r)
	}
	return r
}

// The steps of the SDK's own test.
func TestSubscription(t *testing.T) {
	m := newMerchant(t)
	made, err := m.core.CreateSubscription(monthly("DUMMY"))
	m.noError(err)
	require.Equal(t, "active MONTHLY 100000 IDR credit_card", made.Status+" "+made.Name+" "+made.Amount+" "+made.Currency+" "+made.PaymentType)
	require.Equal(t, "Sari", made.CustomerDetails.FName)
	require.Equal(t, "2026-06-06 10:00:00", made.Schedule.NextExecutionAt)
	require.Equal(t, 12, made.Schedule.MaxInterval)
	got, err := m.core.GetSubscription(made.ID)
	m.noError(err)
	require.Equal(t, made, got)

	updated, err := m.core.DisableSubscription(made.ID)
	m.noError(err)
	require.Equal(t, "Subscription is updated.", updated.StatusMessage)
	got, err = m.core.GetSubscription(made.ID)
	m.noError(err)
	require.Equal(t, "inactive", got.Status)
	updated, err = m.core.EnableSubscription(made.ID)
	m.noError(err)
	require.Equal(t, "Subscription is updated.", updated.StatusMessage)
	updated, err = m.core.UpdateSubscription(made.ID, monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.Amount = 50_000 }))
	m.noError(err)
	require.Equal(t, "Subscription is updated.", updated.StatusMessage)
	got, err = m.core.GetSubscription(made.ID)
	m.noError(err)
	require.Equal(t, "active 50000", got.Status+" "+got.Amount)
}

func TestSubscriptionIsCharged(t *testing.T) {
	m := newMerchant(t)
	account := m.linked()
	card, err := m.core.RegisterCard("4811111111111114", 12, 2030, clientKey)
	m.noError(err)
	for kind, r := range map[string]*coreapi.SubscriptionReq{
		"capture": monthly(card.SavedTokenID),
		"settlement": monthly(account.Metadata.PaymentOptions[0].Token, func(r *coreapi.SubscriptionReq) {
			r.Name, r.PaymentType, r.Gopay = "WALLET", coreapi.PaymentTypeGopay, &coreapi.GopaySubscriptionDetails{AccountId: account.AccountId}
		}),
	} {
		made, err := m.core.CreateSubscription(r)
		m.noError(err)
		m.ok(m.sim.ChargeNow(made.ID))
		got, err := m.core.GetSubscription(made.ID)
		m.noError(err)
		require.Equal(t, 1, got.Schedule.CurrentInterval)
		require.Equal(t, "2026-05-06 10:00:00", got.Schedule.PreviousExecutionAt)
		orders := m.sim.Orders()
		found, err := m.core.CheckTransaction(orders[len(orders)-1].ID)
		m.noError(err)
		require.Equal(t, "200 "+kind+" 100000.00", found.StatusCode+" "+found.TransactionStatus+" "+found.GrossAmount)
	}
}

func TestSubscriptionsThatFail(t *testing.T) {
	m := newMerchant(t)
	for name, r := range map[string]*coreapi.SubscriptionReq{
		"nothing":     {},
		"no name":     monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.Name = "" }),
		"no amount":   monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.Amount = 0 }),
		"no token":    monthly(""),
		"no account":  monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.PaymentType = coreapi.PaymentTypeGopay }),
		"no unit":     monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.Schedule.IntervalUnit = "" }),
		"a past time": monthly("DUMMY", func(r *coreapi.SubscriptionReq) { r.Schedule.StartTime = "2020-07-22 07:25:01 +0700" }),
	} {
		got, err := m.core.CreateSubscription(r)
		m.code(http.StatusBadRequest, err, name)
		require.Equal(t, "Invalid parameter.", got.StatusMessage, name)
	}
	made, err := m.core.CreateSubscription(monthly("DUMMY"))
	m.noError(err)
	_, err = m.core.UpdateSubscription(made.ID, monthly(""))
	m.code(http.StatusBadRequest, err, "no token")

	every := func(want int, doing, id string) {
		t.Helper()
		_, err := m.core.GetSubscription(id)
		m.code(want, err, doing)
		_, err2 := m.core.DisableSubscription(id)
		m.code(want, err2, doing)
		_, err2 = m.core.EnableSubscription(id)
		m.code(want, err2, doing)
		_, err2 = m.core.UpdateSubscription(id, monthly("DUMMY"))
		m.code(want, err2, doing)
	}
	every(http.StatusNotFound, "unknown", "unknown")
	m.useKey("SB-Mid-server-wrong")
	every(http.StatusUnauthorized, "a wrong key", made.ID)
	_, err = m.core.CreateSubscription(monthly("DUMMY"))
	m.code(http.StatusUnauthorized, err, "a wrong key")
}

func TestSubscriptionWithItsKey(t *testing.T) {
	m := newMerchant(t)
	m.core.Options.SetPaymentIdempotencyKey("s-1")
	first, err := m.core.CreateSubscription(monthly("DUMMY"))
	m.noError(err)
	again, err := m.core.CreateSubscription(monthly("DUMMY"))
	m.noError(err)
	require.Equal(t, first.ID, again.ID)
	m.clock.Advance(3 * time.Minute)
	again, err = m.core.CreateSubscription(monthly("DUMMY"))
	m.noError(err)
	require.NotEqual(t, first.ID, again.ID)
}

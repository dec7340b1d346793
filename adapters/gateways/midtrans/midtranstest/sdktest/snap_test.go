package sdktest

import (
	"strings"
	"testing"

	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/snap"
	"github.com/stretchr/testify/require"
)

func TestCreate(t *testing.T) {
	m := newMerchant(t)
	got := m.order("order-1")
	require.Len(t, got.Token, 36)
	require.True(t, strings.HasSuffix(got.RedirectURL, "/snap/v4/redirection/"+got.Token))

	token, err := m.snap.CreateTransactionToken(request("order-2", 30_000))
	m.noError(err)
	require.Len(t, token, 36)
	to, err := m.snap.CreateTransactionUrl(request("order-3", 30_000))
	m.noError(err)
	require.Contains(t, to, m.sim.URL)
	free, err := m.snap.CreateTransactionWithMap(&snap.RequestParamWithMap{
		"transaction_details": map[string]any{"order_id": "order-4", "gross_amount": 1},
	})
	m.noError(err)
	require.NotEmpty(t, free["token"])
}

func TestCreateWithoutDetails(t *testing.T) {
	m := newMerchant(t)
	_, err := m.snap.CreateTransaction(&snap.Request{})
	m.code(400, err, "nothing but zero values")
	_, err = m.snap.CreateTransaction(request("order-1", 29_999))
	m.code(400, err, "another sum")
	require.Contains(t, err.GetMessage(), "transaction_details.gross_amount is not equal to the sum of item_details")
}

func TestCreateWithAPaidOrder(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1")
	m.ok(m.sim.Pay("order-1"))
	_, err := m.snap.CreateTransaction(request("order-1", 30_000))
	m.code(400, err, "a paid order")
	require.Contains(t, err.GetMessage(), "has been paid and utilized")
}

func TestCreateWithAWrongKey(t *testing.T) {
	m := newMerchant(t)
	m.useKey("SB-Mid-server-wrong")
	_, err := m.snap.CreateTransaction(request("order-1", 30_000))
	m.code(401, err, "a wrong key")
	_, err = m.core.CheckTransaction("order-1")
	m.code(401, err, "a wrong key")
}

func TestNotificationURLs(t *testing.T) {
	m := newMerchant(t)
	m.snap.Options.SetPaymentOverrideNotification("http://shop.test/only-this")
	m.order("order-1")
	m.ok(m.sim.Pay("order-1"))
	for _, sent := range m.sim.Take() {
		require.Equal(t, "http://shop.test/only-this", sent.URL)
	}
	require.Equal(t, "SB-Mid-server-sdk", m.snap.ServerKey)
	require.Equal(t, midtrans.Sandbox, m.snap.Env)
}

package sdktest

import (
	"testing"
	"time"

	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

func TestUnknownTransaction(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1") // nobody has chosen how to pay
	for _, id := range []string{"order-1", "DUMMY"} {
		_, err := m.core.CheckTransaction(id)
		m.code(404, err, "check")
		for what, call := range map[string]func(string) (*coreapi.ChargeResponse, *midtrans.Error){
			"approve": m.core.ApproveTransaction, "deny": m.core.DenyTransaction,
			"cancel": m.core.CancelTransaction, "expire": m.core.ExpireTransaction,
		} {
			_, err := call(id)
			m.code(404, err, what)
		}
		for what, call := range map[string]func(string, *coreapi.RefundReq) (*coreapi.RefundResponse, *midtrans.Error){
			"refund": m.core.RefundTransaction, "direct refund": m.core.DirectRefundTransaction,
		} {
			_, err := call(id, &coreapi.RefundReq{Amount: 10_000, Reason: "Out of stock"})
			m.code(404, err, what)
		}
	}
}

func TestCheck(t *testing.T) {
	m := newMerchant(t)
	for method, check := range map[string]func(got *coreapi.TransactionStatusResponse){
		"bca_va": func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "bca", got.VaNumbers[0].Bank) },
		"bni_va": func(got *coreapi.TransactionStatusResponse) {
			require.Equal(t, "30000.00", got.PaymentAmounts[0].Amount)
		},
		"permata_va": func(got *coreapi.TransactionStatusResponse) { require.NotEmpty(t, got.PermataVaNumber) },
		"echannel":   func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "70012", got.BillerCode) },
		"gopay":      func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "gopay", got.PaymentType) },
		"shopeepay":  func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "shopeepay", got.PaymentType) },
		"other_qris": func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "on-us", got.TransactionType) },
		"indomaret":  func(got *coreapi.TransactionStatusResponse) { require.Empty(t, got.FraudStatus) },
		"alfamart":   func(got *coreapi.TransactionStatusResponse) { require.Equal(t, "alfamart", got.Store) },
	} {
		m.order(method)
		m.ok(m.sim.Choose(method, midtranstest.By(method)))
		got, err := m.core.CheckTransaction(method)
		m.noError(err)
		require.Equal(t, "201 pending", got.StatusCode+" "+got.TransactionStatus, method)

		m.ok(m.sim.Pay(method))
		got, err = m.core.CheckTransaction(got.TransactionID)
		m.noError(err)
		require.Equal(t, "200 settlement", got.StatusCode+" "+got.TransactionStatus, method)
		require.Equal(t, method, got.OrderID)
		require.Equal(t, "30000.00", got.GrossAmount)
		require.Equal(t, "2026-05-06 10:00:00", got.SettlementTime)
		require.Equal(t, "2026-05-06 22:00:00", got.ExpiryTime, "as the request said")
		require.Equal(t, "from the SDK", got.CustomField1)
		require.Equal(t, map[string]any{"cart": float64(7)}, got.Metadata)
		require.Len(t, got.SignatureKey, 128)
		check(got)
	}
}

func TestCheckOfACard(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1")
	m.ok(m.sim.Deny("order-1"))
	got, err := m.core.CheckTransaction("order-1")
	m.noError(err)
	require.Equal(t, "202 deny", got.StatusCode+" "+got.TransactionStatus)

	m.ok(m.sim.Challenge("order-1"))
	got, err = m.core.CheckTransaction("order-1")
	m.noError(err)
	require.Equal(t, "201 capture challenge", got.StatusCode+" "+got.TransactionStatus+" "+got.FraudStatus)
	approved, err := m.core.ApproveTransaction("order-1")
	m.noError(err)
	require.Equal(t, "accept", approved.FraudStatus)
	require.Equal(t, "45111111-1117", approved.MaskedCard)
	_, err = m.core.ApproveTransaction("order-1")
	m.code(412, err, "approve again")

	m.order("order-2")
	m.ok(m.sim.Challenge("order-2"))
	denied, err := m.core.DenyTransaction("order-2")
	m.noError(err)
	require.Equal(t, "deny deny", denied.TransactionStatus+" "+denied.FraudStatus)
}

func TestCancel(t *testing.T) {
	m := newMerchant(t)
	m.order("waits")
	m.ok(m.sim.Choose("waits"))
	got, err := m.core.CancelTransaction("waits")
	m.noError(err)
	require.Equal(t, "200 cancel", got.StatusCode+" "+got.TransactionStatus)
	_, err = m.core.CancelTransaction("waits")
	m.code(412, err, "cancel again")
	m.order("waits") // its id is free again

	m.order("captured")
	m.ok(m.sim.Pay("captured", midtranstest.By("credit_card")))
	_, err = m.core.CancelTransaction("captured")
	m.noError(err)

	m.order("settled")
	m.ok(m.sim.Pay("settled"))
	_, err = m.core.CancelTransaction("settled")
	m.code(412, err, "cancel of what is settled")
}

func TestExpire(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1")
	m.ok(m.sim.Choose("order-1"))
	got, err := m.core.ExpireTransaction("order-1")
	m.noError(err)
	require.Equal(t, "407 expire", got.StatusCode+" "+got.TransactionStatus)
	status, err := m.core.CheckTransaction("order-1")
	m.noError(err)
	require.Equal(t, "407 expire", status.StatusCode+" "+status.TransactionStatus)
	_, err = m.core.ExpireTransaction("order-1")
	m.code(412, err, "expire again")
}

func TestRefund(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1")
	m.ok(m.sim.Choose("order-1"))
	_, err := m.core.RefundTransaction("order-1", &coreapi.RefundReq{Amount: 10_000})
	m.code(412, err, "refund of what is not paid")

	m.ok(m.sim.Pay("order-1"))
	got, err := m.core.RefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k-1", Amount: 10_000, Reason: "chipped"})
	m.noError(err)
	require.Equal(t, "200 partial_refund 10000.00 k-1", got.StatusCode+" "+got.TransactionStatus+" "+got.RefundAmount+" "+got.RefundKey)
	require.NotZero(t, got.RefundChargebackID)
	_, err = m.core.RefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k-1", Amount: 10_000})
	m.code(406, err, "the same key")
	_, err = m.core.RefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k-2", Amount: 20_001})
	m.code(414, err, "more than is left")
	got, err = m.core.DirectRefundTransaction("order-1", &coreapi.RefundReq{Amount: 20_000})
	m.noError(err)
	require.Equal(t, "refund 30000.00", got.TransactionStatus+" "+got.RefundAmount)

	m.clock.Advance(time.Minute)
	status, err := m.core.CheckTransaction("order-1")
	m.noError(err)
	require.Len(t, status.Refunds, 2)
	require.Equal(t, "chipped", status.Refunds[0].Reason)
	require.Equal(t, "2026-05-06 10:01:00", status.Refunds[0].BankConfirmedAt)
	require.Equal(t, "2026-05-06 10:00:00", status.Refunds[1].BankConfirmedAt, "a direct one is confirmed at once")
}

func TestIdempotencyKey(t *testing.T) {
	m := newMerchant(t)
	m.order("order-1")
	m.ok(m.sim.Pay("order-1"))
	m.core.Options.SetPaymentIdempotencyKey("i-1")
	refund := func() *coreapi.RefundResponse {
		got, err := m.core.RefundTransaction("order-1", &coreapi.RefundReq{Amount: 1_000})
		m.noError(err)
		return got
	}
	first := refund()
	require.Equal(t, first, refund())
	m.clock.Advance(5 * time.Minute)
	require.NotEqual(t, first, refund())
}

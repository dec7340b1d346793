package sdktest

import (
	"net/http"
	"testing"
	"time"

	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// charge asks for 30,000 rupiah by a channel; more fills in its block.
func charge(id string, by coreapi.CoreapiPaymentType, more ...func(*coreapi.ChargeReq)) *coreapi.ChargeReq {
	r := &coreapi.ChargeReq{
		PaymentType:        by,
		TransactionDetails: midtrans.TransactionDetails{OrderID: id, GrossAmt: 30_000},
		Items:              &[]midtrans.ItemDetails{{ID: "mug", Name: "Mug", Price: 10_000, Qty: 3}},
		CustomerDetails:    &midtrans.CustomerDetails{FName: "Sari", Email: "sari@example.com", Phone: "081234567890"},
	}
	for _, fill := range more {
		fill(r)
	}
	return r
}

func atBank(bank midtrans.Bank) func(*coreapi.ChargeReq) {
	return func(r *coreapi.ChargeReq) { r.BankTransfer = &coreapi.BankTransferDetails{Bank: bank} }
}

func atStore(store string) func(*coreapi.ChargeReq) {
	return func(r *coreapi.ChargeReq) { r.ConvStore = &coreapi.ConvStoreDetails{Store: store} }
}

// channels are all ways to pay that the SDK's types know, but for cards, and
// what its answer must hold.
var channels = map[string]struct {
	by    coreapi.CoreapiPaymentType
	fill  func(*coreapi.ChargeReq)
	check func(*testing.T, *coreapi.ChargeResponse)
}{
	"bca":  {coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBca), hasNumber("bca")},
	"bni":  {coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBni), hasNumber("bni")},
	"bri":  {coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBri), hasNumber("bri")},
	"cimb": {coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankCimb), hasNumber("cimb")},
	"permata": {coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankPermata), func(t *testing.T, got *coreapi.ChargeResponse) {
		require.NotEmpty(t, got.PermataVaNumber)
		require.Empty(t, got.VaNumbers)
	}},
	"no bank": {coreapi.PaymentTypeBankTransfer, nil, func(t *testing.T, got *coreapi.ChargeResponse) {
		require.NotEmpty(t, got.PermataVaNumber)
	}},
	"echannel": {coreapi.PaymentTypeEChannel, func(r *coreapi.ChargeReq) {
		r.EChannel = &coreapi.EChannelDetail{BillInfo1: "For", BillInfo2: "a mug"}
	}, func(t *testing.T, got *coreapi.ChargeResponse) {
		require.Equal(t, "70012", got.BillerCode)
		require.Len(t, got.BillKey, 12)
	}},
	"gopay": {coreapi.PaymentTypeGopay, func(r *coreapi.ChargeReq) {
		r.Gopay = &coreapi.GopayDetails{EnableCallback: true, CallbackUrl: "https://shop.example/thanks"}
	}, hasActions("generate-qr-code GET", "deeplink-redirect GET", "get-status GET", "cancel POST")},
	"shopeepay": {coreapi.PaymentTypeShopeepay, func(r *coreapi.ChargeReq) {
		r.ShopeePay = &coreapi.ShopeePayDetails{CallbackUrl: "https://shop.example/thanks"}
	}, hasActions("deeplink-redirect GET")},
	"qris": {coreapi.PaymentTypeQris, func(r *coreapi.ChargeReq) {
		r.Qris = &coreapi.QrisDetails{Acquirer: "airpay shopee"}
	}, func(t *testing.T, got *coreapi.ChargeResponse) {
		require.Equal(t, "airpay shopee", got.Acquirer)
		require.Regexp(t, `^000201.*6304[0-9A-F]{4}$`, got.QRString)
		hasActions("generate-qr-code GET")(t, got)
	}},
	"indomaret": {coreapi.PaymentTypeConvenienceStore, atStore("Indomaret"), hasCode("indomaret", "")},
	"alfamart":  {coreapi.PaymentTypeConvenienceStore, atStore("alfamart"), hasCode("alfamart", "accept")},
	"akulaku":   {coreapi.PaymentTypeAkulaku, nil, hasRedirect},
	"kredivo":   {"kredivo", nil, hasRedirect},
	"klikpay": {coreapi.PaymentTypeBCAKlikpay, func(r *coreapi.ChargeReq) {
		r.BCAKlikPay = &coreapi.BCAKlikPayDetails{Desc: "a mug"}
	}, hasRedirect},
	"klikbca": {coreapi.PaymentTypeKlikBca, func(r *coreapi.ChargeReq) {
		r.BCAKlikBCA = &coreapi.BcaKlikBCADetails{Desc: "a mug", UserID: "testuser00"}
	}, func(t *testing.T, got *coreapi.ChargeResponse) {
		hasRedirect(t, got)
		require.NotEmpty(t, got.ApprovalCode)
	}},
	"cimb clicks": {coreapi.PaymentTypeCimbClicks, func(r *coreapi.ChargeReq) {
		r.CIMBClicks = &coreapi.CIMBClicksDetails{Desc: "a mug"}
	}, hasRedirect},
	"danamon":  {coreapi.PaymentTypeDanamonOnline, nil, hasRedirect},
	"bri epay": {coreapi.PaymentTypeBRIEpay, nil, hasRedirect},
}

func hasNumber(bank string) func(*testing.T, *coreapi.ChargeResponse) {
	return func(t *testing.T, got *coreapi.ChargeResponse) {
		require.Len(t, got.VaNumbers, 1)
		require.Equal(t, bank, got.VaNumbers[0].Bank)
		require.Regexp(t, `^\d{15,18}$`, got.VaNumbers[0].VANumber)
	}
}

func hasActions(want ...string) func(*testing.T, *coreapi.ChargeResponse) {
	return func(t *testing.T, got *coreapi.ChargeResponse) {
		var actions []string
		for _, a := range got.Actions {
			actions = append(actions, a.Name+" "+a.Method)
			require.NotEmpty(t, a.URL)
		}
		require.Equal(t, want, actions)
	}
}

func hasCode(store, fraud string) func(*testing.T, *coreapi.ChargeResponse) {
	return func(t *testing.T, got *coreapi.ChargeResponse) {
		require.Equal(t, store+" "+fraud, got.Store+" "+got.FraudStatus)
		require.NotEmpty(t, got.PaymentCode)
	}
}

func hasRedirect(t *testing.T, got *coreapi.ChargeResponse) { require.NotEmpty(t, got.RedirectURL) }

func TestChargeByEveryChannel(t *testing.T) {
	m := newMerchant(t)
	for name, c := range channels {
		id := idOf(name)
		r := charge(id, c.by)
		if c.fill != nil {
			c.fill(r)
		}
		got, err := m.core.ChargeTransaction(r)
		m.noError(err)
		require.Equal(t, "201 pending "+id+" 30000.00 IDR", got.StatusCode+" "+got.TransactionStatus+" "+got.OrderID+" "+got.GrossAmount+" "+got.Currency, name)
		require.Equal(t, string(c.by), got.PaymentType, name)
		require.NotEmpty(t, got.ExpiryTime, name)
		c.check(t, got)

		found, err := m.core.CheckTransaction(got.TransactionID)
		m.noError(err)
		require.Equal(t, "201 pending", found.StatusCode+" "+found.TransactionStatus, name)
		_, err = m.core.ChargeTransaction(r)
		m.code(406, err, name+" again")

		m.ok(m.sim.Pay(id))
		found, err = m.core.CheckTransaction(id)
		m.noError(err)
		require.Equal(t, "200 settlement", found.StatusCode+" "+found.TransactionStatus, name)
		_, err = m.core.ChargeTransaction(r)
		m.code(406, err, name+" is paid")
	}
}

// idOf is a name as an order_id.
func idOf(name string) string {
	id := []byte(name)
	for i, c := range id {
		if c == ' ' {
			id[i] = '-'
		}
	}
	return string(id)
}

// Clickpay is synchronous.
func TestChargeByClickpay(t *testing.T) {
	m := newMerchant(t)
	got, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeMandiriClickpay, func(r *coreapi.ChargeReq) {
		r.MandiriClickPay = &coreapi.MandiriClickPayDetails{TokenID: "t", Input1: "1", Input2: "2", Input3: "3", Token: "000000"}
	}))
	m.noError(err)
	require.Equal(t, "200 settlement", got.StatusCode+" "+got.TransactionStatus)
	require.NotEmpty(t, got.ApprovalCode)
	got, err = m.core.ChargeTransaction(charge("order-3", coreapi.PaymentTypeMandiriClickpay, func(r *coreapi.ChargeReq) {
		r.MandiriClickPay = &coreapi.MandiriClickPayDetails{TokenID: "t", Input1: "1", Input2: "2", Input3: "3", Token: "111111"}
	}))
	m.noError(err)
	require.Equal(t, "202 deny", got.StatusCode+" "+got.TransactionStatus)
	_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeMandiriClickpay))
	m.code(400, err, "without its block")
}

// The channels without a type in the SDK go through its map.
func TestChargeByMap(t *testing.T) {
	m := newMerchant(t)
	for name, block := range map[string]map[string]any{
		"dana": {"callback_url": "https://shop.example/thanks"}, "ovo": {"payer_phone_number": "+6281234567890"}, "uob_ezpay": {},
	} {
		got, err := m.core.ChargeTransactionWithMap(&coreapi.ChargeReqWithMap{
			"payment_type": name, name: block,
			"transaction_details": map[string]any{"order_id": name, "gross_amount": 30_000},
		})
		m.noError(err)
		require.Equal(t, "201", got["status_code"], name)
		require.Equal(t, "pending", got["transaction_status"], name)
	}
	_, err := m.core.ChargeTransactionWithMap(&coreapi.ChargeReqWithMap{
		"payment_type": "ovo", "ovo": map[string]any{"payer_phone_number": "+628249134000"},
		"transaction_details": map[string]any{"order_id": "nobody", "gross_amount": 30_000},
	})
	m.code(404, err, "a phone number that OVO does not know")
}

func TestChargesThatAreInvalid(t *testing.T) {
	m := newMerchant(t)
	for name, r := range map[string]*coreapi.ChargeReq{
		"no way to pay":   charge("o", ""),
		"an unknown way":  charge("o", "seashells"),
		"no order_id":     charge("", coreapi.PaymentTypeGopay),
		"nothing to pay":  charge("o", coreapi.PaymentTypeGopay, func(r *coreapi.ChargeReq) { r.TransactionDetails.GrossAmt, r.Items = 0, nil }),
		"another sum":     charge("o", coreapi.PaymentTypeGopay, func(r *coreapi.ChargeReq) { r.TransactionDetails.GrossAmt = 29_999 }),
		"too much":        charge("o", coreapi.PaymentTypeQris, func(r *coreapi.ChargeReq) { r.TransactionDetails.GrossAmt, r.Items = 10_000_001, nil }),
		"another bank":    charge("o", coreapi.PaymentTypeBankTransfer, atBank("mybank")),
		"no store":        charge("o", coreapi.PaymentTypeConvenienceStore),
		"another store":   charge("o", coreapi.PaymentTypeConvenienceStore, atStore("warung")),
		"no bill":         charge("o", coreapi.PaymentTypeEChannel),
		"no card":         charge("o", coreapi.PaymentTypeCreditCard),
		"no items":        charge("o", coreapi.PaymentTypeAkulaku, func(r *coreapi.ChargeReq) { r.Items = nil }),
		"too short a way": charge("o", coreapi.PaymentTypeGopay, func(r *coreapi.ChargeReq) { r.CustomExpiry = &coreapi.CustomExpiry{ExpiryDuration: 19, Unit: "second"} }),
	} {
		got, err := m.core.ChargeTransaction(r)
		m.code(http.StatusBadRequest, err, name)
		require.NotEmpty(t, got.ValidationMessages, name)
	}
	_, err := m.core.CheckTransaction("o")
	m.code(404, err, "nothing was made")

	m.useKey("SB-Mid-server-wrong")
	_, err = m.core.ChargeTransaction(charge("o", coreapi.PaymentTypeGopay))
	m.code(401, err, "a wrong key")
}

func TestChargeAgainWithItsKey(t *testing.T) {
	m := newMerchant(t)
	m.core.Options.SetPaymentIdempotencyKey("i-1")
	first, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeGopay))
	m.noError(err)
	again, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeGopay))
	m.noError(err)
	require.Equal(t, first, again)
	m.clock.Advance(5 * time.Minute)
	_, err = m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeGopay))
	m.code(406, err, "the key is forgotten")

	m.core.Options.SetPaymentIdempotencyKey("i-2")
	_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankPermata)))
	m.noError(err)
	_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankPermata)))
	m.code(406, err, "Permata heeds no key")
}

// An order that was canceled or has expired can be charged again; all its
// transactions are told together.
func TestStatusOfAllTransactions(t *testing.T) {
	m := newMerchant(t)
	_, err := m.core.GetStatusB2B("order-1")
	m.code(404, err, "unknown")
	first, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBni)))
	m.noError(err)
	canceled, err := m.core.CancelTransaction(first.TransactionID)
	m.noError(err)
	require.Equal(t, "200 cancel", canceled.StatusCode+" "+canceled.TransactionStatus)
	second, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBca)))
	m.noError(err)
	expired, err := m.core.ExpireTransaction("order-1")
	m.noError(err)
	require.Equal(t, "407 expire "+second.TransactionID, expired.StatusCode+" "+expired.TransactionStatus+" "+expired.TransactionID)
	third, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeGopay))
	m.noError(err)
	m.ok(m.sim.Pay("order-1"))

	got, err := m.core.GetStatusB2B("order-1")
	m.noError(err)
	require.Equal(t, "200", got.StatusCode)
	require.Len(t, got.Transactions, 3)
	for i, want := range []string{third.TransactionID + " settlement", second.TransactionID + " expire", first.TransactionID + " cancel"} {
		require.Equal(t, want, got.Transactions[i].TransactionID+" "+got.Transactions[i].TransactionStatus)
	}
}

func TestRefundOfACharge(t *testing.T) {
	m := newMerchant(t)
	_, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeShopeepay))
	m.noError(err)
	m.ok(m.sim.Pay("order-1"))
	_, err = m.core.DirectRefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k", Amount: 1})
	m.code(414, err, "a part of it")
	got, err := m.core.DirectRefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k", Amount: 30_000, Reason: "chipped"})
	m.noError(err)
	require.Equal(t, "200 refund 30000.00", got.StatusCode+" "+got.TransactionStatus+" "+got.RefundAmount)
	_, err = m.core.DirectRefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "k", Amount: 30_000})
	m.code(406, err, "the same key")
	_, err = m.core.DirectRefundTransaction("order-1", &coreapi.RefundReq{RefundKey: "l", Amount: 1})
	m.code(412, err, "all is refunded")

	_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeBankTransfer, atBank(midtrans.BankBca)))
	m.noError(err)
	m.ok(m.sim.Pay("order-2", midtranstest.By("bca_va")))
	_, err = m.core.RefundTransaction("order-2", &coreapi.RefundReq{Amount: 1})
	m.code(412, err, "virtual accounts are not refunded")
}

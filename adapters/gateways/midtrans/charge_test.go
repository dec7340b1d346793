package midtrans

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// charged answers a charge: the fields of every answer, and those given.
func charged(word, code, fields string) string {
	return `{"status_code":"` + code + `","status_message":"said","transaction_id":"57d5293c-e65f-4a29-95e4-5959c3fa335b",` +
		`"order_id":"0197-1","merchant_id":"G1","gross_amount":"58000.00","currency":"IDR",` +
		`"transaction_time":"2026-05-06 17:00:00","transaction_status":"` + word + `","fraud_status":"accept",` +
		`"expiry_time":"2026-05-07 17:00:00",` + fields + `}`
}

func chargeRequest(method payments.Method, extra string) payments.CheckoutRequest {
	at := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	r := payments.CheckoutRequest{
		Ref: "0197-1", Method: method, ReturnURL: "https://shop.example/back", NotificationURL: "https://shop.example/n",
		Order: payments.Order{
			User:   payments.EndUser{ID: "ana", Name: "Ana", Phone: "+628111"},
			Lines:  []payments.Line{{Item: payments.Item{ID: "mug", Name: "Mug", Price: payments.IDR(29_000)}, Quantity: 2}},
			Amount: payments.IDR(58_000), CreatedAt: at,
		},
		ExpiresAt: at.Add(2 * time.Hour),
	}
	if extra != "" {
		r.Extra = json.RawMessage(extra)
	}
	return r
}

// Each channel: what is asked of Midtrans, and what the payer is told.
func TestCharge(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 7, 10, 0, 0, 0, time.UTC)
	told := func(i payments.Instructions) *payments.Instructions {
		i.Amount, i.ExpiresAt = payments.IDR(58_000), at
		return &i
	}
	expiry := `{"order_time":"2026-05-06 17:00:00 +0700","expiry_duration":120,"unit":"minute"}`
	for _, c := range []struct {
		method, extra string
		block         string // of the channel, in the request
		expiry        string
		fields        string // of the answer
		want          *payments.Instructions
	}{
		{
			"bank_transfer/bca", `{"bank_transfer":{"va_number":"123456","free_text":{"inquiry":[{"en":"a","id":"b"}]}}}`,
			`{"bank":"bca","va_number":"123456","free_text":{"inquiry":[{"en":"a","id":"b"}]}}`, expiry,
			`"payment_type":"bank_transfer","va_numbers":[{"bank":"bca","va_number":"812785002530231"}]`,
			told(payments.Instructions{Kind: "virtual_account", Method: "bank_transfer/bca", Bank: "bca", VANumber: "812785002530231"}),
		},
		{
			"permata_va", "", `{"bank":"permata"}`, expiry,
			`"payment_type":"bank_transfer","permata_va_number":"850003072869607"`,
			told(payments.Instructions{Kind: "virtual_account", Method: "bank_transfer/permata", Bank: "permata", VANumber: "850003072869607"}),
		},
		{
			"echannel", "", `{"bill_info1":"Payment","bill_info2":"Mug"}`, expiry,
			`"payment_type":"echannel","bill_key":"778347787706","biller_code":"70012"`,
			told(payments.Instructions{Kind: "bill", Method: "echannel", Bank: "mandiri", BillerCode: "70012", BillKey: "778347787706"}),
		},
		{
			"gopay", "", `{"enable_callback":true,"callback_url":"https://shop.example/back"}`, expiry,
			`"payment_type":"gopay","actions":[{"name":"generate-qr-code","method":"GET","url":"https://api/qr"},` +
				`{"name":"deeplink-redirect","method":"GET","url":"gojek://gopay/x"},{"name":"cancel","fields":[]},17]`,
			told(payments.Instructions{Kind: "app", Method: "gopay", QRImageURL: "https://api/qr", Deeplink: "gojek://gopay/x"}),
		},
		{
			"shopeepay", `{"shopeepay":{"callback_url":"https://x.example"}}`, `{"callback_url":"https://x.example"}`, expiry,
			`"payment_type":"shopeepay","actions":[{"name":"deeplink-redirect","url":"https://wsa/x"}]`,
			told(payments.Instructions{Kind: "app", Method: "shopeepay", Deeplink: "https://wsa/x"}),
		},
		{
			"other_qris", "", `{"acquirer":"gopay"}`, expiry, `"payment_type":"qris","qr_string":"00020101","acquirer":"gopay"`,
			told(payments.Instructions{Kind: "qr", Method: "qris", QR: "00020101"}),
		},
		{
			"ovo", "", `{"payer_phone_number":"+628111"}`, "", `"payment_type":"ovo","payer_phone_number":"+628111"`,
			told(payments.Instructions{Kind: "push", Method: "ovo", Phone: "+628111"}),
		},
		{
			"cstore/alfamart", `{"cstore":{"alfamart_free_text_1":"hi"}}`, `{"store":"alfamart","alfamart_free_text_1":"hi"}`, expiry,
			`"payment_type":"cstore","store":"alfamart","payment_code":"8888123412341234"`,
			told(payments.Instructions{Kind: "counter", Method: "cstore/alfamart", Store: "alfamart", Code: "8888123412341234"}),
		},
		{
			"akulaku", "", `null`, expiry, `"payment_type":"akulaku","redirect_url":"https://api/akulaku"`,
			told(payments.Instructions{Kind: "redirect", Method: "akulaku", RedirectURL: "https://api/akulaku"}),
		},
		{
			"bca_klikbca", `{"bca_klikbca":{"user_id":"ANA123"}}`, `{"description":"Mug","user_id":"ANA123"}`, expiry,
			`"payment_type":"bca_klikbca","redirect_url":"https://www.klikbca.com","approval_code":"1"`,
			told(payments.Instructions{Kind: "redirect", Method: "bca_klikbca", RedirectURL: "https://www.klikbca.com"}),
		},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			f := serve(t, answers(200, charged("pending", "201", c.fields)))
			f.products = coreCharges
			got, err := f.Checkout(t.Context(), chargeRequest(payments.Method(c.method), c.extra))
			require.NoError(t, err)
			require.Equal(t, c.want, got.Observation.Instructions)
			require.Equal(t, c.want.RedirectURL, got.RedirectURL)
			require.Equal(t, c.want.Method, got.Observation.Method)
			require.Equal(t, facts(payments.FactPending)[0], got.Observation.Facts[0])

			call := f.last(t)
			require.Equal(t, "POST /api/v2/charge", call.Method+" "+call.URL.Path)
			require.Equal(t, "https://shop.example/n", call.Header.Get("X-Override-Notification"))
			noKey := c.method == "permata_va" || c.method == "bca_klikbca"
			require.Equal(t, noKey, call.Header.Get("Idempotency-Key") == "", "the key")
			var body map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(call.body), &body))
			var paymentType string
			require.NoError(t, json.Unmarshal(body["payment_type"], &paymentType))
			block, sent := body[paymentType]
			if c.block == "null" {
				require.False(t, sent)
			} else {
				require.JSONEq(t, c.block, string(block))
			}
			require.Equal(t, c.expiry, string(body["custom_expiry"]))
			require.JSONEq(t, `{"order_id":"0197-1","gross_amount":58000}`, string(body["transaction_details"]))
			require.JSONEq(t, `[{"id":"mug","name":"Mug","price":29000,"quantity":2}]`, string(body["item_details"]))
			require.JSONEq(t, `{"first_name":"Ana","phone":"+628111"}`, string(body["customer_details"]))
		})
	}
}

// A card is charged at once, asks its holder first, or is denied.
func TestChargeOfACard(t *testing.T) {
	t.Parallel()
	card := `"payment_type":"credit_card","masked_card":"48111111-1114"`
	r := chargeRequest("credit_card", `{"credit_card":{"installment_term":3,"bins":["4811"],"bank":"bni"}}`)
	r.PaymentToken = "48111111-1114-token"
	for _, c := range []struct {
		answer string
		want   payments.FactKind
		url    string
	}{
		{charged("capture", "200", card), payments.FactCaptured, ""},
		{charged("pending", "201", card+`,"redirect_url":"https://api/3ds"`), payments.FactPending, "https://api/3ds"},
		{charged("deny", "202", card), payments.FactDenied, ""},
	} {
		f := serve(t, answers(200, c.answer))
		f.products = snapPages | coreCharges
		got, err := f.Checkout(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, c.want, got.Observation.Facts[0].Kind)
		require.Equal(t, c.url, got.RedirectURL)
		require.Equal(t, c.url == "", got.Observation.Instructions == nil)
		require.NotContains(t, string(got.Observation.Raw), r.PaymentToken)
		var body struct {
			Card   json.RawMessage `json:"credit_card"`
			Expiry json.RawMessage `json:"custom_expiry"`
		}
		require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &body))
		require.JSONEq(t, `{"token_id":"48111111-1114-token","authentication":true,"installment_term":3,"bins":["4811"],"bank":"bni"}`, string(body.Card))
		require.Empty(t, body.Expiry)
	}
}

// Without a token there is nothing to charge, unless it was charged already.
func TestACardWithoutItsToken(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(200, `{"status_code":"404","status_message":"Transaction doesn't exist.","id":"1"}`))
	f.products = coreCharges
	r := chargeRequest("credit_card", "")
	_, err := f.Checkout(t.Context(), r)
	requireInvalid(t, err, "payment_token")
	require.Zero(t, f.count())
	again := r
	again.Repeat = true
	_, err = f.Checkout(t.Context(), again)
	requireInvalid(t, err, "payment_token")
	require.NotZero(t, f.count(), "it looks")

	for _, products := range []product{coreCharges, snapPages | coreCharges} {
		f = serve(t, answers(200, charged("capture", "200", `"payment_type":"credit_card"`)))
		f.products = products
		_, err = f.Checkout(t.Context(), again)
		require.ErrorIs(t, err, payments.ErrWrongState)
		require.Equal(t, 1, f.count(), "it only looks")
	}

	f = serve(t, answers(201, `{"token":"t","redirect_url":"https://app/t"}`))
	f.products = snapPages | coreCharges
	got, err := f.Checkout(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "https://app/t", got.RedirectURL)
	require.Contains(t, f.last(t).body, `"enabled_payments":["credit_card"]`)
}

func TestWhichProductACheckoutGoesTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		products product
		method   payments.Method
		path     string // empty: the method is refused
	}{
		{snapPages, "", "/app/snap/v1/transactions"},
		{snapPages, "bank_transfer/bca", "/app/snap/v1/transactions"},
		{snapPages | coreCharges, "", "/app/snap/v1/transactions"},
		{snapPages | coreCharges, "gopay", "/api/v2/charge"},
		{snapPages | coreCharges, "bank_transfer/bsi", "/app/snap/v1/transactions"},
		{coreCharges, "gopay", "/api/v2/charge"},
		{coreCharges, "bsi_va", ""},
		{coreCharges, "", ""},
		{coreCharges, "barter", ""},
	} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v2/charge" {
				_, _ = io.WriteString(w, charged("pending", "201", `"payment_type":"gopay"`))
				return
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"token":"t","redirect_url":"https://app/t"}`)
		})
		f.products = c.products
		_, err := f.Checkout(t.Context(), chargeRequest(c.method, ""))
		if c.path == "" {
			requireInvalid(t, err, "method")
			require.Zero(t, f.count())
			continue
		}
		require.NoError(t, err, c)
		require.Equal(t, c.path, f.last(t).URL.Path, c)
	}
}

func TestChargeRefused(t *testing.T) {
	t.Parallel()
	body := func(code, message string) string {
		return `{"status_code":"` + code + `","status_message":"` + message + `","id":"1"}`
	}
	for name, c := range map[string]struct {
		status      int
		body        string
		wrong       error // that it wraps
		retry, none bool  // none: no sentinel at all
	}{
		"validation":    {400, body("400", "One or more parameters in the payload is invalid."), nil, false, true},
		"key":           {401, body("401", "Transaction cannot be authorized with the current client/server key."), errKey, false, false},
		"inactive":      {200, body("402", "Payment channel is not activated."), nil, false, true},
		"used order id": {200, body("406", "The request could not be completed due to a conflict"), payments.ErrWrongState, false, false},
		"card token":    {200, body("411", "Token id is missing, invalid, or timed out"), nil, false, true},
		"phone number":  {200, body("404", "User with requested phone number doesn't exist"), nil, false, true},
		"rate":          {429, `{"message":"API rate limit exceeded"}`, nil, true, true},
		"trouble":       {500, body("500", "Sorry."), payments.ErrOutcomeUnknown, true, false},
		"same key":      {202, body("202", "running"), payments.ErrOutcomeUnknown, true, false},
		"no answer":     {200, `<html>`, payments.ErrOutcomeUnknown, true, false},
		"no id":         {200, body("201", "created"), payments.ErrOutcomeUnknown, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, answers(c.status, c.body))
			f.products = coreCharges
			_, err := f.Checkout(t.Context(), chargeRequest("gopay", ""))
			e := requireGatewayError(t, err)
			require.Equal(t, c.retry, e.Retry)
			if c.wrong != nil {
				require.ErrorIs(t, err, c.wrong)
			}
			if c.none {
				require.NoError(t, e.Err)
			}
			require.Equal(t, 1, f.count(), "sent once")
		})
	}
}

func TestChargeIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(500, ""))
	f.products = coreCharges
	for field, c := range map[string]struct{ method, extra string }{
		"extra.bank_transfer.va_number":         {"bank_transfer/bni", `{"bank_transfer":{"va_number":"12x"}}`},
		"extra.echannel.bill_key":               {"echannel", `{"echannel":{"bill_key":"1"}}`},
		"extra.qris.acquirer":                   {"qris", `{"qris":{"acquirer":"bca"}}`},
		"extra.bca_klikbca.user_id":             {"bca_klikbca", ""},
		"extra.credit_card.type":                {"credit_card", `{"credit_card":{"type":"hold"}}`},
		"extra.credit_card.callback_type":       {"credit_card", `{"credit_card":{"callback_type":"post"}}`},
		"extra.credit_card.installment_term":    {"credit_card", `{"credit_card":{"installment_term":-1}}`},
		"extra.credit_card.point_redeem_amount": {"credit_card", `{"credit_card":{"point_redeem_amount":-2}}`},
		"extra.cstore.alfamart_free_text_3":     {"cstore/alfamart", `{"cstore":{"alfamart_free_text_3":"12345678901234567890123456789012345678901"}}`},
		"extra.custom_expiry.unit":              {"gopay", `{"custom_expiry":{"expiry_duration":1,"unit":"week"}}`},
		"extra.custom_expiry.expiry_duration":   {"gopay", `{"custom_expiry":{"expiry_duration":0,"unit":"day"}}`},
		"extra.custom_expiry.order_time":        {"gopay", `{"custom_expiry":{"expiry_duration":1,"unit":"day","order_time":"soon"}}`},
		"extra.metadata.extra_info":             {"gopay", `{"metadata":{"extra_info":{}}}`},
		"extra.item_details":                    {"gopay", `{"item_details":[{"name":"x","price":1,"quantity":1}]}`},
		"extra.snap_thing":                      {"gopay", `{"snap_thing":1}`},
	} {
		r := chargeRequest(payments.Method(c.method), c.extra)
		r.PaymentToken = "t"
		_, err := f.Checkout(context.Background(), r)
		requireInvalid(t, err, field)
	}
	r := chargeRequest("ovo", "")
	r.Order.User.Phone = ""
	_, err := f.Checkout(context.Background(), r)
	requireInvalid(t, err, "extra.ovo.payer_phone_number")
	require.Zero(t, f.count())
}

// The expiry that is asked for stays within what the channel takes.
func TestExpiryOfACharge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method payments.Method
		after  time.Duration
		want   string
	}{
		{"gopay", 30 * day, `{"order_time":"2026-05-06 17:00:00 +0700","expiry_duration":10080,"unit":"minute"}`},
		{"bank_transfer/bca", 30 * day, `{"order_time":"2026-05-06 17:00:00 +0700","expiry_duration":43200,"unit":"minute"}`},
		{"dana", time.Minute, `{"order_time":"2026-05-06 17:00:00 +0700","expiry_duration":15,"unit":"minute"}`},
		{"qris", 90 * time.Second, `{"order_time":"2026-05-06 16:59:30 +0700","expiry_duration":2,"unit":"minute"}`},
	} {
		f := serve(t, answers(200, charged("pending", "201", `"payment_type":"gopay"`)))
		f.products = coreCharges
		r := chargeRequest(c.method, "")
		r.ExpiresAt = r.Order.CreatedAt.Add(c.after)
		_, err := f.Checkout(t.Context(), r)
		require.NoError(t, err)
		var body struct {
			Expiry json.RawMessage `json:"custom_expiry"`
		}
		require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &body))
		require.Equal(t, c.want, string(body.Expiry), c.method)
	}
}

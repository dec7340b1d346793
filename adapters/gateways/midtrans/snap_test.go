package midtrans

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

func checkout() payments.CheckoutRequest {
	created := at("2026-05-01T03:00:20.5Z")
	return payments.CheckoutRequest{
		Order: payments.Order{
			ID: "p1", User: payments.EndUser{ID: "u1", Name: "Siti Rahma", Email: "siti@example.com", Phone: "+62811"},
			Plan:   &payments.Plan{ID: "pro-monthly", DisplayName: "Pro", Price: payments.IDR(29_000)},
			Amount: payments.IDR(29_000), CreatedAt: created, ExpiresAt: created.Add(24 * time.Hour),
		},
		Ref: "0196a7b2-0000-7000-8000-000000000001", ReturnURL: "https://shop.example/pay/return/p1",
		NotificationURL: "https://shop.example/pay/notifications/midtrans", ExpiresAt: created.Add(24 * time.Hour),
	}
}

const created = `{"token":"66e4fa55-fdac-4ef9-91b5-733b97d1b862","redirect_url":"https://app.sandbox.veritrans.co.id/snap/v4/redirection/66e4fa55"}`

func TestCheckout(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusCreated, created))
	for range 2 { // asked again, it asks for the very same
		result, err := f.Checkout(context.Background(), checkout())
		require.NoError(t, err)
		require.Equal(t, payments.CheckoutResult{
			Token:       "66e4fa55-fdac-4ef9-91b5-733b97d1b862",
			RedirectURL: "https://app.sandbox.veritrans.co.id/snap/v4/redirection/66e4fa55",
		}, result)
		call := f.last(t)
		require.Equal(t, "POST /app/snap/v1/transactions", call.Method+" "+call.URL.Path)
		user, password, ok := call.BasicAuth()
		require.True(t, ok)
		require.Equal(t, testKey, user)
		require.Empty(t, password)
		require.Equal(t, "application/json", call.Header.Get("Accept"))
		require.Equal(t, "application/json", call.Header.Get("Content-Type"))
		require.Equal(t, "https://shop.example/pay/notifications/midtrans", call.Header.Get("X-Override-Notification"))
		require.JSONEq(t, `{
			"transaction_details":{"order_id":"0196a7b2-0000-7000-8000-000000000001","gross_amount":29000},
			"item_details":[{"id":"pro-monthly","name":"Pro","price":29000,"quantity":1}],
			"customer_details":{"first_name":"Siti Rahma","email":"siti@example.com","phone":"+62811"},
			"credit_card":{"secure":true},
			"callbacks":{"finish":"https://shop.example/pay/return/p1"},
			"expiry":{"start_time":"2026-05-01 10:00:20 +0700","unit":"minute","duration":1440}
		}`, call.body)
	}
}

func TestCheckoutOfLines(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusCreated, created))
	r := payments.CheckoutRequest{Ref: "a_b~c.d-1", Order: payments.Order{
		Amount: payments.IDR(21_000),
		Lines: []payments.Line{
			{Item: payments.Item{ID: strings.Repeat("i", 60), Name: "Nasi | goreng\n" + strings.Repeat("é", 60), Price: payments.IDR(10_000)}, Quantity: 2},
			{Item: payments.Item{ID: "tip", Price: payments.IDR(500)}, Quantity: 2},
			{Item: payments.Item{Price: payments.IDR(0)}, Quantity: 1},
		},
	}}
	_, err := f.Checkout(context.Background(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"transaction_details":{"order_id":"a_b~c.d-1","gross_amount":21000},
		"item_details":[
			{"id":"`+strings.Repeat("i", 50)+`","name":"Nasi / goreng `+strings.Repeat("é", 36)+`","price":10000,"quantity":2},
			{"id":"tip","name":"tip","price":500,"quantity":2},
			{"name":"-","price":0,"quantity":1}],
		"credit_card":{"secure":true}
	}`, f.last(t).body)
	require.NotContains(t, f.last(t).Header, "X-Override-Notification")

	r.Order.Lines = nil // an amount alone will do
	_, err = f.Checkout(context.Background(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{"transaction_details":{"order_id":"a_b~c.d-1","gross_amount":21000},"credit_card":{"secure":true}}`, f.last(t).body)
}

// everything is each parameter of Snap that there is.
const everything = `{
	"item_details":[
		{"id":"ITEM1","price":30000,"quantity":1,"name":"Bear","brand":"B","category":"Toys","merchant_name":"M","url":"https://shop.example/bear"},
		{"name":"Discount","price":-1000,"quantity":1}],
	"customer_details":{
		"first_name":"TEST","last_name":"PAYER","email":"test@example.com","phone":"+628123456",
		"billing_address":{"first_name":"TEST","last_name":"PAYER","email":"test@example.com","phone":"081 2233 44-55","address":"Sudirman","city":"Jakarta","postal_code":"12190","country_code":"IDN"},
		"shipping_address":{"first_name":"TEST","last_name":"PAYER","email":"test@example.com","phone":"0 8128-75 7-9338","address":"Sudirman","city":"Jakarta","postal_code":"12190","country_code":"IDN"},
		"customer_details_required_fields":["email","first_name","phone"]},
	"enabled_payments":["credit_card","bca_va","gopay"],
	"credit_card":{
		"secure":false,"channel":"migs","bank":"bca","type":"authorize","save_card":true,"card_token":"48111111sHfWNLEaWgbjPzdlKZxI1114",
		"installment":{"required":true,"disabled":true,"terms":{"bni":[3,6,12],"offline":[6,12]}},
		"whitelist_bins":["48111111","41111111","bni"],
		"dynamic_descriptor":{"merchant_name":"SHOP","city_name":"JAKARTA","country_code":"ID"}},
	"bca_va":{"va_number":"12345678911","sub_company_code":"00000","free_text":{
		"inquiry":[{"en":"text","id":"teks"}],"payment":[{"en":"text","id":"teks"}]}},
	"bni_va":{"va_number":"12345678"},"bri_va":{"va_number":"1234567890123"},"cimb_va":{"va_number":"1"},
	"danamon_va":{"va_number":"1"},"bsi_va":{"va_number":"1"},"seabank_va":{"va_number":"1"},
	"permata_va":{"va_number":"1234567890","recipient_name":"SUDARSONO"},
	"echannel":{"bill_info1":"Payment for:","bill_info2":"a bear"},
	"gopay":{"enable_callback":true,"callback_url":"shop://back","tokenization":true,"enforce_tokenization":true,"phone_number":"81212345678","country_code":"62"},
	"shopeepay":{"callback_url":"shop://back"},"dana":{"callback_url":"shop://back"},"uob_ezpay":{"callback_url":"shop://back"},
	"cstore":{"alfamart_free_text_1":"a","alfamart_free_text_2":"b","alfamart_free_text_3":"c"},
	"callbacks":{"finish":"https://shop.example/done","error":"https://shop.example/failed"},
	"expiry":{"start_time":"2018-12-13 18:11:08 +0700","unit":"minutes","duration":1},
	"page_expiry":{"unit":"hours","duration":3},
	"recurring":{"required":true,"start_time":"2026-06-01 00:00:00 +0700","interval_unit":"month"},
	"user_id":"customer-01","custom_field1":"1","custom_field2":"2","custom_field3":"3",
	"metadata":{"any":{"thing":[1,12345678901234567890]}}
}`

func TestExtraReachesEverything(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusCreated, created))
	r := checkout()
	r.Extra = json.RawMessage(everything)
	_, err := f.Checkout(context.Background(), r)
	require.NoError(t, err)
	var got, want map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &got))
	require.NoError(t, json.Unmarshal([]byte(everything), &want))
	require.Equal(t, map[string]any{"order_id": r.Ref, "gross_amount": 29000.0}, got["transaction_details"])
	delete(got, "transaction_details")
	require.Equal(t, want, got)
	require.Contains(t, f.last(t).body, "12345678901234567890", "numbers stay as they are")

	// Through the Go type it is the same.
	extra, err := gatewaykit.ReadExtra[SnapExtra](r.Extra, "Snap")
	require.NoError(t, err)
	again, err := json.Marshal(extra)
	require.NoError(t, err)
	require.JSONEq(t, everything, string(again))
}

func TestExtraBesideTheOrder(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusCreated, created))
	r := checkout()
	r.Method = "gopay"
	r.Extra = json.RawMessage(`{"customer_details":{"last_name":"R","phone":"1"},"credit_card":{"bank":"bni"},"callbacks":{"error":"https://e.test"}}`)
	_, err := f.Checkout(context.Background(), r)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &got))
	require.Equal(t, map[string]any{"last_name": "R", "phone": "1", "email": "siti@example.com"}, got["customer_details"])
	require.Equal(t, map[string]any{"bank": "bni", "secure": true}, got["credit_card"])
	require.Equal(t, map[string]any{"finish": r.ReturnURL, "error": "https://e.test"}, got["callbacks"])
	require.Equal(t, []any{"gopay"}, got["enabled_payments"])

	for _, none := range []string{"", " ", "null", "{}"} {
		r.Extra = json.RawMessage(none)
		_, err := f.Checkout(context.Background(), r)
		require.NoError(t, err, none)
	}
}

func TestSnapMethod(t *testing.T) {
	t.Parallel()
	for m, want := range map[payments.Method]string{
		"bca_va": "bca_va", "gopay": "gopay", "credit_card": "credit_card", "other_qris": "other_qris", "cstore": "cstore",
		"bank_transfer": "bank_transfer", "bank_transfer/bca": "bca_va", "bank_transfer/permata": "permata_va",
		"cstore/alfamart": "alfamart", "qris": "other_qris", "echannel": "echannel",
	} {
		require.Equal(t, want, snapMethod(m))
	}
}

func TestCheckoutRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusCreated, created))
	long := func(n int) string { return strings.Repeat("x", n) }
	extra := func(s string) func(*payments.CheckoutRequest) {
		return func(r *payments.CheckoutRequest) { r.Extra = json.RawMessage(s) }
	}
	for _, c := range []struct {
		field  string
		change func(*payments.CheckoutRequest)
	}{
		{"amount.currency", func(r *payments.CheckoutRequest) { r.Order.Amount.Currency = "USD" }},
		{"amount.currency", func(r *payments.CheckoutRequest) { r.Order.Amount = payments.Money{} }},
		{"amount.amount", func(r *payments.CheckoutRequest) { r.Order.Amount = payments.IDR(0) }},
		{"amount", func(r *payments.CheckoutRequest) { r.Order.Amount = payments.IDR(28_999) }},
		{"amount", func(r *payments.CheckoutRequest) {
			r.Order.Lines = []payments.Line{{Item: payments.Item{ID: "a", Price: payments.IDR(1 << 62)}, Quantity: 4}}
		}},
		{"ref", func(r *payments.CheckoutRequest) { r.Ref = "" }},
		{"ref", func(r *payments.CheckoutRequest) { r.Ref = long(51) }},
		{"ref", func(r *payments.CheckoutRequest) { r.Ref = "a/b" }},
		{"ref", func(r *payments.CheckoutRequest) { r.Ref = "a b" }},
		{"ref", func(r *payments.CheckoutRequest) { r.Ref = "é" }},
		{"return_url", func(r *payments.CheckoutRequest) { r.ReturnURL = "https://shop.example/" + long(255) }},
		{"notification_url", func(r *payments.CheckoutRequest) { r.NotificationURL = "https://a.test,https://b.test" }},
		{"notification_url", func(r *payments.CheckoutRequest) { r.NotificationURL = "https://a.test/\r\nX: y" }},
		{"notification_url", func(r *payments.CheckoutRequest) { r.NotificationURL = "/pay" }},
		{"expires_at", func(r *payments.CheckoutRequest) { r.ExpiresAt = r.Order.CreatedAt }},
		{"method", func(r *payments.CheckoutRequest) { r.Method = "BCA VA" }},
		{"method", func(r *payments.CheckoutRequest) { r.Method = "bank_transfer/" }},
		{"extra.enabled_payments", func(r *payments.CheckoutRequest) {
			r.Method, r.Extra = "gopay", json.RawMessage(`{"enabled_payments":["gopay"]}`)
		}},
		{"extra.transaction_details", extra(`{"transaction_details":{"gross_amount":1}}`)},
		{"extra.colour", extra(`{"colour":1}`)},
		{"extra.colour", extra(`{"credit_card":{"colour":1}}`)},
		{"extra.credit_card.secure", extra(`{"credit_card":{"secure":"yes"}}`)},
		{"extra.item_details.price", extra(`{"item_details":[{"price":1.5}]}`)},
		{"extra", extra(`[]`)},
		{"extra", extra(`{}{}`)},
		{"extra", extra(`{`)},
		{"extra", extra(`"x"`)},
		{"extra.item_details", extra(`{"item_details":[{"name":"a","price":28999,"quantity":1}]}`)},
		{"extra.item_details", extra(`{"item_details":[{"name":"a","price":9223372036854775807,"quantity":2}]}`)},
		{"extra.item_details[0].name", extra(`{"item_details":[{"price":29000,"quantity":1}]}`)},
		{"extra.item_details[0].name", extra(`{"item_details":[{"name":"` + long(51) + `","price":29000,"quantity":1}]}`)},
		{"extra.item_details[0].quantity", extra(`{"item_details":[{"name":"a","price":29000}]}`)},
		{"extra.item_details[0].quantity", extra(`{"item_details":[{"name":"a","price":-29000,"quantity":-1}]}`)},
		{"extra.item_details[0].id", extra(`{"item_details":[{"id":"` + long(51) + `","name":"a","price":29000,"quantity":1}]}`)},
		{"extra.item_details[0].url", extra(`{"item_details":[{"url":"` + long(51) + `","name":"a","price":29000,"quantity":1}]}`)},
		{"extra.customer_details.email", extra(`{"customer_details":{"email":"` + long(256) + `"}}`)},
		{"extra.customer_details.billing_address.city", extra(`{"customer_details":{"billing_address":{"city":"` + long(101) + `"}}}`)},
		{"extra.customer_details.shipping_address.postal_code", extra(`{"customer_details":{"shipping_address":{"postal_code":"` + long(11) + `"}}}`)},
		{"extra.credit_card.type", extra(`{"credit_card":{"type":"sale"}}`)},
		{"extra.credit_card.whitelist_bins[1]", extra(`{"credit_card":{"whitelist_bins":["bni","481111111"]}}`)},
		{"extra.credit_card.dynamic_descriptor.city_name", extra(`{"credit_card":{"dynamic_descriptor":{"city_name":"` + long(14) + `"}}}`)},
		{"extra.bca_va.va_number", extra(`{"bca_va":{"va_number":"123456789012"}}`)},
		{"extra.bca_va.va_number", extra(`{"bca_va":{"va_number":"12a"}}`)},
		{"extra.bca_va.free_text.inquiry", extra(`{"bca_va":{"free_text":{"inquiry":[` + strings.Repeat(`{"en":"a","id":"b"},`, 10) + `{"en":"a","id":"b"}]}}}`)},
		{"extra.bca_va.free_text.payment[0].id", extra(`{"bca_va":{"free_text":{"payment":[{"en":"a"}]}}}`)},
		{"extra.bca_va.free_text.inquiry[0].en", extra(`{"bca_va":{"free_text":{"inquiry":[{"en":"` + long(51) + `","id":"b"}]}}}`)},
		{"extra.bni_va.va_number", extra(`{"bni_va":{"va_number":"123456789"}}`)},
		{"extra.bri_va.va_number", extra(`{"bri_va":{"va_number":"12345678901234"}}`)},
		{"extra.cimb_va.va_number", extra(`{"cimb_va":{"va_number":"12345678901234567"}}`)},
		{"extra.danamon_va.va_number", extra(`{"danamon_va":{"va_number":"1234567890123"}}`)},
		{"extra.bsi_va.va_number", extra(`{"bsi_va":{"va_number":"1234567890123"}}`)},
		{"extra.seabank_va.va_number", extra(`{"seabank_va":{"va_number":"12345678901234567890"}}`)},
		{"extra.permata_va.va_number", extra(`{"permata_va":{"va_number":"123456789"}}`)},
		{"extra.cstore.alfamart_free_text_3", extra(`{"cstore":{"alfamart_free_text_3":"` + long(41) + `"}}`)},
		{"extra.callbacks.finish", extra(`{"callbacks":{"finish":"` + long(256) + `"}}`)},
		{"extra.callbacks.error", extra(`{"callbacks":{"error":"` + long(256) + `"}}`)},
		{"extra.expiry.unit", extra(`{"expiry":{"unit":"week","duration":1}}`)},
		{"extra.expiry.duration", extra(`{"expiry":{"unit":"day"}}`)},
		{"extra.expiry.start_time", extra(`{"expiry":{"start_time":"soon","unit":"day","duration":1}}`)},
		{"extra.page_expiry.unit", extra(`{"page_expiry":{"duration":1}}`)},
		{"extra.custom_field2", extra(`{"custom_field2":"` + long(256) + `"}`)},
		{"extra.metadata", extra(`{"metadata":[1]}`)},
		{"extra.metadata.extra_info", extra(`{"metadata":{"extra_info":{}}}`)},
	} {
		r := checkout()
		c.change(&r)
		_, err := f.Checkout(context.Background(), r)
		requireInvalid(t, err, c.field)
	}
	require.Zero(t, f.count())

	r := checkout()
	r.Ref, r.Order.Amount.Currency = "", "USD"
	_, err := f.Checkout(context.Background(), r)
	requireInvalid(t, err, "ref") // all that is wrong is named at once
	requireInvalid(t, err, "amount.currency")
}

func TestExpiryIsExact(t *testing.T) {
	t.Parallel()
	start := at("2026-05-01T03:00:20Z")
	for _, after := range []time.Duration{time.Second, time.Minute, 90 * time.Second, 24 * time.Hour, 7*24*time.Hour - time.Second} {
		var c checker
		e := expiryAt(&c, start, start.Add(after))
		require.NoError(t, c.Err())
		begin := parseTime(e.StartTime)
		require.Equal(t, start.Add(after), begin.Add(time.Duration(e.Duration)*time.Minute))
		require.LessOrEqual(t, start.Sub(begin), time.Minute)
		require.False(t, begin.After(start))
	}
	var c checker
	require.NotNil(t, expiryAt(&c, time.Time{}, time.Now().Add(time.Hour)), "an order of unknown age begins now")
	require.NoError(t, c.Err())
}

func TestCheckoutFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		http           int
		body           string
		is             error
		retry, unknown bool
		says           string
	}{
		"sum":             {400, `{"error_messages":["transaction_details.gross_amount is not equal to the sum of item_details"]}`, nil, false, false, "is not equal to the sum"},
		"plain text":      {400, `{"error_messages":"Access denied"}`, nil, false, false, "Access denied"},
		"several":         {400, `{"error_messages":["one","two"]}`, nil, false, false, "one; two"},
		"other form":      {400, `{"status_code":"413","status_message":"The request cannot be processed"}`, nil, false, false, "code 413: The request cannot"},
		"validation":      {400, `{"validation_messages":["transaction_details.order_id is required"]}`, nil, false, false, "order_id is required"},
		"paid":            {400, `{"error_messages":["transaction_details.order_id has been paid and utilized, please use another order ID"]}`, payments.ErrWrongState, false, false, "utilized"},
		"paid, in Bahasa": {400, `{"error_messages":["transaction_details.order_id sudah digunakan"]}`, payments.ErrWrongState, false, false, "digunakan"},
		"wrong key":       {401, `{"error_messages":["Access denied due to unauthorized transaction, please check client or server key","Visit ..."]}`, errKey, false, false, "server key is not accepted"},
		"not activated":   {402, `{"error_messages":["no such channel"]}`, nil, false, false, "no such channel"},
		"rate limit":      {429, `{"message":"API rate limit exceeded"}`, nil, true, false, "rate limit"},
		"trouble":         {500, `{"error_messages":["Sorry, we encountered internal server error. We will fix this soon."]}`, nil, true, true, "Sorry"},
		"unavailable":     {503, ``, nil, true, true, "HTTP"},
		"no token":        {201, `{"redirect_url":"https://x.test"}`, nil, true, true, "not one of Midtrans's"},
		"empty":           {201, ``, nil, true, true, "not one of Midtrans's"},
		"page":            {404, `<html>`, nil, true, true, "not one of Midtrans's"},
		"moved":           {301, ``, nil, true, true, "redirects"},
	} {
		f := serve(t, answers(c.http, c.body))
		result, err := f.Checkout(context.Background(), checkout())
		e := requireGatewayError(t, err)
		require.Equal(t, "checkout", e.Op, name)
		require.Equal(t, c.retry, e.Retry, name)
		require.Equal(t, c.http, e.HTTPStatus, name)
		require.Empty(t, result, name)
		if c.says != "HTTP" {
			require.ErrorContains(t, err, c.says, name)
		}
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
		if c.unknown {
			require.ErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		} else {
			require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		}
		require.Equal(t, 1, f.count(), name)
	}
}

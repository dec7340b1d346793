package midtranstest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// chargeBody asks for 30,000 rupiah.
func chargeBody(id, how string) string { return orderBody(id, how) }

// charge charges, and the answer must have the code.
func (b *bench) charge(id, how, code string, header ...string) object {
	b.t.Helper()
	_, got := b.call(http.MethodPost, "/v2/charge", chargeBody(id, how), header...)
	require.Equal(b.t, code, got.text("status_code"), got)
	return got
}

func bank(name string) string {
	return fmt.Sprintf(`"payment_type":"bank_transfer","bank_transfer":{"bank":%q}`, name)
}

func way(paymentType string) string { return fmt.Sprintf(`"payment_type":%q`, paymentType) }

const buyer = `,"item_details":[{"name":"Mug","price":30000,"quantity":1}],"customer_details":{"first_name":"Sari"}`

// charged are the channels: how to charge, the keys of the answer, of the
// first notification and of that of the payment beyond those that all have,
// and how long the payer has by default. "-" in front: a key that is missing.
var charged = map[string]struct {
	how, answer, pending, paid string
	life                       time.Duration
}{
	"bca_va":         {bank("bca"), "va_numbers", "va_numbers payment_amounts", "", 24 * time.Hour},
	"bni_va":         {bank("bni"), "va_numbers", "va_numbers payment_amounts", "", 24 * time.Hour},
	"bri_va":         {bank("bri"), "va_numbers", "va_numbers payment_amounts", "", 24 * time.Hour},
	"cimb_va":        {bank("cimb"), "va_numbers", "va_numbers payment_amounts", "", 24 * time.Hour},
	"permata_va":     {bank("permata"), "permata_va_number", "permata_va_number", "", 24 * time.Hour},
	"echannel":       {way("echannel") + `,"echannel":{"bill_info1":"For","bill_info2":"a mug"}`, "biller_code bill_key", "biller_code bill_key", "", 24 * time.Hour},
	"gopay":          {way("gopay"), "actions channel_response_code channel_response_message", "", "", 15 * time.Minute},
	"shopeepay":      {way("shopeepay"), "actions channel_response_code channel_response_message", "", "", 15 * time.Minute},
	"dana":           {way("dana"), "actions channel_response_code channel_response_message", "", "", 15 * time.Minute},
	"other_qris":     {way("qris"), "acquirer qr_string actions", "acquirer", "issuer transaction_type", 15 * time.Minute},
	"ovo":            {way("ovo") + `,"ovo":{"payer_phone_number":"+6281234567890"}`, "payer_phone_number", "payer_phone_number", "", 65 * time.Second},
	"indomaret":      {way("cstore") + `,"cstore":{"store":"Indomaret"}`, "store payment_code -fraud_status", "store payment_code -fraud_status", "approval_code", 24 * time.Hour},
	"alfamart":       {way("cstore") + `,"cstore":{"store":"alfamart"}`, "store payment_code", "store payment_code", "", 24 * time.Hour},
	"akulaku":        {way("akulaku") + buyer, "redirect_url channel_response_code channel_response_message", "", "", 2 * time.Hour},
	"kredivo":        {way("kredivo") + buyer, "redirect_url channel_response_code", "", "", 24 * time.Hour},
	"bca_klikpay":    {way("bca_klikpay") + `,"bca_klikpay":{}`, "redirect_url", "", "approval_code", 2 * time.Hour},
	"bca_klikbca":    {way("bca_klikbca") + `,"bca_klikbca":{}`, "redirect_url approval_code -fraud_status", "approval_code -fraud_status", "", 2 * time.Hour},
	"cimb_clicks":    {way("cimb_clicks") + `,"cimb_clicks":{}`, "redirect_url -fraud_status", "-fraud_status", "approval_code", 2 * time.Hour},
	"danamon_online": {way("danamon_online"), "redirect_url", "", "approval_code", 2 * time.Hour},
	"bri_epay":       {way("bri_epay"), "redirect_url", "", "approval_code", 2 * time.Hour},
	"uob_ezpay":      {way("uob_ezpay"), "actions", "", "", 14 * time.Minute},
}

const (
	common = "transaction_time transaction_status transaction_id status_message status_code payment_type order_id merchant_id gross_amount currency fraud_status"
	waits  = common + " expiry_time"
)

// keySet is the sorted list of the keys that are named.
func keySet(lists ...string) []string {
	var keys, gone []string
	for _, key := range strings.Fields(strings.Join(lists, " ")) {
		if name, missing := strings.CutPrefix(key, "-"); missing {
			gone = append(gone, name)
		} else {
			keys = append(keys, key)
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(gone, key) })
	slices.Sort(keys)
	return keys
}

func TestKeysOfCharges(t *testing.T) {
	t.Parallel()
	for name, c := range charged {
		b := newBench(t)
		got := b.charge("order-1", c.how, "201")
		require.Equal(t, keySet(waits, c.answer), got.keys(), name)
		require.Equal(t, "pending order-1 30000.00", got.text("transaction_status")+" "+got.text("order_id")+" "+got.text("gross_amount"), name)
		require.Equal(t, name, b.transaction("order-1").Channel)
		notices := b.delivered()
		require.Len(t, notices, 1, name)
		require.Equal(t, keySet(waits, "signature_key", c.pending), notices[0].body.keys(), name)
		require.Equal(t, got.text("transaction_id"), notices[0].body.text("transaction_id"), name)

		b.ok(b.Pay("order-1"))
		notices = b.delivered()
		require.Len(t, notices, 1, name)
		require.Equal(t, keySet(waits, "signature_key settlement_time", c.pending, c.paid), notices[0].body.keys(), name)
		require.Equal(t, "settlement 200", notices[0].body.text("transaction_status")+" "+notices[0].body.text("status_code"), name)
		require.ErrorContains(t, b.Pay("order-1"), "settlement", name)
	}
}

func TestClickpayIsPaidAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.charge("order-1", way("mandiri_clickpay")+`,"mandiri_clickpay":{"token":"000000"}`, "200")
	require.Equal(t, keySet(common, "approval_code"), got.keys())
	require.Equal(t, "pending settlement", b.words())
}

func TestDefaultExpiries(t *testing.T) {
	t.Parallel()
	for name, c := range charged {
		b := newBench(t)
		id := b.charge("order-1", c.how, "201").text("transaction_id")
		b.delivered()
		b.clock.Advance(c.life - time.Second)
		require.Equal(t, "pending", b.status(id).text("transaction_status"), name)
		b.clock.Advance(time.Second)
		require.Equal(t, "407 expire", b.status(id).text("status_code")+" "+b.status(id).text("transaction_status"), name)
		require.Equal(t, "expire", b.words(), name)
		b.charge("order-1", c.how, "201") // its order can be charged again
	}
}

func TestCustomExpiry(t *testing.T) {
	t.Parallel()
	custom := func(duration any, unit string) string {
		return fmt.Sprintf(`,"custom_expiry":{"expiry_duration":%v,"unit":%q}`, duration, unit)
	}
	for name, bounds := range map[string][2]time.Duration{
		"gopay": {20 * time.Second, 7 * 24 * time.Hour}, "other_qris": {20 * time.Second, 7 * 24 * time.Hour},
		"shopeepay": {20 * time.Second, 5 * 24 * time.Hour}, "dana": {15 * time.Minute, 24 * time.Hour},
		"bca_va": {20 * time.Second, 180 * 24 * time.Hour}, "echannel": {20 * time.Second, 180 * 24 * time.Hour},
		"indomaret": {20 * time.Second, 180 * 24 * time.Hour}, "kredivo": {20 * time.Second, 24 * time.Hour},
	} {
		b := newBench(t)
		for i, span := range bounds {
			seconds := int(span / time.Second)
			got := b.charge(fmt.Sprint("order-", i), charged[name].how+custom(seconds, "second"), "201")
			require.Equal(t, start.Add(span).Add(7*time.Hour).Format(time.DateTime), got.text("expiry_time"), name)
			b.charge("over", charged[name].how+custom(seconds+2*i-1, "second"), "400")
		}
	}
	for duration, want := range map[string]string{
		`90,"unit":"minute"`: "2026-05-06 11:30:00", `"90","unit":"minutes"`: "2026-05-06 11:30:00", `90`: "2026-05-06 11:30:00",
		`3,"unit":"hour"`: "2026-05-06 13:00:00", `2,"unit":"days"`: "2026-05-08 10:00:00",
		`90,"order_time":"2026-05-06 09:00:00 +0700"`: "2026-05-06 10:30:00",
	} {
		got := newBench(t).charge("order-1", bank("bni")+`,"custom_expiry":{"expiry_duration":`+duration+`}`, "201")
		require.Equal(t, want, got.text("expiry_time"), duration)
	}
	b := newBench(t)
	for _, bad := range []string{
		`{"expiry_duration":0}`, `{"expiry_duration":-5}`, `{"expiry_duration":1.5}`, `{}`,
		`{"expiry_duration":5,"unit":"week"}`, `{"expiry_duration":2147483647,"unit":"day"}`, `{"expiry_duration":4294967296,"unit":"second"}`,
		`{"expiry_duration":5,"order_time":"2026-05-06 09:00:00"}`, `{"expiry_duration":5,"order_time":"9999-12-31 23:59:59 +0700"}`,
	} {
		b.charge("bad", bank("bni")+`,"custom_expiry":`+bad, "400")
	}
	require.Equal(t, "2026-05-06 10:01:05", b.charge("ovo", charged["ovo"].how+custom(1, "hour"), "201").text("expiry_time"), "OVO heeds none")
}

func TestAmountsOfCharges(t *testing.T) {
	t.Parallel()
	amount := func(n int64, how string) string {
		return strings.Replace(chargeBody(fmt.Sprint("order-", n), strings.Replace(how, buyer, `,"item_details":[],"customer_details":{}`, 1)), "30000", fmt.Sprint(n), 1)
	}
	for name, bounds := range map[string][2]int64{ // 0: no limit
		"gopay": {1, 20_000_000}, "shopeepay": {1, 20_000_000}, "dana": {1, 20_000_000}, "ovo": {1, 99_999_999}, "other_qris": {1, 10_000_000},
		"bca_va": {10_000, 20_000_000_000}, "bni_va": {1, 0}, "bri_va": {1, 20_000_000_000}, "cimb_va": {1, 250_000_000},
		"permata_va": {1, 9_999_999_999}, "echannel": {1, 50_000_000_000}, "indomaret": {10_000, 5_000_000}, "alfamart": {1, 5_000_000},
		"akulaku": {5_000, 0}, "kredivo": {1, 0},
	} {
		b := newBench(t)
		for i, bound := range bounds {
			if bound == 0 {
				bound = 1_000_000_000_000
			}
			_, got := b.call(http.MethodPost, "/v2/charge", amount(bound, charged[name].how))
			require.Equal(t, "201", got.text("status_code"), "%s %v", name, got)
			if bounds[i] == 0 {
				continue
			}
			status, got := b.call(http.MethodPost, "/v2/charge", amount(bound+int64(2*i-1), charged[name].how))
			require.Equal(t, http.StatusBadRequest, status, name)
			require.NotEmpty(t, got["validation_messages"], name)
		}
	}
}

func TestChargesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for body, want := range map[string]string{
		`{"payment_type":"gopay"}`:                                                "transaction_details.order_id is required",
		orderBody("o"):                                                            "payment_type is required",
		orderBody("o", `"payment_type":"credit_card"`):                            "credit_card.token_id is required",
		orderBody("o", `"payment_type":"ovo"`):                                    "ovo.payer_phone_number is required",
		orderBody("o", `"payment_type":"cstore"`):                                 "payment_type is not supported",
		orderBody("o", `"payment_type":"bca_va"`):                                 "payment_type is not supported",
		orderBody("o", `"payment_type":"echannel"`):                               "echannel is required",
		orderBody("o", `"payment_type":"echannel","echannel":{"bill_info1":"x"}`): "echannel.bill_info1 and echannel.bill_info2 are required",
		orderBody("o", `"payment_type":"echannel","echannel":{"bill_info1":"x","bill_info2":"y","bill_key":"z"}`): "echannel.bill_key must be numeric",
		orderBody("o", `"payment_type":"qris","qris":{"acquirer":"mine"}`):                                        "qris.acquirer is not supported",
		orderBody("o", `"payment_type":"kredivo"`):                                                                "item_details is required",
		orderBody("o", `"payment_type":"bank_transfer","bank_transfer":{"bank":"bca","va_number":"12x"}`):         "bank_transfer.va_number must be numeric",
		`{"payment_type":"gopay","transaction_details":{"order_id":"o","gross_amount":"much"}}`:                   "transaction_details.gross_amount is not a number",
	} {
		status, got := b.call(http.MethodPost, "/v2/charge", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Equal(t, "400", got.text("status_code"), body)
		require.Contains(t, got["validation_messages"], want, body)
		require.Equal(t, []string{"id", "status_code", "status_message", "validation_messages"}, got.keys())
	}
	for _, body := range []string{`{`, `null`, `[]`, `"x"`, `{}{}`, orderBody("o", `"payment_type":7`)} {
		status, got := b.call(http.MethodPost, "/v2/charge", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Equal(t, "413", got.text("status_code"), body)
	}
	status, got := b.call(http.MethodGet, "/v2/charge", "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	require.Equal(t, "405", got.text("status_code"))
	require.Empty(t, b.Orders(), "nothing was made")
	require.Equal(t, "User with requested phone number doesn't exist",
		b.charge("o", `"payment_type":"ovo","ovo":{"payer_phone_number":"+628249134000"}`, "404").text("status_message"))
	require.Empty(t, b.Orders())
}

// number is the virtual account, or the bill's key, of a charge.
func number(got object) string {
	if list, _ := got["va_numbers"].([]any); len(list) > 0 {
		return list[0].(map[string]any)["va_number"].(string)
	}
	return got.text("permata_va_number") + got.text("bill_key")
}

func TestNumbersThatAreWishedFor(t *testing.T) {
	t.Parallel()
	wish := func(bank, number string) string {
		return fmt.Sprintf(`"payment_type":"bank_transfer","bank_transfer":{"bank":%q,"va_number":%q}`, bank, number)
	}
	b := newBench(t)
	require.Equal(t, "8127850000000123", number(b.charge("padded", wish("bca", "123"), "201")))
	require.Equal(t, "8127851234567890", number(b.charge("cut", wish("bca", "123456789012"), "201")))
	require.Equal(t, "8500031234567890", number(b.charge("permata", wish("permata", "1234567890"), "201")))
	require.Equal(t, "000123456789", number(b.charge("bill", `"payment_type":"echannel","echannel":{"bill_info1":"x","bill_info2":"y","bill_key":"123456789"}`, "201")))
	require.Equal(t, "8127850000000123", number(b.status("padded")), "it is told the same later")

	other := number(b.charge("in-use", wish("bca", "123"), "201"))
	require.NotEqual(t, "8127850000000123", other)
	require.Len(t, other, 16)
	b.ok(b.Cancel("padded"))
	require.Equal(t, "8127850000000123", number(b.charge("free-again", wish("bca", "123"), "201")))

	b = newBench(t)
	wished := number(b.charge("ahead", wish("bca", "2"), "201"))
	require.NotEqual(t, wished, number(b.charge("next", bank("bca"), "201")), "nobody else gets it")
}

func TestDanaIsFoundByTransactionOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.charge("order-1", way("dana"), "201").text("transaction_id")
	require.Equal(t, "404", b.status("order-1").text("status_code"))
	require.Equal(t, "pending", b.status(id).text("transaction_status"))
	require.Equal(t, "404", b.act("order-1", "cancel", "").text("status_code"))
	require.Equal(t, "412", b.act(id, "expire", "").text("status_code"), "there is no such call for it")
	require.Equal(t, "cancel", b.act(id, "cancel", "").text("transaction_status"))

	id = b.charge("order-1", way("dana"), "201").text("transaction_id")
	b.ok(b.Pay("order-1"))
	require.Equal(t, "partial_refund", b.act(id, "refund", `{"amount":1}`).text("transaction_status"))
}

func TestChargesByIdempotencyKey(t *testing.T) {
	t.Parallel()
	for name, c := range charged {
		b := newBench(t)
		key := []string{"Idempotency-Key", "k-1"}
		first := b.charge("order-1", c.how, "201", key...)
		if slices.Contains([]string{"permata_va", "cimb_clicks", "bca_klikbca", "indomaret"}, name) {
			b.charge("order-1", c.how, "406", key...)
			continue
		}
		require.Equal(t, first, b.charge("order-1", c.how, "201", key...), name)
		require.Len(t, b.delivered(), 1, name)
		b.clock.Advance(5 * time.Minute)
		if c.life > 5*time.Minute {
			b.charge("order-1", c.how, "406", key...)
		}
	}
	b := newBench(t)
	b.charge("order-1", way("gopay"), "201", "Idempotency-Key", strings.Repeat("k", 47))
	b.charge("order-1", way("gopay"), "406", "Idempotency-Key", strings.Repeat("k", 47))
}

func TestChargesAndSnapShareOrders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.charge("order-1", way("gopay"), "201")
	status, _ := b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-1"))
	require.Equal(t, http.StatusBadRequest, status, "it is being paid")
	b.ok(b.Expire("order-1"))
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("bca_va")))
	b.charge("order-1", way("gopay"), "406")
}

func TestChargesNotifyWhomTheyName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Notify("http://shop.test/other", b)
	b.charge("order-1", way("gopay"), "201", "X-Override-Notification", notifyURL)
	notices := b.delivered()
	require.Len(t, notices, 1)
	require.Equal(t, "/notifications", notices[0].path)
}

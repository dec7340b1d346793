package midtranstest_test

import (
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// sha is the signature that a body ought to have.
func sha(body object, key string) string {
	sum := sha512.Sum512([]byte(body.text("order_id") + body.text("status_code") + body.text("gross_amount") + key))
	return hex.EncodeToString(sum[:])
}

// Published samples of notifications, and what was computed from them.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ order, amount, key, act, want string }{
		{
			"1111", "100000.00", "askvnoibnosifnboseofinbofinfgbiufglnbfg", "pay",
			"edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e2375d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231",
		},
		{
			"ORDER-sandbox-0001", "150000.00", "SB-Mid-server-test", "pay",
			"d65b4adf15335095fe1bfafe24964d48009dcc2989393e13570b0c9852ea60df0040b1a9646b9c9ef9433317f77acc8e387c59998dc20f5bd93fff93d23672e4",
		},
		{
			"ORDER-sandbox-0003", "50000.00", "SB-Mid-server-test", "expire",
			"a51d1bd2aa8b1dca9228f3827cd641b6dadf52ebb9ed40fb45db6a06dbb33de7cde8e80caa93dfb5e6beeaaf44f698dc7f6f56edd46556eddaa2a774ff7692c6",
		},
	} {
		b := newBench(t, midtranstest.WithKeys(v.key, ""))
		amount, _, _ := strings.Cut(v.amount, ".")
		req := mustRequest(t, b.URL+"/snap/v1/transactions", `{"transaction_details":{"order_id":"`+v.order+`","gross_amount":`+amount+`}}`)
		req.SetBasicAuth(v.key, "")
		_, err := b.Client().Do(req)
		require.NoError(t, err)
		b.ok(b.Choose(v.order))
		if v.act == "pay" {
			b.ok(b.Pay(v.order))
		} else {
			b.ok(b.Expire(v.order))
		}
		notices := b.delivered()
		require.Equal(t, v.want, notices[len(notices)-1].body.text("signature_key"))
	}
}

// base are the keys of every notification.
const base = "currency gross_amount merchant_id order_id payment_type signature_key status_code status_message transaction_id transaction_status transaction_time"

func TestNotificationKeys(t *testing.T) {
	t.Parallel()
	card := "bank card_type channel_response_code channel_response_message eci fraud_status masked_card approval_code"
	for method, want := range map[string]struct{ pending, paid, paymentType string }{
		"credit_card": {"", card, "credit_card"},
		"gopay":       {"expiry_time fraud_status", "expiry_time fraud_status settlement_time", "gopay"},
		"shopeepay":   {"expiry_time fraud_status", "expiry_time fraud_status settlement_time", "shopeepay"},
		"other_qris":  {"acquirer expiry_time fraud_status", "acquirer issuer transaction_type expiry_time fraud_status settlement_time", "qris"},
		"bca_va":      {"va_numbers payment_amounts expiry_time fraud_status", "va_numbers payment_amounts expiry_time fraud_status settlement_time", "bank_transfer"},
		"bni_va":      {"va_numbers payment_amounts expiry_time fraud_status", "va_numbers payment_amounts expiry_time fraud_status settlement_time", "bank_transfer"},
		"bri_va":      {"va_numbers payment_amounts expiry_time fraud_status", "va_numbers payment_amounts expiry_time fraud_status settlement_time", "bank_transfer"},
		"cimb_va":     {"va_numbers payment_amounts expiry_time fraud_status", "va_numbers payment_amounts expiry_time fraud_status settlement_time", "bank_transfer"},
		"permata_va":  {"permata_va_number expiry_time fraud_status", "permata_va_number expiry_time fraud_status settlement_time", "bank_transfer"},
		"echannel":    {"biller_code bill_key expiry_time fraud_status", "biller_code bill_key expiry_time fraud_status settlement_time", "echannel"},
		"indomaret":   {"store payment_code expiry_time", "store payment_code approval_code expiry_time settlement_time", "cstore"},
		"alfamart":    {"store payment_code expiry_time fraud_status", "store payment_code expiry_time fraud_status settlement_time", "cstore"},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.order("order-1")
			b.ok(b.Pay("order-1", midtranstest.By(method)))
			notices := b.delivered()
			if want.pending == "" {
				require.Len(t, notices, 1, "a card is told of once the bank has decided")
			} else {
				require.Len(t, notices, 2)
				require.Equal(t, fields(base, want.pending), notices[0].body.keys(), "pending")
				require.Equal(t, "201", notices[0].body.text("status_code"))
			}
			paid := notices[len(notices)-1]
			require.Equal(t, fields(base, want.paid), paid.body.keys(), "paid")
			require.Equal(t, want.paymentType, paid.body.text("payment_type"))
			require.Equal(t, "200", paid.body.text("status_code"))
			require.Equal(t, "30000.00", paid.body.text("gross_amount"))
			require.Equal(t, "midtrans payment notification", paid.body.text("status_message"))
			require.Equal(t, sha(paid.body, serverKey), paid.body.text("signature_key"))
			require.Equal(t, "Veritrans", paid.header.Get("User-Agent"))
			require.Equal(t, "application/json", paid.header.Get("Content-Type"))
			require.Equal(t, "application/json", paid.header.Get("Accept"))
			require.Equal(t, "/notifications", paid.path)
			require.Less(t, strings.Index(paid.raw, `"transaction_time"`), strings.Index(paid.raw, `"currency"`), "keys in reverse order")

			look := b.status("order-1")
			require.Equal(t, fields(base, want.paid), look.keys(), "a look-up has the same keys")
		})
	}
}

func fields(lists ...string) []string {
	all := strings.Fields(strings.Join(lists, " "))
	slices.Sort(all)
	return all
}

func TestAccountNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := map[string]bool{}
	for i, method := range []string{"bca_va", "bni_va", "bri_va", "cimb_va", "bca_va"} {
		id := "order-" + string(rune('a'+i))
		b.order(id)
		b.ok(b.Pay(id, midtranstest.By(method)))
		body := b.status(id)
		account := object(body["va_numbers"].([]any)[0].(map[string]any))
		require.Equal(t, strings.TrimSuffix(method, "_va"), account.text("bank"))
		require.Regexp(t, `^\d{16,18}$`, account.text("va_number"))
		require.False(t, seen[account.text("va_number")], "each is new")
		seen[account.text("va_number")] = true
		amounts := body["payment_amounts"].([]any)
		if method == "bni_va" {
			require.Equal(t, map[string]any{"paid_at": "2026-05-06 10:00:00", "amount": "30000.00"}, amounts[0])
		} else {
			require.Empty(t, amounts)
		}
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	for number, want := range map[string][4]string{
		"4811 1111 1111 1114": {"capture", "accept", "200", "00"},
		"370192169722458":     {"capture", "accept", "200", "00"},
		"4911 1111 1111 1113": {"deny", "accept", "202", "05"},
		"4711111111111115":    {"deny", "accept", "202", "05"},
		"4472429869996670":    {"deny", "accept", "202", "51"},
		"4611111111111116":    {"deny", "deny", "202", ""},
		"4511111111111117":    {"capture", "challenge", "201", "00"},
	} {
		b := newBench(t)
		b.order("order-1")
		b.ok(b.Pay("order-1", midtranstest.Card(number)))
		body := b.delivered()[0].body
		require.Equal(t, want, [4]string{
			body.text("transaction_status"), body.text("fraud_status"), body.text("status_code"), body.text("channel_response_code"),
		}, number)
		require.Equal(t, want[0] == "capture", body.text("approval_code") != "", number)
		digits := strings.ReplaceAll(number, " ", "")
		require.Equal(t, digits[:8]+"-"+digits[len(digits)-4:], body.text("masked_card"))
		require.NotContains(t, body, "settlement_time")
	}
}

func TestWhatTheMerchantSentComesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1", `"custom_field1":"a","custom_field3":"<c>"`, `"metadata":{"cart":[1,"x"]}`)
	b.ok(b.Pay("order-1"))
	for _, body := range []object{b.delivered()[1].body, b.status("order-1")} {
		require.Equal(t, "a", body.text("custom_field1"))
		require.NotContains(t, body, "custom_field2")
		require.Equal(t, "<c>", body.text("custom_field3"))
		require.Equal(t, map[string]any{"cart": []any{float64(1), "x"}}, body["metadata"])
	}
}

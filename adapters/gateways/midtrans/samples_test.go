package midtrans

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func facts(kinds ...payments.FactKind) []payments.Fact {
	var list []payments.Fact
	for _, k := range kinds {
		list = append(list, payments.Fact{Kind: k})
	}
	return list
}

// TestSamples reads each published body, and says what it tells.
func TestSamples(t *testing.T) {
	t.Parallel()
	const (
		id        = "57d5293c-e65f-4a29-95e4-5959c3fa335b"
		oldID     = "1a1a66f7-27a7-4844-ba1f-d86dcc16ab27"
		picked    = "2021-06-23T04:27:20Z" // 11:27:20 in Jakarta
		settledAt = "2021-06-23T04:27:50Z"
	)
	paid := facts(payments.FactPaid, payments.FactFunds)
	settled := func(method payments.Method, more ...payments.Fact) payments.Observation {
		return payments.Observation{
			Ref: "ORDER-101", TransactionID: id, Method: method, RawStatus: "settlement/accept", Amount: payments.IDR(100_000),
			GatewayAt: at(settledAt), Facts: append(append([]payments.Fact{}, paid...), more...),
		}
	}
	told := func(method payments.Method, word, when string, kinds ...payments.FactKind) payments.Observation {
		o := settled(method)
		o.RawStatus, o.Facts, o.GatewayAt = word, facts(kinds...), time.Time{}
		if when != "" {
			o.GatewayAt = at(when)
		}
		return o
	}
	old := func(order, word string, kinds ...payments.FactKind) payments.Observation {
		return payments.Observation{
			Ref: order, TransactionID: oldID, Method: "credit_card", RawStatus: word, Amount: payments.IDR(145_000),
			GatewayAt: at("2014-08-24T08:39:22Z"), Facts: facts(kinds...),
		}
	}
	with := func(o payments.Observation, change func(*payments.Observation)) payments.Observation {
		change(&o)
		return o
	}

	want := map[string]payments.Observation{
		"card_capture_saved_2014": {
			Ref: "A87550", TransactionID: "f50c0aef-b629-4a5b-957b-4c52f45e2e63", Method: "credit_card",
			RawStatus: "capture/accept", Amount: payments.IDR(145_000), GatewayAt: at("2014-08-25T04:21:48Z"),
			Facts: facts(payments.FactCaptured, payments.FactPaid),
		},
		"card_deny_by_bank_2014":     old("C17551", "deny/accept", payments.FactDenied),
		"card_accept_deny_2014":      old("C17551", "accept/deny", payments.FactDenied),
		"card_accept_challenge_2014": old("C17551", "accept/challenge", payments.FactCaptureChallenged),
		"card_capture_2014":          old("C17550", "capture/accept", payments.FactCaptured, payments.FactPaid),
		"card_capture_result_2016": {
			Ref: "1459499971", TransactionID: "6d9677da-45a3-40d0-a0f0-8f0b2f860a64", Method: "credit_card",
			RawStatus: "capture/accept", Amount: payments.IDR(10_000), GatewayAt: at("2016-04-01T08:39:58Z"),
			Facts: facts(payments.FactCaptured, payments.FactPaid),
		},
		"echannel_pending_result_2016": {
			Ref: "1459500813", TransactionID: "0ae66c29-e4a6-4e7b-b223-a103564a8d29", Method: "echannel",
			RawStatus: "pending/accept", Amount: payments.IDR(10_000), GatewayAt: at("2016-04-01T08:54:07Z"),
			Facts: facts(payments.FactPending, payments.FactReversible),
		},
		"link_pending_numbers": {
			Ref: "merchant-order-id-1-1647944535605", TransactionID: "1d02cdda-a424-4e6e-a711-154f004bc26d",
			Method: "bank_transfer/bca", RawStatus: "pending/accept", Amount: payments.IDR(10_000),
			GatewayAt: at("2022-03-22T10:22:21Z"), Facts: facts(payments.FactPending),
		},
		"card_capture": {
			Ref: "Postman-1578568851", TransactionID: id, Method: "credit_card", RawStatus: "capture/accept",
			Amount: payments.IDR(10_000), GatewayAt: at("2020-01-09T11:27:19Z"), Facts: facts(payments.FactCaptured, payments.FactPaid),
		},
		"card_settlement":          settled("credit_card"),
		"card_pending_3ds":         told("credit_card", "pending", picked, payments.FactPending),
		"card_capture_challenge":   told("credit_card", "capture/challenge", picked, payments.FactCaptureChallenged),
		"card_deny_by_fraud_check": told("credit_card", "deny/deny", picked, payments.FactDenied),
		"card_authorize":           told("credit_card", "authorize/accept", picked, payments.FactAuthorized),
		"card_installment":         told("credit_card", "capture/accept", picked, payments.FactCaptured, payments.FactPaid),
		"card_cancel":              told("credit_card", "cancel/accept", "", payments.FactCanceled),
		// Its refund fields may mean the chargeback itself: only the level is read.
		"card_chargeback": told("credit_card", "chargeback/accept", settledAt, payments.FactChargeback),
		"bca_va_pending": with(told("bank_transfer/bca", "pending/accept", picked, payments.FactPending), func(o *payments.Observation) {
			o.ExpiresAt = at("2021-06-24T04:27:20Z")
		}),
		"bca_va_settlement":        settled("bank_transfer/bca"),
		"bni_va_settlement":        settled("bank_transfer/bni"),
		"bni_va_cancel":            told("bank_transfer/bni", "cancel/accept", "", payments.FactCanceled),
		"bri_va_settlement":        settled("bank_transfer/bri"),
		"permata_va_settlement":    settled("bank_transfer/permata", facts(payments.FactReversible)...),
		"permata_va_reversal":      told("bank_transfer/permata", "deny/accept", "", payments.FactDenied, payments.FactReversible),
		"echannel_settlement":      settled("echannel", facts(payments.FactReversible)...),
		"gopay_settlement":         settled("gopay"),
		"qris_settlement":          settled("qris"),
		"shopeepay_settlement":     settled("shopeepay"),
		"dana_pending":             with(told("dana", "pending/accept", picked, payments.FactPending), func(o *payments.Observation) { o.TransactionID = "A120250123494119o1P1fiYNhZID" }),
		"indomaret_settlement":     with(settled("cstore/indomaret", facts(payments.FactReversible)...), func(o *payments.Observation) { o.RawStatus = "settlement" }),
		"alfamart_settlement":      settled("cstore/alfamart"),
		"akulaku_settlement":       settled("akulaku"),
		"kredivo_deny":             told("kredivo", "deny/accept", picked, payments.FactDenied),
		"klikbca_settlement":       with(settled("bca_klikbca"), func(o *payments.Observation) { o.RawStatus = "settlement" }),
		"gopay_expire":             with(told("gopay", "expire/accept", "", payments.FactExpired), func(o *payments.Observation) { o.ExpiresAt = at("2021-06-23T04:42:20Z") }),
		"bca_klikpay_expired_2014": told("bca_klikpay", "expired", "", payments.FactExpired),
		"failure":                  told("gopay", "failure/accept", "", payments.FactFailed),
		"gopay_partial_refund": with(told("gopay", "partial_refund/accept", settledAt, payments.FactPartlyRefunded), func(o *payments.Observation) {
			o.Facts = append(o.Facts,
				payments.Fact{Kind: payments.FactRefundConfirmed, Key: "rk-1", ID: "202502070943231234", GatewayAt: at("2021-06-24T02:00:05Z")},
				payments.Fact{Kind: payments.FactRefund, Key: "rk-1", ID: "202502070943231234", Amount: payments.IDR(5_000), Text: "one was broken", GatewayAt: at("2021-06-24T02:00:00Z")},
				payments.Fact{Kind: payments.FactRefund, Key: "rk-2", ID: "202502070943231235", Amount: payments.IDR(7_000), Text: "so was another", GatewayAt: at("2021-06-25T02:00:00Z")},
				payments.Fact{Kind: payments.FactRefundTotal, Amount: payments.IDR(12_000)})
		}),
		"gopay_refund": with(told("gopay", "refund/accept", settledAt, payments.FactRefunded), func(o *payments.Observation) {
			o.Facts = append(o.Facts,
				payments.Fact{Kind: payments.FactRefund, Key: "rk-1", ID: "1", Amount: payments.IDR(100_000), GatewayAt: at("2021-06-24T02:00:00Z")},
				payments.Fact{Kind: payments.FactRefundTotal, Amount: payments.IDR(100_000)})
		}),
		"partial_refund_without_amount": told("credit_card", "partial_refund/accept", settledAt, payments.FactPartlyRefunded),
		"refund_lists_less_than_all": with(told("gopay", "refund/accept", settledAt, payments.FactRefunded), func(o *payments.Observation) {
			o.Amount, o.Attention = payments.IDR(698_879), true
			o.Facts = append(o.Facts, payments.Fact{Kind: payments.FactRefundTotal, Amount: payments.IDR(12_000)})
		}),
		"imposed_fee_settlement": settled("gopay", payments.Fact{Kind: payments.FactFee, Amount: payments.IDR(4_000), Text: feeName}),
		"dashboard_test": with(told("credit_card", "settlement/accept", "", payments.FactPaid, payments.FactFunds), func(o *payments.Observation) {
			o.Ref = "payment_notif_test_G141532850_c4e9c0e2-3a2f-4a42-9c1e-0f4f9d2f8a11"
		}),
	}
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(want), "each sample has its expectation")
	g := Snap(Config{ServerKey: testKey})
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = g.ReadNotification(payments.RawNotification{Body: body})
			require.ErrorIs(t, err, payments.ErrForged, "the samples' keys are not ours")

			n, err := g.ReadNotification(payments.RawNotification{Body: body, Verified: true})
			require.NoError(t, err)
			require.NotContains(t, string(n.Raw), strings.Repeat("f", 128))
			require.NotContains(t, string(n.Raw), "d16c884")
			require.Equal(t, name == "dashboard_test", n.Test)
			require.Equal(t, payments.ProofPartial, n.Proof)

			again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
			require.NoError(t, err)
			require.Equal(t, n, again, "a kept message reads the same")
			n.Raw = nil
			expected := want[name]
			fields, err := gatewaykit.ReadBody(body)
			require.NoError(t, err)
			expected.BegunAt = at(strings.Replace(fields.Text("transaction_time"), " ", "T", 1) + "+07:00").UTC()
			require.Equal(t, expected, n.Observation)
		})
	}
}

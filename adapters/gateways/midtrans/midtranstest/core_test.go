package midtranstest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// states are ways to bring an order into each state.
var states = map[string]func(b *bench, id string){
	"pending":        func(b *bench, id string) { b.ok(b.Choose(id)) },
	"pending card":   func(b *bench, id string) { b.ok(b.Choose(id, midtranstest.By("credit_card"))) },
	"authorize":      func(b *bench, id string) { b.ok(b.Pay(id, midtranstest.By("credit_card"))) }, // see the test
	"capture":        func(b *bench, id string) { b.ok(b.Pay(id, midtranstest.By("credit_card"))) },
	"challenge":      func(b *bench, id string) { b.ok(b.Challenge(id)) },
	"settlement":     func(b *bench, id string) { b.ok(b.Pay(id)) },
	"settlement VA":  func(b *bench, id string) { b.ok(b.Pay(id, midtranstest.By("bni_va"))) },
	"deny":           func(b *bench, id string) { b.ok(b.Deny(id)) },
	"expire":         func(b *bench, id string) { b.ok(b.Choose(id)); b.ok(b.Expire(id)) },
	"cancel":         func(b *bench, id string) { b.ok(b.Choose(id)); b.ok(b.Cancel(id)) },
	"partial_refund": func(b *bench, id string) { b.ok(b.Pay(id)); b.ok(b.RefundFromDashboard(id, 1)) },
	"refund":         func(b *bench, id string) { b.ok(b.Pay(id)); b.ok(b.RefundFromDashboard(id, 0)) },
	"chargeback": func(b *bench, id string) {
		b.ok(b.Pay(id, midtranstest.By("credit_card")))
		b.ok(b.Settle(id))
		b.ok(b.Chargeback(id))
	},
}

func TestActionsByState(t *testing.T) {
	t.Parallel()
	// What each action makes of each state; all else is 412.
	allowed := map[string]map[string]string{
		"approve":              {"challenge": "200 capture accept"},
		"deny":                 {"challenge": "200 deny deny"},
		"cancel":               {"pending": "200 cancel accept", "pending card": "200 cancel accept", "authorize": "200 cancel accept", "capture": "200 cancel accept", "challenge": "200 cancel challenge"},
		"expire":               {"pending": "407 expire accept", "pending card": "407 expire accept"},
		"refund":               {"settlement": "200 refund accept", "partial_refund": "200 refund accept"},
		"refund/online/direct": {"settlement": "200 refund accept", "partial_refund": "200 refund accept"},
	}
	for state, reach := range states {
		for verb, results := range allowed {
			t.Run(state+" "+verb, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				more := ""
				if state == "authorize" {
					more = `"credit_card":{"type":"authorize"}`
				} else {
					more = `"custom_field1":"x"`
				}
				b.order("order-1", more)
				reach(b, "order-1")
				before := b.transaction("order-1")
				b.delivered()

				got := b.act("order-1", verb, "")
				want, ok := results[state]
				if !ok {
					require.Equal(t, "412", got.text("status_code"))
					require.Equal(t, "Transaction status cannot be updated.", got.text("status_message"))
					require.Equal(t, before, b.transaction("order-1"), "nothing has changed")
					require.Empty(t, b.delivered())
					return
				}
				after := b.transaction("order-1")
				require.Equal(t, want, fmt.Sprintf("%s %s %s", got.text("status_code"), got.text("transaction_status"), after.Fraud))
				require.Equal(t, got.text("transaction_status"), after.Status)
				require.Equal(t, after.ID, got.text("transaction_id"))
				require.NotContains(t, got, "signature_key")
				require.Equal(t, after.Status, b.words(), "one notification tells it")
			})
		}
	}
}

func TestLookUpCodes(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{
		"pending": "201", "pending card": "201", "capture": "200", "challenge": "201", "settlement": "200", "deny": "202",
		"expire": "407", "cancel": "200", "partial_refund": "200", "refund": "200", "chargeback": "200",
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.order("order-1")
			states[state](b, "order-1")
			got := b.status("order-1")
			require.Equal(t, want, got.text("status_code"))
			require.Equal(t, b.transaction("order-1").Status, got.text("transaction_status"))
			require.Equal(t, sha(got, serverKey), got.text("signature_key"), "signed by its own code")
			require.Equal(t, got, b.status(got.text("transaction_id")))
		})
	}
}

func TestUnknownTransactions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1") // a page, no transaction
	for _, id := range []string{"order-1", "nothing"} {
		require.Equal(t, "Transaction doesn't exist.", b.status(id).text("status_message"))
		for _, verb := range []string{"approve", "deny", "cancel", "expire", "refund", "refund/online/direct"} {
			got := b.act(id, verb, "null")
			require.Equal(t, "404", got.text("status_code"), verb)
			require.Len(t, got.text("id"), 36)
		}
	}
}

func TestCoreErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1"))

	status, got := b.call(http.MethodGet, "/v2/order-1/status", "", "Authorization", "Basic d3Jvbmc6")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "401", got.text("status_code"))

	status, got = b.call(http.MethodGet, "/v2/a/b/status", "")
	require.Equal(t, http.StatusNotFound, status)
	require.EqualValues(t, 404, got["status"], "a number, in the form of another layer")

	status, got = b.call(http.MethodPost, "/v2/order-1/status", "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	require.Equal(t, "405", got.text("status_code"))

	_, got = b.call(http.MethodPost, "/v2/order-1/refund", "{")
	require.Equal(t, "413", got.text("status_code"))

	status, got = b.call(http.MethodPost, "/v2/order-1/refund", `{"refund_key":"no blanks"}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "400", got.text("status_code"))
	require.NotEmpty(t, got["validation_messages"])
}

func TestHostsAreApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for host, want := range map[string][2]int{
		"api.sandbox.midtrans.com": {404, 200}, "app.sandbox.midtrans.com": {201, 404}, "localhost:8080": {201, 200},
	} {
		for i, path := range []string{"/snap/v1/transactions", "/v2/nothing/status"} {
			req := mustRequest(t, b.URL+path, orderBody("order-1"))
			req.Host = host
			if i == 1 {
				req.Method = http.MethodGet
			}
			resp, err := b.Client().Do(req)
			require.NoError(t, err)
			require.Equal(t, want[i], resp.StatusCode, host+path)
		}
	}
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1"))
	b.delivered()
	refund := func(body string) object { return b.act("order-1", "refund", body) }

	got := refund(`{"refund_key":"k-1","amount":10000,"reason":"chipped"}`)
	require.Equal(t, "Success, refund request is approved", got.text("status_message"))
	require.Equal(t, "partial_refund", got.text("transaction_status"))
	require.Equal(t, "10000.00", got.text("refund_amount"))
	require.Equal(t, "k-1", got.text("refund_key"))
	require.IsType(t, float64(0), got["refund_chargeback_id"])

	require.Equal(t, "406", refund(`{"refund_key":"k-1","amount":10000}`).text("status_code"))
	require.Equal(t, "414", refund(`{"refund_key":"k-2","amount":20001}`).text("status_code"))
	require.Equal(t, "414", refund(`{"amount":-1}`).text("status_code"))

	got = refund(`{"refund_key":"","amount":5000,"reason":""}`) // as an SDK sends it
	require.Equal(t, "200", got.text("status_code"))
	require.Equal(t, "15000.00", got.text("refund_amount"), "cumulative")
	require.NotEmpty(t, got.text("refund_key"), "a missing key is made")
	got = refund(`null`)
	require.Equal(t, "refund", got.text("transaction_status"), "all that is left")
	require.Equal(t, "412", refund(`{"refund_key":"k-9"}`).text("status_code"))
	require.Equal(t, "406", refund(`{"refund_key":"k-1"}`).text("status_code"))

	require.Equal(t, "partial_refund partial_refund refund", b.words())
	look := b.status("order-1")
	list := look["refunds"].([]any)
	require.Len(t, list, 3)
	require.Equal(t, "30000.00", look.text("refund_amount"))
	first := object(list[0].(map[string]any))
	require.Equal(t, "10000.00", first.text("refund_amount"), "each its own")
	require.Equal(t, "chipped", first.text("reason"))
	require.Equal(t, "2026-05-06 10:00:00", first.text("created_at"))
	require.NotContains(t, first, "bank_confirmed_at")

	b.clock.Advance(time.Minute)
	notices := b.delivered()
	require.Len(t, notices, 3, "the bank confirms each")
	for _, entry := range notices[2].body["refunds"].([]any) {
		require.Equal(t, "2026-05-06 10:01:00", object(entry.(map[string]any)).text("bank_confirmed_at"))
	}
}

func TestDirectRefundIsConfirmedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
	b.ok(b.Settle("order-1"))
	b.delivered()
	got := b.act("order-1", "refund/online/direct", `{"refund_key":"k-1","amount":1000}`)
	require.Equal(t, "Success, refund request is approved by the bank", got.text("status_message"))
	require.Equal(t, "partial_refund", b.words())
	b.clock.Advance(time.Hour)
	require.Empty(t, b.words())
}

func TestRefundsByMethod(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for method, want := range map[string][2]string{ // a part, then all
		"credit_card": {"200", "200"}, "gopay": {"200", "200"}, "other_qris": {"200", "200"}, "shopeepay": {"414", "200"},
		"bca_va": {"412", "412"}, "bni_va": {"412", "412"}, "bri_va": {"412", "412"}, "cimb_va": {"412", "412"},
		"permata_va": {"412", "412"}, "echannel": {"412", "412"}, "indomaret": {"412", "412"}, "alfamart": {"412", "412"},
	} {
		id := "order-" + strings.ReplaceAll(method, "_", "-")
		b.order(id)
		b.ok(b.Pay(id, midtranstest.By(method)))
		if method == "credit_card" {
			b.ok(b.Settle(id))
		}
		for i, body := range []string{`{"amount":1}`, ``} {
			require.Equal(t, want[i], b.act(id, "refund", body).text("status_code"), method)
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1"))
	refund := func(key string) object {
		return b.act("order-1", "refund", `{"amount":1000}`, "Idempotency-Key", key)
	}
	first := refund("k")
	require.Equal(t, first, refund("k"), "the same answer")
	require.Equal(t, first, b.act("order-1", "cancel", "", "Idempotency-Key", "k"), "keys are global")
	require.Len(t, b.transaction("order-1").Refunds, 1)

	b.clock.Advance(5 * time.Minute)
	require.NotEqual(t, first, refund("k"), "it lives for five minutes")
	require.Len(t, b.transaction("order-1").Refunds, 2)

	long := strings.Repeat("k", 47)
	refund(long)
	refund(long)
	require.Len(t, b.transaction("order-1").Refunds, 4, "longer keys are ignored")

	require.Equal(t, "412", b.act("order-1", "cancel", "", "Idempotency-Key", "refused").text("status_code"))
	require.Equal(t, "200", refund("refused").text("status_code"), "only successes are kept")

	b.order("order-2")
	b.ok(b.Choose("order-2", midtranstest.By("permata_va")))
	b.act("order-2", "cancel", "", "Idempotency-Key", "p")
	require.Equal(t, "412", b.act("order-2", "cancel", "", "Idempotency-Key", "p").text("status_code"), "not for Permata")
}

func TestMatchesTheClock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
	got := b.status("order-1")
	require.Equal(t, "2026-05-06 10:00:00", got.text("transaction_time"), "Jakarta, without a zone")
	require.Equal(t, strconv.FormatInt(start.UnixMilli(), 10), got.text("approval_code"))
}

package midtranstest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// pageOf is the address of a new order's page.
func (b *bench) pageOf(id string, more ...string) string {
	b.t.Helper()
	return b.URL + "/snap/v4/redirection/" + b.order(id, more...)
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

const finish = `"callbacks":{"finish":"https://shop.example/thanks?lang=id","error":"https://shop.example/oops"}`

func TestPayOnThePage(t *testing.T) {
	t.Parallel()
	for method, shows := range map[string]string{
		"bca_va": "8127850000000001", "permata_va": "8500030000000001", "echannel": "990000000001", "indomaret": "25700000000001",
		"alfamart": "3000630000000001", "gopay": "<svg", "shopeepay": "<svg", "other_qris": "<svg",
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			page := b.pageOf("order-1", finish)
			_, html := b.visit(page, nil)
			require.Contains(t, html, "Choose how to pay")
			require.Contains(t, html, "Rp30.000")
			require.Contains(t, html, `value="`+method+`"`)

			_, html = b.visit(page, form("do", "choose", "method", method))
			require.Contains(t, html, shows)
			require.Contains(t, html, "Pay now (simulated")
			require.Equal(t, "pending", b.words())
			back := "https://shop.example/thanks?lang=id&amp;order_id=order-1&amp;status_code=201&amp;transaction_status=pending"
			require.Contains(t, html, back)

			id := b.transaction("order-1").ID
			_, html = b.visit(page, form("do", "pay", "transaction", id))
			require.Contains(t, html, "Payment successful")
			require.Contains(t, html, "https://shop.example/thanks?lang=id&amp;order_id=order-1&amp;status_code=200&amp;transaction_status=settlement")
			require.Equal(t, "settlement", b.words())

			_, html = b.visit(page, form("do", "pay", "transaction", id)) // a second click
			require.Contains(t, html, "Payment successful")
			b.visit(page, form("do", "choose", "method", method))
			b.visit(page, form("do", "decline", "transaction", id))
			require.Empty(t, b.words())
		})
	}
}

func TestPayByCardOnThePage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("order-1", finish)
	_, html := b.visit(page+"?method=credit_card", nil)
	require.Contains(t, html, "4811 1111 1111 1114")
	b.visit(page, form("do", "choose", "method", "credit_card")) // only the form with a card begins one
	require.Empty(t, b.words())

	_, html = b.visit(page, form("do", "card", "card", "4911111111111113"))
	require.Contains(t, html, "was declined")
	_, html = b.visit(page, form("do", "card", "card", "4511111111111117"))
	require.Contains(t, html, "under review")
	require.Equal(t, "deny capture", b.words())
	require.Contains(t, html, "status_code=201&amp;transaction_status=capture")

	status, _ := b.visit(page, form("do", "card", "card", "1"))
	require.Equal(t, http.StatusOK, status, "it is being paid already")
	other := b.pageOf("order-2")
	status, _ = b.visit(other, form("do", "card", "card", "1"))
	require.Equal(t, http.StatusBadRequest, status)
}

func TestThreeDSecureOnThePage(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"112233": "Payment successful", "000000": "was declined", "": "was declined"} {
		b := newBench(t)
		page := b.pageOf("order-1", `"credit_card":{"secure":true}`)
		_, html := b.visit(page, form("do", "card", "card", "4811111111111114"))
		require.Contains(t, html, "One-time password")
		require.Contains(t, html, "48111111-1114")
		require.Empty(t, b.words(), "nothing is told before the bank has decided")
		id := b.transaction("order-1").ID
		b.visit(page, form("do", "pay", "transaction", id)) // without the password
		require.Equal(t, "pending", b.transaction("order-1").Status)
		use := form("do", "otp", "otp", answer, "transaction", id)
		if answer == "" {
			use = form("do", "decline", "transaction", id)
		}
		_, html = b.visit(page, use)
		require.Contains(t, html, want)
	}
}

func TestACardThatIsNotAskedForOnThePage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("order-1", `"credit_card":{"secure":true}`)
	_, html := b.visit(page, form("do", "card", "card", "4211111111111110"))
	require.Contains(t, html, "Payment successful")
	require.Equal(t, "capture", b.words())
}

func TestDeclineAndExpireOnThePage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("order-1", finish)
	for verb, want := range map[string]string{"decline": "was declined", "expire": "has expired"} {
		b.visit(page, form("do", "choose", "method", "bca_va"))
		_, html := b.visit(page, form("do", verb, "transaction", b.transaction("order-1").ID))
		require.Contains(t, html, want)
		require.Contains(t, html, "Choose how to pay", "another try")
	}
	b.visit(page, form("do", "choose", "method", "bca_va"))
	b.visit(page, form("do", "expire", "transaction", "another"))
	require.Equal(t, "pending", b.transaction("order-1").Status, "a form of an old transaction does nothing")
}

func TestPagesThatAreOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, html := b.visit(b.URL+"/snap/v4/redirection/unknown", nil)
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, html, "does not exist")
	status, _ = b.visit(b.URL+"/snap/v4/redirection/unknown", form("do", "pay"))
	require.Equal(t, http.StatusNotFound, status)

	page := b.pageOf("canceled", finish)
	token := page[strings.LastIndex(page, "/")+1:]
	b.call(http.MethodPost, "/snap/v1/transactions/"+token+"/cancel", "")
	status, html = b.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "canceled this payment")
	require.Contains(t, html, "https://shop.example/oops?order_id=canceled&amp;status_code=202&amp;transaction_status=cancel")

	page = b.pageOf("expired", `"callbacks":{"finish":"https://shop.example/"}`)
	status, html = b.visit(page, form("do", "expire"))
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "Time is up")
	require.Contains(t, html, "https://shop.example/?order_id=expired&amp;status_code=407")
	for _, use := range []url.Values{form("do", "choose", "method", "gopay"), form("do", "card", "card", "4811111111111114")} {
		status, _ = b.visit(page, use)
		require.Equal(t, http.StatusGone, status)
	}
	o, _ := b.Order("expired")
	require.Empty(t, o.Transactions)

	page = b.pageOf("later")
	b.clock.Advance(24 * time.Hour)
	status, html = b.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	require.NotContains(t, html, "Back to the shop", "it never said where")

	page = b.pageOf("refunded")
	b.ok(b.Pay("refunded"))
	b.ok(b.RefundFromDashboard("refunded", 12_000))
	_, html = b.visit(page, nil)
	require.Contains(t, html, "Rp12.000 went back")
}

func TestPageShowsWhatIsEnabled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("order-1", `"enabled_payments":["bca_va","gopay"]`)
	_, html := b.visit(page, nil)
	require.Contains(t, html, `value="bca_va"`)
	require.NotContains(t, html, `value="bni_va"`)
	require.NotContains(t, html, "method=credit_card")
	_, html = b.visit(page+"?method=credit_card", nil)
	require.Contains(t, html, "Choose how to pay")
	for _, use := range []url.Values{form("do", "choose", "method", "bni_va"), form("do", "card", "card", "4811111111111114")} {
		status, _ := b.visit(page, use)
		require.Equal(t, http.StatusBadRequest, status)
	}
	_, html = b.visit(b.pageOf("order-2", `"enabled_payments":["google_pay"]`), nil)
	require.Contains(t, html, "None of the payment methods")
}

func TestPageEscapes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("order-1",
		`"item_details":[{"name":"<script>alert(1)</script>","price":15000,"quantity":2}]`,
		`"callbacks":{"finish":"javascript:alert(1)"}`)
	b.ok(b.Pay("order-1"))
	_, html := b.visit(page, nil)
	require.Contains(t, html, "&lt;script&gt;")
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "javascript:")
}

// Everything is on the page: no script, nothing from elsewhere.
func TestPageStandsAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithURL("http://localhost:8080/midtrans/"))
	page := b.pageOf("order-1")
	require.Equal(t, "http://localhost:8080/midtrans", b.URL)
	resp, err := b.Client().Get(page)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	_, html := b.visit(page, nil)
	require.Contains(t, html, `name="viewport" content="width=device-width, initial-scale=1"`)
	require.Contains(t, html, `action="/midtrans/snap/v4/redirection/`, "links keep the mount's path")
	for _, foreign := range []string{"http://", "https://", "<script", "@import", "src="} {
		require.NotContains(t, html, foreign)
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithURL("http://localhost:8080/midtrans"))
	_, html := b.visit(b.URL+"/", nil)
	require.Contains(t, html, "No orders yet")

	use := func(id, verb string) string {
		status, html := b.visit(b.URL+"/", form("order", id, "do", verb))
		require.Equal(t, http.StatusOK, status)
		return html
	}
	b.order("paid")
	b.ok(b.Pay("paid"))
	require.Contains(t, use("paid", "resend"), "waiting")
	require.Equal(t, "pending settlement settlement settlement settlement", b.words())
	require.Contains(t, use("paid", "refund"), "refunded Rp30.000")
	require.Contains(t, use("paid", "refund"), "cannot do that", "the reason is shown")

	b.order("waits")
	b.ok(b.Choose("waits", midtranstest.By("permata_va")))
	use("waits", "expire")
	use("waits", "late")
	use("waits", "reverse")
	b.order("card")
	b.ok(b.Challenge("card"))
	use("card", "approve")
	use("card", "settle")
	use("card", "chargeback")
	b.order("other")
	b.ok(b.Challenge("other"))
	use("other", "deny")
	b.order("third")
	b.ok(b.Choose("third"))
	use("third", "cancel")
	b.answer = http.StatusNotFound
	require.Equal(t, "refund pending expire settlement deny capture capture settlement chargeback capture deny pending cancel", b.words())
	_, html = b.visit(b.URL+"/", nil)
	require.Contains(t, html, "404 Not Found")
	require.Contains(t, html, "200 OK")
	require.Contains(t, html, `href="/midtrans/snap/v4/redirection/`)

	status, _ := b.visit(b.URL+"/", form("order", "paid", "do", "steal"))
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = b.visit(b.URL+"/nothing", nil)
	require.Equal(t, http.StatusNotFound, status)
}

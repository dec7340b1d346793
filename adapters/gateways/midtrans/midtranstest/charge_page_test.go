package midtranstest_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// links are the addresses of a charge's answer that a person may follow.
func links(got object) []string {
	var list []string
	if to := got.text("redirect_url"); to != "" {
		list = append(list, to)
	}
	actions, _ := got["actions"].([]any)
	for _, entry := range actions {
		a := entry.(map[string]any)
		switch a["name"] {
		case "deeplink-redirect", "web-deeplink-redirect", "mobile-deeplink-redirect":
			list = append(list, a["url"].(string))
		}
	}
	return list
}

// A person can pay from each address of an answer.
func TestPayFromTheAnswer(t *testing.T) {
	t.Parallel()
	followed := 0
	for name, c := range charged {
		b := newBench(t)
		got := b.charge("order-1", c.how, "201")
		id := got.text("transaction_id")
		b.delivered()
		for _, link := range links(got) {
			followed++
			status, html := b.visit(link, nil)
			require.Equal(t, http.StatusOK, status, link)
			require.Contains(t, html, "Pay now (simulated", name)
			require.Contains(t, html, id, name)
		}
		o, _ := b.Order("order-1")
		page := b.URL + "/snap/v4/redirection/" + o.Pages[0].Token
		_, html := b.visit(page, form("do", "pay", "transaction", id))
		require.Contains(t, html, "Payment successful", name)
		require.Equal(t, "settlement", b.words(), name)
	}
	require.Equal(t, 12, followed, "gopay, shopeepay, dana, two of UOB, and seven redirects")
}

func TestPicturesOfQRCodes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, how := range []string{way("gopay"), way("qris")} {
		got := b.charge(how[16:20], how, "201")
		first := got["actions"].([]any)[0].(map[string]any)
		require.Equal(t, "generate-qr-code", first["name"])
		status, picture := b.visit(first["url"].(string), nil)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, picture, "<svg")
	}
	for _, path := range []string{"/v2/qris/none/qr-code", "/v2/gopay/none/qr-code", "/v2/deeplink/redirect/none", "/v2/3ds/redirect/none"} {
		status, _ := b.visit(b.URL+path, nil)
		require.Equal(t, http.StatusNotFound, status, path)
	}
}

func TestThreeDSOnThePage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		number string
		do     url.Values
		status int
		shows  string
		word   string
	}{
		"knows":    {goodCard, form("do", "otp", "otp", "112233"), http.StatusOK, "Payment successful", "capture"},
		"mistypes": {goodCard, form("do", "otp", "otp", "000000"), http.StatusGone, "Payment declined", "deny"},
		"gives up": {goodCard, form("do", "decline"), http.StatusGone, "Payment declined", "deny"},
		"denied":   {deniedCard, form("do", "otp", "otp", "112233"), http.StatusGone, "Payment declined", "deny"},
		"review":   {challengedCard, form("do", "otp", "otp", "112233"), http.StatusOK, "Payment under review", "capture"},
	} {
		b := newBench(t)
		got := b.charge("order-1", byCard(b.token(c.number), `"authentication":true`), "201")
		status, html := b.visit(got.text("redirect_url"), nil)
		require.Equal(t, http.StatusOK, status, name)
		require.Contains(t, html, c.number[:8], name)
		o, _ := b.Order("order-1")
		page := b.URL + "/snap/v4/redirection/" + o.Pages[0].Token
		_, _ = b.visit(page, form("do", "pay", "transaction", got.text("transaction_id")))
		require.Equal(t, "pending", b.transaction("order-1").Status, "a card is not paid without the bank")
		c.do.Set("transaction", got.text("transaction_id"))
		status, html = b.visit(page, c.do)
		require.Equal(t, c.status, status, name)
		require.Contains(t, html, c.shows, name)
		require.Equal(t, c.word, b.words(), name)
		_, _ = b.visit(page, form("do", "choose", "method", "gopay"))
		o, _ = b.Order("order-1")
		require.Len(t, o.Transactions, 1, "the charge chose the way to pay")
	}
}

func TestStateFileKeepsCharges(t *testing.T) {
	t.Parallel()
	file := midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json"))
	first := newBench(t, file)
	unused, used := first.token(goodCard), first.token(goodCard)
	saved := first.charge("order-1", byCard(used, `"save_token_id":true,"installment_term":3`), "200").text("saved_token_id")
	secure := first.charge("order-2", byCard(first.token(goodCard), `"authentication":true`), "201")
	reserved := first.charge("order-3", byCard(first.token(goodCard), `"type":"authorize"`), "200")
	account := first.charge("order-4", bank("bca"), "201", "Idempotency-Key", "k-1")
	require.Equal(t, "capture authorize pending", first.words())
	want := first.status("order-1")

	second := newBench(t, file)
	require.Equal(t, want, second.status("order-1"))
	require.Equal(t, account, second.charge("order-4", bank("bca"), "201", "Idempotency-Key", "k-1"))
	require.NotEqual(t, number(account), number(second.charge("order-5", bank("bca"), "201")), "numbers go on")
	second.charge("order-6", byCard(used), "411")
	second.charge("order-6", byCard(unused), "200")
	second.charge("order-7", byCard(saved), "200")
	status, _ := second.visit(secure.text("redirect_url"), nil)
	require.Equal(t, http.StatusOK, status)
	second.ok(second.FinishThreeDS("order-2", true))
	_, got := second.call(http.MethodPost, "/v2/capture", `{"transaction_id":"`+reserved.text("transaction_id")+`","gross_amount":1}`)
	require.Equal(t, "200 1.00", got.text("status_code")+" "+got.text("gross_amount"))
	second.ok(second.Pay("order-4"))
	require.Equal(t, "pending capture capture capture capture settlement", second.words())

	third := newBench(t, file)
	third.charge("order-8", byCard(unused), "411")
}

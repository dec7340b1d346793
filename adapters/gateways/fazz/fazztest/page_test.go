package fazztest_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

// pageOf is the address of a new payment's page.
func (b *bench) pageOf(ref, how string) string {
	b.t.Helper()
	return b.URL + "/pay/" + b.pay(ref, how).at("data.id")
}

func TestPayOnThePage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ how, shows string }{
		"va": {byVA, "8848000000000001"}, "retail": {byRetail, "8000001"}, "qris": {byQRIS, `src="/qr/contract_`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			page := b.pageOf("INV-1", tc.how)
			resp, html := b.visit(page, nil)
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Contains(t, html, tc.shows)
			require.Contains(t, html, "Rp100.000")
			require.Contains(t, html, "INV-1")
			require.Contains(t, html, "7 May 2026, 10.00 WIB")
			require.NotContains(t, html, "Decline", "only a wallet asks")
			b.visit(page, form("do", "decline"))
			b.visit(page, form("do", "nothing"))
			require.Equal(t, "pending", b.Status("INV-1"))

			resp, html = b.visit(page, form("do", "pay"))
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Contains(t, html, "Payment successful")
			require.Equal(t, "paid", b.words())
			b.visit(page, form("do", "pay")) // a second click
			b.visit(page, form("do", "expire"))
			require.Empty(t, b.words())
		})
	}
}

func TestWalletOnThePage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.pay("INV-1", byShopee)
	page := got.at("data.attributes.paymentMethod.settlement.httpUrl")
	require.Equal(t, b.URL+"/pay/"+got.at("data.id"), page)
	_, html := b.visit(page, nil)
	require.Contains(t, html, "Confirm in ShopeePay")
	require.Contains(t, html, "Decline")
	require.Contains(t, html, "https://shop.example/thanks?o=1")
	resp, _ := b.visit(page, form("do", "pay"))
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "https://shop.example/thanks?o=1", resp.Header.Get("Location"))
	require.Equal(t, "paid", b.words())

	page = b.pageOf("INV-2", byOVO)
	_, html = b.visit(page, nil)
	require.Contains(t, html, "628123456789")
	resp, html = b.visit(page, form("do", "decline"))
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Contains(t, html, "Payment failed")
	require.Contains(t, html, "declined by the payer")
	require.Contains(t, html, `href="https://shop.example/"`)
	require.Equal(t, "failed", b.words())
}

func TestPagesThatAreOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	resp, html := b.visit(b.URL+"/pay/unknown", nil)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Contains(t, html, "does not exist")
	resp, _ = b.visit(b.URL+"/pay/unknown", form("do", "pay"))
	require.Equal(t, http.StatusNotFound, resp.StatusCode)

	resp, html = b.visit(b.pageOf("INV-1", byVA), form("do", "expire"))
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Contains(t, html, "Time is up")
	page := b.pageOf("INV-2", byVA)
	b.ok(b.Cancel("INV-2"))
	resp, html = b.visit(page, nil)
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Contains(t, html, "Payment cancelled")
	page = b.pageOf("INV-3", byShopee)
	b.clock.Advance(15 * time.Minute)
	resp, _ = b.visit(page, form("do", "pay"))
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Equal(t, "expired cancelled expired", b.words())

	page = b.pageOf("INV-4", byVA)
	b.ok(b.Process("INV-4"))
	_, html = b.visit(page, nil)
	require.Contains(t, html, "working on it")
	require.NotContains(t, html, "Let it expire")
	b.visit(page, form("do", "expire"))
	require.Equal(t, "processing", b.Status("INV-4"))
	b.visit(page, form("do", "pay"))
	b.ok(b.Complete("INV-4"))
	_, html = b.visit(page, nil)
	require.Contains(t, html, "Payment successful")
}

func TestPicture(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.pay("INV-1", byQRIS)
	image := got.at("data.attributes.paymentMethod.instructions.imageUrl")
	resp, svg := b.visit(image, nil)
	require.Equal(t, "image/svg+xml", resp.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	require.Contains(t, svg, "Rp100.000")
	require.Contains(t, svg, got.at("data.id"))
	require.Contains(t, svg, "SIMULATED")
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var err error
	for err == nil {
		_, err = decoder.Token()
	}
	require.ErrorIs(t, err, io.EOF, "it is XML to its end")
	_, again := b.visit(image, nil)
	require.Equal(t, svg, again)
	_, other := b.visit(b.pay("INV-2", byQRIS).at("data.attributes.paymentMethod.instructions.imageUrl"), nil)
	require.NotEqual(t, svg, other)
	for _, path := range []string{"/qr/none.svg", "/qr/" + got.at("data.id"), "/qr/" + b.pay("INV-3", byVA).at("data.id") + ".svg"} {
		resp, _ = b.visit(b.URL+path, nil)
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
	}
}

func TestPagesAreGuarded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.pageOf("INV-1", byVA)
	for _, path := range []string{page, b.URL + "/"} {
		resp, html := b.visit(path, nil)
		policy := resp.Header.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'self'"} {
			require.Contains(t, policy, rule)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		require.NotContains(t, html, "<script")
		require.NotContains(t, html, "style=")
		require.Contains(t, html, `name="viewport"`)
	}
	for _, from := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		resp, _ := b.visit(page, form("do", "pay"), from...)
		require.Equal(t, http.StatusForbidden, resp.StatusCode, from)
		resp, _ = b.visit(b.URL+"/", form("do", "pay", "payment", "INV-1"), from...)
		require.Equal(t, http.StatusForbidden, resp.StatusCode, from)
	}
	require.Equal(t, "pending", b.Status("INV-1"))
	b.visit(page, form("do", "pay"), "Sec-Fetch-Site", "same-origin")
	require.Equal(t, "paid", b.Status("INV-1"))
	resp, css := b.visit(b.URL+"/style.css", nil)
	require.Equal(t, "text/css; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Contains(t, css, "@media")
}

func TestPagesEscape(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ref := `<script>alert("1")</script>`
	page := b.pageOf(ref, byVA)
	b.ok(b.FailPayment(ref, "<b>bad</b>"))
	for _, path := range []string{page, b.URL + "/", b.URL + "/?note=%3Cscript%3E"} {
		_, html := b.visit(path, nil)
		require.NotContains(t, html, "<script")
		require.NotContains(t, html, "<b>bad")
		require.Contains(t, html, "&lt;script&gt;")
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithURL("http://fazz.test/sim"))
	_, html := b.visit(b.URL+"/", nil)
	require.Contains(t, html, "No payments yet")
	require.Contains(t, html, `href="/sim/style.css"`)

	use := func(ref, verb string) string {
		resp, html := b.visit(b.URL+"/", form("payment", ref, "do", verb))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return html
	}
	has := func(html, verb string) bool { return strings.Contains(html, `value="`+verb+`"`) }
	b.pay("INV-1", byVA)
	_, html = b.visit(b.URL+"/", nil)
	for _, verb := range []string{"pay", "process", "fail", "expire", "cancel", "resend"} {
		require.True(t, has(html, verb), verb)
	}
	require.False(t, has(html, "complete"))
	html = use("INV-1", "process")
	require.False(t, has(html, "cancel") || has(html, "expire") || has(html, "process"))
	html = use("INV-1", "pay")
	require.True(t, has(html, "complete"))
	require.Contains(t, html, "waiting")
	require.False(t, has(use("INV-1", "complete"), "complete"))
	use("INV-1", "resend")
	require.Equal(t, "paid completed completed completed completed", b.words())
	require.Contains(t, use("INV-1", "pay"), "cannot be paid: it is completed", "the reason is shown")
	require.Contains(t, use("unknown", "pay"), "no payment with referenceId")

	for _, verb := range []string{"fail", "expire", "cancel"} {
		b.pay(verb, byQRIS)
		use(verb, verb)
	}
	b.answer = http.StatusNotFound
	require.Equal(t, "failed expired cancelled", b.words())
	html = use("expire", "late")
	require.Contains(t, html, "404 Not Found")
	require.Contains(t, html, "200 OK")
	require.Contains(t, html, `href="/sim/pay/contract_`)
	require.Less(t, strings.Index(html, "<b>cancel</b>"), strings.Index(html, "<b>INV-1</b>"), "newest first")
	require.Equal(t, "paid", b.words())

	b.visit(b.URL+"/", form("callback", "1", "do", "replay"))
	got := b.delivered()
	require.Len(t, got, 1)
	require.Equal(t, "paid", got[0].status())
	_, html = b.visit(b.URL+"/", form("callback", "x", "do", "replay"))
	require.Contains(t, html, "no callback 0")
	resp, _ := b.visit(b.URL+"/", form("payment", "INV-1", "do", "steal"))
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	resp, _ = b.visit(b.URL+"/nothing", nil)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	b.Notify("http://gone.test/", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	b.ok(b.Resend("INV-1", 1))
	b.delivered()
	_, html = b.visit(b.URL+"/", nil)
	require.Contains(t, html, "no answer")
}

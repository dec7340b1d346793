package midtranstest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

func TestPageOfALink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("link", `"title":"<b>Concert</b>"`, `"customer_required":true`, finish,
		`"item_details":[{"name":"<script>alert(1)</script>","price":15000,"quantity":2}]`)
	status, html := b.visit(page, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, html, "Rp30.000")
	require.Contains(t, html, "&lt;b&gt;Concert&lt;/b&gt;")
	require.Contains(t, html, "&lt;script&gt;")
	require.NotContains(t, html, "<script")
	for _, name := range []string{"first_name", "email", "phone"} {
		require.Contains(t, html, `name="`+name+`"`)
	}
	status, html = b.visit(page, form("first_name", "Siti", "email", " ", "phone", "0811"))
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, html, "E-mail is missing")
	require.Empty(t, b.Orders())

	_, html = b.visit(page, form("first_name", "Siti", "email", "siti@example.com", "phone", "0811"))
	require.Contains(t, html, "Choose how to pay")
	require.Contains(t, html, "Rp30.000")
	o := b.Orders()[0]
	_, html = b.visit(b.URL+"/snap/v4/redirection/"+o.Pages[0].Token, form("do", "card", "card", "4811111111111114"))
	require.Contains(t, html, "Payment successful")
	require.Contains(t, html, "https://shop.example/thanks?lang=id&amp;order_id="+o.ID)
	require.Equal(t, "capture", b.words())

	status, html = b.visit(b.URL+"/payment-links/nobody", nil)
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, html, "does not exist")
}

func TestPageAsksForWhatIsRequired(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, html := b.visit(b.link("link", `"customer_details":{"first_name":"J","email":"j@example.com","phone":"1","customer_details_required_fields":["phone"]}`), nil)
	require.Contains(t, html, `name="phone"`)
	require.NotContains(t, html, `name="email"`)
	_, html = b.visit(b.link("plain"), nil)
	require.Contains(t, html, "Pay plain")
	require.NotContains(t, html, "<input")
}

func TestPageAsksForAnAmount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("tips", `"payment_link_type":"DYNAMIC_AMOUNT"`, `"dynamic_amount":{"min_amount":5000,"max_amount":50000,"preset_amount":10000}`)
	_, html := b.visit(page, nil)
	require.Contains(t, html, `value="10000" min="5000" max="50000"`)
	require.Contains(t, html, "From Rp5.000 to Rp50.000.")
	for amount, want := range map[string]string{
		"": "whole rupiah", "x": "whole rupiah", "10000.50": "whole rupiah", "99999999999999999999": "whole rupiah",
		"4999": "must be from Rp5.000 to Rp50.000", "50001": "must be from", "-5000": "must be from",
	} {
		status, html := b.visit(page, form("amount", amount))
		require.Equal(t, http.StatusUnprocessableEntity, status, amount)
		require.Contains(t, html, want, amount)
	}
	require.Empty(t, b.Orders())
	_, html = b.visit(page, form("amount", " 5000 "))
	require.Contains(t, html, "Rp5.000")
	ref := b.Orders()[0].ID
	b.ok(b.Pay(ref))
	require.Equal(t, "5000.00", b.status(ref).text("gross_amount"))
}

// The page is at the host of Snap, the calls are at that of the Core API.
func TestHostsOfLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithURL("http://midtrans.test"))
	b.link("link")
	for host, want := range map[string]int{"app.midtrans.com": http.StatusOK, "api.midtrans.com": http.StatusNotFound} {
		require.Equal(t, want, b.at(host, "/payment-links/page-of-link"), host)
		require.Equal(t, http.StatusOK+http.StatusNotFound-want, b.at(host, "/v1/payment-links/link"), host)
	}
}

package midtranstest_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// linkBody is a request for a link of 30,000 rupiah. more are further fields.
func linkBody(id, linkID string, more ...string) string {
	fields := append([]string{fmt.Sprintf(
		`"transaction_details":{"order_id":%q,"gross_amount":30000,"payment_link_id":%q}`, id, linkID)}, more...)
	return "{" + strings.Join(fields, ",") + "}"
}

// link makes a link, and returns the address of its page.
func (b *bench) link(id string, more ...string) string {
	b.t.Helper()
	status, got := b.call(http.MethodPost, "/v1/payment-links", linkBody(id, "page-of-"+id, more...))
	require.Equal(b.t, http.StatusOK, status, got)
	require.Equal(b.t, object{"order_id": id, "payment_url": b.URL + "/payment-links/page-of-" + id}, got)
	return got.text("payment_url")
}

func (b *bench) usage(id string) int {
	b.t.Helper()
	status, got := b.call(http.MethodGet, "/v1/payment-links/"+id, "")
	require.Equal(b.t, http.StatusOK, status)
	n, ok := got["usage"].(float64)
	require.True(b.t, ok)
	return int(n)
}

func TestLinkLookUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("link", `"usage_limit":5`, `"enabled_payments":["gopay"]`, `"credit_card":{"secure":true,"whitelist_bins":["bni"]}`,
		`"expiry":{"start_time":"2026-05-06 10:00 +0700","duration":30,"unit":"days"}`,
		`"item_details":[{"id":"i","name":"Ticket","price":15000,"quantity":2}]`,
		`"customer_details":{"first_name":"John","email":"john@example.com","phone":"0811"}`)
	status, got := b.call(http.MethodGet, "/v1/payment-links/link", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, object{
		"id": "1", "payment_link_url": page, "order_id": "link", "merchant_id": "G000000001", "payment_link_id": "page-of-link",
		"enabled_payments": []any{"gopay"}, "usage_limit": 5.0, "usage": 0.0, "gross_amount": 30000.0, "credit_card_3d_secure": true,
		"whitelist_bins": []any{"bni"}, "expiry_start": "2026-05-06 10:00 +0700", "expiry_duration": 30.0, "expiry_unit": "days",
		"item_details":     []any{map[string]any{"id": "i", "name": "Ticket", "price": 15000.0, "quantity": 2.0}},
		"customer_details": map[string]any{"first_name": "John", "email": "john@example.com", "phone": "0811"}, "purchases": []any{},
	}, got)

	// What is not stated.
	status, got = b.call(http.MethodPost, "/v1/payment-links", linkBody("plain", ""))
	require.Equal(t, http.StatusOK, status)
	require.Regexp(t, `/payment-links/[a-z0-9-]{36}$`, got.text("payment_url"))
	_, got = b.call(http.MethodGet, "/v1/payment-links/plain", "")
	require.Equal(t, []any{}, got["item_details"])
	require.NotContains(t, got, "expiry_start")
	require.Equal(t, 1.0, got["usage_limit"])
}

func TestLinkRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.link("taken")
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{409, linkBody("taken", "free"), "The Order ID 'taken' has been taken"},
		{400, linkBody("free", "page-of-taken"), "This Payment Link ID 'page-of-taken' has been taken"},
	} {
		status, got := b.call(http.MethodPost, "/v1/payment-links", c.body)
		require.Equal(t, c.status, status)
		require.Equal(t, object{"error_messages": []any{c.want}}, got)
	}
	long := strings.Repeat("x", 300)
	for body, want := range map[string]string{
		``:     "Invalid JSON data provided.",
		`null`: "Invalid JSON data provided.",
		`{`:    "Invalid JSON data provided.",
		linkBody("o", "x", `"enabled_payments":"gopay"`): "Invalid JSON data provided.",
		linkBody("o", "x", `"payment_link_type":7`):      "Invalid JSON data provided.",
		`{}`: "transaction_details.order_id is required",
		`{"transaction_details":{"order_id":"o"}}`:                                 "transaction_details.gross_amount is required",
		`{"transaction_details":{"order_id":"o","gross_amount":0}}`:                "greater than or equal to 0.01",
		linkBody("a/b", "x"):                                                       "transaction_details.order_id contains",
		linkBody(long[:51], "x"):                                                   "transaction_details.order_id too long",
		linkBody("o", "Big"):                                                       "payment_link_id must only contain alphanumeric characters [a-z, 0-9] and hyphens [-]",
		linkBody("o", "a_b"):                                                       "payment_link_id must only contain",
		linkBody("o", long[:51]):                                                   "transaction_details.payment_link_id too long",
		linkBody("o", "x", `"title":"`+long+`"`):                                   "title too long",
		linkBody("o", "x", `"usage_limit":0`):                                      "usage_limit must be between",
		linkBody("o", "x", `"usage_limit":1000001`):                                "usage_limit must be between",
		linkBody("o", "x", `"usage_limit":"5"`):                                    "usage_limit is not a number",
		linkBody("o", "x", `"custom_field3":"`+long+`"`):                           "custom_field3 too long",
		linkBody("o", "x", `"callbacks":{"finish":"`+long+`"}`):                    "callbacks.finish too long",
		linkBody("o", "x", `"item_details":[{"name":"a","price":1,"quantity":1}]`): "not equal to the sum",
		linkBody("o", "x", `"customer_details":7`):                                 "customer_details is not an object",
		linkBody("o", "x", `"customer_details":{"email":"e","phone":"p"}`):         "customer_details.first_name is required",
		linkBody("o", "x", `"customer_details":{"first_name":"f","email":"e","phone":"123456789012345678901"}`):                          "customer_details.phone too long",
		linkBody("o", "x", `"bca_va":{"va_number":"123456789012"}`):                                                                      "bca_va.va_number must be",
		linkBody("o", "x", `"bni_va":{"va_number":"123456789"}`):                                                                         "bni_va.va_number must be",
		linkBody("o", "x", `"permata_va":{"va_number":"123456789"}`):                                                                     "permata_va.va_number must be",
		linkBody("o", "x", `"bri_va":{"va_number":"12345678901x"}`):                                                                      "bri_va.va_number must be",
		linkBody("o", "x", `"expiry":{"unit":"week","duration":1}`):                                                                      "expiry.unit must be",
		linkBody("o", "x", `"expiry":{"unit":"day","duration":0}`):                                                                       "expiry.duration is out of range",
		linkBody("o", "x", `"expiry":{"unit":"days","duration":9000000000000000000}`):                                                    "expiry.duration is out of range",
		linkBody("o", "x", `"expiry":{"unit":"day","duration":1,"start_time":"soon"}`):                                                   "expiry.start_time format",
		linkBody("o", "x", `"payment_link_type":"OPEN"`):                                                                                 "payment_link_type must be",
		linkBody("o", "x", `"payment_link_type":"DYNAMIC_AMOUNT"`):                                                                       "dynamic_amount is required",
		linkBody("o", "x", `"dynamic_amount":{"min_amount":1,"max_amount":2}`):                                                           "dynamic_amount is for",
		linkBody("o", "x", `"payment_link_type":"DYNAMIC_AMOUNT"`, `"dynamic_amount":{"min_amount":3,"max_amount":2}`):                   "dynamic_amount is out of range",
		linkBody("o", "x", `"payment_link_type":"DYNAMIC_AMOUNT"`, `"dynamic_amount":{"min_amount":1,"max_amount":2,"preset_amount":3}`): "dynamic_amount is out of range",
		linkBody("o", "x", `"payment_link_type":"DYNAMIC_AMOUNT"`, `"dynamic_amount":{"min_amount":1,"max_amount":2}`,
			`"item_details":[{"name":"a","price":30000,"quantity":1}]`): "item_details is not allowed",
	} {
		status, got := b.call(http.MethodPost, "/v1/payment-links", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Contains(t, strings.Join(messages(got), "\n"), want, body)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		status, got := b.call(method, "/v1/payment-links/nobody", "")
		require.Equal(t, http.StatusNotFound, status)
		require.NotEmpty(t, messages(got))
	}
	for _, call := range []string{"GET /v1/payment-links", "POST /v1/payment-links/taken"} {
		method, path, _ := strings.Cut(call, " ")
		status, _ := b.call(method, path, "")
		require.Equal(t, http.StatusMethodNotAllowed, status, call)
	}
}

// A wrong key is told in a plain text, not in a list.
func TestLinkWithAWrongKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, call := range []string{"POST /v1/payment-links", "GET /v1/payment-links/x", "DELETE /v1/payment-links/x"} {
		method, path, _ := strings.Cut(call, " ")
		status, got := b.call(method, path, "", "Authorization", "Basic eDo=")
		require.Equal(t, http.StatusUnauthorized, status, call)
		require.Equal(t, object{"error_messages": "Access denied due to unauthorized request"}, got)
	}
}

func TestLinkFaults(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for kind, want := range map[simkit.Kind]int{simkit.Down: 500, simkit.Throttled: 429, simkit.Refused: 400} {
		b.Fail(simkit.Fault{Kind: kind, Op: "create_link"})
		status, _ := b.call(http.MethodPost, "/v1/payment-links", linkBody("o", "x"))
		require.Equal(t, want, status, kind)
	}
	b.Fail(simkit.Fault{Kind: simkit.Refused, Op: "delete_link"})
	b.link("link")
	status, _ := b.call(http.MethodDelete, "/v1/payment-links/link", "")
	require.Equal(t, http.StatusNotFound, status)
	require.Zero(t, b.usage("link"), "it is still there")
}

func TestPayLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.link("link", `"usage_limit":2`, `"custom_field1":"link"`, `"custom_field2":"two"`)
	ref, err := b.PayLink("link", midtranstest.By("bca_va"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("link-%d", start.UnixMilli()), ref)
	origin, ok := midtrans.LinkOf(ref)
	require.True(t, ok)
	require.Equal(t, "link", origin)

	got := b.delivered()
	require.Len(t, got, 2)
	for i, status := range []string{"pending", "settlement"} {
		body := got[i].body
		require.Equal(t, status, body.text("transaction_status"))
		require.Equal(t, ref, body.text("order_id"))
		require.Equal(t, "30000.00", body.text("gross_amount"))
		require.Equal(t, "link", body.text("custom_field1"))
		require.Equal(t, "two", body.text("custom_field2"))
		require.Equal(t, "page-of-link", body.text("payment_link_id"))
		_, err := midtrans.Snap(b.Config()).ReadNotification(notification(got[i].raw))
		require.NoError(t, err)
	}
	require.Equal(t, "page-of-link", b.status(ref).text("payment_link_id"))

	other, err := b.PayLink("link", midtranstest.Amount("1.00"), midtranstest.Currency("USD"))
	require.NoError(t, err)
	require.NotEqual(t, ref, other, "in the same millisecond")
	require.Equal(t, "1.00 USD", b.transaction(other).Gross+" "+b.transaction(other).Currency)
	require.Equal(t, 2, b.usage("link"))
	_, err = b.PayLink("link")
	require.ErrorContains(t, err, "used up")
	_, err = b.PayLink("link", midtranstest.Late())
	require.NoError(t, err)
	require.Equal(t, 3, b.usage("link"), "over its limit")

	before := len(b.Orders())
	for _, opts := range [][]midtranstest.PayOption{
		{midtranstest.By("cash")}, {midtranstest.Card("1")}, {midtranstest.Amount("1")},
	} {
		_, err = b.PayLink("link", append(opts, midtranstest.Late())...)
		require.Error(t, err)
	}
	_, err = b.PayLink("nobody")
	require.ErrorContains(t, err, `no payment link "nobody"`)
	require.Len(t, b.Orders(), before, "nothing was begun")
	require.Error(t, b.Pay("link"), "a link is no order")
}

func TestPayLinkByCard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.link("link", `"usage_limit":9`)
	ref, err := b.PayLink("link", midtranstest.By("credit_card"))
	require.NoError(t, err)
	require.Equal(t, "capture", b.transaction(ref).Status)
	ref, err = b.PayLink("link", midtranstest.Card("4911111111111113"))
	require.NoError(t, err)
	require.Equal(t, "deny", b.transaction(ref).Status)
	require.Equal(t, 1, b.usage("link"), "what was denied takes none")
	require.Equal(t, "capture deny", b.words())
}

// The form in which the documentation shows a link's notification.
func TestNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.link("link")
	_, err := b.PayLink("link")
	require.NoError(t, err)
	sent := b.Take()
	require.Len(t, sent, 2)
	for i, code := range []string{`"status_code":201`, `"status_code":200`} {
		raw := string(midtranstest.Numbers(sent[i]).Body)
		require.Contains(t, raw, code+",")
		require.Contains(t, raw, `"gross_amount":30000,`)
		require.NotContains(t, string(sent[i].Body), code+",", "the original is as it was")
		n, err := midtrans.Snap(b.Config()).ReadNotification(notification(raw))
		require.NoError(t, err, "signed over the texts")
		require.EqualValues(t, 30_000, n.Amount.Amount)
	}
	require.Equal(t, "x", string(midtranstest.Numbers(simkit.Sent{Body: []byte("x")}).Body))
}

func TestLinkOfAnyAmount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const kind = `"payment_link_type":"DYNAMIC_AMOUNT"`
	b.link("tips", kind, `"dynamic_amount":{"min_amount":5000,"max_amount":50000,"preset_amount":10000}`, `"usage_limit":9`)
	b.link("open", kind, `"dynamic_amount":{"min_amount":5000,"max_amount":50000}`)
	for _, c := range []struct {
		link string
		opts []midtranstest.PayOption
		want string
	}{
		{"tips", nil, "10000.00"},
		{"open", nil, "5000.00"},
		{"tips", []midtranstest.PayOption{midtranstest.Amount("25000.00")}, "25000.00"},
	} {
		ref, err := b.PayLink(c.link, c.opts...)
		require.NoError(t, err)
		got := b.delivered()
		require.Len(t, got, 2)
		require.Equal(t, c.want, got[0].body.text("gross_amount"), "already when it is pending")
		require.Equal(t, c.want, b.status(ref).text("gross_amount"))
	}
}

// A pending try holds a use until it expires.
func TestLinkUsage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("link", `"custom_field1":"link"`)
	_, html := b.visit(page, form())
	require.Contains(t, html, "Choose how to pay")
	_, second := b.visit(page, form())
	require.Contains(t, second, "Choose how to pay", "who has chosen nothing holds nothing")
	orders := b.Orders()
	require.Len(t, orders, 2)
	pageOf := func(i int) string { return b.URL + "/snap/v4/redirection/" + orders[i].Pages[0].Token }

	b.visit(pageOf(0), form("do", "choose", "method", "gopay"))
	require.Equal(t, "pending", b.words())
	require.Equal(t, 1, b.usage("link"))
	status, html := b.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "used up")
	status, _ = b.visit(pageOf(1), form("do", "choose", "method", "gopay"))
	require.Equal(t, http.StatusGone, status, "the other payer came too late")

	b.clock.Advance(15 * time.Minute)
	require.Zero(t, b.usage("link"))
	got := b.delivered()
	require.Len(t, got, 1)
	require.Equal(t, "expire link", got[0].body.text("transaction_status")+" "+got[0].body.text("custom_field1"))
	b.visit(pageOf(1), form("do", "choose", "method", "gopay"))
	b.visit(pageOf(1), form("do", "pay", "transaction", b.transaction(orders[1].ID).ID))
	require.Equal(t, "pending settlement", b.words())
	require.Equal(t, 1, b.usage("link"))
	status, _ = b.visit(pageOf(0), nil)
	require.Equal(t, http.StatusGone, status)
}

func TestLinkOpensAndExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("link", `"usage_limit":9`, `"expiry":{"start_time":"2026-05-06 11:00:00 +0700","duration":2,"unit":"hours"}`)
	status, html := b.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "not open yet")
	b.clock.Advance(time.Hour)
	b.visit(page, form())
	b.visit(page, form())
	orders := b.Orders()
	b.ok(b.Choose(orders[0].ID, midtranstest.By("bca_va")))
	b.clock.Advance(2*time.Hour - time.Second)
	status, _ = b.visit(page, nil)
	require.Equal(t, http.StatusOK, status)
	b.clock.Advance(time.Second)
	status, html = b.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "expired")
	require.Error(t, b.Choose(orders[1].ID))
	_, err := b.PayLink("link")
	require.ErrorContains(t, err, "expired")
	b.ok(b.Pay(orders[0].ID)) // who has begun may still pay
	require.Equal(t, "pending settlement", b.words())
}

func TestDeleteLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := b.link("link", `"usage_limit":9`)
	b.visit(page, form())
	b.visit(page, form())
	orders := b.Orders()
	b.ok(b.Choose(orders[0].ID))
	status, got := b.call(http.MethodDelete, "/v1/payment-links/link", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, object{"message": fmt.Sprintf("Payment Link with Order ID link-%d deleted", start.Unix())}, got)
	for _, method := range []string{http.MethodDelete, http.MethodGet} {
		status, _ = b.call(method, "/v1/payment-links/link", "")
		require.Equal(t, http.StatusNotFound, status)
	}
	status, _ = b.call(http.MethodPost, "/v1/payment-links", linkBody("link", "new"))
	require.Equal(t, http.StatusConflict, status, "an id is used once")
	status, html := b.visit(page, form())
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "deleted")
	require.Error(t, b.Choose(orders[1].ID))
	b.ok(b.Pay(orders[0].ID))
	require.Equal(t, "pending settlement", b.words())
}

func TestLinkSurvivesInTheStateFile(t *testing.T) {
	t.Parallel()
	file := midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json"))
	first := newBench(t, file)
	first.link("link", `"usage_limit":2`, `"custom_field1":"link"`)
	page := first.link("deleted")
	first.call(http.MethodDelete, "/v1/payment-links/deleted", "")
	ref, err := first.PayLink("link")
	require.NoError(t, err)
	want := first.Orders()

	second := newBench(t, file)
	require.Equal(t, want, second.Orders())
	require.Equal(t, 1, second.usage("link"))
	require.Equal(t, "page-of-link", second.status(ref).text("payment_link_id"))
	status, _ := second.visit(page, nil)
	require.Equal(t, http.StatusGone, status)
	_, err = second.PayLink("link")
	require.NoError(t, err)
	_, err = second.PayLink("link")
	require.ErrorContains(t, err, "used up")
}

package midtrans

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

const linkRef = "0196a7b2-0000-7000-8000-00000000000a"

func linkRequest() payments.LinkRequest {
	made := at("2026-05-01T03:00:20.5Z")
	return payments.LinkRequest{
		Ref: linkRef, Title: "Concert", Amount: payments.IDR(190_000), UsageLimit: 5,
		Lines:     []payments.Line{{Item: payments.Item{ID: "tix-001", Name: "Day 1", Price: payments.IDR(95_000)}, Quantity: 2}},
		CreatedAt: made, ExpiresAt: made.Add(30 * 24 * time.Hour), ReturnURL: "https://shop.example/thanks",
	}
}

const linkMade = `{"order_id":"` + linkRef + `","payment_url":"https://app.sandbox.midtrans.com/payment-links/concert"}`

func TestCreateLink(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, linkMade))
	for range 2 { // asked again, it asks for the very same
		page, err := f.CreateLink(context.Background(), linkRequest())
		require.NoError(t, err)
		require.Equal(t, "https://app.sandbox.midtrans.com/payment-links/concert", page)
		call := f.last(t)
		require.Equal(t, "POST /api/v1/payment-links", call.Method+" "+call.URL.Path)
		user, _, _ := call.BasicAuth()
		require.Equal(t, testKey, user)
		require.JSONEq(t, `{
			"transaction_details":{"order_id":"`+linkRef+`","gross_amount":190000,"payment_link_id":"`+linkRef+`"},
			"title":"Concert","payment_link_type":"FIXED_AMOUNT","usage_limit":5,"custom_field1":"`+linkRef+`",
			"item_details":[{"id":"tix-001","name":"Day 1","price":95000,"quantity":2}],
			"credit_card":{"secure":true},
			"callbacks":{"finish":"https://shop.example/thanks"},
			"expiry":{"start_time":"2026-05-01 10:00:20 +0700","unit":"minute","duration":43200}
		}`, call.body)
	}
}

func TestCreateLinkOfAnyAmount(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, linkMade))
	r := payments.LinkRequest{Ref: "tip-jar", UsageLimit: 1_000_000, Min: payments.IDR(5_000), Max: payments.IDR(50_000)}
	for suggested, want := range map[int64]string{
		0:      `"gross_amount":5000,"payment_link_id":"tip-jar"},"dynamic_amount":{"min_amount":5000,"max_amount":50000}`,
		10_000: `"gross_amount":10000,"payment_link_id":"tip-jar"},"dynamic_amount":{"min_amount":5000,"max_amount":50000,"preset_amount":10000}`,
	} {
		if r.Amount = (payments.Money{}); suggested > 0 {
			r.Amount = payments.IDR(suggested)
		}
		_, err := f.CreateLink(context.Background(), r)
		require.NoError(t, err)
		require.JSONEq(t, `{"transaction_details":{"order_id":"tip-jar",`+want+`,
			"payment_link_type":"DYNAMIC_AMOUNT","usage_limit":1000000,"custom_field1":"tip-jar","credit_card":{"secure":true}}`, f.last(t).body)
	}
}

// everyLinkOption is each option that there is.
const everyLinkOption = `{
	"item_details":[{"id":"pil-001","name":"Pillow","price":95000,"quantity":2,"brand":"Midtrans","category":"Furniture","merchant_name":"PT. Midtrans"}],
	"customer_details":{"first_name":"John","last_name":"Doe","email":"john@example.com","phone":"+62181000000000","notes":"Thank you.",
		"customer_details_required_fields":["first_name","phone","email"]},
	"customer_required":true,
	"enabled_payments":["credit_card","bca_va","indomaret"],
	"credit_card":{"secure":false,"bank":"bca","channel":"migs","type":"authorize_capture","whitelist_bins":["48111111","bni"],
		"installment":{"required":true,"terms":{"bni":[3,6,12],"offline":[6,12]}}},
	"bca_va":{"va_number":"12345678901"},"bni_va":{"va_number":"12345678"},"permata_va":{"va_number":"1234567890"},"bri_va":{"va_number":"1234567890123"},
	"callbacks":{"finish":"https://shop.example/done"},
	"expiry":{"start_time":"2022-04-01 18:00 +0700","duration":20,"unit":"days"},
	"custom_field2":"2","custom_field3":"3"
}`

func TestLinkExtraReachesEverything(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, linkMade))
	r := linkRequest()
	r.Extra = json.RawMessage(strings.Replace(everyLinkOption, "{", `{"payment_link_id":"concert",`, 1))
	_, err := f.CreateLink(context.Background(), r)
	require.NoError(t, err)
	var got, want map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &got))
	require.NoError(t, json.Unmarshal([]byte(everyLinkOption), &want))
	require.Equal(t, map[string]any{"order_id": r.Ref, "gross_amount": 190000.0, "payment_link_id": "concert"}, got["transaction_details"])
	require.Equal(t, r.Ref, got["custom_field1"])
	for _, name := range []string{"transaction_details", "title", "payment_link_type", "usage_limit", "custom_field1"} {
		delete(got, name)
	}
	require.Equal(t, want, got)
}

func TestCreateLinkRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, linkMade))
	long := func(n int) string { return strings.Repeat("x", n) }
	extra := func(s string) func(*payments.LinkRequest) {
		return func(r *payments.LinkRequest) { r.Extra = json.RawMessage(s) }
	}
	between := func(least, most, suggested payments.Money) func(*payments.LinkRequest) {
		return func(r *payments.LinkRequest) { r.Min, r.Max, r.Amount, r.Lines = least, most, suggested, nil }
	}
	for _, c := range []struct {
		field  string
		change func(*payments.LinkRequest)
	}{
		{"ref", func(r *payments.LinkRequest) { r.Ref = "" }},
		{"ref", func(r *payments.LinkRequest) { r.Ref = long(37) }},
		{"ref", func(r *payments.LinkRequest) { r.Ref = "A" }},
		{"ref", func(r *payments.LinkRequest) { r.Ref = "a.b" }},
		{"title", func(r *payments.LinkRequest) { r.Title = long(256) }},
		{"usage_limit", func(r *payments.LinkRequest) { r.UsageLimit = 0 }},
		{"usage_limit", func(r *payments.LinkRequest) { r.UsageLimit = 1_000_001 }},
		{"amount.amount", func(r *payments.LinkRequest) { r.Amount = payments.IDR(0) }},
		{"amount.currency", func(r *payments.LinkRequest) { r.Amount.Currency = "USD" }},
		{"amount", func(r *payments.LinkRequest) { r.Amount = payments.IDR(189_999) }},
		{"max", func(r *payments.LinkRequest) { r.Min = payments.IDR(1) }},
		{"min.amount", between(payments.IDR(0), payments.IDR(5), payments.Money{})},
		{"min.currency", between(payments.Money{}, payments.IDR(5), payments.Money{})},
		{"max.currency", between(payments.IDR(1), payments.Money{Amount: 5, Currency: "USD"}, payments.Money{})},
		{"max", between(payments.IDR(6), payments.IDR(5), payments.Money{})},
		{"amount", between(payments.IDR(5), payments.IDR(9), payments.IDR(4))},
		{"amount", between(payments.IDR(5), payments.IDR(9), payments.IDR(10))},
		{"amount.currency", between(payments.IDR(5), payments.IDR(9), payments.Money{Amount: 6, Currency: "USD"})},
		{"lines", func(r *payments.LinkRequest) { r.Min, r.Max = payments.IDR(5), payments.IDR(190_000) }},
		{"return_url", func(r *payments.LinkRequest) { r.ReturnURL = long(256) }},
		{"expires_at", func(r *payments.LinkRequest) { r.ExpiresAt = r.CreatedAt }},
		{"extra.custom_field1", extra(`{"custom_field1":"x"}`)},
		{"extra.usage_limit", extra(`{"usage_limit":1}`)},
		{"extra", extra(`[]`)},
		{"extra.payment_link_id", extra(`{"payment_link_id":"Big"}`)},
		{"extra.payment_link_id", extra(`{"payment_link_id":"` + long(51) + `"}`)},
		{"extra.item_details", extra(`{"item_details":[{"name":"a","price":1,"quantity":1}]}`)},
		{"extra.item_details[0].name", extra(`{"item_details":[{"price":190000,"quantity":1}]}`)},
		{"extra.item_details[0].quantity", extra(`{"item_details":[{"name":"a","price":190000}]}`)},
		{"extra.customer_details.first_name", extra(`{"customer_details":{"first_name":"` + long(51) + `"}}`)},
		{"extra.customer_details.email", extra(`{"customer_details":{"email":"` + long(51) + `"}}`)},
		{"extra.customer_details.phone", extra(`{"customer_details":{"phone":"` + long(21) + `"}}`)},
		{"extra.customer_details.notes", extra(`{"customer_details":{"notes":"` + long(256) + `"}}`)},
		{"extra.credit_card.type", extra(`{"credit_card":{"type":"sale"}}`)},
		{"extra.bca_va.va_number", extra(`{"bca_va":{"va_number":"123456789012"}}`)},
		{"extra.bni_va.va_number", extra(`{"bni_va":{"va_number":"123456789"}}`)},
		{"extra.permata_va.va_number", extra(`{"permata_va":{"va_number":"123456789"}}`)},
		{"extra.bri_va.va_number", extra(`{"bri_va":{"va_number":"12345678901234"}}`)},
		{"extra.callbacks.finish", extra(`{"callbacks":{"finish":"` + long(256) + `"}}`)},
		{"extra.expiry.unit", extra(`{"expiry":{"unit":"week","duration":1}}`)},
		{"extra.expiry.start_time", extra(`{"expiry":{"start_time":"soon","unit":"day","duration":1}}`)},
		{"extra.custom_field2", extra(`{"custom_field2":"` + long(256) + `"}`)},
	} {
		r := linkRequest()
		c.change(&r)
		_, err := f.CreateLink(context.Background(), r)
		requireInvalid(t, err, c.field)
	}
	for _, ref := range []string{"", ".", "..", "a/b", "a b", strings.Repeat("x", 51)} {
		_, err := f.Link(context.Background(), ref)
		requireInvalid(t, err, "ref")
		requireInvalid(t, f.DeleteLink(context.Background(), ref), "ref")
	}
	require.Zero(t, f.count())
}

const (
	orderTaken = `{"error_messages":["The Order ID '` + linkRef + `' has been taken"]}`
	idTaken    = `{"error_messages":["This Payment Link ID 'x' has been taken"]}`
)

// The answer to the first call was lost: the second finds the link there.
func TestCreateLinkAgain(t *testing.T) {
	t.Parallel()
	link := func(id string, amount string) string {
		return `{"payment_link_id":"` + id + `","gross_amount":` + amount + `}`
	}
	const other = `{"payment_link_id":"concert"}`
	for name, c := range map[string]struct {
		refused int
		body    string
		extra   string
		read    int
		link    string
		want    string // last part of the URL; "" for an error
		is      error
		retry   bool
	}{
		"cannot be read":             {409, orderTaken, "", 404, `{"error_messages":["not found"]}`, linkRef, nil, false},
		"cannot be read, no JSON":    {409, orderTaken, "", 404, `<html>`, linkRef, nil, false},
		"with a name of its own":     {409, orderTaken, other, 404, ``, "concert", nil, false},
		"the same":                   {409, orderTaken, "", 200, link(linkRef, `190000`), linkRef, nil, false},
		"the same, in text":          {409, orderTaken, "", 200, link(linkRef, `"190000.00"`), linkRef, nil, false},
		"another amount":             {409, orderTaken, "", 200, link(linkRef, `190001`), "", payments.ErrWrongState, false},
		"another name":               {409, orderTaken, other, 200, link(linkRef, `190000`), "", payments.ErrWrongState, false},
		"nobody knows":               {409, orderTaken, "", 500, `{"error_messages":["Sorry"]}`, "", payments.ErrOutcomeUnknown, true},
		"our id is taken":            {400, idTaken, "", 404, ``, linkRef, nil, false},
		"our name is taken, by us":   {400, idTaken, other, 200, link("concert", `190000`), "concert", nil, false},
		"our name is taken, by whom": {400, idTaken, other, 404, ``, "", payments.Invalid("", ""), false},
	} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				answers(c.refused, c.body)(w, r)
				return
			}
			answers(c.read, c.link)(w, r)
		})
		r := linkRequest()
		r.Extra = json.RawMessage(c.extra)
		page, err := f.CreateLink(context.Background(), r)
		if c.want != "" {
			require.NoError(t, err, name)
			require.Equal(t, f.config.SnapURL+"/payment-links/"+c.want, page, name)
			continue
		}
		require.Empty(t, page, name)
		e := requireGatewayError(t, err)
		require.Equal(t, c.retry, e.Retry, name)
		if _, ok := c.is.(*payments.InvalidError); ok { //nolint:errorlint // of the table
			requireInvalid(t, err, "extra.payment_link_id")
		} else {
			require.ErrorIs(t, err, c.is, name)
		}
	}
}

func TestLinkFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		http           int
		body           string
		is             error
		retry, unknown bool // of what changes something
		says           string
	}{
		"wrong key, plain text": {401, `{"error_messages":"Access denied due to unauthorized request"}`, errKey, false, false, "Access denied"},
		"wrong key, a list":     {401, `{"error_messages":["Access denied"]}`, errKey, false, false, "Access denied"},
		"validation":            {400, `{"error_messages":["Invalid JSON data provided.","title is too long"]}`, nil, false, false, "provided.; title"},
		"validation, in text":   {400, `{"error_messages":"usage_limit must be positive"}`, nil, false, false, "usage_limit"},
		"rate limit":            {429, `{"message":"API rate limit exceeded"}`, nil, true, false, "rate limit"},
		"trouble":               {500, `{"error_messages":["Internal Server Error"]}`, nil, true, true, "Internal"},
		"empty":                 {200, ``, nil, true, true, "not one of Midtrans's"},
		"page":                  {200, `<html>`, nil, true, true, "not one of Midtrans's"},
		"moved":                 {301, ``, nil, true, true, "redirects"},
	} {
		f := serve(t, answers(c.http, c.body))
		_, created := f.CreateLink(context.Background(), linkRequest())
		_, read := f.Link(context.Background(), linkRef)
		deleted := f.DeleteLink(context.Background(), linkRef)
		for op, err := range map[string]error{"create link": created, "get link": read, "delete link": deleted} {
			e := requireGatewayError(t, err)
			require.Equal(t, op, e.Op, name)
			require.Equal(t, c.http, e.HTTPStatus, name)
			require.Equal(t, c.retry, e.Retry, name)
			require.ErrorContains(t, err, c.says, name)
			if c.is != nil {
				require.ErrorIs(t, err, c.is, name)
			}
			require.Equal(t, c.unknown && op != "get link", errors.Is(err, payments.ErrOutcomeUnknown), "%s: %s", name, op)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	const form = `{"id":"1","payment_link_url":"https://app.sandbox.midtrans.com/payment-links/concert","order_id":"x","payment_link_id":"concert",
		"usage_limit":5,"usage":2,"gross_amount":190000,"expiry_start":"2020-12-31 18:00 +0700","expiry_duration":30,"expiry_unit":"days","purchases":[]}`
	full := payments.LinkPage{
		URL: "https://app.sandbox.midtrans.com/payment-links/concert", Amount: payments.IDR(190_000), UsageLimit: 5, Usage: 2,
		ExpiresAt: at("2021-01-30T11:00:00Z"),
	}
	f := serve(t, answers(http.StatusOK, form))
	page, err := f.Link(context.Background(), linkRef)
	require.NoError(t, err)
	require.Equal(t, full, page)
	require.Equal(t, "GET /api/v1/payment-links/"+linkRef, f.last(t).Method+" "+f.last(t).URL.Path)

	f = serve(t, answers(http.StatusOK, strings.NewReplacer(`5,"usage":2`, `"5","usage":"2"`, `190000`, `"190000.00"`, `:30,`, `:"30",`).Replace(form)))
	page, err = f.Link(context.Background(), linkRef)
	require.NoError(t, err, "numbers may be text")
	require.Equal(t, full, page)

	f = serve(t, answers(http.StatusOK, `{"payment_link_id":"concert","expiry_start":"2020-12-31 18:00 +0700","expiry_duration":99999999999,"expiry_unit":"days"}`))
	page, err = f.Link(context.Background(), linkRef)
	require.NoError(t, err)
	require.Equal(t, payments.LinkPage{URL: f.config.SnapURL + "/payment-links/concert"}, page)

	for _, body := range []string{`{"error_messages":["Not Found"]}`, `{"error_messages":"Not Found"}`, `<html>`, ``} {
		f := serve(t, answers(http.StatusNotFound, body))
		_, err = f.Link(context.Background(), linkRef)
		require.ErrorIs(t, err, payments.ErrNotFound)
		require.False(t, requireGatewayError(t, err).Retry)
		require.Equal(t, 1, f.count())
	}
}

func TestDeleteLink(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, `{"message":"Payment Link with Order ID 1525840754698-1647594290 deleted"}`))
	require.NoError(t, f.DeleteLink(context.Background(), linkRef))
	require.Equal(t, "DELETE /api/v1/payment-links/"+linkRef, f.last(t).Method+" "+f.last(t).URL.Path)
	require.Empty(t, f.last(t).body)

	for _, body := range []string{`{"error_messages":["Not Found"]}`, `{"error_messages":"Not Found"}`, `{}`} {
		err := serve(t, answers(http.StatusNotFound, body)).DeleteLink(context.Background(), linkRef)
		require.ErrorIs(t, err, payments.ErrNotFound)
		require.False(t, requireGatewayError(t, err).Retry)
	}
	err := serve(t, answers(http.StatusNotFound, `<html>`)).DeleteLink(context.Background(), linkRef)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown, "whoever that was")
}

// What was sent and never answered may have made the link.
func TestCreateLinkWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	_, err := f.CreateLink(context.Background(), linkRequest())
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Equal(t, 1, f.count(), "it is not sent twice")
}

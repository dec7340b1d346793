package midtranstest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreateToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, got := b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-1"))
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, []string{"redirect_url", "token"}, got.keys())
	require.Len(t, got.text("token"), 36)
	require.Equal(t, b.URL+"/snap/v4/redirection/"+got.text("token"), got.text("redirect_url"))

	require.Equal(t, "404", b.status("order-1").text("status_code"), "a token is no transaction")
	require.Empty(t, b.delivered())
}

func TestCreateTokenRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	details := `"transaction_details":{"order_id":"o","gross_amount":30000}`
	long := strings.Repeat("x", 300)
	for body, want := range map[string]string{
		``:                    "There was a problem in the JSON you submitted",
		`{`:                   "There was a problem in the JSON you submitted",
		`[]`:                  "There was a problem in the JSON you submitted",
		`{` + details + `}{}`: "There was a problem in the JSON you submitted",
		`{"enabled_payments":"x",` + details + `}`: "There was a problem in the JSON you submitted",

		`null`: "transaction_details.order_id is required",
		`{}`:   "transaction_details.gross_amount is required",
		`{"transaction_details":{"order_id":"o"}}`:                                  "transaction_details.gross_amount is required",
		`{"transaction_details":{"gross_amount":1}}`:                                "transaction_details.order_id is required",
		`{"transaction_details":{"order_id":"","gross_amount":1}}`:                  "transaction_details.order_id is required",
		`{"transaction_details":{"order_id":7,"gross_amount":1}}`:                   "transaction_details.order_id is not a text",
		`{"transaction_details":{"order_id":"a/b","gross_amount":1}}`:               "transaction_details.order_id contains",
		`{"transaction_details":{"order_id":"` + long[:51] + `","gross_amount":1}}`: "transaction_details.order_id too long",
		`{"transaction_details":{"order_id":"o","gross_amount":"30000"}}`:           "transaction_details.gross_amount is not a number",
		`{"transaction_details":{"order_id":"o","gross_amount":0}}`:                 "greater than or equal to 0.01",
		`{"transaction_details":{"order_id":"o","gross_amount":-5}}`:                "greater than or equal to 0.01",
		`{"transaction_details":{"order_id":"o","gross_amount":10.5}}`:              "transaction_details.gross_amount must be an integer",
		`{"transaction_details":{"order_id":"o","gross_amount":1e4}}`:               "transaction_details.gross_amount must be an integer",

		`{` + details + `,"item_details":{}}`:                                                                 "item_details is not an array",
		`{` + details + `,"item_details":[{"name":"Mug","price":29999,"quantity":1}]}`:                        "not equal to the sum of item_details",
		`{` + details + `,"item_details":[{"name":"Mug","price":30000,"quantity":0}]}`:                        "item_details[0].quantity must be",
		`{` + details + `,"item_details":[{"price":30000,"quantity":1}]}`:                                     "item_details[0].name is required",
		`{` + details + `,"item_details":[{"name":"` + long[:51] + `","price":30000,"quantity":1}]}`:          "item_details[0].name too long",
		`{` + details + `,"item_details":[{"name":"Mug","price":"30000","quantity":1}]}`:                      "item_details[0].price is not a number",
		`{` + details + `,"item_details":[{"name":"Mug","price":9000000000000000000,"quantity":9000000000}]}`: "not equal to the sum",

		`{` + details + `,"customer_details":[]}`:                                                         "customer_details is not an object",
		`{` + details + `,"customer_details":{"email":"` + long + `"}}`:                                   "customer_details.email too long",
		`{` + details + `,"customer_details":{"billing_address":{"city":"` + long + `"}}}`:                "customer_details.billing_address.city too long",
		`{` + details + `,"custom_field2":"` + long + `"}`:                                                "custom_field2 too long",
		`{` + details + `,"callbacks":{"finish":"https://` + long + `"}}`:                                 "callbacks.finish too long",
		`{` + details + `,"bca_va":{"va_number":"12345"}}`:                                                "bca_va.va_number must be 6 to 11 digits",
		`{` + details + `,"permata_va":{"va_number":"12345abcde"}}`:                                       "permata_va.va_number must be 10 to 10 digits",
		`{` + details + `,"expiry":{"unit":"fortnight","duration":1}}`:                                    "expiry.unit",
		`{` + details + `,"expiry":{"unit":"minute","duration":0}}`:                                       "expiry.duration is out of range",
		`{` + details + `,"expiry":{"unit":"day","duration":200000}}`:                                     "expiry.duration is out of range",
		`{` + details + `,"expiry":{"unit":"day","duration":1,"start_time":"9999-12-31 10:00:00 +0700"}}`: "expiry.start_time format",
		`{` + details + `,"expiry":{"unit":"minute"}}`:                                                    "expiry.duration is required",
		`{` + details + `,"expiry":{"unit":"day","duration":1,"start_time":"2026-05-06T10:00:00Z"}}`:      "expiry.start_time format",
		`{` + details + `,"page_expiry":{"unit":"minute","duration":4}}`:                                  "page_expiry.duration is out of range",
		`{` + details + `,"page_expiry":{"unit":"days","duration":8}}`:                                    "page_expiry.duration is out of range",
	} {
		status, got := b.call(http.MethodPost, "/snap/v1/transactions", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Equal(t, []string{"error_messages"}, got.keys(), body)
		require.Contains(t, strings.Join(messages(got), "\n"), want, body)
	}
	require.Empty(t, b.Orders(), "nothing was made")
}

func messages(o object) []string {
	var all []string
	list, _ := o["error_messages"].([]any)
	for _, m := range list {
		s, _ := m.(string)
		all = append(all, s)
	}
	return all
}

func TestCreateTokenTakes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, more := range []string{
		`"item_details":[{"id":1,"name":"Mug","price":20000,"quantity":2},{"name":"Discount","price":-10000,"quantity":1}]`,
		`"item_details":[]`,
		`"customer_details":{"first_name":"Sari","email":"sari@example.com","shipping_address":{"city":"Bandung"}}`,
		`"enabled_payments":["gopay","a_method_of_the_future"]`,
		`"expiry":{"start_time":"2026-05-06 10:00:00 +0700","unit":"hours","duration":2}`,
		`"page_expiry":{"unit":"minutes","duration":5}`,
		`"bca_va":{"va_number":"123456"},"permata_va":{"va_number":"1234567890"},"bni_va":{"va_number":"1"}`,
		`"metadata":{"a":[1,{"b":null}]},"custom_field1":"x"`,
		`"unknown_field":true`,
	} {
		b.order("order-"+string(rune('a'+i))+"_~.Z9", more)
	}
}

func TestCreateTokenAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	create := func() (int, object) {
		return b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-1"))
	}
	first := b.order("order-1")
	second := b.order("order-1")
	require.NotEqual(t, first, second)

	refused := func(why string) {
		t.Helper()
		status, got := create()
		require.Equal(t, http.StatusBadRequest, status, why)
		require.Equal(t, []string{"transaction_details.order_id has been paid and utilized, please use another order ID"}, messages(got))
	}
	b.ok(b.Choose("order-1"))
	refused("a transaction is active")
	b.ok(b.Expire("order-1"))
	b.order("order-1")
	b.ok(b.Deny("order-1"))
	b.order("order-1")
	b.ok(b.Pay("order-1"))
	refused("it is paid")
	b.ok(b.RefundFromDashboard("order-1", 0))
	refused("it was paid")
}

func TestSnapAuthorization(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, header := range []string{"", "Basic d3Jvbmc6", "Bearer " + serverKey} {
		status, got := b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-1"), "Authorization", header)
		require.Equal(t, http.StatusUnauthorized, status)
		require.Contains(t, messages(got)[0], "Access denied due to unauthorized transaction")
	}
	status, _ := b.call(http.MethodGet, "/snap/v1/transactions", "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
}

func TestTooLargeARequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	resp, err := b.Client().Do(mustRequest(t, b.URL+"/snap/v1/transactions", strings.Repeat(" ", 1<<20+1)))
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func mustRequest(t *testing.T, url, body string) *http.Request {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth(serverKey, "")
	return req
}

func TestCancelToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cancel := func(token string) (int, object) {
		return b.call(http.MethodPost, "/snap/v1/transactions/"+token+"/cancel", "null")
	}
	token := b.order("order-1")
	status, got := cancel(token)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "2026-05-06T03:00:00.000Z", got.text("canceled_at"))
	require.Error(t, b.Pay("order-1"), "the page is closed")

	_, got = cancel(token)
	require.Equal(t, []string{"token already canceled"}, messages(got))
	_, got = cancel("no-such-token")
	require.Equal(t, []string{"token not found"}, messages(got))

	token = b.order("order-1")
	b.ok(b.Choose("order-1"))
	_, got = cancel(token)
	require.Equal(t, []string{"Transaction is on progress"}, messages(got))

	token = b.order("order-2")
	b.clock.Advance(25 * time.Hour)
	_, got = cancel(token)
	require.Equal(t, []string{"token not found"}, messages(got), "it has expired")
}

package midtranstest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// start is Wednesday, 6 May 2026, 10:00 in Jakarta.
var start = time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)

const serverKey = "SB-Mid-server-test"

// bench is a simulator that does not listen, a clock, and a merchant that
// notes the notifications it gets.
type bench struct {
	*midtranstest.Server
	t     *testing.T
	clock *paymentstest.Clock

	mu       sync.Mutex
	got      []notice
	answer   int           // status of the merchant's answers
	handling func(*notice) // called before a notification is answered
}

// notice is a notification as it arrived.
type notice struct {
	path   string
	header http.Header
	raw    string
	body   object
}

// object is a decoded JSON object.
type object map[string]any

func (o object) text(key string) string { s, _ := o[key].(string); return s }

func (o object) keys() []string { return slices.Sorted(maps.Keys(o)) }

const notifyURL = "http://shop.test/notifications"

func newBench(t *testing.T, opts ...midtranstest.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: paymentstest.NewClock(start), answer: http.StatusOK}
	b.Server = midtranstest.New(append([]midtranstest.Option{
		midtranstest.WithClock(b.clock), midtranstest.WithKeys(serverKey, "SB-Mid-client-test"),
	}, opts...)...)
	b.Notify(notifyURL, b)
	return b
}

// ServeHTTP is the merchant.
func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	n := notice{path: r.URL.Path, header: r.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &n.body)
	if b.handling != nil {
		b.handling(&n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, n)
	w.WriteHeader(b.answer)
}

// call speaks to the API and returns the HTTP status and the body.
func (b *bench) call(method, path, body string, header ...string) (int, object) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.SetBasicAuth(serverKey, "")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Client().Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	var got object
	require.NoError(b.t, json.Unmarshal(raw, &got), "%s", raw)
	require.Equal(b.t, "application/json", resp.Header.Get("Content-Type"))
	return resp.StatusCode, got
}

// order creates a Snap token of 30,000 rupiah and returns it. more are
// further fields of the request.
func (b *bench) order(id string, more ...string) string {
	b.t.Helper()
	status, got := b.call(http.MethodPost, "/snap/v1/transactions", orderBody(id, more...))
	require.Equal(b.t, http.StatusCreated, status, got)
	return got.text("token")
}

func orderBody(id string, more ...string) string {
	fields := append([]string{fmt.Sprintf(`"transaction_details":{"order_id":%q,"gross_amount":30000}`, id)}, more...)
	return "{" + strings.Join(fields, ",") + "}"
}

// status is the look-up of an order or transaction.
func (b *bench) status(id string) object {
	b.t.Helper()
	status, got := b.call(http.MethodGet, "/v2/"+id+"/status", "")
	require.Equal(b.t, http.StatusOK, status, "a look-up is always HTTP 200")
	return got
}

// act is a POST about an order or transaction.
func (b *bench) act(id, verb, body string, header ...string) object {
	b.t.Helper()
	status, got := b.call(http.MethodPost, "/v2/"+id+"/"+verb, body, header...)
	require.Equal(b.t, http.StatusOK, status, "%s: %v", verb, got)
	return got
}

// ok fails the test on an error of the simulator's.
func (b *bench) ok(err error) {
	b.t.Helper()
	require.NoError(b.t, err)
}

// delivered delivers, and returns what the merchant got since the last time.
func (b *bench) delivered() []notice {
	b.t.Helper()
	_, err := b.Deliver(b.t.Context())
	require.NoError(b.t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// words are the statuses that were delivered.
func (b *bench) words() string {
	b.t.Helper()
	var words []string
	for _, n := range b.delivered() {
		words = append(words, n.body.text("transaction_status"))
	}
	return strings.Join(words, " ")
}

// transaction is the latest of an order.
func (b *bench) transaction(id string) *midtranstest.Transaction {
	b.t.Helper()
	o, ok := b.Order(id)
	require.True(b.t, ok)
	require.NotEmpty(b.t, o.Transactions)
	return o.Transactions[len(o.Transactions)-1]
}

// visit opens a page, or with a form uses it, and follows redirects.
func (b *bench) visit(url string, form url.Values) (int, string) {
	b.t.Helper()
	var resp *http.Response
	var err error
	if form == nil {
		resp, err = b.Client().Get(url)
	} else {
		resp, err = b.Client().PostForm(url, form)
	}
	require.NoError(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp.StatusCode, string(body)
}

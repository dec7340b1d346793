package fazztest_test

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

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// start is Wednesday, 6 May 2026, 10:00 in Jakarta.
var start = time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)

const (
	apiKey        = "test_mine"
	secretKey     = "test_secret_mine"
	signingSecret = "ss_mine"
	notifyURL     = "http://shop.test/callbacks"
	api           = "/api/v4/payments"
)

// bench is a simulator that does not listen, a clock, and a merchant that
// notes the callbacks it gets.
type bench struct {
	*fazztest.Server
	t     *testing.T
	clock *paymentstest.Clock

	mu       sync.Mutex
	got      []notice
	answer   int          // status of the merchant's answers
	handling func(notice) // called before a callback is answered
}

// notice is a callback as it arrived.
type notice struct {
	path   string
	header http.Header
	raw    string
	body   object
}

func (n notice) status() string { return n.body.at("data.attributes.status") }

// object is a decoded JSON object.
type object map[string]any

// at is the value at a path of keys, as text; "" if there is none.
func (o object) at(path string) string {
	var v any = map[string]any(o)
	for _, key := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		if v = m[key]; v == nil {
			return ""
		}
	}
	return fmt.Sprint(v)
}

func keys(v any) []string {
	m, _ := v.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

func newBench(t *testing.T, opts ...fazztest.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: paymentstest.NewClock(start), answer: http.StatusOK}
	b.Server = fazztest.New(append([]fazztest.Option{
		fazztest.WithClock(b.clock), fazztest.WithKeys(apiKey, secretKey, signingSecret),
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
		b.handling(n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, n)
	w.WriteHeader(b.answer)
}

// request is a call with the right keys and type; header are more of them.
func (b *bench) request(method, path, body string, header ...string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.SetBasicAuth(apiKey, secretKey)
	req.Header.Set("Content-Type", "application/vnd.api+json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// call speaks to the API and returns the HTTP status and the body.
func (b *bench) call(method, path, body string, header ...string) (int, object) {
	b.t.Helper()
	resp, err := b.Client().Do(b.request(method, path, body, header...))
	require.NoError(b.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	var got object
	require.NoError(b.t, json.Unmarshal(raw, &got), "%s", raw)
	require.Equal(b.t, "application/vnd.api+json", resp.Header.Get("Content-Type"))
	return resp.StatusCode, got
}

// Attributes that make up a request.
const (
	byVA     = `"paymentMethodType":"virtual_bank_account","paymentMethodOptions":{"bankShortCode":"BNI","displayName":"TOKO","suffixNo":""}`
	byRetail = `"paymentMethodType":"retail_outlet","paymentMethodOptions":{"retailOutletName":"ALFAMART","displayName":"Nama Tampilan"}`
	byQRIS   = `"paymentMethodType":"qris","paymentMethodOptions":{"displayName":"TOKO"}`
	byShopee = `"paymentMethodType":"e-wallet","paymentMethodOptions":{"providerCode":"SHOPEEPAY","afterSettlementReturnUrl":"https://shop.example/thanks?o=1"}`
	byOVO    = `"paymentMethodType":"e-wallet","paymentMethodOptions":{"providerCode":"OVO","afterSettlementReturnUrl":"https://shop.example/","phoneNumber":"+628123456789"}`
)

// body is a request of 100,000 rupiah, or what more says.
func body(ref, how string, more ...string) string {
	fields := append([]string{fmt.Sprintf(`"referenceId":%q,"amount":100000,"currency":"IDR"`, ref), how}, more...)
	return `{"data":{"attributes":{` + strings.Join(fields, ",") + `}}}`
}

// pay creates a payment and returns its document.
func (b *bench) pay(ref, how string, more ...string) object {
	b.t.Helper()
	status, got := b.call(http.MethodPost, api, body(ref, how, more...))
	require.Equal(b.t, http.StatusCreated, status, got)
	return got
}

// look is the look-up of a payment by our reference.
func (b *bench) look(ref string) object {
	b.t.Helper()
	p, ok := b.Payment(ref)
	require.True(b.t, ok)
	status, got := b.call(http.MethodGet, api+"/"+p.ID, "")
	require.Equal(b.t, http.StatusOK, status)
	return got
}

// task orders something to be done, and returns the HTTP status and the body.
func (b *bench) task(ref, action string) (int, object) {
	b.t.Helper()
	p, _ := b.Payment(ref)
	return b.call(http.MethodPost, api+"/"+p.ID+"/tasks", `{"data":{"attributes":{"action":"`+action+`"}}}`)
}

// problems are the codes and details of an error.
func problems(o object) (codes, details []string) {
	list, _ := o["errors"].([]any)
	for _, entry := range list {
		e, _ := entry.(map[string]any)
		codes = append(codes, fmt.Sprint(e["code"]))
		details = append(details, fmt.Sprint(e["detail"]))
	}
	return codes, details
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
		words = append(words, n.status())
	}
	return strings.Join(words, " ")
}

// visit opens a page, or with a form uses it, and follows redirects within the
// simulator. It returns the answer, its body read.
func (b *bench) visit(path string, form url.Values, header ...string) (*http.Response, string) {
	b.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	browser := *b.Client()
	browser.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if next.URL.Host != req.URL.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := browser.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp, string(html)
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

package fazz

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

const (
	testAPIKey  = "test_1234567890abcdef"
	testKey     = "secret-key-0001"
	testSigning = "ss_test_0001"
	oldSigning  = "ss_test_0000"

	contract = "contract_ea9c4b10df49446eafd4fb3f25a713bd"
)

func testConfig() Config {
	return Config{APIKey: testAPIKey, SecretKey: testKey, SigningSecret: testSigning, OldSigningSecrets: []string{oldSigning}}
}

// fixture is a gateway whose host is a server of the test's.
type fixture struct {
	*Gateway
	mu     sync.Mutex
	calls  []*recorded
	pauses []time.Duration
}

type recorded struct {
	*http.Request
	body string
}

func (r *recorded) line() string { return r.Method + " " + r.URL.RequestURI() }

// serve returns a gateway that talks to handle, and whose clock stands still.
// At the end of the test nothing that was logged may hold a key.
func serve(t *testing.T, handle http.HandlerFunc, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		f.mu.Lock()
		f.calls = append(f.calls, &recorded{r, string(body)})
		f.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	var logged lockedBuffer
	c := testConfig()
	c.BaseURL, c.HTTPClient = server.URL+"/api/v4/", server.Client()
	c.Logger = slog.New(slog.NewTextHandler(leak.Watch(t, &logged), &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, fn := range change {
		fn(&c)
	}
	f.Gateway = New(c)
	require.NoError(t, f.Check())
	f.now = func() time.Time { return testNow }
	f.client.Wait = func(ctx context.Context, d time.Duration) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pauses = append(f.pauses, d)
		return ctx.Err()
	}
	t.Cleanup(func() { requireNoSecret(t, logged.String()) })
	return f
}

var testNow = time.Date(2026, 1, 1, 3, 0, 0, 500, time.UTC)

func (f *fixture) lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, c := range f.calls {
		lines = append(lines, c.line())
	}
	return lines
}

func (f *fixture) last(t *testing.T) *recorded {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(t, f.calls)
	return f.calls[len(f.calls)-1]
}

// reply is one answer of a scripted server.
type reply struct {
	status int
	body   string
}

// answers serves one answer, always.
func answers(status int, body string) http.HandlerFunc { return script(reply{status, body}) }

// script serves answers in turn, and the last one for ever.
func script(replies ...reply) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		next := replies[0]
		if len(replies) > 1 {
			replies = replies[1:]
		}
		mu.Unlock()
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}
}

func failure(code string) string {
	return `{"errors":[{"code":"` + code + `","title":"Title","detail":"a detail"}]}`
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func requireNoSecret(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{testKey, testAPIKey, testSigning, oldSigning, gatewaykit.Basic(testAPIKey, testKey)} {
		require.NotContains(t, text, secret)
	}
}

// requireGatewayError returns err as what every failed call must be.
func requireGatewayError(t *testing.T, err error) *payments.GatewayError {
	t.Helper()
	requireNoSecret(t, err.Error())
	var e *payments.GatewayError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "fazz", e.Gateway)
	return e
}

func requireInvalid(t *testing.T, err error, fields ...string) {
	t.Helper()
	var e *payments.InvalidError
	require.ErrorAs(t, err, &e)
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
	}
	require.Equal(t, fields, got)
}

// change sets a member of a JSON document, by its path; nil removes it.
func change(t testing.TB, body, path string, value any) string {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	at, names := doc, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	if at[names[len(names)-1]] = value; value == nil {
		delete(at, names[len(names)-1])
	}
	out, err := json.Marshal(doc)
	require.NoError(t, err)
	return string(out)
}

// paymentBody is a payment by a virtual account, in the form of an answer and
// of a callback.
func paymentBody(word string) string {
	return `{"data":{"id":"` + contract + `","type":"payment","attributes":{"status":"` + word + `","amount":"150000.0","currency":"IDR",` +
		`"createdAt":"2026-01-01T10:00:00+07:00","description":null,"expiredAt":"2026-01-02T03:00:00Z","referenceId":"INV-1","fees":"4400.0",` +
		`"paymentMethod":{"id":"va_1","type":"virtual_bank_account","referenceId":"INV-1",` +
		`"instructions":{"bankShortCode":"BNI","accountNo":"8848123456789012","displayName":"TOKO"}}}}}`
}

// listBody is a list of payments.
func listBody(t testing.TB, bodies ...string) string {
	t.Helper()
	items := []json.RawMessage{}
	for _, body := range bodies {
		var doc struct {
			Data json.RawMessage `json:"data"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &doc))
		items = append(items, doc.Data)
	}
	out, err := json.Marshal(map[string]any{"data": items})
	require.NoError(t, err)
	return string(out)
}

func sample(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	return string(body)
}

// sign makes a signature apart from the code that checks it.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func read(g *Gateway, body string, signatures ...string) (payments.Notification, error) {
	return g.ReadNotification(payments.RawNotification{Header: http.Header{"Xfers-Signature": signatures}, Body: []byte(body)})
}

func kinds(facts []payments.Fact) (list []payments.FactKind) {
	for _, f := range facts {
		list = append(list, f.Kind)
	}
	return list
}

func errorIs(err, target error) bool { return errors.Is(err, target) }

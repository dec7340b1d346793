package midtrans

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

const testKey = "SB-Mid-server-test"

// fixture is a gateway whose hosts are a server of the test's.
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

// serve returns a gateway that talks to handle. At the end of the test
// nothing that was logged may hold the key.
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
	c := Config{
		ServerKey: testKey, SnapURL: server.URL + "/app", CoreURL: server.URL + "/api", HTTPClient: server.Client(),
		Logger: slog.New(slog.NewTextHandler(leak.Watch(t, &logged), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, fn := range change {
		fn(&c)
	}
	f.Gateway = Snap(c)
	require.NoError(t, f.Check())
	f.client.Wait = func(ctx context.Context, d time.Duration) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pauses = append(f.pauses, d)
		return ctx.Err()
	}
	t.Cleanup(func() { requireNoSecret(t, logged.String()) })
	return f
}

// answers serves one answer, always.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (f *fixture) last(t *testing.T) *recorded {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(t, f.calls)
	return f.calls[len(f.calls)-1]
}

func (f *fixture) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
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

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, testKey)
	require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(testKey+":")))
}

// requireGatewayError returns err as what every failed call must be.
func requireGatewayError(t *testing.T, err error) *payments.GatewayError {
	t.Helper()
	require.Error(t, err)
	requireNoSecret(t, err.Error())
	var e *payments.GatewayError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, "midtrans", e.Gateway)
	return e
}

func requireInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var e *payments.InvalidError
	require.True(t, errors.As(err, &e), "want %q in %v", field, err)
	for _, f := range e.Fields {
		if f.Field == field {
			return
		}
	}
	require.Failf(t, "field not named", "want %q in %v", field, err)
}

// sign returns body with the signature that Midtrans would put there.
func sign(t testing.TB, body map[string]any, key string) []byte {
	t.Helper()
	text := fmt.Sprintf("%v%v%v%s", body["order_id"], body["status_code"], body["gross_amount"], key)
	body["signature_key"] = fmt.Sprintf("%x", sha512.Sum512([]byte(text)))
	data, err := json.Marshal(body)
	require.NoError(t, err)
	return data
}

// settlement is a notification in its usual form, still to be signed.
func settlement() map[string]any {
	return map[string]any{
		"transaction_time": "2021-06-23 11:27:20", "transaction_status": "settlement",
		"transaction_id": "57d5293c-e65f-4a29-95e4-5959c3fa335b", "status_message": "midtrans payment notification",
		"status_code": "200", "settlement_time": "2021-06-23 11:27:50", "payment_type": "gopay", "order_id": "ORDER-101",
		"merchant_id": "G141532850", "gross_amount": "100000.00", "fraud_status": "accept", "currency": "IDR",
	}
}

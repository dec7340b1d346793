package fazz

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

// shop sells by the gateway, through the core, at a Fazz that has one payment:
// it says of it what the test sets.
type shop struct {
	*fixture
	pay     *payments.Service
	mu      sync.Mutex
	ref     string
	payment string // with INV-1 for its reference
}

func (s *shop) says(body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.payment = body
	return strings.ReplaceAll(s.payment, "INV-1", s.ref)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(w, strings.ReplaceAll(s.payment, "INV-1", s.ref))
}

// open opens a checkout and returns its payment.
func open(t *testing.T, change ...func(*Config)) (*shop, payments.ID) {
	t.Helper()
	s := &shop{payment: paymentBody("pending")}
	s.fixture = serve(t, s.ServeHTTP, change...)
	s.now = time.Now
	var err error
	s.pay, err = payments.New(payments.Config{
		Store: memory.New(), Gateways: []payments.Gateway{refs{s.Gateway, s}}, PublicURL: "https://shop.example/pay",
		Logger:   s.config.Logger, // watched, as serve made it
		Items:    payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(150_000)}},
		Identify: func(*http.Request) (payments.EndUser, error) { return payments.EndUser{ID: "ana"}, nil },
	})
	require.NoError(t, err)
	out, err := s.pay.Checkout(context.Background(), payments.CreateParams{
		User: payments.EndUser{ID: "ana"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: "bni_va",
	})
	require.NoError(t, err)
	require.Equal(t, "8848123456789012", out.Session.Instructions.VANumber)
	return s, out.Payment.ID
}

// refs tells the shop which reference was asked for.
type refs struct {
	*Gateway
	shop *shop
}

func (r refs) Checkout(ctx context.Context, asked payments.CheckoutRequest) (payments.CheckoutResult, error) {
	r.shop.mu.Lock()
	r.shop.ref = asked.Ref
	r.shop.mu.Unlock()
	return r.Gateway.Checkout(ctx, asked)
}

// notify delivers a callback and returns the verdict and the HTTP status.
func (s *shop) notify(t *testing.T, body string) (payments.Verdict, int) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/notifications/fazz", strings.NewReader(body))
	r.Header.Set("Xfers-Signature", sign(testSigning, body))
	w := httptest.NewRecorder()
	s.pay.Handler().ServeHTTP(w, r)
	var got struct{ Verdict payments.Verdict }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	return got.Verdict, w.Code
}

func (s *shop) status(t *testing.T, id payments.ID) payments.Status {
	t.Helper()
	p, err := s.pay.Get(context.Background(), id)
	require.NoError(t, err)
	return p.Status
}

func TestThroughTheCore(t *testing.T) {
	t.Parallel()
	s, id := open(t)
	told := s.says(paymentBody("paid"))
	verdict, code := s.notify(t, told)
	require.Equal(t, payments.VerdictApplied, verdict)
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, payments.StatusSettled, s.status(t, id))
	require.Equal(t, "GET", s.last(t).Method, "Fazz was asked")

	s.says(paymentBody("completed"))
	calls := len(s.lines())
	verdict, _ = s.notify(t, told)
	require.Equal(t, payments.VerdictDuplicate, verdict, "a callback that was recorded, and sent again")
	require.Len(t, s.lines(), calls)
}

// TestGenuineButNotConfirmed: a callback that Fazz's own answer does not bear
// out changes nothing.
func TestGenuineButNotConfirmed(t *testing.T) {
	t.Parallel()
	s, id := open(t)
	told := s.says(paymentBody("paid"))
	s.says(paymentBody("pending"))
	verdict, code := s.notify(t, told)
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Empty(t, verdict)
	require.Equal(t, payments.StatusPending, s.status(t, id))
}

func TestTrustedCallbackIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	s, id := open(t, func(c *Config) { c.TrustNotifications = true })
	calls := len(s.lines())
	verdict, _ := s.notify(t, s.says(paymentBody("completed")))
	require.Equal(t, payments.VerdictApplied, verdict)
	require.Equal(t, payments.StatusSettled, s.status(t, id))
	require.Len(t, s.lines(), calls)
}

// TestCallbacksAboutOtherThings are kept and answered with 200, and change no
// payment, though one has its reference.
func TestCallbacksAboutOtherThings(t *testing.T) {
	t.Parallel()
	s, id := open(t, func(c *Config) { c.TrustNotifications = true })
	for _, typ := range []string{"disbursement", "payment_links", "payment_link"} {
		verdict, code := s.notify(t, change(t, s.says(paymentBody("completed")), "data.type", typ))
		require.Equal(t, http.StatusOK, code, typ)
		require.Equal(t, payments.VerdictNotice, verdict, typ)
	}
	require.Equal(t, payments.StatusPending, s.status(t, id))
	kept := 0
	for m, err := range s.pay.Messages(context.Background(), payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictNotice}}) {
		require.NoError(t, err)
		require.Contains(t, string(m.Raw), "completed")
		kept++
	}
	require.Equal(t, 3, kept)
}

// TestAnotherCurrencyGoesToReview: it is kept as told.
func TestAnotherCurrencyGoesToReview(t *testing.T) {
	t.Parallel()
	s, id := open(t)
	told := s.says(change(t, paymentBody("paid"), "data.attributes.currency", "SGD"))
	verdict, _ := s.notify(t, told)
	require.Equal(t, payments.VerdictApplied, verdict)
	require.Equal(t, payments.StatusReview, s.status(t, id))
}

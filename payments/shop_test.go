package payments_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/memory"
)

// shop is a host app for tests: one fake gateway, the memory store, a clock
// that stands still.
type shop struct {
	t     *testing.T
	pay   *payments.Service
	fake  *fakeGateway
	store *memory.Store
	clock *paymentstest.Clock
	web   http.Handler
	logs  *bytes.Buffer
}

var start = time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)

func newShop(t *testing.T, change ...func(*payments.Config)) *shop {
	t.Helper()
	s := &shop{t: t, fake: newFake(), store: memory.New(), clock: paymentstest.NewClock(start), logs: &bytes.Buffer{}}
	c := payments.Config{
		Store: s.store, Gateways: []payments.Gateway{s.fake}, Clock: s.clock,
		Plans: payments.Plans{
			{ID: "pro", DisplayName: "Pro", Price: payments.IDR(29_000), Period: payments.Monthly},
			{ID: "free", Price: payments.IDR(0)},
		},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			id := r.Header.Get("X-User")
			if id == "" {
				return payments.EndUser{}, payments.ErrUnauthenticated
			}
			return payments.EndUser{ID: id, Email: id + "@example.com"}, nil
		},
		PublicURL: "https://shop.test/pay", ReturnURLs: []string{"https://shop.test/thanks"},
		Logger: slog.New(slog.NewTextHandler(leak.Watch(t, s.logs), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	pay, err := payments.New(c)
	require.NoError(t, err)
	s.pay, s.web = pay, pay.Handler()
	return s
}

// do sends a request of a user; body "" sends none.
func (s *shop) do(method, path, user, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if user != "" {
		r.Header.Set("X-User", user)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, r)
	return w
}

// buy opens a checkout over HTTP and returns its payment.
func (s *shop) buy(user, body string) *payments.Payment {
	s.t.Helper()
	w := s.do("POST", "/checkout", user, body)
	require.Equal(s.t, http.StatusCreated, w.Code, w.Body.String())
	var answer struct {
		PaymentID payments.ID `json:"payment_id"`
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	p, err := s.pay.Get(s.t.Context(), answer.PaymentID)
	require.NoError(s.t, err)
	return p
}

// notify sends a notification and returns the answer's code and verdict.
func (s *shop) notify(n note) (int, payments.Verdict) {
	s.t.Helper()
	if n.Sign == "" {
		n.Sign = "good"
	}
	body, err := json.Marshal(n)
	require.NoError(s.t, err)
	w := s.do("POST", "/notifications/fake", "", string(body))
	var answer struct{ Verdict payments.Verdict }
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return w.Code, answer.Verdict
}

// settle makes the gateway's truth a settlement and notifies it.
func (s *shop) settle(p *payments.Payment, tx string) {
	s.t.Helper()
	ref := p.Sessions[len(p.Sessions)-1].Ref
	s.fake.set(ref, tx, "settlement", p.Amount.Amount)
	code, verdict := s.notify(note{Ref: ref, Tx: tx, Word: "settlement", Amount: p.Amount.Amount})
	require.Equal(s.t, http.StatusOK, code)
	require.Equal(s.t, payments.VerdictApplied, verdict)
}

func (s *shop) status(p *payments.Payment, want payments.Status) *payments.Payment {
	s.t.Helper()
	return paymentstest.RequireStatus(s.t, s.pay, p.ID, want)
}

func (s *shop) drain() {
	s.t.Helper()
	paymentstest.Drain(s.t, s.pay)
}

// verdicts are those of all notifications so far, in order.
func (s *shop) verdicts() []payments.Verdict {
	s.t.Helper()
	var all []payments.Verdict
	for m, err := range s.pay.Messages(s.t.Context(), payments.MessageQuery{}) {
		require.NoError(s.t, err)
		if m.Op == "notification" {
			all = append(all, m.Verdict)
		}
	}
	return all
}

package midtrans_test

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/memory"
)

// mugShop is a host app with Midtrans's simulator behind it: everything goes
// over the real wire protocol.
type mugShop struct {
	t       *testing.T
	pay     *payments.Service
	sim     *midtranstest.Server
	clock   *paymentstest.Clock
	web     http.Handler
	settled []payments.Settled
}

func newMugShop(t *testing.T) *mugShop { return newMugShopBy(t, midtranstest.NewServer) }

func newMugShopBy(t *testing.T, simulate func(...midtranstest.Option) *midtranstest.Server) *mugShop {
	t.Helper()
	s := &mugShop{t: t, clock: paymentstest.NewClock(time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC))}
	s.sim = simulate(midtranstest.WithClock(s.clock))
	t.Cleanup(s.sim.Close)
	log := slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), &slog.HandlerOptions{Level: slog.LevelDebug}))
	account := s.sim.Config()
	account.Logger = log
	var err error
	s.pay, err = payments.New(payments.Config{
		Store: memory.New(), Clock: s.clock, Gateways: []payments.Gateway{midtrans.Snap(account)},
		Items:     payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
		Identify:  func(*http.Request) (payments.EndUser, error) { return payments.EndUser{ID: "ana"}, nil },
		PublicURL: "http://shop.test/pay",
		Logger:    log,
	})
	require.NoError(t, err)
	s.pay.OnSettled("ship", func(_ context.Context, e payments.Settled) error {
		s.settled = append(s.settled, e)
		return nil
	})
	s.web = http.StripPrefix("/pay", s.pay.Handler())
	s.sim.Notify("http://shop.test/pay/notifications/midtrans", s.web)
	return s
}

func (s *mugShop) buy() *payments.Payment {
	s.t.Helper()
	out, err := s.pay.Checkout(s.t.Context(), payments.CreateParams{
		User: payments.EndUser{ID: "ana"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}},
	})
	require.NoError(s.t, err)
	return out.Payment
}

// post sends a body to the notification route and returns the answer's code.
func (s *mugShop) post(body []byte) int {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pay/notifications/midtrans", strings.NewReader(string(body))))
	return w.Code
}

// taken is the one notification that waits to be sent.
func (s *mugShop) taken() []byte {
	s.t.Helper()
	sent := s.sim.Take()
	require.Len(s.t, sent, 1)
	return sent[0].Body
}

// trace returns the verdicts of all notifications, in order.
func (s *mugShop) trace() []payments.Verdict {
	s.t.Helper()
	var all []payments.Verdict
	for m, err := range s.pay.Messages(s.t.Context(), payments.MessageQuery{}) {
		require.NoError(s.t, err)
		if m.Op == "notification" {
			all = append(all, m.Verdict)
			require.NotContains(s.t, string(m.Raw), `"signature_key":"`+strings.Repeat("0", 8), "kept messages hold no signature")
		}
	}
	return all
}

// change sets fields of a body, keeping all the others and the signature.
func change(t *testing.T, body []byte, fields map[string]any) []byte {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(body, &m))
	for k, v := range fields {
		m[k] = v
	}
	changed, err := json.Marshal(m)
	require.NoError(t, err)
	return changed
}

func TestHonestPaymentSettlesOnce(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	p := s.buy()
	require.NoError(t, s.sim.Pay(string(p.ID)))
	require.NoError(t, s.sim.Resend(string(p.ID), 2))
	answers, err := s.sim.Deliver(t.Context())
	require.NoError(t, err)
	for _, a := range answers {
		require.Equal(t, http.StatusOK, a.Status, a.Err)
	}
	paymentstest.Drain(t, s.pay)
	paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusSettled)
	require.Len(t, s.settled, 1)
}

// Each kind of hostile input gets its answer, leaves its trace, and moves no
// money.
func TestHostileInputMovesNoMoney(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		body    func(t *testing.T, s *mugShop, p *payments.Payment) []byte
		code    int
		verdict payments.Verdict
		status  payments.Status
	}{
		{"forged signature", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			require.NoError(t, s.sim.Choose(string(p.ID), midtranstest.By("bca_va")))
			return change(t, s.taken(), map[string]any{"transaction_status": "settlement", "status_code": "200", "signature_key": strings.Repeat("0", 128)})
		}, http.StatusForbidden, payments.VerdictForged, payments.StatusPending},
		{"no signature", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			require.NoError(t, s.sim.Choose(string(p.ID), midtranstest.By("bca_va")))
			return change(t, s.taken(), map[string]any{"signature_key": ""})
		}, http.StatusForbidden, payments.VerdictForged, payments.StatusPending},
		{"right signature, another transaction_status", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			require.NoError(t, s.sim.Choose(string(p.ID), midtranstest.By("bca_va")))
			return change(t, s.taken(), map[string]any{"transaction_status": "settlement"})
		}, http.StatusServiceUnavailable, payments.VerdictUnconfirmed, payments.StatusPending},
		{"a settlement of one rupiah", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			require.NoError(t, s.sim.Pay(string(p.ID), midtranstest.By("bca_va"), midtranstest.Amount("1.00")))
			sent := s.sim.Take()
			return sent[len(sent)-1].Body
		}, http.StatusOK, payments.VerdictApplied, payments.StatusReview},
		{"another currency", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			require.NoError(t, s.sim.Pay(string(p.ID), midtranstest.By("bca_va"), midtranstest.Currency("USD")))
			sent := s.sim.Take()
			return sent[len(sent)-1].Body
		}, http.StatusOK, payments.VerdictApplied, payments.StatusReview},
		{"an order that nobody knows", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return s.signed("nobody-knows", "200", "85000.00", `"transaction_status":"settlement","transaction_id":"x","payment_type":"qris"`)
		}, http.StatusOK, payments.VerdictParked, payments.StatusPending},
		{"another order's paid transaction", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			other := s.buy()
			require.NoError(t, s.sim.Pay(string(other.ID), midtranstest.By("bca_va")))
			s.sim.Take()
			order, ok := s.sim.Order(string(other.ID))
			require.True(t, ok)
			return s.signed(string(p.ID), "200", "85000.00", fmt.Sprintf(
				`"transaction_status":"settlement","payment_type":"bank_transfer","transaction_id":%q`, order.Transactions[0].ID))
		}, http.StatusServiceUnavailable, payments.VerdictUnconfirmed, payments.StatusPending},
		{"larger than allowed", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return []byte(`{"order_id":"` + strings.Repeat("x", 70<<10) + `"}`)
		}, http.StatusRequestEntityTooLarge, payments.VerdictMalformed, payments.StatusPending},
		{"broken JSON", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return []byte(`{"order_id":"` + string(p.ID))
		}, http.StatusBadRequest, payments.VerdictMalformed, payments.StatusPending},
		{"not an object", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return []byte(`[1,2,3]`)
		}, http.StatusBadRequest, payments.VerdictMalformed, payments.StatusPending},
		{"duplicate keys", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return s.signed(string(p.ID), "201", "85000.00",
				`"transaction_status":"pending","transaction_status":"settlement","transaction_id":"x","payment_type":"qris"`)
		}, http.StatusBadRequest, payments.VerdictMalformed, payments.StatusPending},
		{"a word that nobody knows", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return s.signed(string(p.ID), "200", "85000.00", `"transaction_status":"on_hold","transaction_id":"x","payment_type":"qris"`)
		}, http.StatusOK, payments.VerdictUnknownWord, payments.StatusPending},
		{"the dashboard's test message", func(t *testing.T, s *mugShop, p *payments.Payment) []byte {
			return s.signed("payment_notif_test_G1_1", "200", "85000.00", `"transaction_status":"settlement","transaction_id":"x","payment_type":"qris"`)
		}, http.StatusOK, payments.VerdictTest, payments.StatusPending},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newMugShop(t)
			s.t = t
			p := s.buy()
			body := c.body(t, s, p)
			before := len(s.trace())
			require.Equal(t, c.code, s.post(body))
			verdicts := s.trace()
			require.Len(t, verdicts, before+1, "it leaves a trace")
			require.Equal(t, c.verdict, verdicts[before])
			paymentstest.Drain(t, s.pay)
			paymentstest.RequireStatus(t, s.pay, p.ID, c.status)
			require.Empty(t, s.settled, "nothing is fulfilled")
		})
	}
}

// Numbers where strings are expected, and the reverse, are the same message.
func TestNumbersAndStringsAreTheSame(t *testing.T) {
	t.Parallel()
	for _, fields := range []map[string]any{
		{"status_code": 200}, {"gross_amount": json.Number("85000.00")}, {"status_code": 200, "gross_amount": json.Number("85000.00")},
	} {
		s := newMugShop(t)
		p := s.buy()
		require.NoError(t, s.sim.Pay(string(p.ID), midtranstest.By("bca_va")))
		sent := s.sim.Take()
		require.Equal(t, http.StatusOK, s.post(change(t, sent[len(sent)-1].Body, fields)))
		paymentstest.Drain(t, s.pay)
		paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusSettled)
		require.Len(t, s.settled, 1)
	}
}

// signed is a notification of an attacker who has a genuine signature for
// these values, with whatever else he likes.
func (s *mugShop) signed(order, code, amount, rest string) []byte {
	key := s.sim.Config().ServerKey
	return fmt.Appendf(nil, `{"order_id":%q,"status_code":%q,"gross_amount":%q,"signature_key":%q,%s}`,
		order, code, amount, sha512Hex(order+code+amount+key), rest)
}

func sha512Hex(s string) string {
	sum := sha512.Sum512([]byte(s))
	return hex.EncodeToString(sum[:])
}

package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// world is a shop on a database, with a simulated Midtrans; both listen.
type world struct {
	t     *testing.T
	sim   *midtranstest.Server
	clock *paymentstest.Clock
	pay   *payments.Service
	url   string
	told  map[payments.EventKind]int

	midtrans *midtrans.Gateway
	store    payments.Store
	card     midtrans.SavedCard // the last one that a payer let us save
}

const price = 85_000

func newWorld(t *testing.T, dialect string) *world {
	t.Helper()
	w := &world{t: t, clock: paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)), told: map[payments.EventKind]int{}}
	w.sim = midtranstest.NewServer(midtranstest.WithClock(w.clock))
	t.Cleanup(w.sim.Close)
	db := scratch.Open(t, dialect, scratch.New(t, dialect))
	require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
	store, err := gormstore.Open(t.Context(), db, nil)
	require.NoError(t, err)

	w.store = store

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL + "/pay"
	w.sim.Notify(w.url+"/notifications/midtrans", nil)
	config := w.sim.Config()
	config.OnSavedCard = func(_ context.Context, card midtrans.SavedCard) error { w.card = card; return nil }
	w.midtrans = midtrans.SnapAndCore(config)
	w.pay, err = payments.New(payments.Config{
		Store: store, Clock: w.clock, Gateways: []payments.Gateway{w.midtrans}, PublicURL: w.url,
		Items:     payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(price)}},
		Plans:     plans,
		Identify:  func(*http.Request) (payments.EndUser, error) { return ana, nil },
		Limit:     payments.Unlimited,
		ExpiresIn: time.Hour,
		// KlikBCA wants to know the payer; what a host's page would ask for.
		Prepare: func(_ *http.Request, params *payments.CreateParams) error {
			if params.Method == "bca_klikbca" {
				params.Extra = midtrans.CoreExtra{BCAKlikBCA: &midtrans.KlikBCA{UserID: "ANA123"}}
			}
			return nil
		},
	})
	require.NoError(t, err)
	w.pay.OnSettled("count", func(_ context.Context, _ payments.Settled) error { w.told[payments.EventSettled]++; return nil })
	w.pay.OnExpired("count", func(_ context.Context, _ payments.Expired) error { w.told[payments.EventExpired]++; return nil })
	w.pay.OnRenewed("count", func(_ context.Context, _ payments.Renewed) error { w.told[payments.EventRenewed]++; return nil })
	w.pay.OnRenewalDue("count", func(_ context.Context, _ payments.RenewalDue) error { w.told[payments.EventRenewalDue]++; return nil })
	w.pay.OnRenewalFailed("count", func(_ context.Context, _ payments.RenewalFailed) error {
		w.told[payments.EventRenewalFailed]++
		return nil
	})
	w.pay.OnRefund("count", func(_ context.Context, _ payments.Refunded) error { w.told[payments.EventRefunded]++; return nil })
	mux.Handle("/pay/", http.StripPrefix("/pay", w.pay.Handler()))
	return w
}

var ana = payments.EndUser{ID: "ana", Name: "Ana", Email: "ana@example.com", Phone: "+6281234567890"}

// opened is what a browser is answered.
type opened struct {
	ID           payments.ID            `json:"payment_id"`
	Status       payments.Status        `json:"status"`
	Instructions *payments.Instructions `json:"instructions"`
}

// checkout buys a mug by the method, as a browser would.
func (w *world) checkout(method payments.Method) opened {
	w.t.Helper()
	body := map[string]any{"items": []any{map[string]any{"id": "mug", "quantity": 1}}, "method": method}
	if method == "credit_card" || method == "mandiri_clickpay" {
		token, err := w.sim.CardToken("4811111111111114")
		require.NoError(w.t, err)
		body["payment_token"] = token
	}
	sent, err := json.Marshal(body)
	require.NoError(w.t, err)
	resp, err := http.Post(w.url+"/checkout", "application/json", bytes.NewReader(sent))
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusCreated, resp.StatusCode, "%s", raw)
	var got opened
	require.NoError(w.t, json.Unmarshal(raw, &got))
	return got
}

// happen lets the notifications arrive, thrice each, and the hooks run.
func (w *world) happen(ref payments.ID, err error) {
	w.t.Helper()
	require.NoError(w.t, err)
	require.NoError(w.t, w.sim.Resend(string(ref), 2))
	w.settle()
}

func (w *world) settle() {
	w.t.Helper()
	answers, err := w.sim.Deliver(w.t.Context())
	require.NoError(w.t, err)
	for _, a := range answers {
		require.Equal(w.t, http.StatusOK, a.Status)
	}
	paymentstest.Drain(w.t, w.pay)
}

func (w *world) is(id payments.ID, want payments.Status) *payments.Payment {
	w.t.Helper()
	return paymentstest.RequireStatus(w.t, w.pay, id, want)
}

func TestEveryChannel(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dialect)
			found, err := w.pay.Methods(t.Context(), payments.IDR(price))
			require.NoError(t, err)
			walked := 0
			for _, m := range found {
				if snapOnly[m.Method] {
					continue
				}
				t.Run(strings.ReplaceAll(string(m.Method), "/", "-"), func(t *testing.T) { w.in(t).walk(m) })
				walked++
			}
			require.Equal(t, 23, walked)
		})
	}
}

// snapOnly are not charged by the Core API.
var snapOnly = map[payments.Method]bool{"bank_transfer/danamon": true, "bank_transfer/bsi": true, "bank_transfer/seabank": true}

func (w *world) in(t *testing.T) *world {
	t.Helper()
	inner := *w
	inner.t = t
	inner.told = w.told
	clear(inner.told)
	return &inner
}

// walk takes one way to pay to each of its ends.
func (w *world) walk(m payments.MethodInfo) {
	if m.Method == "mandiri_clickpay" { // decided at once
		got := w.checkout(m.Method)
		w.settle()
		require.Equal(w.t, payments.StatusSettled, got.Status)
		return
	}
	// Settled, and then refunded as far as it goes.
	got := w.open(m)
	w.happen(got.ID, w.sim.Pay(string(got.ID)))
	p := w.is(got.ID, payments.StatusSettled)
	require.Equal(w.t, 1, w.told[payments.EventSettled], "fulfilled once")
	require.Equal(w.t, m.Method, p.Attempts[0].Method())
	require.Equal(w.t, m.Can, w.pay.Capabilities(p.Attempts[0]))
	require.Nil(w.t, p.View().Instructions, "nothing is to be paid any more")
	w.refunds(m, p)

	// Denied, by the bank or the provider; another try is a new charge.
	got = w.open(m)
	w.happen(got.ID, w.sim.Deny(string(got.ID)))
	w.is(got.ID, payments.StatusDenied)
	again, err := w.pay.Attempt(w.t.Context(), got.ID, payments.AttemptParams{PaymentToken: w.token(m)})
	require.NoError(w.t, err)
	require.NotEqual(w.t, string(got.ID), again.Session.Ref)
	w.happen(payments.ID(again.Session.Ref), w.sim.Pay(again.Session.Ref))
	w.is(got.ID, payments.StatusSettled)

	// Canceled by the host, where that is possible.
	got = w.open(m)
	_, err = w.pay.Cancel(w.t.Context(), got.ID, "out of mugs")
	require.NoError(w.t, err)
	w.settle()
	w.is(got.ID, payments.StatusCanceled)

	// Expired by the host, where that is possible.
	got = w.open(m)
	if m.Can.Expire {
		_, err = w.pay.Expire(w.t.Context(), got.ID, "sold out")
		require.NoError(w.t, err)
		w.is(got.ID, payments.StatusExpired)
	} else {
		_, err = w.pay.Expire(w.t.Context(), got.ID, "sold out")
		require.ErrorIs(w.t, err, payments.ErrUnsupported)
	}
	// Expired by the clock.
	got = w.open(m)
	w.clock.Advance(2 * time.Hour)
	w.settle()
	w.is(got.ID, payments.StatusExpired)
	require.Positive(w.t, w.told[payments.EventExpired])
}

func (w *world) token(m payments.MethodInfo) string {
	w.t.Helper()
	if m.Kind != payments.KindCard {
		return ""
	}
	token, err := w.sim.CardToken("4811111111111114")
	require.NoError(w.t, err)
	return token
}

// open checks out, and looks at what the payer is told.
func (w *world) open(m payments.MethodInfo) opened {
	w.t.Helper()
	got := w.checkout(m.Method)
	require.Equal(w.t, payments.StatusPending, got.Status)
	i := got.Instructions
	require.NotNil(w.t, i)
	require.Equal(w.t, m.Kind, i.Kind)
	require.Equal(w.t, payments.IDR(price), i.Amount)
	switch i.Kind {
	case payments.KindVirtualAccount:
		require.NotEmpty(w.t, i.VANumber)
		require.Equal(w.t, "bank_transfer/"+i.Bank, string(m.Method))
	case payments.KindBill:
		require.NotEmpty(w.t, i.BillerCode+i.BillKey)
	case payments.KindQR:
		require.True(w.t, strings.HasPrefix(i.QR, "000201"), i.QR)
	case payments.KindApp:
		w.leads(i.Deeplink)
	case payments.KindPush:
		require.Equal(w.t, ana.Phone, i.Phone)
	case payments.KindCounter:
		require.NotEmpty(w.t, i.Code)
		require.Equal(w.t, "cstore/"+i.Store, string(m.Method))
	case payments.KindRedirect, payments.KindCard:
		w.leads(i.RedirectURL)
	}
	if i.QRImageURL != "" {
		w.leads(i.QRImageURL)
	}
	if m.Kind != payments.KindCard && m.Method != "ovo" {
		require.WithinDuration(w.t, w.clock.Now().Add(time.Hour), i.ExpiresAt, 46*time.Minute, "within what the channel takes")
	}
	p, err := w.pay.Get(w.t.Context(), got.ID)
	require.NoError(w.t, err)
	require.Equal(w.t, i, p.View().Instructions, "the page may be loaded again")
	return got
}

// leads to a page that a person can use.
func (w *world) leads(url string) {
	w.t.Helper()
	resp, err := http.Get(url)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, resp.StatusCode, "%s: %s", url, raw)
}

// refunds goes as far as the capabilities say, and no farther.
func (w *world) refunds(m payments.MethodInfo, p *payments.Payment) {
	w.t.Helper()
	if m.Kind == payments.KindCard { // only what the bank has settled
		require.NoError(w.t, w.sim.Settle(string(p.ID)))
		w.settle()
	}
	if m.Can.PartialRefund {
		_, err := w.pay.Refund(w.t.Context(), p.ID, payments.RefundParams{Key: fmt.Sprintf("part-%s", p.ID), Amount: payments.IDR(10_000), Reason: "a scratch"})
		require.NoError(w.t, err)
		w.settle()
		w.is(p.ID, payments.StatusPartiallyRefunded)
	}
	_, err := w.pay.Refund(w.t.Context(), p.ID, payments.RefundParams{Key: fmt.Sprintf("all-%s", p.ID), Reason: "returned"})
	if !m.Can.Refund {
		require.ErrorIs(w.t, err, payments.ErrUnsupported)
		w.is(p.ID, payments.StatusSettled)
		return
	}
	require.NoError(w.t, err)
	w.settle()
	w.is(p.ID, payments.StatusRefunded)
	require.Equal(w.t, payments.IDR(price), w.is(p.ID, payments.StatusRefunded).Totals.Refunded)
}

// The answer to a charge is lost on the way. The shop finds out what became of
// it, and there is one transaction, which the payer can pay.
func TestAChargeWhoseAnswerIsLost(t *testing.T) {
	for _, method := range []payments.Method{"bank_transfer/bca", "bank_transfer/permata", "gopay", "bca_klikbca", "credit_card"} {
		t.Run(strings.ReplaceAll(string(method), "/", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sqlite")
			w.sim.Fail(simkit.Fault{Op: "charge", Kind: simkit.Lost})
			out, err := w.pay.Checkout(t.Context(), payments.CreateParams{
				User: ana, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: method, PaymentToken: w.token(payments.MethodInfo{Kind: kindOf(method)}),
				Extra: midtrans.CoreExtra{BCAKlikBCA: &midtrans.KlikBCA{UserID: "ANA123"}},
			})
			require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
			id := out.Payment.ID
			w.clock.Advance(time.Minute)
			w.settle()
			w.is(id, payments.StatusPending)
			out, err = w.pay.Attempt(t.Context(), id, payments.AttemptParams{PaymentToken: w.token(payments.MethodInfo{Kind: kindOf(method)})})
			require.NoError(t, err)
			require.NotNil(t, out.Session.Instructions)
			require.NotNil(t, out.Payment.View().Instructions)
			replaced := method == "bca_klikbca" || method == "credit_card" // no key, or no token to ask with again
			require.Equal(t, replaced, out.Session.Ref != string(id))
			if i := out.Session.Instructions; replaced || method == "gopay" {
				w.leads(i.RedirectURL + i.Deeplink)
			}
			w.happen(payments.ID(out.Session.Ref), w.sim.Pay(out.Session.Ref))
			p := w.is(id, payments.StatusSettled)
			require.Equal(t, 1, w.told[payments.EventSettled])
			paid := 0
			for _, a := range p.Attempts {
				if !a.PaidAt().IsZero() {
					paid++
				}
			}
			require.Equal(t, 1, paid)
		})
	}
}

func kindOf(method payments.Method) payments.InstructionKind {
	if method == "credit_card" {
		return payments.KindCard
	}
	return ""
}

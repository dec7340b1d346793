package toygateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/examples/toygateway"
	"github.com/lunaspay/lunas/examples/toygateway/kopitest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/memory"
)

// shop is an app that sells one mug, by Kopipay.
type shop struct {
	*payments.Service
	sim     *kopitest.Server
	clock   *paymentstest.Clock
	settled int
	back    []payments.Money
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{clock: paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))}
	s.sim = kopitest.New(s.clock)
	gateway, err := toygateway.New(toygateway.Config{
		APIKey: kopitest.APIKey, SigningSecret: kopitest.SigningSecret, BaseURL: kopitest.URL, HTTPClient: s.sim.Client(),
	})
	require.NoError(t, err)
	s.Service, err = payments.New(payments.Config{
		Store: memory.New(), Gateways: []payments.Gateway{gateway}, Clock: s.clock,
		PublicURL: "https://shop.test/pay",
		Items:     payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(29_000)}},
		Logger:    slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	s.OnSettled("ship", func(context.Context, payments.Settled) error { s.settled++; return nil })
	s.OnRefundSucceeded("tell", func(_ context.Context, e payments.RefundSucceeded) error {
		s.back = append(s.back, e.Amount)
		return nil
	})
	require.NoError(t, s.sim.Transport.Handle("https://shop.test", http.StripPrefix("/pay", s.Handler())))
	return s
}

// buy opens a checkout of one mug.
func (s *shop) buy(t *testing.T) *payments.Checkout {
	t.Helper()
	out, err := s.Checkout(t.Context(), payments.CreateParams{
		User: payments.EndUser{ID: "sari"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: "qris",
	})
	require.NoError(t, err)
	return out
}

// deliver has the notifications taken by the shop, and all done that follows.
func (s *shop) deliver(t *testing.T) (statuses []int) {
	t.Helper()
	answers, err := s.sim.Deliver(t.Context())
	require.NoError(t, err)
	for _, a := range answers {
		statuses = append(statuses, a.Status)
	}
	paymentstest.Drain(t, s.Service)
	return statuses
}

func TestAMugIsBoughtAndReturned(t *testing.T) {
	s := openShop(t)
	out := s.buy(t)
	require.Equal(t, payments.KindQR, out.Session.Instructions.Kind)
	require.NotEmpty(t, out.Session.Instructions.QR)
	require.Equal(t, []int{200}, s.deliver(t), "that the charge waits")
	require.Zero(t, s.settled)

	// The worst that a network does to a message, and a stranger's beside it.
	s.sim.Faults.Add(simkit.Fault{Kind: simkit.Duplicate, Op: "received"}, simkit.Fault{Kind: simkit.Forge, Op: "received"})
	require.NoError(t, s.sim.Pay(out.Session.Ref))
	require.Equal(t, []int{403, 200, 200}, s.deliver(t))
	require.Equal(t, 1, s.settled, "the hook is called once")
	paymentstest.RequireStatus(t, s.Service, out.Payment.ID, payments.StatusSettled)

	_, err := s.Refund(t.Context(), out.Payment.ID, payments.RefundParams{Key: "chipped", Amount: payments.IDR(4_000)})
	require.NoError(t, err)
	s.deliver(t)
	_, err = s.Refund(t.Context(), out.Payment.ID, payments.RefundParams{Key: "broken"}) // all that is left
	require.NoError(t, err)
	s.deliver(t)
	require.Equal(t, []payments.Money{payments.IDR(4_000), payments.IDR(25_000)}, s.back)
	require.Equal(t, "returned", s.sim.State(out.Session.Ref))
	paymentstest.RequireStatus(t, s.Service, out.Payment.ID, payments.StatusRefunded)
	require.Equal(t, 1, s.settled)
}

// Nothing arrives, and the answer to the checkout is lost: asking finds both.
func TestWhatGotLostIsFound(t *testing.T) {
	s := openShop(t)
	s.sim.Faults.Add(simkit.Fault{Kind: simkit.Lost, Op: "checkout"}, simkit.Fault{Kind: simkit.Drop, Count: -1})
	_, err := s.Checkout(t.Context(), payments.CreateParams{
		User: payments.EndUser{ID: "sari"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: "qris",
	})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	s.clock.Advance(5 * time.Minute)
	paymentstest.Drain(t, s.Service)
	p := paymentstest.Only(t, s.Service)
	session, open := p.Session()
	require.True(t, open)
	require.NotEmpty(t, session.Instructions.QR, "the same charge was opened by asking again")

	require.NoError(t, s.sim.Pay(session.Ref))
	s.clock.Advance(time.Hour)
	paymentstest.Drain(t, s.Service)
	paymentstest.RequireStatus(t, s.Service, p.ID, payments.StatusSettled)
	require.Equal(t, 1, s.settled)
}

// The answer was lost, and the charge is over before it is asked for again: it
// is told as over, and the payer may begin another.
func TestWhatEndedUnseenIsOver(t *testing.T) {
	s := openShop(t)
	s.sim.Faults.Add(simkit.Fault{Kind: simkit.Lost, Op: "checkout"}, simkit.Fault{Kind: simkit.Drop, Count: -1})
	_, err := s.Checkout(t.Context(), payments.CreateParams{
		User: payments.EndUser{ID: "sari"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: "qris",
	})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := paymentstest.Only(t, s.Service)
	require.NoError(t, s.sim.Move(p.Sessions[0].Ref, "rejected"))
	s.clock.Advance(5 * time.Minute)
	paymentstest.Drain(t, s.Service)
	p = paymentstest.Only(t, s.Service)
	require.Len(t, p.Attempts, 1)
	require.Equal(t, "rejected", p.Attempts[0].RawStatus())

	out, err := s.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "qris"})
	require.NoError(t, err)
	require.NoError(t, s.sim.Pay(out.Session.Ref))
	s.clock.Advance(time.Hour)
	paymentstest.Drain(t, s.Service)
	paymentstest.RequireStatus(t, s.Service, p.ID, payments.StatusSettled)
	require.Equal(t, 1, s.settled)
}

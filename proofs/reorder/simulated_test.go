package reorder

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// noon is when records and runs begin.
var noon = time.Date(2026, 5, 6, 5, 0, 0, 0, time.UTC)

// studio is a simulator whose notifications are recorded instead of sent.
type studio struct {
	t     *testing.T
	sim   *midtranstest.Server
	clock *paymentstest.Clock
	tape  []body
}

// step is something that happens to the order in the studio.
type step func(*midtranstest.Server) error

func choose(channel string) step {
	return func(s *midtranstest.Server) error { return s.Choose(orderID, midtranstest.By(channel)) }
}

func pay(s *midtranstest.Server) error    { return s.Pay(orderID) }
func late(s *midtranstest.Server) error   { return s.Pay(orderID, midtranstest.Late()) }
func expire(s *midtranstest.Server) error { return s.Expire(orderID) }
func cancel(s *midtranstest.Server) error { return s.Cancel(orderID) }
func settle(s *midtranstest.Server) error { return s.Settle(orderID) }
func deny(s *midtranstest.Server) error   { return s.Deny(orderID) }

func approve(s *midtranstest.Server) error      { return s.Approve(orderID) }
func reverse(s *midtranstest.Server) error      { return s.Reverse(orderID) }
func challenge(s *midtranstest.Server) error    { return s.Challenge(orderID) }
func chargeBack(s *midtranstest.Server) error   { return s.Chargeback(orderID) }
func chargePartly(s *midtranstest.Server) error { return s.PartialChargeback(orderID) }
func byCard(s *midtranstest.Server) error       { return s.Pay(orderID, midtranstest.By("credit_card")) }
func nothing(*midtranstest.Server) error        { return nil }
func refund(amount int64) step {
	return func(s *midtranstest.Server) error { return s.RefundFromDashboard(orderID, amount) }
}

// record plays the steps, a quarter of an hour apart, and returns what the
// simulator notifies of meanwhile, and how each transaction ends: the answers
// of look-ups.
func record(t *testing.T, extra midtrans.SnapExtra, steps ...step) (tape []body, truth map[string]body) {
	t.Helper()
	s := &studio{t: t, clock: paymentstest.NewClock(noon)}
	s.sim = midtranstest.New(midtranstest.WithClock(s.clock), midtranstest.WithKeys(serverKey, "SB-Mid-client-reorder"))
	s.sim.Notify("http://shop.test/notifications", http.NotFoundHandler())
	raw, err := json.Marshal(extra)
	require.NoError(t, err)
	_, err = midtrans.Snap(s.sim.Config()).Checkout(t.Context(), payments.CheckoutRequest{
		Ref: orderID, Order: payments.Order{Amount: payments.IDR(ordered)}, Extra: raw,
	})
	require.NoError(t, err)
	for i, do := range steps {
		require.NoError(t, do(s.sim), "step %d", i+1)
		s.listen()
		s.clock.Advance(15*time.Minute - time.Second) // a wallet's code lives for a quarter of an hour
	}
	s.listen()
	return s.tape, s.truth()
}

// listen records what waits to be sent.
func (s *studio) listen() {
	s.t.Helper()
	for _, sent := range s.sim.Take() {
		var b body
		require.NoError(s.t, json.Unmarshal(sent.Body, &b))
		s.tape = append(s.tape, b)
	}
}

// truth looks every transaction up.
func (s *studio) truth() map[string]body {
	s.t.Helper()
	order, ok := s.sim.Order(orderID)
	require.True(s.t, ok)
	truth := map[string]body{}
	for _, transaction := range order.Transactions {
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, fmt.Sprintf("%s/v2/%s/status", s.sim.URL, transaction.ID), nil)
		require.NoError(s.t, err)
		r.SetBasicAuth(serverKey, "")
		answer, err := s.sim.Client().Do(r)
		require.NoError(s.t, err)
		raw, err := io.ReadAll(answer.Body)
		require.NoError(s.t, err)
		require.NoError(s.t, answer.Body.Close())
		var b body
		require.NoError(s.t, json.Unmarshal(raw, &b))
		truth[transaction.ID] = b
	}
	return truth
}

package midtrans_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// Whoever has kept genuine notifications can send them again, at any time and
// in any order. All of them are true, and none of them is news.
func TestOldGenuineNotificationsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	p := s.buy()
	var kept [][]byte
	keep := func() {
		for _, sent := range s.sim.Take() {
			kept = append(kept, sent.Body)
			require.Equal(t, http.StatusOK, s.post(sent.Body))
		}
		paymentstest.Drain(t, s.pay)
	}
	require.NoError(t, s.sim.Pay(string(p.ID), midtranstest.By("gopay")))
	keep()
	_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1", Reason: "broken"})
	require.NoError(t, err)
	keep()
	require.GreaterOrEqual(t, len(kept), 3, "pending, settlement, refund")
	before := paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusRefunded)
	history := s.events(p.ID)
	for _, later := range []time.Duration{0, time.Hour, 400 * 24 * time.Hour} {
		s.clock.Advance(later)
		for range 3 {
			for _, body := range kept {
				require.Equal(t, http.StatusOK, s.post(body))
			}
			for i := range kept {
				require.Equal(t, http.StatusOK, s.post(kept[len(kept)-1-i]))
			}
		}
		paymentstest.Drain(t, s.pay)
		after := paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusRefunded)
		require.Equal(t, before.Totals, after.Totals)
		require.Equal(t, history, s.events(p.ID))
		require.Len(t, s.settled, 1)
	}
}

func (s *mugShop) events(id payments.ID) []payments.EventKind {
	s.t.Helper()
	var kinds []payments.EventKind
	for e, err := range s.pay.Events(s.t.Context(), id) {
		require.NoError(s.t, err)
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// A settlement and a refund of one order share a signature. Who has the one
// cannot make us believe the other.
func TestASignatureOfOneWordProvesNoOther(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	p := s.buy()
	require.NoError(t, s.sim.Pay(string(p.ID), midtranstest.By("gopay")))
	sent := s.sim.Take()
	settlement := sent[len(sent)-1].Body
	require.Equal(t, http.StatusOK, s.post(settlement))
	paymentstest.Drain(t, s.pay)
	before := s.events(p.ID)
	for _, word := range []string{"refund", "partial_refund", "chargeback", "deny", "cancel", "expire", "failure", "capture"} {
		forged := change(t, settlement, map[string]any{"transaction_status": word, "refund_amount": "85000.00"})
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, s.post(forged), word)
	}
	for range 30 { // the doubts are looked into, and come to nothing
		s.clock.Advance(time.Hour)
		paymentstest.Drain(t, s.pay)
	}
	after := paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusSettled)
	require.Zero(t, after.Totals.Refunded.Amount)
	require.Zero(t, after.Totals.ChargedBack.Amount)
	require.Equal(t, before, s.events(p.ID))
}

// The prefix of the dashboard's test messages is no way around anything.
func TestATestMessageNeedsAGoodSignatureAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	p := s.buy()
	rest := `"transaction_status":"settlement","transaction_id":"x","payment_type":"qris"`
	body := s.signed("payment_notif_test_"+string(p.ID), "200", "85000.00", rest)
	require.Equal(t, http.StatusForbidden, s.post(change(t, body, map[string]any{"gross_amount": "1.00"})))
	require.Equal(t, http.StatusOK, s.post(body))
	require.Equal(t, []payments.Verdict{payments.VerdictForged, payments.VerdictTest}, s.trace())
	paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusPending)
}

func TestADeeplyNestedNotificationIsRefused(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	p := s.buy()
	for _, deep := range []string{
		strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000), strings.Repeat("[", 60_000), strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000),
	} {
		body := s.signed(string(p.ID), "200", "85000.00", `"transaction_status":"settlement","transaction_id":"x","x":`+deep)
		require.Equal(t, http.StatusBadRequest, s.post(body))
	}
	paymentstest.RequireStatus(t, s.pay, p.ID, payments.StatusPending)
}

// What a thief of the database has: no key, no signature to forge with, no
// card, and no token by which one could be charged.
func TestAStolenDatabaseHoldsNoKeyAndNoSignature(t *testing.T) {
	t.Parallel()
	s := newMugShop(t)
	key := s.sim.Config().ServerKey
	bought := map[string]*payments.Payment{}
	for _, method := range []string{"credit_card", "gopay", "bca_va"} {
		bought[method] = s.buy()
		require.NoError(t, s.sim.Pay(string(bought[method].ID), midtranstest.By(method)))
		for _, sent := range s.sim.Take() {
			signature := regexp.MustCompile(`"signature_key":"[0-9a-f]{128}"`)
			require.Regexp(t, signature, string(sent.Body), "it came with one")
			require.Equal(t, http.StatusOK, s.post(change(t, sent.Body, map[string]any{
				"saved_token_id": "481111-tok", "card_number": "4811111111111114", "metadata": map[string]any{"note": "our key is " + key},
			})))
			require.Equal(t, http.StatusForbidden, s.post(change(t, sent.Body, map[string]any{"gross_amount": "1.00"})))
		}
	}
	recurring, err := filepath.Glob("testdata/recurring/*.json") // each with the token of a card or a wallet
	require.NoError(t, err)
	for _, file := range recurring {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Regexp(t, `"token": "(481111-1114-tok-secret|c2VjcmV0LW9mLWEtd2FsbGV0)"`, string(body))
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, s.post(body))
	}
	paymentstest.Drain(t, s.pay)
	var all strings.Builder
	dump := func(v any) {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		all.Write(raw)
	}
	for _, p := range bought {
		story, err := s.pay.Explain(t.Context(), p.ID)
		require.NoError(t, err)
		dump(story)
	}
	messages := 0
	for m, err := range s.pay.Messages(t.Context(), payments.MessageQuery{}) {
		require.NoError(t, err)
		messages++
		all.Write(m.Raw) // the story has it in base64
		dump(m.Note)
	}
	require.Greater(t, messages, 12)
	require.Contains(t, all.String(), `"signature_key":"[removed]"`)
	require.Contains(t, all.String(), `our key is [removed]`)
	for _, secret := range []string{key, base64.StdEncoding.EncodeToString([]byte(key + ":")), "481111-tok", "4811111111111114", "481111-1114-tok-secret", "c2VjcmV0LW9mLWEtd2FsbGV0"} {
		require.NotContains(t, all.String(), secret)
	}
	require.NotRegexp(t, `[0-9a-f]{128}`, all.String())
}

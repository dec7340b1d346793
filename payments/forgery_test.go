package payments_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Whoever has one genuine message of an order can sign others for it: the
// transaction's id, its word, its times and its channel are not covered. These
// tests hold such a signature.

// The double-credit attack: a settlement for order X that names the paid
// transaction of order Y.
func TestOneTransactionCannotPayTwoOrders(t *testing.T) {
	t.Parallel()
	for _, firstPaid := range []bool{true, false} {
		s := newShop(t)
		x, y := s.buy("mallory", `{"plan_id":"pro"}`), s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(y.ID), "T", "settlement", 29_000)
		if firstPaid {
			s.settle(y, "T")
		}
		code, _ := s.notify(settlement(x, "T"))
		require.Equal(t, 503, code)
		s.drain()
		if !firstPaid {
			s.settle(y, "T")
		}
		s.status(y, payments.StatusSettled)
		for range 40 {
			s.clock.Advance(time.Hour)
			s.drain()
		}
		code, verdict := s.notify(settlement(x, "T"))
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictContradicted, verdict)
		s.status(x, payments.StatusExpired)
		require.NotContains(t, s.kinds(x), payments.EventSettled)
		s.status(y, payments.StatusSettled)
	}
}

// Some channels repeat the transaction's id where the order's belongs, so the
// answer does not tell whose it is. Then it is the first one's, for good.
func TestATransactionOfNobodyInParticularPaysOneOrder(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"T", ""} {
		s := newShop(t)
		x, y := s.buy("mallory", `{"plan_id":"pro"}`), s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.status = func(a payments.AttemptRef) (payments.Observation, error) {
			if a.TransactionID == "" {
				return payments.Observation{}, payments.ErrNotFound
			}
			return payments.Observation{Ref: ref, TransactionID: a.TransactionID, RawStatus: "settlement",
				Amount: payments.IDR(29_000), Method: "bank_transfer/bca", Facts: words("settlement")}, nil
		}
		code, verdict := s.notify(settlement(y, "T"))
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictApplied, verdict)
		code, _ = s.notify(settlement(x, "T"))
		require.Equal(t, 503, code)
		require.Equal(t, []payments.Verdict{payments.VerdictApplied, payments.VerdictUnconfirmed}, s.verdicts())
		code, verdict = s.notify(settlement(y, "T"))
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictDuplicate, verdict)
		for range 40 {
			s.clock.Advance(time.Hour)
			s.drain()
		}
		s.status(y, payments.StatusSettled)
		s.status(x, payments.StatusExpired)
		require.NotContains(t, s.kinds(x), payments.EventSettled)
	}
}

// An answer about another transaction than was asked for is no answer.
func TestAnAnswerAboutSomethingElseIsNotMerged(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.status = func(a payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{Ref: a.Ref, TransactionID: "other", Amount: p.Amount, Facts: words("settlement")}, nil
	}
	code, _ := s.notify(settlement(p, "tx1"))
	require.Equal(t, 503, code)
	p = s.status(p, payments.StatusPending)
	require.Zero(t, p.Totals.In.Amount)
	require.Empty(t, p.Attempts)
}

// A "pending" needs no confirmation, so anybody can make a payment believe in
// transactions that are not its own, or do not exist. It must not touch those
// of others, nor be kept from its own end by them.
func TestAForgedPendingNeitherHarmsOthersNorKeepsThePaymentOpen(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*shop, *payments.Payment){
		"expired": func(s *shop, p *payments.Payment) {
			s.clock.Advance(25 * time.Hour)
			s.drain()
			s.status(p, payments.StatusExpired)
		},
		"canceled": func(s *shop, p *payments.Payment) {
			_, err := s.pay.Cancel(s.t.Context(), p.ID, "")
			require.NoError(s.t, err)
			s.status(p, payments.StatusCanceled)
		},
		"paid by another method": func(s *shop, p *payments.Payment) {
			_, err := s.pay.Attempt(s.t.Context(), p.ID, payments.AttemptParams{Method: "gopay"})
			require.NoError(s.t, err)
			s.settle(s.get(p.ID), "good")
			s.status(p, payments.StatusSettled)
		},
	} {
		s := newShop(t)
		var touched []string
		touch := func(a payments.AttemptRef) error {
			if _, ok := s.fake.states[a.TransactionID]; a.TransactionID != "" && !ok {
				return fmt.Errorf("fake: %w", payments.ErrNotFound)
			}
			touched = append(touched, a.TransactionID)
			return nil
		}
		s.fake.cancel, s.fake.expire = touch, touch
		victim := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
		s.fake.set(string(victim.ID), "victims", "capture", 85_000)
		s.notify(note{Ref: string(victim.ID), Tx: "victims", Word: "capture", Amount: 85_000})
		s.status(victim, payments.StatusSettled)

		p := s.buy("mallory", `{"plan_id":"pro"}`)
		for _, tx := range []string{"victims", "madeup"} {
			code, _ := s.notify(note{Ref: string(p.ID), Tx: tx, Word: "pending", Amount: 29_000,
				Expires: start.AddDate(1000, 0, 0)})
			require.Equal(t, 200, code)
		}
		end(s, p)
		require.NotContains(t, touched, "victims", name)
		require.NotContains(t, touched, "madeup", name)
		s.status(victim, payments.StatusSettled)
		s.clock.Advance(50 * 24 * time.Hour)
		s.drain()
		require.True(t, s.get(p.ID).WakeAt.IsZero() || name == "paid by another method", name)
	}
}

// What turns out to be made up is forgotten: it must not read as an expiry,
// for that releases stock.
func TestAForgedPendingReleasesNoStock(t *testing.T) {
	t.Parallel()
	for _, forged := range [][]string{{"tx1"}, {"tx1", "madeup"}, {"madeup"}} { // the victim's, and nobody's
		s := newShop(t)
		victim := s.paid()
		p := s.buy("mallory", `{"items":[{"id":"mug","quantity":1}]}`)
		for _, tx := range forged {
			s.notify(note{Ref: string(p.ID), Tx: tx, Word: "pending", Amount: 85_000})
		}
		s.asks(time.Minute, 2*time.Hour)
		s.status(p, payments.StatusPending)
		before := s.kinds(p)
		require.NotContains(t, before, payments.EventExpired)
		s.clock.Advance(day)
		s.drain()
		p = s.status(p, payments.StatusExpired)
		require.Equal(t, append(before, payments.EventExpired), s.kinds(p))
		require.Empty(t, p.Attempts)
		require.True(t, p.Attention, "somebody has lied")
		s.status(victim, payments.StatusSettled)
	}
}

// The expiry of a transaction is not signed: only the gateway's own answer
// gives a payer more time.
func TestAForgedExpiryTimeGivesNoMoreTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000, Expires: start.AddDate(1000, 0, 0)})
	s.clock.Advance(25 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
}

func TestTheGatewaysOwnExpiryTimeGivesMoreTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Facts: words("pending"), ExpiresAt: start.Add(48 * time.Hour)})
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	for range 47 {
		s.clock.Advance(time.Hour)
		s.drain()
	}
	s.status(p, payments.StatusPending)
	s.clock.Advance(2 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
}

// Nor is the time of a settlement: what is known already cannot be moved into
// the past, which would end the access that it gives.
func TestADuplicateWithAForgedTimeMovesNoClaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	n := settlement(p, "tx1")
	n.At = start.AddDate(-5, 0, 0)
	code, verdict := s.notify(n)
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictDuplicate, verdict)
	// A new word for what is known, with the same old time.
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.Equal(t, start.AddDate(0, 1, 0), e.Until)
	require.Equal(t, start, s.get(p.ID).Attempts[0].PaidAt())
}

// One signature must not be enough to make a payment grow without end.
func TestForgedMessagesDoNotMakeAPaymentGrow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("mallory", `{"plan_id":"pro"}`)
	for i := range 300 {
		s.notify(note{Ref: string(p.ID), Tx: fmt.Sprint("made-up-", i), Word: "pending", Amount: 29_000})
		s.notify(note{Ref: string(p.ID), Tx: "tx", Word: fmt.Sprint("word-", i), Amount: 29_000})
		s.notify(note{Ref: string(p.ID), Tx: fmt.Sprint("paid-", i), Word: "settlement", Amount: 29_000})
		s.notify(note{Ref: string(p.ID), Tx: "tx", Word: "pending", Amount: int64(i), At: start.Add(time.Duration(-i) * time.Hour),
			Raw: fmt.Sprint("pending/", i), More: []payments.Fact{{Kind: payments.FactReversible, Text: fmt.Sprint(i)}}})
	}
	p = s.status(p, payments.StatusPending)
	require.LessOrEqual(t, len(p.Attempts), 50)
	require.LessOrEqual(t, len(p.Notes), 50)
	require.LessOrEqual(t, len(p.Watch.Doubts), 50)
	for _, a := range p.Attempts {
		require.LessOrEqual(t, len(a.Facts), 100)
	}
	require.LessOrEqual(t, len(p.Told), 100)
	// The payer is not locked out by it.
	s.settle(p, "genuine")
	s.status(p, payments.StatusSettled)
}

// A stream of harmless messages must not push the timer on and on.
func TestRepeatsDoNotPostponeTheTimer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.clock.Advance(24 * time.Hour)
	s.drain()
	for range 10 { // nothing runs while they come in, one a minute
		s.clock.Advance(time.Minute)
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	}
	s.drain()
	s.status(p, payments.StatusExpired)
}

// The same transaction told under another session of the same payment: it
// must still be found when it is asked about.
func TestATransactionToldUnderTheWrongSessionIsStillAskedAbout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	p := out.Payment
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
	require.NoError(t, err)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.notify(note{Ref: string(p.ID) + "-2", Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusSettled)
}

// What was told under the wrong session is put right by the first answer.
func TestAnAnswerPutsTheSessionRight(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	p := out.Payment
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
	require.NoError(t, err)
	s.notify(note{Ref: string(p.ID) + "-2", Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "capture", 29_000)
	code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "capture", Amount: 29_000})
	require.Equal(t, 200, code)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.clock.Advance(time.Hour)
	s.drain()
	require.Equal(t, 1, s.told(p, payments.EventFundsAvailable))
}

// The channel is not signed either. It decides whether a denial after the
// payment is the bank's taking it back, or a contradiction.
func TestAForgedChannelMakesNoReversal(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000, More: []payments.Fact{{Kind: payments.FactReversible}}})
	s.settle(p, "tx1")
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: 29_000, More: []payments.Fact{{Kind: payments.FactReversible}}})
	s.fake.set(string(p.ID), "tx1", "deny", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "deny", Amount: 29_000})
	s.status(p, payments.StatusReview)
	require.Zero(t, s.told(p, payments.EventRefunded))
}

// Reading must not be a way in: an error text of a forged message is cut, and
// is text that every database keeps.
func TestTheTraceOfAForgedMessageIsFitToBeKept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fake.read = func(payments.RawNotification) (payments.Notification, error) {
		return payments.Notification{Observation: payments.Observation{
			Ref: "0123456789012345678901234567890123456\x00\xff€€€€", Raw: []byte("x"),
		}}, fmt.Errorf("fake: \x00 %w", payments.ErrForged)
	}
	w := s.do("POST", "/notifications/fake", "", "{}")
	problem(t, w, 403, "forged")
	found := 0
	for m, err := range s.pay.Messages(t.Context(), payments.MessageQuery{}) {
		require.NoError(t, err)
		found++
		for _, text := range []string{m.Ref, m.Note} {
			require.NoError(t, plainText(text))
		}
	}
	require.Equal(t, 1, found)
}

func plainText(s string) error {
	for _, r := range s {
		if r == 0 || r == '\uFFFD' {
			return errors.New("not plain text: " + s)
		}
	}
	return nil
}

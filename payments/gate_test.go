package payments_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The numbers are those of the gate vectors in docs/states.md.

func settlement(p *payments.Payment, tx string) note {
	return note{Ref: string(p.ID), Tx: tx, Word: "settlement", Amount: p.Amount.Amount}
}

// 34: whoever saw one genuine message can sign another word.
func TestAForgedSettlementIsNeverBelieved(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	for _, wait := range []time.Duration{0, 10 * time.Second, time.Hour, 6 * time.Hour, 12 * time.Hour} {
		s.clock.Advance(wait)
		s.drain()
		code, verdict := s.notify(settlement(p, "tx1"))
		require.Equal(t, 503, code)
		require.Empty(t, verdict)
	}
	s.clock.Advance(6 * time.Hour)
	code, verdict := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictContradicted, verdict)

	p = s.get(p.ID)
	require.True(t, p.Attention)
	require.NotContains(t, s.kinds(p), payments.EventSettled)
	require.Zero(t, p.Totals.In.Amount)
	require.Equal(t, append(slices.Repeat([]payments.Verdict{payments.VerdictUnconfirmed}, 5), payments.VerdictContradicted), s.verdicts())
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.False(t, e.OK)
	s.clock.Advance(24 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
}

// What nobody sends again is shown as contradicted all the same, once a day
// has gone by, and is asked about no more.
func TestADoubtEndsAfterADay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	n := settlement(p, "tx1")
	n.Word = "refund"
	code, _ := s.notify(n)
	require.Equal(t, 503, code)
	require.False(t, s.get(p.ID).Attention)
	before := s.fake.count("status")
	var asked []time.Duration
	for at := time.Duration(0); at < 50*time.Hour; at += 10 * time.Second {
		s.clock.Advance(10 * time.Second)
		s.drain()
		if n := s.fake.count("status"); n > before {
			before = n
			asked = append(asked, at+10*time.Second)
		}
	}
	require.Subset(t, asked, []time.Duration{
		10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
	})
	require.Equal(t, 24*time.Hour, asked[len(asked)-1], "and no more")
	require.LessOrEqual(t, len(asked), 7+len(payments.DefaultSchedule))
	p = s.status(p, payments.StatusSettled)
	require.True(t, p.Attention)
	require.Contains(t, strings.Join(p.Notes, "\n"), "refund")
	_, err := s.pay.Resolve(t.Context(), p.ID, payments.Resolution{Verb: payments.Seen})
	require.NoError(t, err)
	code, verdict := s.notify(n)
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictContradicted, verdict)
}

// 35: the look-up lags behind the notification.
func TestALookUpThatLagsIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	w := s.do("POST", "/notifications/fake", "", `{"Sign":"good","Ref":"`+string(p.ID)+`","Tx":"tx1","Word":"settlement","Amount":29000}`)
	problem(t, w, 503, "send-again")
	require.Equal(t, "120", w.Header().Get("Retry-After"))
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.drain()
	s.status(p, payments.StatusPending) // not asked before its time
	s.clock.Advance(10 * time.Second)
	s.drain()
	s.status(p, payments.StatusSettled)
	asked := s.fake.count("status")
	code, verdict := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictDuplicate, verdict)
	require.Equal(t, asked, s.fake.count("status"), "a duplicate asks nobody")
	require.Equal(t, 1, s.told(p, payments.EventSettled))
	require.Empty(t, s.get(p.ID).Watch.Doubts)
}

// 36: the signature of a real deny fits an expiry, which would release stock.
func TestAForgedExpiryReleasesNoStock(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(p.ID), "tx1", "pending", 85_000)
	for _, word := range []string{"expire", "cancel", "deny", "failure"} {
		code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: word, Amount: 85_000})
		require.Equal(t, 503, code, word)
	}
	s.status(p, payments.StatusPending)
	require.Equal(t, []payments.EventKind{payments.EventPending, payments.EventPending}, s.kinds(p), "of the session, and of tx1")
}

// 37, and its like: true, but old.
func TestANotificationThatWasOvertakenIsOutdated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ notified, truth string }{
		{"expire", "settlement"}, {"expire", "refund"}, {"capture", "settlement"}, {"capture", "refund"},
		{"authorize", "capture"}, {"authorize", "settlement"}, {"authorize", "expire"}, {"challenge", "capture"},
		{"challenge", "deny"}, {"challenge", "cancel"},
		{"partial_refund", "refund"}, {"partial_chargeback", "chargeback"},
	} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx1", c.truth, 29_000)
		code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: c.notified, Amount: 29_000})
		require.Equal(t, 200, code, c)
		require.Equal(t, payments.VerdictOutdated, verdict, c)
		require.Empty(t, s.get(p.ID).Watch.Doubts)
		require.NotContains(t, s.kinds(p), payments.EventReview, c)
	}
	// A bank that takes a payment back within minutes.
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", RawStatus: "deny", Amount: p.Amount,
		Facts: append(words("deny"), payments.Fact{Kind: payments.FactReversible})})
	code, verdict := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictOutdated, verdict)

	// A refund that the answer hides behind a chargeback is not outdated: its
	// amount may have been paid twice, and a person has to see it.
	s = newShop(t)
	p = s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "chargeback", 29_000)
	code, _ = s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "partial_refund", Amount: 29_000})
	require.Equal(t, 503, code)
	require.Len(t, s.get(p.ID).Watch.Doubts, 1)

	// After it was known: nothing changes.
	s = newShop(t)
	p = s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	before := s.history(p)
	code, verdict = s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "expire", Amount: 29_000})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictOutdated, verdict)
	require.Equal(t, before, s.history(p))
	s.status(p, payments.StatusSettled)
}

// The answer is ahead: a refund is seen when the settlement was notified.
func TestAnAnswerThatIsAheadCounts(t *testing.T) {
	t.Parallel()
	for truth, want := range map[string]payments.Status{"refund": payments.StatusRefunded, "chargeback": payments.StatusChargedBack} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx1", truth, 29_000)
		code, verdict := s.notify(settlement(p, "tx1"))
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictApplied, verdict)
		s.status(p, want)
		require.Equal(t, 1, s.told(p, payments.EventSettled))
	}
}

// 38.
func TestTheDashboardsTestIsAnswered(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	code, verdict := s.notify(note{Ref: "payment_notif_test_1", Tx: "t", Word: "settlement", Amount: 1, Test: true})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictTest, verdict)
	require.Zero(t, s.fake.count("status"))
	require.Equal(t, []payments.Verdict{payments.VerdictTest}, s.verdicts())
}

// 39: genuine, but the order is not known yet.
func TestWhatIsParkedIsMatchedWhenTheOrderTurnsUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	code, verdict := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictParked, verdict)
	require.Zero(t, s.fake.count("status"), "nobody is asked about orders that are not ours")
	s.status(p, payments.StatusCreated)

	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	s.status(p, payments.StatusSettled)
	require.Equal(t, []payments.Verdict{payments.VerdictApplied}, s.verdicts(), "the message is kept once")
	require.Equal(t, 1, s.told(p, payments.EventSettled))
}

// 39, when the gateway is down as the order turns up: nobody will send the
// message again, for it was answered 200.
func TestWhatIsParkedIsMatchedByTheTimerToo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	s.notify(settlement(p, "tx1"))
	s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{}, unreachable("500")
	}
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	s.status(p, payments.StatusPending)
	s.fake.status = func(a payments.AttemptRef) (payments.Observation, error) {
		if a.TransactionID == "" { // knows transactions by their own ids only
			return payments.Observation{}, &payments.GatewayError{Gateway: "fake", Err: payments.ErrNotFound}
		}
		return payments.Observation{Ref: a.Ref, TransactionID: "tx1", Amount: p.Amount, Facts: words("settlement")}, nil
	}
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusSettled)
	require.Equal(t, 1, s.told(p, payments.EventSettled))
	require.Empty(t, s.get(p.ID).Watch.Doubts)
}

// 39, when the process dies, or the store, right after the order has turned up
// as paid already: then nothing else would ever wake the payment.
func TestWhatIsParkedIsMatchedThoughThePaymentIsFinal(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.notify(settlement(p, "tx1"))
	s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		return payments.CheckoutResult{}, payments.ErrWrongState // it has been paid
	}
	writes := 0
	store.set(func() error {
		if writes++; writes > 2 { // the session, the answer; not the parked message
			return errors.New("the lights went out")
		}
		return nil
	}, nil)
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	s.status(p, payments.StatusSettled)
	require.Equal(t, []payments.Verdict{payments.VerdictParked}, s.verdicts())

	store.set(nil, nil)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	require.NotContains(t, s.verdicts(), payments.VerdictParked)
	require.Equal(t, 1, s.told(p, payments.EventSettled))
}

// 40.
func TestAnUnknownWordIsShownAndNeverGuessed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	before := s.kinds(p)
	code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "on_hold", Amount: 29_000})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictUnknownWord, verdict)
	p = s.status(p, payments.StatusPending)
	require.True(t, p.Attention)
	require.Contains(t, p.Notes[0], "on_hold")
	require.Equal(t, before, s.kinds(p))

	// An unknown word in an answer changes nothing either.
	s.fake.set(string(p.ID), "tx1", "on_hold", 29_000)
	code, _ = s.notify(settlement(p, "tx1"))
	require.Equal(t, 503, code)
	s.status(p, payments.StatusPending)
}

// 43.
func TestManyCopiesAtOnceSettleOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			w := s.do("POST", "/notifications/fake", "", `{"Sign":"good","Ref":"`+string(p.ID)+`","Tx":"tx1","Word":"settlement","Amount":29000}`)
			if w.Code != http.StatusOK {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
		})
	}
	group.Wait()
	require.Equal(t, []payments.EventKind{
		payments.EventPending, payments.EventSettled, payments.EventFundsAvailable, payments.EventClaimGranted,
	}, s.kinds(p))
	require.Len(t, s.verdicts(), 64)
	require.Positive(t, s.fake.count("status"))
	asked := s.fake.count("status")
	s.notify(settlement(p, "tx1"))
	require.Equal(t, asked, s.fake.count("status"))
}

func TestAGatewayThatCannotBeAskedIsSentForLater(t *testing.T) {
	t.Parallel()
	for _, why := range []error{
		unreachable("401"), unreachable("403"), unreachable("429"), unreachable("500"),
		&payments.GatewayError{Gateway: "fake", Op: "status", Retry: true, Err: context.DeadlineExceeded},
	} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, why }
		code, _ := s.notify(settlement(p, "tx1"))
		require.Equal(t, 503, code)
		require.Equal(t, []payments.Verdict{payments.VerdictUnasked}, s.verdicts())
		s.status(p, payments.StatusPending)
		require.Equal(t, []payments.EventKind{payments.EventPending}, s.kinds(p))
		require.Contains(t, s.logs.String(), "could not be asked", "somebody has to know")
		s.fake.status = nil
		s.settle(p, "tx1")
		s.status(p, payments.StatusSettled)
	}
}

// A gateway that signs a part only, and cannot be asked, is never believed.
func TestAPartialProofWithoutLookUpIsNoProof(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Gateways = []payments.Gateway{mute{c.Gateways[0]}} }))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	code, _ := s.notify(settlement(p, "tx1"))
	require.Equal(t, 503, code)
	s.status(p, payments.StatusPending)
}

// Trusting the signature of the whole body is the host's choice.
func TestAWholeProofNeedsNoAsking(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fake.proof = payments.ProofWhole
	p := s.buy("ana", `{"plan_id":"pro"}`)
	code, verdict := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictApplied, verdict)
	require.Zero(t, s.fake.count("status"))
	s.status(p, payments.StatusSettled)
}

func TestAWrongAmountFulfilsNothing(t *testing.T) {
	t.Parallel()
	for name, paid := range map[string]payments.Money{
		"a rupiah short":   payments.IDR(28_999),
		"a rupiah over":    payments.IDR(29_001),
		"another currency": {Amount: 29_000, Currency: "USD"},
		"nothing":          payments.IDR(0),
	} {
		for _, proof := range []payments.Proof{payments.ProofPartial, payments.ProofWhole} {
			s := newShop(t)
			s.fake.proof = proof
			p := s.buy("ana", `{"plan_id":"pro"}`)
			s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", RawStatus: "settlement", Amount: paid, Facts: words("settlement")})
			code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: paid.Amount, Currency: paid.Currency})
			require.Equal(t, 200, code, name)
			require.Equal(t, payments.VerdictApplied, verdict, name)
			p = s.status(p, payments.StatusReview)
			require.Equal(t, "amount", p.Cause)
			kinds := s.kinds(p)
			require.Contains(t, kinds, payments.EventReview)
			require.NotContains(t, kinds, payments.EventSettled)
			require.NotContains(t, kinds, payments.EventClaimGranted)
			claims, err := s.pay.Claims(t.Context(), ana)
			require.NoError(t, err)
			require.Empty(t, claims)
			s.clock.Advance(48 * time.Hour)
			s.drain()
			s.status(p, payments.StatusReview)
		}
	}
}

// What was notified and what the gateway confirms may differ: the
// confirmation counts, and a person should look.
func TestTheConfirmedAmountCounts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: 1})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictApplied, verdict)
	require.True(t, s.status(p, payments.StatusSettled).Attention)

	p = s.buy("budi", `{"plan_id":"pro"}`)
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx2", Amount: payments.IDR(1), Facts: words("settlement")})
	code, _ = s.notify(settlement(p, "tx2"))
	require.Equal(t, 200, code)
	require.True(t, s.status(p, payments.StatusReview).Attention)
}

// What the gateway answered is kept beside what was notified.
func TestTheAnswerIsKept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	s.clock.Advance(time.Hour)
	s.drain()
	story, err := s.pay.Explain(t.Context(), p.ID)
	require.NoError(t, err)
	var ops []string
	for _, m := range story.Messages {
		ops = append(ops, m.Op)
		require.Equal(t, string(p.ID), m.Ref)
		if m.Op == "status" {
			require.JSONEq(t, `{"word":"settlement"}`, string(m.Raw))
		}
	}
	require.ElementsMatch(t, []string{"notification", "status"}, ops)
	require.NotContains(t, fmt.Sprint(story.Messages), "good", "secrets are not kept")
}

package payments

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVectorDetails(t *testing.T) {
	t.Parallel()

	t.Run("24: an accepted part owes no more", func(t *testing.T) {
		t.Parallel()
		h := play(t, authorize("A1"), askCapture("A1", 60_000), capture("A1").of(IDR(60_000)))
		require.EqualValues(t, 60_000, h.p.look().due)
	})
	t.Run("51: the order stays covered", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), partialChargeback("A1"))
		require.True(t, h.p.look().covered())
		require.True(t, h.p.Disputed)
	})
	t.Run("19: a rejection is a note and no more", func(t *testing.T) {
		t.Parallel()
		h := play(t, checkout(), settle("A1").of(IDR(90_000)), decide("A1", FactRejected))
		require.Equal(t, StatusReview, h.p.Status)
		require.Equal(t, []string{"pending", "review A1 amount 90000", "funds_available A1"}, briefs(h.events))
	})
	t.Run("18: kept and reversed are ways out of the conflict", func(t *testing.T) {
		t.Parallel()
		kept := play(t, settle("A1"), deny("A1"), decide("A1", FactKept))
		require.Equal(t, StatusSettled, kept.p.Status)
		back := play(t, settle("A1"), deny("A1"), decide("A1", FactReversed))
		require.Equal(t, StatusDenied, back.p.Status)
		require.Equal(t, "refunded A1 100000 of 100000 full reversal", brief(back.events[len(back.events)-1]))
	})
	t.Run("14: keys are named once", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), request("A1", "r1", 30_000), done("A1", "r1"),
			refunded("A1", entry("r1", "1", 30_000), entry("r2", "2", 70_000)))
		var keys [][]string
		for _, d := range h.events {
			if e, ok := d.body.(*Refunded); ok {
				keys = append(keys, e.Keys)
			}
		}
		require.Equal(t, [][]string{{"r1"}, {"r2"}}, keys)
	})
	t.Run("an amount without a currency is in the order's", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1").of(Money{Amount: ordered}))
		require.Equal(t, StatusSettled, h.p.Status)
	})
	t.Run("a look-up that names no amount asks a person", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), partlyRefunded("A1").with(Fact{Kind: FactRefundUnknown}))
		require.Equal(t, "review A1 refund 100000", brief(h.events[len(h.events)-1]))
		require.Equal(t, StatusSettled, h.p.Status)
	})
}

// The rules by which one attempt stands, each against those behind it.
func TestAttemptRules(t *testing.T) {
	t.Parallel()
	won := decide("A1", FactDisputeWon)
	for _, c := range []struct {
		news   []news
		status Status
		cause  string
	}{
		{[]news{settle("A1"), refunded("A1"), deny("A1"), chargeback("A1")}, StatusChargedBack, ""},
		{[]news{settle("A1"), partialChargeback("A1"), deny("A1"), won}, StatusReview, "conflict"},
		{[]news{settle("A1"), failure("A1")}, StatusReview, "conflict"},
		{[]news{settle("A1"), failure("A1"), decide("A1", FactKept)}, StatusSettled, ""},
		{[]news{capture("A1"), cancel("A1"), settle("A1")}, StatusReview, "conflict"},
		{[]news{capture("A1"), cancel("A1"), settle("A1"), decide("A1", FactKept)}, StatusCanceled, "void"},
		{[]news{settle("A1"), deny("A1"), refunded("A1")}, StatusReview, "conflict"},
		{[]news{capture("A1"), cancel("A1"), deny("A1").via("echannel", true)}, StatusDenied, "reversal"},
		{[]news{capture("A1"), cancel("A1"), refunded("A1"), decide("A1", FactKept)}, StatusCanceled, "void"},
		{[]news{settle("A1").of(IDR(90_000)), refunded("A1").of(IDR(90_000))}, StatusRefunded, ""},
		{[]news{settle("A1").of(IDR(90_000)), manual("A1", "m1", 10_000)}, StatusReview, "amount"},
		{[]news{settle("A1"), manual("A1", "m1", 10_000)}, StatusPartiallyRefunded, ""},
		{[]news{settle("A1"), expire("A1"), cancel("A1")}, StatusSettled, ""},
		{[]news{deny("A1"), cancel("A1"), expire("A1"), failure("A1")}, StatusDenied, ""},
		{[]news{cancel("A1"), expire("A1"), failure("A1"), authorize("A1")}, StatusCanceled, ""},
		{[]news{expire("A1"), failure("A1"), challenge("A1")}, StatusExpired, ""},
		{[]news{failure("A1"), pending("A1")}, StatusDenied, "failure"},
		{[]news{challenge("A1"), authorize("A1")}, StatusChallenged, ""},
		{[]news{word("A1", "authorize/challenge", FactAuthChallenged), pending("A1")}, StatusChallenged, ""},
		{[]news{word("A1", "authorize/challenge", FactAuthChallenged), authorize("A1")}, StatusAuthorized, ""},
		{[]news{authorize("A1"), pending("A1")}, StatusAuthorized, ""},
		{[]news{word("A1", "on_hold")}, StatusPending, ""},
	} {
		h := play(t, c.news...)
		s := h.p.stand(h.p.Attempt("", "A1"))
		require.Equal(t, c.status, s.status, "%v", c.news)
		require.Equal(t, c.cause, s.cause, "%v", c.news)
	}
}

// The rules by which the payment stands, each against those behind it, and
// the attempt that decides.
func TestPaymentRules(t *testing.T) {
	t.Parallel()
	refused := news{own: Fact{Kind: FactRefused, Text: "no"}}
	wrong := settle("A2").of(IDR(90_000))
	for _, c := range []struct {
		news    []news
		status  Status
		cause   string
		decider string
	}{
		{[]news{settle("A1"), settle("A2"), deny("A2")}, StatusReview, "conflict", "A2"},
		{[]news{settle("A1"), chargeback("A1"), settle("A2")}, StatusSettled, "", "A2"},
		{[]news{settle("A1"), partialChargeback("A1"), settle("A2")}, StatusSettled, "", "A2"},
		{[]news{settle("A2"), settle("A1")}, StatusSettled, "", "A2"},
		{[]news{settle("A1"), settle("A2"), manual("A1", "m1", 30_000)}, StatusSettled, "", "A1"},
		{[]news{settle("A1"), manual("A1", "m1", 30_000), wrong}, StatusPartiallyRefunded, "", "A1"},
		{[]news{settle("A1"), chargeback("A1"), wrong}, StatusChargedBack, "", "A1"},
		{[]news{settle("A1"), refunded("A1"), wrong}, StatusReview, "amount", "A2"},
		{[]news{settle("A1"), refunded("A1"), pending("A2")}, StatusRefunded, "", "A1"},
		{[]news{challenge("A1"), authorize("A2"), pending("A3")}, StatusChallenged, "", "A1"},
		{[]news{authorize("A2"), pending("A3"), lapsed()}, StatusAuthorized, "", "A2"},
		{[]news{pending("A3"), pending("A1"), hostCanceled()}, StatusPending, "", "A1"},
		{[]news{capture("A1"), cancel("A1"), hostCanceled(), lapsed(), deny("A2")}, StatusCanceled, "void", "A1"},
		{[]news{lapsed(), hostCanceled(), deny("A1")}, StatusCanceled, "host", ""},
		{[]news{lapsed(), deny("A1")}, StatusExpired, "", ""},
		{[]news{checkout(), deny("A2"), expire("A1")}, StatusExpired, "", "A1"},
		{[]news{checkout(), refused}, StatusPending, "", ""},
		{[]news{refused}, StatusDenied, "refused", ""},
		{[]news{{own: Fact{Kind: FactWord, Text: "x"}}}, StatusCreated, "", ""},
	} {
		o := play(t, c.news...).p.look()
		require.Equal(t, c.status, o.status, "%v", c.news)
		require.Equal(t, c.cause, o.cause, "%v", c.news)
		require.Equal(t, c.decider, o.attempt(o.decider).transactionID(), "%v", c.news)
	}
}

func (s standing) transactionID() string {
	if s.attempt == nil {
		return ""
	}
	return s.attempt.TransactionID
}

package payments_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func (s *shop) short(paid int64) *payments.Payment {
	s.t.Helper()
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "settlement", paid)
	code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: paid})
	require.Equal(s.t, 200, code)
	return s.status(p, payments.StatusReview)
}

func (s *shop) resolve(p *payments.Payment, verb payments.Verb) error {
	_, err := s.pay.Resolve(payments.WithActor(s.t.Context(), "ops:budi"), p.ID, payments.Resolution{Verb: verb, Note: "seen"})
	return err
}

func TestAWrongAmountCanBeAccepted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.short(28_000)
	for range 2 {
		if err := s.resolve(p, payments.Accept); err != nil {
			require.ErrorIs(t, err, payments.ErrWrongState, "there is nothing left to decide")
		}
	}
	p = s.status(p, payments.StatusSettled)
	require.Equal(t, 1, s.told(p, payments.EventSettled))
	require.Equal(t, 1, s.told(p, payments.EventClaimGranted))
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.True(t, e.OK)
}

// A hundred dollars are not a hundred rupiah.
func TestMoneyInAnotherCurrencyCannotBeAccepted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Amount: payments.Money{Amount: 29_000, Currency: "USD"}, Facts: words("settlement")})
	s.notify(settlement(p, "tx1"))
	s.status(p, payments.StatusReview)
	require.Equal(t, []string{"verb"}, fields(t, s.resolve(p, payments.Accept)))
	require.NoError(t, s.resolve(p, payments.Reject))
	s.status(p, payments.StatusReview)
	require.Zero(t, s.told(p, payments.EventSettled))
}

func TestAWrongAmountCanBeRejectedAndPaidBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.short(28_000)
	require.NoError(t, s.resolve(p, payments.Reject))
	s.status(p, payments.StatusReview)
	_, err := s.refund(p, "r1", 0)
	require.NoError(t, err)
	s.status(p, payments.StatusRefunded)
	require.Zero(t, s.told(p, payments.EventSettled))
	require.ErrorIs(t, s.resolve(p, payments.Accept), payments.ErrWrongState, "there is no money left to accept")
}

func TestAContradictionIsDecidedByAPerson(t *testing.T) {
	t.Parallel()
	for verb, want := range map[payments.Verb]payments.Status{
		payments.Reversed: payments.StatusDenied, payments.Kept: payments.StatusSettled,
	} {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.settle(p, "tx1")
		s.fake.set(string(p.ID), "tx1", "deny", 29_000)
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "deny", Amount: 29_000})
		p = s.status(p, payments.StatusReview)
		require.Equal(t, "conflict", p.Cause)
		e, err := s.pay.Entitled(t.Context(), ana, "pro")
		require.NoError(t, err)
		require.True(t, e.OK, "access stays until it is decided")
		require.NoError(t, s.resolve(p, verb))
		s.status(p, want)
		require.ErrorIs(t, s.resolve(p, verb), payments.ErrWrongState)
		e, err = s.pay.Entitled(t.Context(), ana, "pro")
		require.NoError(t, err)
		require.Equal(t, verb == payments.Kept, e.OK)
		require.Equal(t, 1-s.told(p, payments.EventClaimRevoked), map[bool]int{true: 1, false: 0}[e.OK])
	}
}

func TestADisputeCanBeWon(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.settle(p, "tx1")
	require.ErrorIs(t, s.resolve(p, payments.DisputeWon), payments.ErrWrongState)
	s.fake.set(string(p.ID), "tx1", "chargeback", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "chargeback", Amount: 29_000})
	require.True(t, s.status(p, payments.StatusChargedBack).Disputed)
	require.Equal(t, 1, s.told(p, payments.EventClaimRevoked))
	require.NoError(t, s.resolve(p, payments.DisputeWon))
	require.False(t, s.status(p, payments.StatusSettled).Disputed)
	require.Equal(t, 1, s.told(p, payments.EventChargebackReversed))
	require.Equal(t, 1, s.told(p, payments.EventSettled))
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.True(t, e.OK)
}

func TestARefundOfUnknownAmountGetsItFromAPerson(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Amount: p.Amount, RawStatus: "partial_refund",
		Attention: true, Facts: []payments.Fact{{Kind: payments.FactPartlyRefunded}, {Kind: payments.FactRefundUnknown}}})
	code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "partial_refund", Amount: 85_000})
	require.Equal(t, 200, code)
	require.Equal(t, 1, s.told(p, payments.EventReview))
	require.True(t, s.get(p.ID).Attention)
	for _, amount := range []payments.Money{{}, payments.IDR(0), payments.IDR(-1), payments.IDR(85_001), {Amount: 1, Currency: "USD"}} {
		_, err := s.pay.Resolve(t.Context(), p.ID, payments.Resolution{Verb: payments.RefundTotal, Amount: amount})
		require.Equal(t, []string{"amount"}, fields(t, err))
	}
	_, err := s.pay.Resolve(t.Context(), p.ID, payments.Resolution{Verb: payments.RefundTotal, Amount: payments.IDR(5_000)})
	require.NoError(t, err)
	p = s.status(p, payments.StatusPartiallyRefunded)
	require.Equal(t, payments.IDR(5_000), p.Totals.Refunded)
	require.Equal(t, 1, s.told(p, payments.EventRefunded))
}

func TestWhatWasSeenNeedsNoMoreAttention(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "on_hold", Amount: 29_000})
	require.True(t, s.get(p.ID).Attention)
	require.NoError(t, s.resolve(p, payments.Seen))
	p = s.get(p.ID)
	require.False(t, p.Attention)
	require.Empty(t, p.Notes)
}

func TestImpossibleDecisionsAreRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	open, paid, short := s.buy("ana", `{"plan_id":"pro"}`), s.paid(), s.short(1)
	begun := s.buy("ana", `{"plan_id":"pro"}`)
	s.notify(note{Ref: string(begun.ID), Tx: "tx9", Word: "pending", Amount: 29_000})
	for _, verb := range []payments.Verb{
		payments.Accept, payments.Reject, payments.Reversed, payments.Kept, payments.DisputeWon, payments.RefundTotal,
	} {
		_, err := s.pay.Resolve(t.Context(), open.ID, payments.Resolution{Verb: verb})
		require.Equal(t, []string{"attempt"}, fields(t, err), "there is no transaction to decide about")
		require.ErrorIs(t, s.resolve(begun, verb), payments.ErrWrongState, verb)
		if verb != payments.RefundTotal {
			require.ErrorIs(t, s.resolve(paid, verb), payments.ErrWrongState, verb)
		}
	}
	require.ErrorIs(t, s.resolve(short, payments.Kept), payments.ErrWrongState)
	_, err := s.pay.Resolve(t.Context(), paid.ID, payments.Resolution{Verb: "bless"})
	require.Equal(t, []string{"verb"}, fields(t, err))
	_, err = s.pay.Resolve(t.Context(), short.ID, payments.Resolution{Verb: payments.Accept, Attempt: "other"})
	require.Equal(t, []string{"attempt"}, fields(t, err))
	_, err = s.pay.Resolve(t.Context(), "none", payments.Resolution{Verb: payments.Seen})
	require.ErrorIs(t, err, payments.ErrNotFound)
	s.status(open, payments.StatusPending)
	s.status(paid, payments.StatusSettled)
	s.status(short, payments.StatusReview)
}

func TestADecisionNamesItsTransactionIfThereAreSeveral(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.short(28_000)
	s.fake.set(string(p.ID), "tx2", "settlement", 1)
	s.notify(note{Ref: string(p.ID), Tx: "tx2", Word: "settlement", Amount: 1})
	require.Equal(t, []string{"attempt"}, fields(t, s.resolve(p, payments.Accept)))
	_, err := s.pay.Resolve(payments.WithActor(t.Context(), "ops:budi"), p.ID, payments.Resolution{Verb: payments.Accept, Attempt: "tx1"})
	require.NoError(t, err)
	p = s.status(p, payments.StatusSettled)
	require.Equal(t, payments.IDR(28_000), p.Totals.Live)
	found := false
	for _, f := range p.Attempt("fake", "tx1").Facts {
		found = found || f.Kind == payments.FactAccepted && f.By == "ops:budi"
	}
	require.True(t, found)
}

// A hundred dollars are not a hundred rupiah, whoever says so.
func TestMoneyInAnotherCurrencyIsNotAccepted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{
			Ref: string(p.ID), TransactionID: "tx", RawStatus: "settlement",
			Amount: payments.Money{Amount: 29_000, Currency: "USD"}, Facts: words("settlement"),
		}, nil
	}
	s.notify(note{Ref: string(p.ID), Tx: "tx", Word: "settlement", Amount: 29_000})
	s.status(p, payments.StatusReview)
	_, err := s.pay.Resolve(t.Context(), p.ID, payments.Resolution{Verb: payments.Accept})
	var invalid *payments.InvalidError
	require.ErrorAs(t, err, &invalid)
	s.status(p, payments.StatusReview)
}

package payments

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClaimPolicy(t *testing.T) {
	t.Parallel()
	jan := func(day int) time.Time { return wib(time.January, day) }
	thirtyOff := partlyRefunded("A1", entry("r1", "", 30_000))

	t.Run("a part back: kept by default", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), thirtyOff)
		s.requireChain(jan(1), wib(time.February, 1), "granted P1 until 1 Feb")
	})
	t.Run("a part back: revoked", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: RevokeAccess})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), thirtyOff)
		require.Equal(t, []string{"granted P1 until 1 Feb", "revoked P1 from 1 Feb to never"}, s.events)
	})
	t.Run("a part back: prorated to whole days, rounded down", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: ProrateAccess})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), thirtyOff) // 31 days × 70 % = 21.7
		s.requireChain(jan(1), jan(22), "granted P1 until 1 Feb")
		s.hears("P1", jan(6), partlyRefunded("A1", total(99_000))) // less than a day is left
		require.Equal(t, "revoked P1 from 22 Jan to never", s.events[1])
	})
	t.Run("prorating for ever is for ever", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: ProrateAccess})
		s.plan.Period = Lifetime
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), thirtyOff)
		s.requireChain(jan(1), time.Time{}, "granted P1 until never")
	})
	t.Run("a part of what was ordered is the whole once it is accepted", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: RevokeAccess})
		s.hears("P1", jan(1), settle("A1").of(IDR(50_000)))
		s.decides("P1", jan(1), decide("A1", FactAccepted))
		s.requireChain(jan(1), wib(time.February, 1), "granted P1 until 1 Feb")
	})
	t.Run("money in review buys no time", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: ProrateAccess})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(2), settle("A2").of(IDR(90_000)))
		s.hears("P1", jan(5), thirtyOff)
		s.requireChain(jan(1), jan(22), "granted P1 until 1 Feb")
	})
	t.Run("a partial chargeback counts as a part back", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{PartialRefund: RevokeAccess})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), partialChargeback("A1"))
		require.Len(t, s.events, 1, "of unknown size: kept")
		s.hears("P1", jan(6), partialChargeback("A1").with(Fact{Kind: FactChargebackAmount, Amount: IDR(40_000)}))
		require.Equal(t, "revoked P1 from 1 Feb to never", s.events[1])
	})
	t.Run("the host has the last word", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{Covers: func(p *Payment, def bool) bool { return def && p.Status == StatusSettled }})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(2), deny("A1"))
		require.Equal(t, []string{"granted P1 until 1 Feb", "revoked P1 from 1 Feb to never"}, s.events)

		generous := newSubscriber(t, ClaimPolicy{Covers: func(*Payment, bool) bool { return true }})
		generous.hears("P1", jan(1), pending("A1"))
		generous.requireChain(jan(1), wib(time.February, 1), "granted P1 until 1 Feb")
	})
}

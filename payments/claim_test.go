package payments

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClaimVectors(t *testing.T) {
	t.Parallel()
	noRules := ClaimPolicy{}

	t.Run("44 renewal before the end is chained, clamped once", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.pays("P1", "A1", wib(time.January, 31))
		s.pays("P2", "A1", wib(time.February, 10))
		s.requireChain(wib(time.January, 31), wib(time.March, 31),
			"granted P1 until 28 Feb", "extended P2 until 31 Mar")
	})
	t.Run("45 a refund in the middle", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.pays("P1", "A1", wib(time.January, 1))
		s.pays("P2", "A1", wib(time.January, 20))
		s.pays("P3", "A1", wib(time.January, 25))
		s.hears("P2", wib(time.February, 10), refunded("A1"))
		s.requireChain(wib(time.January, 1), wib(time.March, 1),
			"granted P1 until 1 Feb", "extended P2 until 1 Mar", "extended P3 until 1 Apr", "revoked P2 from 1 Apr to 1 Mar")
	})
	t.Run("46 a refund of the first", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.pays("P1", "A1", wib(time.January, 1))
		s.pays("P2", "A1", wib(time.January, 20))
		s.pays("P3", "A1", wib(time.January, 25))
		s.hears("P1", wib(time.February, 10), refunded("A1"))
		s.requireChain(wib(time.January, 20), wib(time.March, 20),
			"granted P1 until 1 Feb", "extended P2 until 1 Mar", "extended P3 until 1 Apr", "revoked P1 from 1 Apr to 20 Mar")
	})
	t.Run("47 a gap", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.pays("P1", "A1", wib(time.January, 1))
		s.timer("P1", wib(time.February, 1).Add(-time.Second))
		require.Len(t, s.events, 1, "not before its end")
		s.timer("P1", wib(time.February, 1))
		s.timer("P1", wib(time.February, 2))
		s.pays("P2", "A1", wib(time.February, 5))
		s.requireChain(wib(time.February, 5), wib(time.March, 5),
			"granted P1 until 1 Feb", "expired P1 on 1 Feb", "granted P2 until 5 Mar")
		s.timer("P1", wib(time.March, 6))
		require.Len(t, s.events, 3, "the end of P2's chain is not P1's to tell")
		s.timer("P2", wib(time.March, 6))
		require.Equal(t, "expired P2 on 5 Mar", s.events[3])
	})
	t.Run("48 paid twice, one refunded", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.pays("P1", "A1", wib(time.January, 1))
		s.pays("P1", "A2", wib(time.January, 3))
		s.requireChain(wib(time.January, 1), wib(time.February, 1), "granted P1 until 1 Feb")
		s.hears("P1", wib(time.January, 5), refunded("A1"))
		s.requireChain(wib(time.January, 3), wib(time.February, 3), "granted P1 until 1 Feb")
	})
	t.Run("49 a free plan asked for three times", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, noRules)
		s.plan.Price, s.plan.Period = IDR(0), Lifetime
		for day := 1; day <= 3; day++ {
			s.do("P1", wib(time.January, day), func(u *unit) { u.learn(Fact{Kind: FactFree}) })
		}
		s.requireChain(wib(time.January, 1), time.Time{}, "granted P1 until never")
		require.Len(t, s.claim.Grants, 1)
		s.timer("P1", wib(time.December, 31))
		require.Len(t, s.events, 1, "what never ends does not expire")
	})
	t.Run("50 noticed in the other order", func(t *testing.T) {
		t.Parallel()
		inOrder, swapped := newSubscriber(t, noRules), newSubscriber(t, noRules)
		inOrder.pays("P1", "A1", wib(time.January, 31))
		inOrder.pays("P2", "A1", wib(time.February, 10))
		swapped.pays("P2", "A1", wib(time.February, 10))
		swapped.pays("P1", "A1", wib(time.January, 31))
		require.Equal(t, inOrder.claim.Grants, swapped.claim.Grants)
		swapped.requireChain(wib(time.January, 31), wib(time.March, 31),
			"granted P2 until 10 Mar", "granted P1 until 31 Mar")
	})
}

func TestClaimFollowsTheMoney(t *testing.T) {
	t.Parallel()
	jan := func(day int) time.Time { return wib(time.January, day) }

	t.Run("a chargeback takes it, a won dispute gives it back", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), chargeback("A1"))
		require.Zero(t, s.claim.Start)
		s.decides("P1", jan(9), decide("A1", FactDisputeWon))
		s.requireChain(jan(1), wib(time.February, 1),
			"granted P1 until 1 Feb", "revoked P1 from 1 Feb to never", "granted P1 until 1 Feb")
	})
	t.Run("paid again after the refund, from the new payment on", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(5), refunded("A1"))
		s.pays("P1", "A2", jan(7))
		s.requireChain(jan(7), wib(time.February, 7),
			"granted P1 until 1 Feb", "revoked P1 from 1 Feb to never", "granted P1 until 7 Feb")
	})
	t.Run("a wrong amount gives nothing until it is accepted", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.hears("P1", jan(1), settle("A1").of(IDR(90_000)))
		require.Nil(t, s.claim)
		s.decides("P1", jan(2), decide("A1", FactAccepted))
		s.requireChain(jan(1), wib(time.February, 1), "granted P1 until 1 Feb")
	})
	t.Run("a contradiction takes nothing until it is resolved", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.pays("P1", "A1", jan(1))
		s.hears("P1", jan(2), deny("A1"))
		require.Equal(t, StatusReview, s.payments["P1"].Status)
		s.requireChain(jan(1), wib(time.February, 1), "granted P1 until 1 Feb")
		s.decides("P1", jan(3), decide("A1", FactReversed))
		require.Equal(t, "revoked P1 from 1 Feb to never", s.events[1])
	})
	t.Run("what is refunded before it was known gives nothing", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		s.hears("P1", jan(1), word("A1", "cancel", FactCaptured, FactCanceled))
		require.Nil(t, s.claim)
		require.Empty(t, s.events)
	})
	t.Run("settled tells of the claim, without its grants", func(t *testing.T) {
		t.Parallel()
		s := newSubscriber(t, ClaimPolicy{})
		var told *Claim
		s.do("P1", jan(1), func(u *unit) {
			u.observe(testGateway, settle("A1").told)
			told = nil
			for _, d := range u.events {
				if e, ok := d.body.(*Settled); ok {
					require.Nil(t, e.Claim, "not before the claim is laid")
				}
			}
		})
		s.hears("P1", jan(2), refunded("A1"))
		s.do("P1", jan(3), func(u *unit) {
			u.observe(testGateway, settle("A2").told)
			_, err := u.finish()
			require.NoError(t, err)
			told = u.events[0].body.(*Settled).Claim
		})
		require.Equal(t, "pro", told.PlanKey)
		require.Equal(t, "u1", told.UserID)
		require.Equal(t, jan(3), told.Start)
		require.Empty(t, told.Grants)
	})
}

func TestClaimLifetime(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t, ClaimPolicy{})
	s.pays("P1", "A1", wib(time.January, 1))
	s.plan.Period = Lifetime
	s.pays("P2", "A1", wib(time.January, 10))
	s.plan.Period = Monthly
	s.pays("P3", "A1", wib(time.January, 20))
	require.Equal(t, wib(time.January, 1), s.claim.Start)
	require.Zero(t, s.claim.End)
	require.Equal(t, wib(time.February, 1), s.claim.grant("P2").Start, "the paid month first")
	g, ok := s.claim.covers(wib(time.December, 31))
	require.True(t, ok)
	require.Zero(t, g.End)
	require.False(t, s.claim.ended(wib(time.December, 31)))

	// Refunded, it gives way to what was bought beside it.
	s.hears("P2", wib(time.January, 25), refunded("A1"))
	require.Equal(t, wib(time.March, 1), s.claim.End)
}

func TestClaimCovers(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t, ClaimPolicy{})
	s.pays("P1", "A1", wib(time.January, 1))
	s.pays("P2", "A1", wib(time.February, 5))
	for _, c := range []struct {
		at    time.Time
		grant ID
	}{
		{wib(time.January, 1).Add(-1), ""}, {wib(time.January, 1), "P1"}, {wib(time.February, 1).Add(-1), "P1"},
		{wib(time.February, 1), ""}, {wib(time.February, 5), "P2"}, {wib(time.March, 5), ""},
	} {
		g, ok := s.claim.covers(c.at)
		require.Equal(t, c.grant != "", ok, "%s", c.at)
		require.Equal(t, c.grant, g.PaymentID, "%s", c.at)
	}
}

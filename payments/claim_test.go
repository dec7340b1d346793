package payments

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// wib is ten o'clock in Jakarta on a day of 2026.
func wib(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 10, 0, 0, 0, jakarta).UTC()
}

func shown(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.In(jakarta).Format("2 Jan")
}

// subscriber is one user with one plan, and the payments made for it.
type subscriber struct {
	t        require.TestingT
	svc      *Service
	plan     Plan
	claim    *Claim
	payments map[ID]*Payment
	events   []string // of the claim
}

func newSubscriber(t require.TestingT, policy ClaimPolicy) *subscriber {
	c := Config{Claims: policy}
	c.setDefaults()
	return &subscriber{
		t: t, svc: &Service{cfg: c}, payments: map[ID]*Payment{},
		plan: Plan{ID: "pro-monthly", Key: "pro", Price: IDR(ordered), Period: Monthly},
	}
}

// do is one Update of a payment at a time, as the service makes it.
func (s *subscriber) do(id ID, at time.Time, fn func(*unit)) {
	p := s.payments[id]
	if p == nil {
		p = testPayment(s.plan.Price)
		plan := s.plan
		p.ID, p.Plan, p.CreatedAt, p.ExpiresAt = id, &plan, at, at.AddDate(0, 0, 1)
	}
	u := &unit{step: step{p: p.Clone(), at: at}, svc: s.svc, claim: s.claim}
	fn(u)
	change, err := u.finish()
	require.NoError(s.t, err)
	s.payments[id] = change.Payment
	if change.Claim != nil {
		s.claim = change.Claim
	}
	for _, d := range u.events {
		switch e := d.body.(type) {
		case *ClaimGranted:
			s.events = append(s.events, fmt.Sprintf("granted %s until %s", id, shown(e.Claim.End)))
		case *ClaimExtended:
			s.events = append(s.events, fmt.Sprintf("extended %s until %s", id, shown(e.Claim.End)))
		case *ClaimRevoked:
			s.events = append(s.events, fmt.Sprintf("revoked %s from %s to %s", id, shown(e.OldEnd), shown(e.Claim.End)))
		case *ClaimExpired:
			s.events = append(s.events, fmt.Sprintf("expired %s on %s", id, shown(e.Claim.End)))
		}
	}
}

// hears merges what the gateway tells of a payment.
func (s *subscriber) hears(id ID, at time.Time, n news) {
	s.do(id, at, func(u *unit) { u.observe(testGateway, n.told) })
}

// pays settles an attempt, paid at a time by the gateway's clock.
func (s *subscriber) pays(id ID, attempt string, at time.Time) {
	n := settle(attempt)
	n.told.GatewayAt = at
	s.hears(id, at, n)
}

func (s *subscriber) decides(id ID, at time.Time, n news) {
	s.do(id, at, func(u *unit) { u.record(u.p.attempt(testGateway, n.attempt), n.own) })
}

// timer fires for a payment.
func (s *subscriber) timer(id ID, at time.Time) { s.do(id, at, (*unit).tellClaimEnd) }

func (s *subscriber) requireChain(start, end time.Time, events ...string) {
	require.Equal(s.t, shown(start), shown(s.claim.Start), "start")
	require.Equal(s.t, shown(end), shown(s.claim.End), "end")
	require.Equal(s.t, events, s.events)
}

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

// anyGrants draws grants of day-based periods: calendar months have no fixed
// length, so sums of lengths hold for days.
func anyGrants() *rapid.Generator[[]Grant] {
	grant := rapid.Custom(func(t *rapid.T) Grant {
		return Grant{
			Anchor: firstNews.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "anchor")) * 24 * time.Hour),
			Period: Period{Days: rapid.IntRange(1, 40).Draw(t, "days")},
			Live:   rapid.IntRange(0, 3).Draw(t, "live") > 0,
		}
	})
	return rapid.Map(rapid.SliceOfN(grant, 1, 8), func(grants []Grant) []Grant {
		for i := range grants {
			grants[i].PaymentID = ID(fmt.Sprintf("P%d", i+1))
		}
		return grants
	})
}

func laid(grants []Grant) *Claim {
	c := &Claim{Grants: slices.Clone(grants)}
	c.lay(jakarta)
	return c
}

// timeline is the laid grants that count, in the order of their start.
func (c *Claim) timeline() []Grant {
	var live []Grant
	for _, g := range c.Grants {
		if g.Live {
			live = append(live, g)
		}
	}
	slices.SortFunc(live, func(a, b Grant) int { return a.Start.Compare(b.Start) })
	return live
}

func TestClaimTimelines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants().Draw(t, "grants")
		c := laid(grants)
		shuffled := laid(rapid.Permutation(grants).Draw(t, "order"))
		require.Equal(t, c.timeline(), shuffled.timeline(), "the order in which payments are noticed does not matter")
		require.Equal(t, [2]time.Time{c.Start, c.End}, [2]time.Time{shuffled.Start, shuffled.End})

		var chainStart, end time.Time
		days := 0
		for _, g := range c.timeline() {
			require.False(t, g.Start.Before(g.Anchor), "nobody gets access before it was earned")
			if g.Anchor.After(end) {
				require.Equal(t, g.Anchor, g.Start, "behind a gap it starts when it was earned")
				chainStart, days = g.Start, 0
			} else {
				require.Equal(t, end, g.Start, "within a chain there is neither gap nor overlap")
			}
			days += g.Period.Days
			require.Equal(t, chainStart.AddDate(0, 0, days), g.End, "the lengths add up")
			end = g.End
		}
		require.Equal(t, end, c.End)
		require.Equal(t, chainStart, c.Start)
		for _, g := range c.Grants {
			require.True(t, g.Live || g.Start.IsZero() && g.End.IsZero(), "a dead grant has no times")
		}

		// Killing one never lengthens what is left.
		victim := rapid.IntRange(0, len(grants)-1).Draw(t, "victim")
		fewer := slices.Clone(grants)
		fewer[victim].Live = false
		after := laid(fewer)
		require.False(t, after.End.After(c.End), "the end never moves later")
		for i, g := range after.Grants {
			if g.Live {
				require.False(t, g.Start.After(c.Grants[i].Start), "the ones behind only move up")
			}
		}
	})
}

// Months and days in one chain: still one after the other, still the same in
// any order.
func TestClaimTimelinesOfMixedPeriods(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants().Draw(t, "grants")
		for i := range grants {
			grants[i].Period = rapid.SampledFrom([]Period{
				Monthly, Yearly, Weekly, Daily, {Months: 1, Days: 15},
			}).Draw(t, "period")
		}
		c := laid(grants)
		require.Equal(t, c.timeline(), laid(rapid.Permutation(grants).Draw(t, "order")).timeline())
		var end time.Time
		for _, g := range c.timeline() {
			require.True(t, g.Start.Equal(end) || g.Start.Equal(g.Anchor) && g.Anchor.After(end))
			require.True(t, g.End.After(g.Start), "a grant has a length")
			end = g.End
		}
		require.Equal(t, end, c.End)
	})
}

// Payments of one user, their news mixed in any order, end in the same claim.
func TestClaimIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	type happening struct {
		id ID
		at time.Time
		n  news
	}
	paid := func(id ID, day int) happening {
		n := settle("A1")
		n.told.GatewayAt = wib(time.January, day)
		return happening{id, wib(time.January, day), n}
	}
	all := []happening{
		paid("P1", 31), paid("P2", 40), paid("P3", 42), paid("P4", 200),
		{"P2", wib(time.March, 1), refunded("A1")},
		{"P4", wib(time.December, 1), chargeback("A1")},
	}
	run := func(t require.TestingT, order []happening) *Claim {
		s := newSubscriber(t, ClaimPolicy{})
		for _, h := range order {
			s.hears(h.id, h.at, h.n)
		}
		return s.claim
	}
	want := run(t, all)
	require.Equal(t, "31 Mar", shown(want.End))
	rapid.Check(t, func(t *rapid.T) {
		got := run(t, rapid.Permutation(slices.Concat(all, all)).Draw(t, "order"))
		require.Equal(t, want.timeline(), got.timeline())
		require.Equal(t, [2]time.Time{want.Start, want.End}, [2]time.Time{got.Start, got.End})
	})
}

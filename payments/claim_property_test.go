package payments

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

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

// With grace: what is earned within that of the one before starts at its end,
// and so before it was earned; all else is as without.
func TestClaimTimelinesWithGrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants().Draw(t, "grants")
		for i := range grants {
			grants[i].Grace = time.Duration(rapid.IntRange(0, 12).Draw(t, "grace")) * 24 * time.Hour
		}
		c := laid(grants)
		require.Equal(t, c.timeline(), laid(rapid.Permutation(grants).Draw(t, "order")).timeline())
		var end time.Time
		var grace time.Duration
		for _, g := range c.timeline() {
			if g.Anchor.After(end.Add(grace)) {
				require.Equal(t, g.Anchor, g.Start, "behind a gap it starts when it was earned")
				require.False(t, c.follows(&g))
			} else {
				require.Equal(t, end, g.Start, "no day is lost, and none given away")
				require.True(t, c.follows(&g))
			}
			end, grace = g.End, g.Grace
		}
		require.Equal(t, end, c.End)
		require.Equal(t, grace, c.Grace)
	})
}

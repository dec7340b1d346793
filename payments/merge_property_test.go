package payments

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyNews draws observations that gateways, operators and we ourselves might
// make, contradictory ones included. Few attempts, amounts and keys, so that
// they meet.
func anyNews() *rapid.Generator[news] {
	amount := rapid.SampledFrom([]int64{20_000, 30_000, 60_000, ordered, 104_000})
	money := rapid.SampledFrom([]Money{
		IDR(ordered), IDR(ordered), IDR(ordered), IDR(60_000), IDR(104_000), {Amount: ordered, Currency: "USD"}, {},
	})
	attempt := rapid.SampledFrom([]string{"A1", "A1", "A1", "A2", "A2", "A3"})
	key := rapid.SampledFrom([]string{"r1", "r2", ""})
	number := rapid.SampledFrom([]string{"1", "2", ""})
	return rapid.Custom(func(t *rapid.T) news {
		id := attempt.Draw(t, "attempt")
		switch rapid.IntRange(0, 9).Draw(t, "sort") {
		case 0:
			return rapid.SampledFrom([]news{checkout(), lapsed(), hostCanceled(), {own: Fact{Kind: FactRefused, Text: "no"}}}).Draw(t, "own")
		case 1:
			return decide(id, rapid.SampledFrom([]FactKind{
				FactAccepted, FactRejected, FactReversed, FactKept, FactDisputeWon, FactDisputeWon,
			}).Draw(t, "verb"))
		case 2:
			key := rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "key")
			return rapid.SampledFrom([]news{
				request(id, key, 30_000), done(id, key), failed(id, key), askCapture(id, 60_000),
				manual(id, "m1", 20_000), manual(id, "m2", 60_000), ours(id, total(60_000)),
			}).Draw(t, "ours")
		case 3:
			var list []Fact
			for range rapid.IntRange(0, 2).Draw(t, "listed") {
				list = append(list, entry(key.Draw(t, "key"), number.Draw(t, "number"), amount.Draw(t, "amount")))
			}
			if rapid.Bool().Draw(t, "totalled") {
				list = append(list, total(amount.Draw(t, "total")))
			}
			if rapid.Bool().Draw(t, "full") {
				return refunded(id, list...)
			}
			return partlyRefunded(id, list...)
		case 4:
			n := rapid.SampledFrom([]news{chargeback(id), partialChargeback(id)}).Draw(t, "chargeback")
			if rapid.Bool().Draw(t, "sized") {
				n = n.with(Fact{Kind: FactChargebackAmount, Amount: IDR(amount.Draw(t, "amount"))})
			}
			return n
		case 5, 6:
			return rapid.SampledFrom([]news{settle(id), capture(id), word(id, "paid", FactPaid)}).Draw(t, "paid").
				of(money.Draw(t, "amount")).via("bank_transfer/permata", rapid.Bool().Draw(t, "reversible"))
		}
		return rapid.SampledFrom([]news{
			pending(id), authorize(id), word(id, "authorize/challenge", FactAuthChallenged), challenge(id), deny(id),
			deny(id).via("echannel", true), cancel(id), cancel(id), expire(id), failure(id), word(id, "on_hold"),
		}).Draw(t, "word")
	})
}

// anySet draws two to eight observations, some of them from the vectors.
func anySet() *rapid.Generator[[]news] {
	var known []news
	for _, v := range vectors {
		if v.amount == (Money{}) {
			known = append(known, v.news...)
		}
	}
	one := rapid.OneOf(anyNews(), anyNews(), rapid.SampledFrom(known))
	return rapid.Map(rapid.SliceOfN(one, 2, 8), func(all []news) []news { return timed(all...) })
}

// anyOrder draws an order of the set in which some are repeated.
func anyOrder(t *rapid.T, set []news, label string) []news {
	order := slices.Clone(set)
	for range rapid.IntRange(0, len(set)).Draw(t, label+" repeats") {
		order = append(order, rapid.SampledFrom(set).Draw(t, label+" repeat"))
	}
	return rapid.Permutation(order).Draw(t, label)
}

// check tries a property on more sets than rapid's hundred: they vary a lot.
func check(t *testing.T, property func(*rapid.T)) {
	rounds := 4
	if raceDetector {
		rounds = 1
	}
	for range rounds {
		rapid.Check(t, property)
	}
}

func TestAnyOrderAndRepetitionEndsInTheSame(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T) {
		set := anySet().Draw(t, "set")
		natural := newHistory(testPayment(IDR(ordered)))
		require.NoError(t, natural.takeAll(set), "events: %v", briefs(natural.events))
		want := outcomeOf(natural.p)

		for _, label := range []string{"first order", "second order", "third order"} {
			order := anyOrder(t, set, label)
			h := newHistory(testPayment(IDR(ordered)))
			require.NoError(t, h.takeAll(order), "events: %v", briefs(h.events))
			requireSame(t, want, outcomeOf(h.p), order)
		}

		// Several at once, as a look-up round or a parked backlog brings them.
		order := anyOrder(t, set, "batched order")
		h := newHistory(testPayment(IDR(ordered)))
		for rest := order; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			require.NoError(t, h.takeAtOnce(rest[:n]), "events: %v", briefs(h.events))
			rest = rest[n:]
		}
		require.NoError(t, h.check.end(), "events: %v", briefs(h.events))
		requireSame(t, want, outcomeOf(h.p), order)
	})
}

// Money is told by values that can only grow; nothing that is learned makes
// one of them shrink.
func TestWhatMoneyHangsOnNeverShrinks(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T) {
		h := newHistory(testPayment(IDR(ordered)))
		before := map[string]standing{}
		for _, n := range anySet().Draw(t, "set") {
			require.NoError(t, h.take(n))
			for i := range h.p.Attempts {
				s := h.p.stand(&h.p.Attempts[i])
				was := before[s.id]
				require.GreaterOrEqual(t, s.in, was.in, "in after %s", n)
				require.GreaterOrEqual(t, s.out, was.out, "out after %s", n)
				require.GreaterOrEqual(t, s.level, was.level, "level after %s", n)
				require.False(t, was.acceptable && !s.acceptable, "acceptable after %s", n)
				require.False(t, was.void && !s.void, "void after %s", n)
				require.False(t, was.reversed && !s.reversed, "reversed after %s", n)
				require.False(t, was.won && !s.won, "won after %s", n)
				require.LessOrEqual(t, s.out, s.in)
				before[s.id] = s
			}
		}
	})
}

func anyFacts() *rapid.Generator[Facts] {
	day := rapid.IntRange(0, 3)
	moment := rapid.Map(day, func(n int) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return firstNews.AddDate(0, 0, n)
	})
	fact := rapid.Custom(func(t *rapid.T) Fact {
		return Fact{
			Kind:   rapid.SampledFrom([]FactKind{FactPaid, FactRefund, FactWord}).Draw(t, "kind"),
			Key:    rapid.SampledFrom([]string{"", "k"}).Draw(t, "key"),
			ID:     rapid.SampledFrom([]string{"", "i"}).Draw(t, "id"),
			Amount: rapid.SampledFrom([]Money{{}, IDR(1), IDR(2), {Amount: 1, Currency: "USD"}}).Draw(t, "amount"),
			Text:   rapid.SampledFrom([]string{"", "t"}).Draw(t, "text"),
			By:     rapid.SampledFrom([]string{"", "b"}).Draw(t, "by"),
			At:     moment.Draw(t, "at"), GatewayAt: moment.Draw(t, "gateway at"),
		}
	})
	return rapid.Map(rapid.SliceOfN(fact, 0, 6), func(all []Fact) Facts { return Facts(nil).joined(all) })
}

// joined is the set with all of those in it.
func (fs Facts) joined(all []Fact) Facts {
	for _, f := range all {
		fs = fs.join(f)
	}
	return fs
}

func TestFactsAreAJoinSemilattice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyFacts().Draw(t, "a"), anyFacts().Draw(t, "b"), anyFacts().Draw(t, "c")
		untouched := slices.Clone(a)

		require.Equal(t, norm(a.joined(b)), norm(b.joined(a)), "commutative")
		require.Equal(t, norm(a.joined(b).joined(c)), norm(a.joined(b.joined(c))), "associative")
		require.Equal(t, norm(a), norm(a.joined(a)), "idempotent")
		require.Equal(t, norm(a.joined(b)), norm(a.joined(b).joined(a)), "absorbing")
		for _, f := range slices.Concat(a, b) {
			f.At = firstNews.AddDate(-1, 0, 0) // the earliest, so there is something to change
			a.join(f)
		}
		require.Equal(t, norm(untouched), norm(a), "join never changes its receiver")

		union := a.joined(b)
		require.True(t, slices.IsSortedFunc(union, func(a, b Fact) int { return compareIdentity(&a, &b) }))
		for _, f := range slices.Concat(a, b) {
			i, found := union.find(&f)
			require.True(t, found)
			require.Equal(t, f.identity(), union[i].identity())
			require.False(t, !f.At.IsZero() && (union[i].At.IsZero() || union[i].At.After(f.At)), "the earliest time wins")
			require.False(t, !f.GatewayAt.IsZero() && (union[i].GatewayAt.IsZero() || union[i].GatewayAt.After(f.GatewayAt)))
		}
	})
}

// norm makes the empty set and nil the same.
func norm(fs Facts) Facts { return append(Facts{}, fs...) }

// What went wrong while the rules were found. Each of these was once broken by
// a rule that looked right.
func TestLessons(t *testing.T) {
	t.Parallel()

	t.Run("a reversal stays although another method is told later", func(t *testing.T) {
		t.Parallel()
		h := play(t,
			settle("A1").via("bank_transfer/permata", true), deny("A1"), settle("A1").via("bank_transfer/other", false))
		require.Equal(t, StatusDenied, h.p.Status)
		require.EqualValues(t, ordered, h.p.Totals.Refunded.Amount)
	})
	t.Run("asking for a smaller capture lowers nothing", func(t *testing.T) {
		t.Parallel()
		h := play(t, capture("A1"), refunded("A1"), askCapture("A1", 60_000))
		require.EqualValues(t, ordered, h.p.Totals.In.Amount)
		require.EqualValues(t, ordered, h.p.Totals.Refunded.Amount)
	})
	t.Run("two names that turn out to be one refund shrink no sum", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"),
			partlyRefunded("A1", entry("r1", "", 30_000), entry("r2", "", 30_000)),
			partlyRefunded("A1", entry("r1", "1", 30_000), entry("r2", "1", 30_000)))
		require.EqualValues(t, 60_000, h.p.Totals.Refunded.Amount)
	})
	t.Run("settled comes again once the first money is gone", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), refunded("A1"), settle("A2"))
		require.Equal(t, []string{
			"settled A1 100000", "funds_available A1", "refunded A1 100000 of 100000 full refund",
			"settled A2 100000", "funds_available A2",
		}, briefs(h.events))
	})
	t.Run("whether a review is told depends on the order, money does not", func(t *testing.T) {
		t.Parallel()
		asked := play(t, settle("A1").of(IDR(90_000)), decide("A1", FactAccepted))
		spared := play(t, decide("A1", FactAccepted), settle("A1").of(IDR(90_000)))
		require.Contains(t, briefs(asked.events), "review A1 amount 90000")
		require.NotContains(t, briefs(spared.events), "review A1 amount 90000")
		require.Equal(t, asked.p.Totals, spared.p.Totals)
	})
	t.Run("no expiry after money, though the lapse was known before", func(t *testing.T) {
		t.Parallel()
		h := play(t, checkout(), lapsed(), settle("A1"), deny("A1").via("echannel", true), pending("A2"), expire("A2"))
		require.Equal(t, []string{
			"pending", "expired", "settled A1 100000", "funds_available A1", "refunded A1 100000 of 100000 full reversal",
			"pending A2", "denied A1 reversal",
		}, briefs(h.events))
	})
	t.Run("by hand is said of what went back by hand, and of nothing else", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), partlyRefunded("A1", entry("r1", "", 30_000)), manual("A1", "m1", 20_000),
			refunded("A1", entry("r1", "", 30_000)))
		require.Equal(t, []string{
			"refunded A1 30000 of 30000 partial refund", "refunded A1 20000 of 50000 partial manual",
			"refunded A1 50000 of 100000 full refund",
		}, briefs(h.events)[2:])
	})
	t.Run("the number of a transfer counts once, whoever wrote it down", func(t *testing.T) {
		t.Parallel()
		other := manual("A1", "m1", 20_000)
		other.own.By, other.own.Text = "ops:sari", "once more"
		h := play(t, settle("A1"), manual("A1", "m1", 20_000), other)
		require.EqualValues(t, 20_000, h.p.Totals.Refunded.Amount)
	})
	t.Run("the newest attempt is the one begun last, whichever is heard of first", func(t *testing.T) {
		t.Parallel()
		first, second := deny("A1"), expire("A2")
		first.told.BegunAt, second.told.BegunAt = firstNews.Add(-2*time.Hour), firstNews.Add(-time.Hour)
		require.Equal(t, StatusExpired, play(t, checkout(), first, second).p.Status)
		require.Equal(t, StatusExpired, play(t, checkout(), second, first).p.Status)
		require.Equal(t, StatusDenied, play(t, checkout(), expire("A2"), deny("A1")).p.Status, "if nobody says, the order of arrival must do")
	})
	t.Run("what is over is told once, whichever attempt ends next", func(t *testing.T) {
		t.Parallel()
		h := play(t, checkout(), expire("A1"), expire("A2"))
		require.Equal(t, []string{"pending", "expired A1"}, briefs(h.events))
		h = play(t, checkout(), cancel("A1"), cancel("A2"))
		require.Equal(t, []string{"pending", "canceled A1"}, briefs(h.events))
		h = play(t, checkout(), deny("A1"), deny("A2"))
		require.Equal(t, []string{"pending", "denied A1", "denied A2"}, briefs(h.events))
	})
	t.Run("a word without an amount is no wrong amount", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1"), refunded("A1").of(Money{}))
		require.NotContains(t, briefs(h.events), "review A1 amount 100000")
		h = play(t, settle("A1").of(Money{}))
		require.Equal(t, StatusReview, h.p.Status)
		require.Contains(t, briefs(h.events), "review A1 amount 0")
	})
	t.Run("accepted before any amount was told, it settles when one is", func(t *testing.T) {
		t.Parallel()
		h := play(t, settle("A1").of(Money{}), decide("A1", FactAccepted), settle("A1"))
		require.Contains(t, briefs(h.events), "settled A1 100000")
	})
}

package failover

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
	"github.com/lunaspay/lunas/storage/memory"
)

var (
	seed = flag.Uint64("seed", 0, "play this one only")
	days = flag.Int("days", 120, "how many to play")
)

// TestNoOrderIsPaidTwiceUnnoticed plays many days of the shop, each with other
// faults. Whatever happened: who has paid is served, once; who has paid twice
// is known, and has his money back where the gateway has a way; and by what
// nobody was shown, nobody can pay for long.
func TestNoOrderIsPaidTwiceUnnoticed(t *testing.T) {
	seeds := make([]uint64, *days)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	var sum tally
	for _, s := range seeds {
		sum.add(play(t, newWorld(t, memory.New(), s), s))
	}
	t.Logf("%d days: %+v", len(seeds), sum)
	if len(seeds) > 1 { // else the test shows nothing
		require.Greater(t, sum.failovers, len(seeds))
		require.Greater(t, sum.twice, len(seeds)/4)
		require.Greater(t, sum.canceled, len(seeds)/10)
		require.Greater(t, sum.unpaid, len(seeds)/10)
	}
}

func TestNoOrderIsPaidTwiceUnnoticedOnDatabases(t *testing.T) {
	for _, dialect := range scratch.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			db := scratch.Open(t, dialect, scratch.New(t, dialect))
			require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
			store, err := gormstore.Open(t.Context(), db, nil)
			require.NoError(t, err)
			play(t, newWorld(t, store, 2026), 2026)
		})
	}
}

// tally is what happened, so that one sees that the faults did.
type tally struct{ orders, paid, unpaid, twice, failovers, givenUp, canceled, changes, backs int }

func (s *tally) add(o tally) {
	s.orders += o.orders
	s.paid += o.paid
	s.unpaid += o.unpaid
	s.twice += o.twice
	s.failovers += o.failovers
	s.givenUp += o.givenUp
	s.canceled += o.canceled
	s.changes += o.changes
	s.backs += o.backs
}

const buyers = 12

func play(t *testing.T, w *world, seed uint64) (sum tally) {
	t.Helper()
	for n := range buyers {
		w.buys(n)
		w.passes(time.Duration(w.rand.IntN(120)) * time.Second)
	}
	for _, o := range w.orders {
		if w.rand.IntN(3) == 0 {
			w.changes(o)
			sum.changes++
		}
		switch w.rand.IntN(6) {
		case 0: // he never pays
		case 1: // he pays by all that he has been shown
			for _, ref := range o.seen {
				w.pays(ref)
			}
		default:
			if len(o.seen) > 0 {
				w.pays(o.seen[len(o.seen)-1])
			}
		}
		if w.rand.IntN(8) == 0 { // and somebody by what nobody was shown
			_, open := w.paid(o.id)
			for _, ref := range open {
				w.pays(ref)
			}
		}
		w.passes(time.Duration(w.rand.IntN(300)) * time.Second)
	}
	w.passes(10 * time.Minute)
	w.heal()
	for range 12 {
		w.passes(25 * time.Minute)
	}
	for _, o := range w.orders { // before anything has expired
		_, open := w.paid(o.id)
		for _, ref := range open {
			shown := slices.Contains(o.seen, ref) || ref == w.offered(o.id)
			require.True(t, shown || w.cannotCancel(o.id, ref), "seed %d: %s can still be paid, and nobody was shown it", seed, ref)
		}
	}
	for range 5 {
		w.passes(24 * time.Hour)
	}
	require.NoError(t, w.pay.Drain(t.Context()), "seed %d", seed)
	for _, o := range w.orders {
		sum.add(w.compare(o, seed))
	}
	sum.orders = len(w.orders)
	return sum
}

// offered is what the order's buyer is shown when he comes back.
func (w *world) offered(id payments.ID) string {
	p, err := w.pay.Get(w.t.Context(), id)
	require.NoError(w.t, err)
	session, _ := p.Session()
	return session.Ref
}

// cannotCancel: Fazz cancels virtual accounts only.
func (w *world) cannotCancel(id payments.ID, ref string) bool {
	for _, p := range w.fazz.Payments() {
		if p.ReferenceID == ref && strings.HasPrefix(ref, string(id)) {
			return p.Type != "virtual_bank_account"
		}
	}
	return false
}

// compare holds an order's books against what the gateways know.
func (w *world) compare(o *order, seed uint64) (sum tally) {
	w.t.Helper()
	p, err := w.pay.Get(w.t.Context(), o.id)
	require.NoError(w.t, err)
	paid, _ := w.paid(o.id)
	told := w.told[o.id]
	where := []any{"seed %d, order %s: %s, paid by %v, told %v, notes %v", seed, o.id, p.Status, paid, told, p.Notes}

	for _, session := range p.Sessions {
		if session.GivenUp {
			sum.givenUp++
		}
	}
	sum.failovers = strings.Count(reasons(p), "failed: ")
	if len(paid) == 0 {
		sum.unpaid++
		require.Zero(w.t, told[payments.EventSettled], where...)
		require.Equal(w.t, payments.IDR(0), p.Totals.In, where...)
		require.Contains(w.t, []payments.Status{payments.StatusExpired, payments.StatusDenied, payments.StatusCanceled}, p.Status, where...)
		return sum
	}
	sum.paid++
	require.Equal(w.t, payments.StatusSettled, p.Status, where...)
	require.Equal(w.t, 1, told[payments.EventSettled], where...)
	require.Equal(w.t, len(paid)-1, told[payments.EventOverpaid], where...)
	require.Equal(w.t, payments.IDR(price*int64(len(paid))), p.Totals.In, where...)
	for _, a := range p.Attempts {
		if slices.ContainsFunc(a.Facts, func(f payments.Fact) bool { return f.Kind == payments.FactCanceled }) {
			sum.canceled++
		}
	}
	if len(paid) == 1 {
		require.Equal(w.t, payments.IDR(price), p.Totals.Net, where...)
		return sum
	}
	sum.twice++
	sum.backs += told[payments.EventRefunded]
	back := p.Totals.In.Amount - p.Totals.Net.Amount
	require.Equal(w.t, int64(told[payments.EventRefunded])*price, back, where...)
	if told[payments.EventRefunded] < len(paid)-1 {
		require.True(w.t, p.Attention, where...) // a person is told
	}
	return sum
}

func reasons(p *payments.Payment) string {
	var all strings.Builder
	for _, s := range p.Sessions {
		all.WriteString(s.Reason + "\n")
	}
	return all.String()
}

package kill

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// Three processes of different versions of an app share one database: version
// 1; version 2, with one more lane and more kinds in another; and one without
// hooks. All take checkouts and notifications. They are stopped, killed and
// started again in random order. In the end every event has reached every
// lane that was known when it came to be, exactly once where the hook is
// transactional, and in order; and what only version 2 knows it alone has
// done.
func TestVersionsSideBySideLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, dialect := range scratch.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			// The time in which another version's kinds are kept must outlast the
			// test, so the clock goes no faster than that.
			w := newWorld(t, dialect, 4, v1, v2, web)
			one, two, hookless := w.apps[0], w.apps[1], w.apps[2]
			one.start()
			w.open()
			w.awaitLane("mail", payments.EventSettled)
			w.awaitLane("fulfil", payments.EventSettled)
			hookless.start()
			stop := w.traffic()
			begun := time.Now()
			w.after(60) // while nobody has heard of version 2
			before := w.told()
			two.start()
			w.awaitLane("fulfil", payments.EventExpired)
			w.awaitLane("points", payments.EventSettled)
			known := w.clock.Now()
			w.churn(func(times int) bool { return times >= 12 && w.missing() == "" })
			stop()
			w.requireWaitsForVersion2()
			waited := time.Now()
			b := w.close()
			t.Logf("%s of traffic, quiet after %s, %d orders, %d runs of hooks",
				waited.Sub(begun).Round(time.Millisecond), time.Since(waited).Round(time.Millisecond), len(b.payments), len(b.runs))
			w.audit(b, []rule{
				{lane: "mail"},
				{lane: "fulfil", kinds: kinds[v1]["fulfil"], once: true},
				{lane: "fulfil", kinds: []payments.EventKind{payments.EventRefunded, payments.EventExpired}, once: true, from: known, before: before},
				{lane: "points", kinds: kinds[v2]["points"], once: true, from: known, before: before},
			})
			require.Empty(t, w.missing(), "orders that there were none of")
			requireOwnWork(t, b.runs)
		})
	}
}

// awaitLane waits until the database knows that a lane hears of a kind.
func (w *world) awaitLane(name string, kind payments.EventKind) {
	w.t.Helper()
	poll(w.t, "the lane "+name+" is recorded", func() bool {
		lanes, err := w.store.Lanes(w.t.Context(), payments.LaneChange{})
		require.NoError(w.t, err)
		return slices.ContainsFunc(lanes, func(l payments.Lane) bool {
			return l.Name == name && (l.Kinds == nil || slices.Contains(l.Kinds, kind))
		})
	})
}

// told are the events that there are.
func (w *world) told() map[payments.ID]bool {
	told := map[payments.ID]bool{}
	for _, events := range w.read().events {
		for _, e := range events {
			told[e.ID] = true
		}
	}
	return told
}

// churn stops, kills and starts apps at random, until enough. One of them is
// up at any time, so that something happens.
func (w *world) churn(enough func(times int) bool) {
	w.t.Helper()
	for times := 0; !enough(times); times++ {
		w.after(3 + w.dice.IntN(15))
		p := w.apps[w.dice.IntN(len(w.apps))]
		switch {
		case !p.up.Load():
			p.start()
		case w.dice.IntN(3) == 0:
			p.stop()
		default:
			p.kill()
		}
		if !w.someRun() {
			w.apps[w.dice.IntN(len(w.apps))].start()
		}
	}
}

// requireWaitsForVersion2 pays an order and sends the money back while version
// 2 is down: what only it knows waits for it, untouched, and nothing else does.
func (w *world) requireWaitsForVersion2() {
	w.t.Helper()
	one, two, hookless := w.apps[0], w.apps[1], w.apps[2]
	two.stop()
	for _, p := range []*process{one, hookless} {
		if !p.up.Load() {
			p.start()
		}
	}
	refunded := slices.IndexFunc(fates, func(f fate) bool { return f.status == payments.StatusRefunded })
	b := &buyer{w: w, chance: chanceOf(w.seed, "patient"), gone: make(chan struct{})}
	order, _ := b.buy("patient", refunded)
	w.deliverAll(w.dice)
	w.awaitRun(order, "mail", payments.EventRefunded)
	w.awaitRun(order, "fulfil", payments.EventSettled)
	later, _ := b.buy("patient", refunded) // by now version 1 has looked for more to do
	w.deliverAll(w.dice)
	w.awaitRun(later, "mail", payments.EventRefunded)

	waiting := map[string]int64{}
	for _, d := range w.deliveries(payments.DeliveryQuery{PaymentID: order, State: []payments.DeliveryState{payments.DeliveryOpen}}) {
		waiting[d.Target+" "+string(d.Event.Kind)] = d.Lease
	}
	require.Equal(w.t, map[string]int64{
		"hook:fulfil payment.refunded": 0, "hook:points payment.settled": 0, "hook:points payment.refunded": 0,
	}, waiting, "the leases of what is open of order %s", order)
}

func (w *world) awaitRun(order payments.ID, lane string, kind payments.EventKind) {
	w.t.Helper()
	require.NotEmpty(w.t, order)
	poll(w.t, lane+" hears that "+string(order)+" is "+string(kind), func() bool {
		var n int64
		require.NoError(w.t, w.db.Model(&Run{}).Where(&Run{PaymentID: string(order), Lane: lane, Kind: string(kind)}).Count(&n).Error)
		return n > 0
	})
}

// requireOwnWork: no process ran a hook that its version does not have, and
// both versions had a part in the lane that they share.
func requireOwnWork(t *testing.T, runs []Run) {
	t.Helper()
	shared := map[version]int{}
	for _, r := range runs {
		has := r.Lane == "mail" && r.Version != web || slices.Contains(kinds[r.Version][r.Lane], payments.EventKind(r.Kind))
		require.True(t, has, "version %d ran %s for %s", r.Version, r.Lane, r.Kind)
		if r.Lane == "fulfil" {
			shared[r.Version]++
		}
	}
	require.Positive(t, shared[v1])
	require.Positive(t, shared[v2])
}

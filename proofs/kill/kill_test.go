package kill

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Processes are killed with SIGKILL at random moments, and started again, while
// buyers check out and meet their fates, the host's staff refunds, cancels and
// accepts, and the gateway's does so behind their backs. The network is hostile
// in both directions: see trip, harass and collect. Where there are several
// processes, the others go on, most of the time. In the end, by the books of
// the gateway, the module and the host:
//
//   - every order is what its buyer and the gateway know it to be;
//   - money in and out at the gateway is money in and out here, and what the
//     host's ledger says that its hook wrote;
//   - each paid order was fulfilled exactly once, and no other one;
//   - each refund that was asked for was sent once; each payment is one order;
//   - claims are what follows from the payments, laid out anew;
//   - histories have no gaps, and folded they give status and sums;
//   - each event had exactly one effect in transactional lanes and at least
//     one in the plain one, in the order of the payment's history;
//   - no delivery is open, dead or missing.
//
// LUNAS_CRASH_FOR=5m gives each world five minutes of it, and LUNAS_CRASH_SEED
// the choices of an earlier run: who buys what, what becomes of it, which call
// fails how. When processes run, die and meet is never the same.
func TestNothingIsLostOrDoneTwiceWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	length, table := lasting(t), &table{}
	t.Cleanup(func() { table.print(t) }) // behind all parallel tests
	for _, c := range []struct {
		dialect          string
		processes, kills int
	}{
		{"sqlite", 1, 10}, {"postgres", 1, 8}, {"mysql", 1, 8},
		{"sqlite", 2, 8}, {"postgres", 3, 15}, {"mysql", 2, 8},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.dialect, c.processes), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.dialect, 10, []version{v3, v3, v3}[:c.processes]...)
			w.startAll()
			w.hostile = true
			w.harass()
			stop := w.traffic()
			begun := time.Now()
			kills, last := w.killUntil(func(kills int) bool {
				return kills >= c.kills && time.Since(begun) >= length && w.missing() == ""
			})
			stop()
			b := w.close()
			f := figures{
				dialect: c.dialect, processes: c.processes, kills: kills, took: last.Sub(begun), recovery: w.quiet.Sub(last),
			}
			w.audit(b, []rule{
				{lane: "mail"},
				{lane: "fulfil", kinds: kinds[v3]["fulfil"], once: true},
				{lane: "ledger", kinds: kinds[v3]["ledger"], once: true},
			})
			f.count(w, b)
			table.add(f)
			require.Empty(t, w.missing(), "orders that there were none of")
			require.Positive(t, f.repeats, "no kill hit a hook in flight: the test has proved nothing")
		})
	}
}

// killUntil kills processes at random, and starts them again, until enough. It
// returns how often, and when it did so last; then all are up.
func (w *world) killUntil(enough func(kills int) bool) (kills int, last time.Time) {
	w.t.Helper()
	for !enough(kills) {
		p := w.apps[w.dice.IntN(len(w.apps))]
		if !p.up.Load() {
			p.start()
			continue
		}
		w.after(10 + w.dice.IntN(50))
		p.kill()
		kills, last = kills+1, time.Now()
		if !w.someRun() {
			w.apps[w.dice.IntN(len(w.apps))].start()
		}
	}
	w.startAll()
	return kills, last
}

// close lets all apps finish what there is to do, stops them, and reads the
// books.
func (w *world) close() books {
	w.t.Helper()
	w.startAll()
	// What waits longest is a look at a payment that failed: five minutes by
	// the apps' clock.
	deadline := time.Now().Add(3 * patience)
	for {
		w.deliverAll(w.dice) // a bank may confirm a refund yet
		w.askAgain()
		left := w.unquiet()
		if left == "" {
			break
		}
		if time.Now().After(deadline) {
			w.t.Errorf("waited in vain: %s", left)
			break
		}
		<-time.After(300 * time.Millisecond) // before the next look
	}
	w.quiet = time.Now()
	w.stopAll()
	return w.read()
}

// askAgain asks for refunds again that the gateway has refused, as the host's
// staff would that sees them in the list.
func (w *world) askAgain() {
	w.t.Helper()
	for _, p := range w.payments() {
		for _, r := range p.Refunds() {
			if r.State == payments.RefundRefused {
				b := &buyer{w: w, chance: w.dice}
				require.NoError(w.t, b.host(order{id: p.ID}, "refund", url.Values{"key": {r.Key}}))
			}
		}
	}
}

// missing is a fate that no order has met yet, or nothing.
func (w *world) missing() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	met := map[string]bool{}
	for _, fate := range w.want {
		met[fate.name] = true
	}
	for _, fate := range fates {
		if !met[fate.name] {
			return fate.name
		}
	}
	return ""
}

// repeated is how many runs of a lane were not the first of their event.
func repeated(runs []Run, lane string) (n int) {
	seen := map[payments.ID]bool{}
	for _, r := range runs {
		id := payments.EventID(payments.ID(r.PaymentID), r.Seq)
		if r.Lane != lane {
			continue
		}
		if seen[id] {
			n++
		}
		seen[id] = true
	}
	return n
}

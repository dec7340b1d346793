package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Processes are killed with SIGKILL at random moments while buyers check out,
// pay, are denied, get their money back or walk away, and the gateway sends
// every notification three times, in random order, and again when nobody
// answers. Where there are two processes, the other goes on, most of the
// time. In the end:
//
//   - every order is what its buyer and the gateway know it to be;
//   - each paid order was fulfilled exactly once, and no other one;
//   - each event had exactly one effect in transactional lanes and at least
//     one in the plain one, in the order of the payment's history;
//   - no delivery is open or dead, and histories have no gaps.
func TestNothingIsLostOrDoneTwiceWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect          string
		processes, kills int
	}{
		{"sqlite", 1, 40}, {"postgres", 1, 25}, {"mysql", 1, 25},
		{"sqlite", 2, 20}, {"postgres", 2, 25}, {"mysql", 2, 25},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.dialect, c.processes), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.dialect, []version{v2, v2}[:c.processes]...)
			w.startAll()
			stop := w.traffic()
			begun := time.Now()
			for killed := 0; killed < c.kills; {
				p := w.apps[rand.IntN(len(w.apps))]
				if !p.up.Load() {
					p.start()
					continue
				}
				w.after(5 + rand.IntN(30))
				p.kill()
				killed++
				if !w.someRun() {
					w.apps[rand.IntN(len(w.apps))].start()
				}
			}
			stop()
			killing := time.Since(begun)
			b := w.close()
			w.audit(b, []rule{
				{lane: "mail"},
				{lane: "fulfil", kinds: kinds[v2]["fulfil"], once: true},
				{lane: "points", kinds: kinds[v2]["points"], once: true},
			})
			repeats := repeated(b.runs, "mail")
			t.Logf("%d kills in %s, quiet after %s, %d orders, %d runs of hooks, %d notifications sent, %d of the runs were repeats",
				c.kills, killing.Round(time.Millisecond), (time.Since(begun) - killing).Round(time.Millisecond), len(b.payments), len(b.runs), w.sent, repeats)
			w.requireWork(c.kills / 2)
			require.Positive(t, repeats, "no kill hit a hook in flight: the test has proved nothing")
		})
	}
}

// close lets all apps finish what there is to do, stops them, and reads the
// books.
func (w *world) close() books {
	w.t.Helper()
	w.startAll()
	// Mostly 45 s, the lease of a timer and the patience with a gateway's
	// answer that a killed process waited for. It is twice that when the second
	// call was cut off, too, and five minutes when a look at a payment failed.
	deadline := time.Now().Add(6 * time.Minute)
	for {
		left := w.unquiet()
		if left == "" {
			break
		}
		if time.Now().After(deadline) {
			w.t.Errorf("waited in vain: %s", left)
			break
		}
		<-time.After(500 * time.Millisecond) // before the next look
	}
	w.stopAll()
	return w.read()
}

// requireWork makes sure that there was something to get wrong.
func (w *world) requireWork(least int) {
	w.t.Helper()
	n := map[payments.Status]int{}
	for _, status := range w.want {
		n[status]++
	}
	require.Greater(w.t, n[payments.StatusSettled], least, "orders paid: %v", n)
	for _, fate := range fates {
		require.Positive(w.t, n[fate.status], "orders %s: %v", fate.status, n)
	}
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

package faults

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// jumpy is the system's clock, and an offset that jumps.
type jumpy struct{ offset atomic.Int64 }

func (c *jumpy) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// After is by the monotonic clock, which does not jump.
func (c *jumpy) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (c *jumpy) set(offset time.Duration) { c.offset.Store(int64(offset)) }

// clockRows let the shop's clock jump while the gateway's goes on.
//
// What was due, or leased, at a time to which the clock had jumped waits until
// the clock gets there again: so hooks of that moment are late by as much as it
// jumped back, and by no more. New ones go on at once. Forward, what is not
// due yet is done early: silent payments are asked about, and orders are
// expired whose time is not up yet, but only once the gateway has said that
// nobody has paid.
func clockRows() []row {
	return []row{{"clock: +3 h, -2 h, +12 h, back, then +40 h", func(t *testing.T, fault string) result {
		clock := &jumpy{}
		w := newWorld(t, fault, newPostgres(t), around{clock: clock})
		tr := trial{inject: func() func() {
			for _, offset := range []time.Duration{3 * time.Hour, -2 * time.Hour, 12 * time.Hour, 0} {
				clock.set(offset)
				w.fulfilled(3)
			}
			return func() { clock.set(12 * time.Hour) } // time has passed
		}}
		r := w.meet(tr)
		w.expire(clock)
		w.finish(tr, &r)
		return r
	}}}
}

// fulfilled waits until so many more orders are: hooks go on.
func (w *world) fulfilled(more int64) {
	w.t.Helper()
	count := func() (n int64) {
		require.NoError(w.t, w.db.Model(&Run{}).Where("lane = ?", "fulfil").Count(&n).Error)
		return n
	}
	from := count()
	await(w.t, "hooks go on", patience, func() bool { return count() >= from+more })
}

// expire moves the clock behind the time of all orders, when of some that were
// paid the shop has not heard. Those are settled, and the others expire.
func (w *world) expire(clock *jumpy) {
	w.t.Helper()
	w.sim.Fail(simkit.Fault{Kind: simkit.Drop, Count: -1})
	unheard, unpaid := w.load.payTheRest(), w.load.expireTheRest()
	require.Positive(w.t, unheard)
	require.Positive(w.t, unpaid)
	clock.set(40 * time.Hour)
	w.untilQuiet()
}

// payTheRest has half of those paid that are in stock.
func (l *load) payTheRest() (paid int) {
	for range len(l.stock) / 2 {
		id := <-l.stock
		if err := l.sim.Pay(string(id)); err != nil {
			l.t.Errorf("order %s is to be paid: %v", id, err)
		}
		l.mu.Lock()
		l.want[id] = payments.StatusSettled
		l.mu.Unlock()
		paid++
	}
	return paid
}

// expireTheRest: of the orders that are not paid.
func (l *load) expireTheRest() (expired int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, status := range l.want {
		if status == payments.StatusPending || status == payments.StatusDenied {
			l.want[id] = payments.StatusExpired
			expired++
		}
	}
	return expired
}

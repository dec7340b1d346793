package storagetest

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// timerCases are about LeasePayments.
var timerCases = []testCase{
	{"timers/what is due, most overdue first", timersDue},
	{"timers/leased once", timersLeasedOnce},
	{"timers/an Update sets the timer anew", timersReset},
}

// waking stores a payment with a timer; zero is none.
func (c *checker) waking(wakeAt time.Time) payments.ID {
	c.t.Helper()
	p := c.payment()
	p.WakeAt = wakeAt
	return c.create(p).ID
}

// wake leases payments for an hour.
func (c *checker) wake(now time.Time, limit int) []payments.ID {
	c.t.Helper()
	leased, err := c.store.LeasePayments(c.ctx, payments.Lease{Now: now, Until: now.Add(time.Hour), Limit: limit})
	c.ok(err, "LeasePayments")
	return paymentIDs(leased)
}

func timersDue(c *checker) {
	c.rule("LeasePayments returns up to Limit payments whose WakeAt is at or before Now, the most overdue first")
	third := c.waking(at(0))
	first := c.waking(at(-2 * time.Minute))
	c.waking(at(time.Microsecond))
	second := c.waking(at(-time.Minute))
	c.same([]payments.ID{first, second}, c.wake(epoch, 2), "ids, limit 2")
	c.same([]payments.ID{third}, c.wake(epoch, 2), "ids of the rest")

	c.rule("a zero WakeAt means never")
	never := c.waking(time.Time{})
	for _, id := range c.wake(at(1000*time.Hour), 100) {
		if id == never {
			c.failf("a payment without a timer was leased")
		}
	}
}

func timersLeasedOnce(c *checker) {
	c.rule("LeasePayments moves WakeAt to Until, so that nobody else gets the payment before then")
	id := c.waking(epoch)
	c.same([]payments.ID{id}, c.wake(epoch, 10), "first lease")
	c.same([]payments.ID{}, c.wake(epoch, 10), "second lease at the same time")
	c.same([]payments.ID{}, c.wake(at(time.Hour-time.Microsecond), 10), "lease just before Until")
	c.same(at(time.Hour), c.get(payments.ByID(id)).WakeAt, "WakeAt while leased, by Get")
	c.same(at(time.Hour), c.payments(payments.PaymentQuery{})[0].WakeAt, "WakeAt while leased, in a list")
	c.same(at(time.Hour), c.change(id, payments.Change{}).WakeAt, "WakeAt while leased, by Update")
	c.update(payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: s.Payment}, nil
	})
	c.same(at(time.Hour), c.get(payments.ByID(id)).WakeAt, "WakeAt while leased, after an Update that stores what it got")
	c.same([]payments.ID{id}, c.wake(at(time.Hour), 10), "lease at Until")
}

func timersReset(c *checker) {
	c.rule("an Update of the payment sets WakeAt anew, leased or not")
	id := c.waking(at(time.Hour))
	set := func(wakeAt time.Time) {
		c.t.Helper()
		c.update(payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
			s.Payment.WakeAt = wakeAt
			return payments.Change{Payment: s.Payment}, nil
		})
	}
	set(epoch)
	c.same([]payments.ID{id}, c.wake(epoch, 10), "lease after the timer was set earlier")
	set(epoch)
	c.same([]payments.ID{id}, c.wake(epoch, 10), "lease after the timer of a leased payment was set to now")
	set(at(2 * time.Hour))
	c.same([]payments.ID{}, c.wake(at(time.Hour), 10), "lease at the old Until, after the timer was set later")
	set(time.Time{})
	c.same([]payments.ID{}, c.wake(at(1000*time.Hour), 10), "lease after the timer was removed")
	set(epoch)

	c.rule("a Change without Payment leaves WakeAt alone")
	c.change(id, payments.Change{})
	c.same([]payments.ID{id}, c.wake(epoch, 10), "lease after a Change without Payment")
	c.change(id, payments.Change{Messages: []payments.Message{c.fullMessage()}})
	c.same([]payments.ID{}, c.wake(epoch, 10), "lease of a leased payment, after a Change without Payment")
}

package storagetest

import (
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// outcomeCases are about Finish.
var outcomeCases = []testCase{
	{"outcomes/done", outcomeDone},
	{"outcomes/retry", outcomeRetry},
	{"outcomes/uncounted", outcomeUncounted},
	{"outcomes/dead", outcomeDead},
	{"outcomes/lost leases", outcomeLost},
	{"outcomes/finished is finished", outcomeTwice},
	{"outcomes/many at once", outcomeMany},
}

// paid is a new payment with that many events on their way to a lane.
func (c *checker) paid(lane string, events int) payments.ID {
	c.t.Helper()
	id := c.create(c.payment()).ID
	c.emit(id, []string{lane}, slices.Repeat([]payments.EventKind{payments.EventSettled}, events)...)
	return id
}

func outcomeDone(c *checker) {
	c.rule("Finish with DeliveryDone ends a delivery at At; it is never leased again and stays listed")
	c.paid(laneA, 1)
	d := c.leaseOne(epoch, laneA)
	c.end(d, payments.DeliveryDone)
	got := c.delivery(d.ID)
	want := d
	want.State, want.DoneAt, want.Due = payments.DeliveryDone, at(time.Minute), got.Due // a finished one's Due means nothing
	c.same(want, got, "the delivery")
	c.same([]payments.ID{}, ids(c.leaseAll(at(1000*time.Hour), laneA)), "leased later")

	c.rule("an outcome counts although the lease's time is over, as long as nobody else has leased the delivery")
	c.paid(laneA, 1)
	d = c.leaseOne(epoch, laneA)
	o := outcome(d, payments.DeliveryDone)
	o.At = at(5 * time.Hour)
	c.same([]payments.ID(nil), c.finish(o), "outcomes lost")
	c.same(payments.DeliveryDone, c.delivery(d.ID).State, "state")
	c.same([]payments.ID{}, ids(c.leaseAll(at(6*time.Hour), laneA)), "leased later")
}

func outcomeRetry(c *checker) {
	c.rule("Finish with DeliveryOpen keeps the error and lets the delivery be leased at Due, not before; the try counts")
	c.paid(laneA, 1)
	o := outcome(c.leaseOne(epoch, laneA), payments.DeliveryOpen)
	o.Due, o.Error = at(2*time.Hour), strings.Repeat(awkward, 50)
	c.same([]payments.ID(nil), c.finish(o), "outcomes lost")
	got := c.delivery(o.DeliveryID)
	c.same(payments.DeliveryOpen, got.State, "State")
	c.same(o.Due, got.Due, "Due")
	c.same(o.Error, got.LastError, "LastError")
	c.same(1, got.Tries, "Tries")
	c.same("suite", got.Owner, "Owner")
	c.same(time.Time{}, got.DoneAt, "DoneAt")
	c.same([]payments.ID{}, ids(c.leaseAll(at(2*time.Hour-time.Microsecond), laneA)), "leased just before Due")
	again := c.leaseOne(at(2*time.Hour), laneA)
	c.same(2, again.Tries, "Tries of the second lease")
	if again.Lease <= o.Lease {
		c.failf("the second lease's token is %d, the first's %d", again.Lease, o.Lease)
	}
	c.rule("Due may be earlier than the end of the lease")
	o = outcome(again, payments.DeliveryOpen)
	o.Due = epoch
	c.finish(o)
	c.same(3, c.leaseOne(at(2*time.Hour), laneA).Tries, "Tries of the third lease")
}

func outcomeUncounted(c *checker) {
	c.rule("an Uncounted outcome does not count the lease as a try")
	c.paid(laneA, 1)
	var last int64
	for range 3 {
		d := c.leaseOne(epoch, laneA)
		c.same(1, d.Tries, "Tries of the leased delivery")
		if d.Lease <= last {
			c.failf("the lease's token is %d, that of the one before %d", d.Lease, last)
		}
		last = d.Lease
		o := outcome(d, payments.DeliveryOpen)
		o.Due, o.Uncounted = epoch, true
		c.same([]payments.ID(nil), c.finish(o), "outcomes lost")
		c.same(0, c.delivery(d.ID).Tries, "Tries after an Uncounted outcome")
	}
}

func outcomeDead(c *checker) {
	c.rule("a dead delivery holds its lane for its payment, and only that")
	id := c.paid(laneA, 2)
	c.emit(id, []string{laneB}, payments.EventRefunded)
	o := outcome(c.leaseOne(epoch, laneA), payments.DeliveryDead)
	o.Error = "given up"
	c.same([]payments.ID(nil), c.finish(o), "outcomes lost")
	got := c.delivery(o.DeliveryID)
	c.same(payments.DeliveryDead, got.State, "State")
	c.same("given up", got.LastError, "LastError")
	c.same(1, got.Tries, "Tries")
	other := c.paid(laneA, 1)
	c.emit(id, []string{laneA}, payments.EventRefunded)
	c.same([]payments.ID{deliveryID(other, 1, laneA)}, ids(c.leaseAll(at(1000*time.Hour), laneA)), "leased in the lane of the dead one")
	c.same([]payments.ID{deliveryID(id, 3, laneB)}, ids(c.leaseAll(at(1000*time.Hour), laneB)), "leased in the other lane of the same payment")
}

func outcomeLost(c *checker) {
	c.rule("Finish returns the ids whose lease is no longer the current one, and records nothing for them")
	first := c.paid(laneA, 1)
	stale := c.leaseOne(epoch, laneA)
	fresh := c.leaseOne(at(time.Hour), laneA)
	unleased := c.delivery(deliveryID(c.paid(laneB, 1), 1, laneB))
	for _, state := range []payments.DeliveryState{payments.DeliveryDone, payments.DeliveryDead, payments.DeliveryOpen} {
		o := outcome(stale, state)
		o.Error, o.Due, o.Uncounted = "from the stale lease", epoch, state == payments.DeliveryOpen
		c.same([]payments.ID{stale.ID}, c.finish(o), "lost, of an old lease that says "+string(state))
		c.same(fresh, c.delivery(stale.ID), "the delivery")

		o = outcome(fresh, state)
		o.Lease++
		c.same([]payments.ID{fresh.ID}, c.finish(o), "lost, of a lease that was never given")
		c.same(fresh, c.delivery(fresh.ID), "the delivery")

		c.same([]payments.ID{unleased.ID}, c.finish(outcome(unleased, state)), "lost, of a delivery that was never leased")
		c.same(unleased, c.delivery(unleased.ID), "the delivery that was never leased")
	}

	c.rule("an outcome of an unknown delivery is lost")
	for _, id := range []payments.ID{deliveryID(first, 2, laneA), deliveryID(first, 1, laneB), deliveryID(payments.NewID(), 1, laneA), "", "no id/at all", awkward} {
		c.same([]payments.ID{id}, c.finish(payments.Outcome{DeliveryID: id, Lease: 1, State: payments.DeliveryDone, At: epoch}), "lost")
	}

	c.rule("a lost outcome does not keep others of the same call from being recorded")
	other := c.leaseOne(epoch, laneB)
	c.same([]payments.ID{stale.ID}, c.finish(
		outcome(stale, payments.DeliveryDone), outcome(other, payments.DeliveryDone),
	), "lost")
	c.same(payments.DeliveryDone, c.delivery(other.ID).State, "state of the other one")
	c.same([]payments.ID(nil), c.finish(), "lost, of no outcomes")
	c.same([]payments.ID(nil), c.finish(outcome(fresh, payments.DeliveryDone)), "lost, of the current lease")
}

func outcomeTwice(c *checker) {
	c.rule("a delivery that is done or dead has no current lease: a second outcome is lost and records nothing")
	for _, ended := range []payments.DeliveryState{payments.DeliveryDone, payments.DeliveryDead} {
		c.paid(laneA, 1)
		d := c.leaseOne(epoch, laneA)
		c.end(d, ended)
		want := c.delivery(d.ID)
		for _, state := range []payments.DeliveryState{payments.DeliveryDone, payments.DeliveryDead, payments.DeliveryOpen} {
			o := outcome(d, state)
			o.Error, o.Due, o.At = "late", epoch, at(time.Hour)
			c.same([]payments.ID{d.ID}, c.finish(o), "lost, when it is "+string(ended)+" already")
			c.same(want, c.delivery(d.ID), "the delivery")
		}
	}
	c.same([]payments.ID{}, ids(c.leaseAll(at(1000*time.Hour), laneA)), "leased afterwards")
}

func outcomeMany(c *checker) {
	c.rule("Finish records hundreds of outcomes of all states at once, each its own")
	states := []payments.DeliveryState{payments.DeliveryDone, payments.DeliveryDead, payments.DeliveryOpen}
	p := c.create(c.payment())
	var targets []string
	l := payments.DeliveryLease{Lease: payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 500}}
	for i := range 500 {
		targets = append(targets, payments.HookTarget(strings.Repeat("x", i%50)+string(rune('a'+i/50))))
		l.Targets = append(l.Targets, payments.Target{Name: targets[i]})
	}
	c.emit(p.ID, targets, payments.EventCreated)
	leased := c.lease(l)
	c.same(500, len(leased), "number of leased deliveries")
	var outcomes []payments.Outcome
	want := map[payments.ID]payments.Outcome{}
	for i, d := range leased {
		o := outcome(d, states[i%3])
		o.Error = string(d.ID)
		if o.State == payments.DeliveryOpen {
			o.Due = at(time.Duration(i) * time.Hour)
		}
		outcomes, want[d.ID] = append(outcomes, o), o
	}
	c.same([]payments.ID(nil), c.finish(outcomes...), "lost")
	for _, d := range c.deliveries(payments.DeliveryQuery{PaymentID: p.ID}) {
		o := want[d.ID]
		c.same(o.State, d.State, "State")
		if o.State == payments.DeliveryOpen {
			c.same(o.Due, d.Due, "Due")
		}
		if o.State != payments.DeliveryDone {
			c.same(o.Error, d.LastError, "LastError")
		}
	}
}

package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// leaseCases are about LeaseDeliveries: what is given out, in what order.
var leaseCases = []testCase{
	{"leases/what is leased", leaseGives},
	{"leases/due, most overdue first, up to the limit", leaseDue},
	{"leases/kept from others until they end", leaseEnds},
	{"leases/one at a time per payment and target", leaseOrder},
	{"leases/payments and lanes are independent", leaseIndependent},
	{"leases/targets to the letter", leaseTargets},
	{"leases/kinds", leaseKinds},
	{"leases/what is blocked does not use up the limit", leaseBehindBlocked},
}

const (
	laneA = "hook:a"
	laneB = "hook:b"
)

// deliveryID is the id of the delivery of a payment's event number seq.
func deliveryID(payment payments.ID, seq int, target string) payments.ID {
	return payments.DeliveryID(payments.EventID(payment, seq), target)
}

func leaseGives(c *checker) {
	c.rule("a leased delivery carries its event whole, the lease's token, end and owner, and one try more")
	p := c.create(c.payment())
	c.emit(p.ID, []string{laneA}, payments.EventSettled)
	got := c.lease(payments.DeliveryLease{
		Lease: payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 10}, Owner: awkward,
		Targets: []payments.Target{{Name: laneA}},
	})
	c.same(1, len(got), "number of leased deliveries")
	want := deliveryOf(fullEvent(p.ID, 1), laneA, at(time.Hour))
	want.Lease, want.Tries, want.Owner = got[0].Lease, 1, awkward
	c.same([]payments.Delivery{want}, got, "leased deliveries")
	c.same(want, c.delivery(want.ID), "the leased delivery in the log")
}

func leaseDue(c *checker) {
	c.rule("LeaseDeliveries returns up to Limit deliveries that are due at Now, the most overdue first")
	add := func(due time.Time) payments.ID {
		p := c.payment()
		p.LastSeq = 1
		e := fullEvent(p.ID, 1)
		c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
			return payments.Change{Payment: p, Events: []payments.Event{e}, Deliveries: []payments.Delivery{deliveryOf(e, laneA, due)}}, nil
		})
		return payments.DeliveryID(e.ID, laneA)
	}
	third := add(epoch)
	first := add(at(-2 * time.Minute))
	later := add(at(time.Microsecond))
	second := add(at(-time.Minute))
	lease := func(now time.Time, limit int) []payments.ID {
		return ids(c.lease(payments.DeliveryLease{
			Lease: payments.Lease{Now: now, Until: at(time.Hour), Limit: limit}, Targets: []payments.Target{{Name: laneA}},
		}))
	}
	c.same([]payments.ID{first, second}, lease(epoch, 2), "ids, limit 2")
	c.same([]payments.ID{third}, lease(epoch, 2), "ids of the rest that is due")
	c.same([]payments.ID{later}, lease(at(time.Microsecond), 2), "ids a microsecond later")
}

func leaseEnds(c *checker) {
	c.rule("a leased delivery is kept from others until Until; then it is due again, and every lease has a greater token and counts one try")
	p := c.create(c.payment())
	c.emit(p.ID, []string{laneA}, payments.EventSettled)
	now := epoch
	var before int64
	for try := 1; try <= 3; try++ {
		d := c.leaseOne(now, laneA)
		if d.Lease <= before {
			c.failf("lease number %d has the token %d, the one before %d", try, d.Lease, before)
		}
		c.same(try, d.Tries, "tries")
		c.same(now.Add(time.Hour), d.Due, "Due while leased")
		c.same([]payments.ID{}, ids(c.leaseAll(now, laneA)), "leased again at the same time")
		c.same([]payments.ID{}, ids(c.leaseAll(now.Add(time.Hour-time.Microsecond), laneA)), "leased just before Until")
		before, now = d.Lease, now.Add(time.Hour)
	}
}

func leaseOrder(c *checker) {
	c.rule("LeaseDeliveries returns only the first open delivery of a payment and target: none whose predecessor is still open")
	p := c.create(c.payment())
	// In one Change and in several; a number may be missing, for a lane need
	// not want every kind; and twelve of them, for 10 comes after 9.
	c.emit(p.ID, []string{laneA}, payments.EventCreated, payments.EventPending)
	c.emit(p.ID, nil, payments.EventAuthorized)
	for range 9 {
		c.emit(p.ID, []string{laneA}, payments.EventSettled)
	}
	for seq := 1; seq <= 12; seq++ {
		if seq == 3 {
			continue
		}
		d := c.leaseOne(at(time.Minute), laneA)
		c.same(deliveryID(p.ID, seq, laneA), d.ID, "the next delivery")
		c.same([]payments.ID{}, ids(c.leaseAll(at(2*time.Minute), laneA)), "leased while the one before is leased")
		c.end(d, payments.DeliveryDone)
	}
	c.same([]payments.ID{}, ids(c.leaseAll(at(time.Minute), laneA)), "leased when all is done")

	c.rule("a delivery that waits to be retried holds those behind it, however long they are due")
	c.emit(p.ID, []string{laneA}, payments.EventRefunded, payments.EventRefunded)
	o := outcome(c.leaseOne(epoch, laneA), payments.DeliveryOpen)
	o.Due = at(10 * time.Hour)
	c.finish(o)
	c.same([]payments.ID{}, ids(c.leaseAll(at(9*time.Hour), laneA)), "leased while the first waits")
	c.emit(p.ID, []string{laneA}, payments.EventRefunded)
	c.same([]payments.ID{}, ids(c.leaseAll(at(9*time.Hour), laneA)), "leased while the first waits, after one more event")
	c.same(o.DeliveryID, c.leaseOne(at(10*time.Hour), laneA).ID, "leased when the first is due again")

	c.rule("a follower is due when its own time has come, even if its lane waited")
	c.end(c.leaseOne(at(11*time.Hour), laneA), payments.DeliveryDone)
	c.same(deliveryID(p.ID, 14, laneA), c.leaseOne(at(11*time.Hour), laneA).ID, "leased after the one that waited is done")
}

func leaseIndependent(c *checker) {
	c.rule("lanes of one payment, and payments in one lane, do not wait for each other")
	p, q := c.create(c.payment()), c.create(c.payment())
	c.emit(p.ID, []string{laneA, laneB}, payments.EventCreated, payments.EventSettled)
	c.emit(q.ID, []string{laneA}, payments.EventCreated)
	got := ids(c.leaseAll(epoch, laneA, laneB))
	slices.Sort(got)
	want := []payments.ID{deliveryID(p.ID, 1, laneA), deliveryID(p.ID, 1, laneB), deliveryID(q.ID, 1, laneA)}
	slices.Sort(want)
	c.same(want, got, "ids of what is leased at once, sorted")

	d := c.delivery(deliveryID(p.ID, 1, laneB))
	c.end(d, payments.DeliveryDone)
	c.same([]payments.ID{deliveryID(p.ID, 2, laneB)}, ids(c.leaseAll(epoch, laneA, laneB)), "ids, when the first is done in one lane")
}

func leaseTargets(c *checker) {
	c.rule("LeaseDeliveries returns only deliveries of the targets it names, to the letter")
	p := c.create(c.payment())
	targets := []string{"hook:a", "hook:a.b", "hook:a-b", "hook:ab", "hook:a_b", "webhook:a"}
	c.emit(p.ID, targets, payments.EventCreated)
	c.same([]payments.ID{}, ids(c.leaseAll(epoch)), "ids leased for no target")
	c.same([]payments.ID{}, ids(c.leaseAll(epoch, "hook:", "a", "hook:%", "HOOK:A")), "ids leased for other targets")
	for _, target := range targets {
		c.same([]payments.ID{deliveryID(p.ID, 1, target)}, ids(c.leaseAll(epoch, target)), "ids leased for "+target)
	}
}

func leaseKinds(c *checker) {
	lease := func(targets ...payments.Target) []payments.ID {
		return ids(c.lease(payments.DeliveryLease{
			Lease: payments.Lease{Now: epoch, Until: epoch, Limit: 10}, Targets: targets, // for no time, so that the next call may have it
		}))
	}
	target := func(name string, kinds ...payments.EventKind) payments.Target {
		return payments.Target{Name: name, Kinds: kinds}
	}
	p := c.create(c.payment())
	c.emit(p.ID, []string{laneA, laneB}, payments.EventCreated, payments.EventSettled)
	firstA, firstB := deliveryID(p.ID, 1, laneA), deliveryID(p.ID, 1, laneB)

	c.rule("LeaseDeliveries returns only kinds that the target names; nil means all")
	c.same([]payments.ID{firstA}, lease(target(laneA)), "leased for all kinds")
	c.same([]payments.ID{firstA}, lease(target(laneA, payments.EventRefunded, payments.EventCreated)), "leased for a kind among others")
	c.same([]payments.ID{}, lease(target(laneA, payments.EventRefunded)), "leased for another kind")

	c.rule("kinds belong to their target: another target's do not count")
	c.same([]payments.ID{firstB}, lease(target(laneA, payments.EventRefunded), target(laneB, payments.EventCreated)), "leased")
	both := lease(target(laneA), target(laneB, payments.EventCreated))
	slices.Sort(both)
	c.same([]payments.ID{firstA, firstB}, both, "leased for two targets, sorted")

	c.rule("a head of a kind that the process lacks holds those behind it, until a process that has it handles it")
	c.same([]payments.ID{}, lease(target(laneA, payments.EventSettled)), "leased for the kind of the second")
	c.end(c.leaseOne(epoch, laneA), payments.DeliveryDone)
	c.same([]payments.ID{deliveryID(p.ID, 2, laneA)}, lease(target(laneA, payments.EventSettled)), "leased for the kind of the second, when the first is done")
}

func leaseBehindBlocked(c *checker) {
	c.rule("what must not be leased does not keep from being leased what is less overdue")
	blocked := c.create(c.payment())
	c.emit(blocked.ID, []string{laneA, laneB}, slices.Repeat([]payments.EventKind{payments.EventCreated}, 30)...)
	c.end(c.leaseOne(epoch, laneA), payments.DeliveryDead)
	free := c.payment()
	free.LastSeq = 1
	e := fullEvent(free.ID, 1)
	c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: free, Events: []payments.Event{e}, Deliveries: []payments.Delivery{deliveryOf(e, laneA, at(time.Second))}}, nil
	})
	got := c.lease(payments.DeliveryLease{
		Lease: payments.Lease{Now: at(time.Minute), Until: at(time.Hour), Limit: 1}, Targets: []payments.Target{{Name: laneA}},
	})
	c.same([]payments.ID{payments.DeliveryID(e.ID, laneA)}, ids(got), "leased, limit 1, beside 29 behind a dead one and 30 of a target not named")

	c.rule("a limit counts what is leased, whatever is passed over")
	for i := range 3 {
		c.emit(c.create(c.payment()).ID, []string{laneB}, payments.EventRefunded, payments.EventSettled, payments.EventSettled)
		c.emit(c.create(c.payment()).ID, []string{laneB}, payments.EventSettled)
		got = c.lease(payments.DeliveryLease{
			Lease:   payments.Lease{Now: at(time.Minute), Until: at(time.Hour), Limit: 1},
			Targets: []payments.Target{{Name: laneB, Kinds: []payments.EventKind{payments.EventSettled}}},
		})
		c.same(1, len(got), fmt.Sprintf("number leased, limit 1, with %d heads of another kind", i+2))
	}
}

package storagetest

import (
	"errors"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// releaseCases are about Change.Releases.
var releaseCases = []testCase{
	{"releases/put back", releaseOpen},
	{"releases/given up", releaseDismissed},
	{"releases/of what is not dead", releaseNotDead},
	{"releases/belong to their Update", releaseAtomic},
}

// dead is a payment whose first delivery in lane a, of so many, is dead.
func (c *checker) dead(events int) (payments.ID, payments.Delivery) {
	c.t.Helper()
	id := c.paid(laneA, events)
	o := outcome(c.leaseOne(epoch, laneA), payments.DeliveryOpen)
	o.Due, o.Error = epoch, "first"
	c.finish(o)
	o = outcome(c.leaseOne(epoch, laneA), payments.DeliveryDead)
	o.Error = "second"
	c.finish(o)
	return id, c.delivery(o.DeliveryID)
}

func (c *checker) release(payment payments.ID, r payments.Release) {
	c.t.Helper()
	c.change(payment, payments.Change{Releases: []payments.Release{r}})
}

func releaseOpen(c *checker) {
	c.rule("a Release to DeliveryOpen puts a dead delivery back: tries counted from zero, due at Due; those behind it still wait")
	id, dead := c.dead(3)
	due := at(20 * time.Minute) // before the last lease would have ended
	c.release(id, payments.Release{DeliveryID: dead.ID, State: payments.DeliveryOpen, Due: due, Note: "try again"})
	got := c.delivery(dead.ID)
	c.same(payments.DeliveryOpen, got.State, "State")
	c.same(0, got.Tries, "Tries")
	c.same(due, got.Due, "Due")
	c.same([]payments.ID{}, ids(c.leaseAll(due.Add(-time.Microsecond), laneA)), "leased just before Due")
	again := c.leaseOne(due, laneA)
	c.same(dead.ID, again.ID, "leased at Due")
	c.same(1, again.Tries, "Tries of the lease")
	if again.Lease <= dead.Lease {
		c.failf("the lease's token is %d, the one before was %d", again.Lease, dead.Lease)
	}
	c.end(again, payments.DeliveryDone)
	c.same(deliveryID(id, 2, laneA), c.leaseOne(at(time.Hour), laneA).ID, "leased when it is done")
}

func releaseDismissed(c *checker) {
	c.rule("a Release to DeliveryDismissed gives a dead delivery up, and those behind it go on")
	id, dead := c.dead(3)
	c.release(id, payments.Release{DeliveryID: dead.ID, State: payments.DeliveryDismissed, Due: at(time.Minute), Note: "not needed"})
	c.same(payments.DeliveryDismissed, c.delivery(dead.ID).State, "State")
	second := c.leaseOne(at(time.Minute), laneA)
	c.same(deliveryID(id, 2, laneA), second.ID, "leased afterwards")
	c.end(second, payments.DeliveryDone)
	c.same(deliveryID(id, 3, laneA), c.leaseOne(at(time.Minute), laneA).ID, "leased after that")
}

func releaseNotDead(c *checker) {
	c.rule("a Release of a delivery that is not dead changes nothing")
	id, dismissed := c.dead(1)
	c.release(id, payments.Release{DeliveryID: dismissed.ID, State: payments.DeliveryDismissed, Due: epoch})
	c.emit(id, []string{laneA}, payments.EventSettled, payments.EventSettled, payments.EventSettled)
	done := c.leaseOne(epoch, laneA)
	c.end(done, payments.DeliveryDone)
	leased := c.leaseOne(epoch, laneA)
	waiting := c.delivery(deliveryID(id, 4, laneA))
	for _, d := range []payments.ID{dismissed.ID, done.ID, leased.ID, waiting.ID} {
		want := c.delivery(d)
		for _, state := range []payments.DeliveryState{payments.DeliveryOpen, payments.DeliveryDismissed} {
			c.release(id, payments.Release{DeliveryID: d, State: state, Due: at(time.Second), Note: "no"})
			c.same(want, c.delivery(d), "delivery that was "+string(want.State)+", released to "+string(state))
		}
	}
	c.release(id, payments.Release{DeliveryID: deliveryID(id, 9, laneA), State: payments.DeliveryOpen, Due: epoch})
	c.release(id, payments.Release{DeliveryID: "it's no id", State: payments.DeliveryDismissed, Due: epoch})
	c.same([]payments.ID{}, ids(c.leaseAll(at(time.Minute), laneA)), "leased while the third is leased")
	c.end(leased, payments.DeliveryDone)
	c.same(waiting.ID, c.leaseOne(at(time.Minute), laneA).ID, "leased when the third is done")
}

func releaseAtomic(c *checker) {
	c.rule("Releases are committed with the rest of the Change, or not at all")
	id, dead := c.dead(2)
	release := []payments.Release{{DeliveryID: dead.ID, State: payments.DeliveryDismissed, Due: epoch}}
	_, err := c.store.Update(c.ctx, payments.ByID(id), func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Releases: release}, errors.New("no")
	})
	if err == nil {
		c.failf("Update: want fn's error, got none")
	}
	c.same(dead, c.delivery(dead.ID), "the delivery after fn failed")
	ref := payments.ByGatewayRef("snap", "theirs")
	c.create(c.payment(), ref)
	c.taken(payments.ByID(id), payments.Change{Releases: release, Refs: []payments.Ref{ref}})
	c.same(dead, c.delivery(dead.ID), "the delivery after ErrRefTaken")
	c.same([]payments.ID{}, ids(c.leaseAll(at(time.Hour), laneA)), "leased behind it")

	c.update(payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		s.Payment.Reference = "along with it"
		return payments.Change{Payment: s.Payment, Releases: release}, nil
	})
	c.same("along with it", c.get(payments.ByID(id)).Reference, "the payment's field")
	c.same(payments.DeliveryDismissed, c.delivery(dead.ID).State, "state")
}

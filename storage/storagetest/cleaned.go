package storagetest

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// cleaningRestCases are about what stays: it is as if nothing had gone.
var cleaningRestCases = []testCase{
	{"cleaning/payments with all that is theirs stay", cleanedRest},
	{"cleaning/lanes keep their order", cleanedLanes},
	{"cleaning/cursors keep their place", cleanedCursors},
}

func cleanedRest(c *checker) {
	c.rule("Clean leaves payments, their names, timers and events, and claims as they are")
	before := later()
	p := c.fullPayment()
	change := c.everything(p)
	c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { return change, nil })
	for _, m := range change.Messages {
		m.Verdict = payments.VerdictApplied
		c.keep(m)
	}
	stored := c.get(payments.ByID(p.ID))
	var done []payments.Delivery
	for leased := c.leaseAll(epoch, laneA, laneB); len(leased) > 0; leased = c.leaseAll(epoch, laneA, laneB) {
		for _, d := range leased {
			c.end(d, payments.DeliveryDone)
			done = append(done, d)
		}
	}
	c.same(len(change.Deliveries), len(done), "number of deliveries that are done")
	c.cleanAll(before)
	c.same([]payments.Delivery{}, c.deliveries(payments.DeliveryQuery{PaymentID: p.ID}), "deliveries")
	c.same([]payments.Message{}, c.messages(payments.MessageQuery{}), "messages")
	change.Deliveries, change.Messages = nil, nil
	c.stored(change)
	c.same(stored, c.get(payments.ByID(p.ID)), "payment")
	c.same([]payments.ID{p.ID}, paymentIDs(c.payments(payments.PaymentQuery{})), "payments")
	c.same([]payments.ID{p.ID}, c.wake(at(1000*time.Hour), 10), "payments leased by their timer")

	c.rule("a delivery that is deleted is one that is over: no outcome and no release changes anything")
	o := outcome(done[0], payments.DeliveryOpen)
	o.Due = epoch
	c.same([]payments.ID{done[0].ID}, c.finish(o), "outcomes lost by Finish")
	c.release(p.ID, payments.Release{DeliveryID: done[0].ID, State: payments.DeliveryOpen, Due: epoch})
	c.same([]payments.ID{}, ids(c.leaseAll(at(1000*time.Hour), laneA, laneB)), "leased")

	c.rule("a payment whose deliveries were deleted goes on as before")
	c.emit(p.ID, []string{laneA}, payments.EventRefunded)
	next := c.leaseOne(epoch, laneA)
	c.same(deliveryID(p.ID, 3, laneA), next.ID, "leased")
	c.end(next, payments.DeliveryDone)
	c.same([]payments.ID{next.ID}, ids(c.deliveries(payments.DeliveryQuery{})), "deliveries")
}

func cleanedLanes(c *checker) {
	c.rule("a dead delivery holds its lane, and can be put back, though those before it are deleted")
	before := later()
	id := c.paid(laneA, 3)
	c.end(c.leaseOne(epoch, laneA), payments.DeliveryDone)
	dead := c.leaseOne(epoch, laneA)
	c.end(dead, payments.DeliveryDead)
	c.cleanAll(before)
	want := []payments.ID{deliveryID(id, 2, laneA), deliveryID(id, 3, laneA)}
	c.same([]payments.ID{want[1], want[0]}, ids(c.deliveries(payments.DeliveryQuery{PaymentID: id})), "deliveries that are left")
	c.same([]payments.ID{}, ids(c.leaseAll(at(1000*time.Hour), laneA)), "leased")
	c.release(id, payments.Release{DeliveryID: dead.ID, State: payments.DeliveryOpen, Due: epoch})
	for _, next := range want {
		d := c.leaseOne(epoch, laneA)
		c.same(next, d.ID, "leased")
		c.end(d, payments.DeliveryDone)
	}
	c.cleanAll(before)
	c.same([]payments.Delivery{}, c.deliveries(payments.DeliveryQuery{}), "deliveries that are left")
	c.same(3, len(c.events(id)), "number of events")
}

func cleanedCursors(c *checker) {
	c.rule("a list goes on behind its cursor, though what the cursor names is deleted")
	before := later()
	first := c.handled(payments.DeliveryDone, before)
	c.handled(payments.DeliveryDone, epoch)
	c.handled(payments.DeliveryDone, epoch)
	c.handled(payments.DeliveryDone, before)
	deliveries, err := c.store.Deliveries(c.ctx, payments.DeliveryQuery{Limit: 2})
	c.ok(err, "Deliveries")
	c.said(payments.VerdictParked, epoch)
	c.said(payments.VerdictApplied, epoch)
	c.said(payments.VerdictApplied, epoch)
	last := c.said(payments.VerdictParked, epoch)
	messages, err := c.store.Messages(c.ctx, payments.MessageQuery{Limit: 2})
	c.ok(err, "Messages")

	c.cleanAll(before)
	rest, err := c.store.Deliveries(c.ctx, payments.DeliveryQuery{Cursor: deliveries.Next})
	c.ok(err, "Deliveries from the cursor")
	c.same([]payments.ID{first}, ids(rest.Items), "deliveries behind the cursor")
	more, err := c.store.Messages(c.ctx, payments.MessageQuery{Cursor: messages.Next})
	c.ok(err, "Messages from the cursor")
	c.same([]payments.ID{last}, messageIDs(more.Items), "messages behind the cursor")
}

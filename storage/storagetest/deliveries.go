package storagetest

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// deliveryListCases are about the log: deliveries as operators see them.
var deliveryListCases = []testCase{
	{"deliveries/as they were committed", deliveriesNew},
	{"deliveries/order", deliveriesOrder},
	{"deliveries/filters", deliveriesFilter},
}

func deliveriesNew(c *checker) {
	c.rule("a delivery is listed as it was committed, its event whole, without Order and Now")
	p := c.fullPayment()
	p.LastSeq = 1
	e := fullEvent(p.ID, 1)
	want := deliveryOf(e, laneA, at(3*time.Microsecond))
	committed := want
	committed.Event.Order, committed.Event.Now = p.Order, p.Totals
	c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: p, Events: []payments.Event{e}, Deliveries: []payments.Delivery{committed}}, nil
	})
	c.same([]payments.Delivery{want}, c.deliveries(payments.DeliveryQuery{}), "deliveries")
}

func deliveriesOrder(c *checker) {
	c.rule("Deliveries lists the newest payment first, and within a payment the last Seq and target first, whatever their state")
	first, second := c.create(c.payment()), c.create(c.payment())
	c.emit(second.ID, []string{laneB, laneA}, payments.EventCreated)
	for range 11 {
		c.emit(first.ID, []string{laneA, laneB}, payments.EventSettled)
	}
	c.end(c.leaseAll(epoch, laneA)[0], payments.DeliveryDone)
	c.end(c.leaseAll(epoch, laneB)[0], payments.DeliveryDead)
	want := []payments.ID{deliveryID(second.ID, 1, laneB), deliveryID(second.ID, 1, laneA)}
	for seq := 11; seq >= 1; seq-- {
		want = append(want, deliveryID(first.ID, seq, laneB), deliveryID(first.ID, seq, laneA))
	}
	c.same(want, ids(c.deliveries(payments.DeliveryQuery{})), "ids")
}

func deliveriesFilter(c *checker) {
	p, q := c.create(c.payment()), c.create(c.payment())
	c.emit(p.ID, []string{laneA, laneB}, payments.EventCreated, payments.EventSettled)
	c.emit(q.ID, []string{laneA}, payments.EventCreated)
	leased := map[payments.ID]payments.Delivery{}
	for _, d := range c.leaseAll(epoch, laneA, laneB) {
		leased[d.ID] = d
	}
	done, dead, dismissed := deliveryID(p.ID, 1, laneA), deliveryID(p.ID, 1, laneB), deliveryID(q.ID, 1, laneA)
	open, waiting := deliveryID(p.ID, 2, laneA), deliveryID(p.ID, 2, laneB)
	c.end(leased[done], payments.DeliveryDone)
	c.end(leased[dead], payments.DeliveryDead)
	c.end(leased[dismissed], payments.DeliveryDead)
	c.release(q.ID, payments.Release{DeliveryID: dismissed, State: payments.DeliveryDismissed, Due: epoch})

	states := func(s ...payments.DeliveryState) []payments.DeliveryState { return s }
	type list = []payments.ID
	for _, tc := range []struct {
		rule string
		q    payments.DeliveryQuery
		want list
	}{
		{"an empty DeliveryQuery selects open, dead and finished ones", payments.DeliveryQuery{}, list{dismissed, waiting, open, dead, done}},
		{"ID selects one, open", payments.DeliveryQuery{ID: open}, list{open}},
		{"ID selects one, done", payments.DeliveryQuery{ID: done}, list{done}},
		{"ID selects one, dismissed", payments.DeliveryQuery{ID: dismissed}, list{dismissed}},
		{"PaymentID selects a payment's", payments.DeliveryQuery{PaymentID: p.ID}, list{waiting, open, dead, done}},
		{"Target selects a target's", payments.DeliveryQuery{Target: laneA}, list{dismissed, open, done}},
		{"Target selects to the letter", payments.DeliveryQuery{Target: "hook:A"}, list{}},
		{"State selects: open", payments.DeliveryQuery{State: states(payments.DeliveryOpen)}, list{waiting, open}},
		{"State selects: done", payments.DeliveryQuery{State: states(payments.DeliveryDone)}, list{done}},
		{"State selects: dead", payments.DeliveryQuery{State: states(payments.DeliveryDead)}, list{dead}},
		{"State selects: dismissed", payments.DeliveryQuery{State: states(payments.DeliveryDismissed)}, list{dismissed}},
		{"State selects any of those named", payments.DeliveryQuery{State: states(payments.DeliveryDone, payments.DeliveryOpen)}, list{waiting, open, done}},
		{"all conditions of a DeliveryQuery hold at once", payments.DeliveryQuery{PaymentID: p.ID, Target: laneB, State: states(payments.DeliveryDead, payments.DeliveryDone)}, list{dead}},
		{"a DeliveryQuery that nothing matches gives an empty list", payments.DeliveryQuery{ID: open, Target: laneB}, list{}},
		{"what is no id matches nothing", payments.DeliveryQuery{ID: "it's no id"}, list{}},
		{"what is no id matches nothing", payments.DeliveryQuery{PaymentID: "it's no id"}, list{}},
	} {
		c.rule(tc.rule)
		c.same(tc.want, ids(c.deliveries(tc.q)), "ids")
	}

	c.rule("a leased delivery is an open one")
	c.leaseOne(epoch, laneA)
	c.same(list{waiting, open}, ids(c.deliveries(payments.DeliveryQuery{State: states(payments.DeliveryOpen)})), "ids of the open ones")
}

package storagetest

import (
	"github.com/lunaspay/lunas/payments"
)

// eventCases are about the history.
var eventCases = []testCase{
	{"events/every field survives", eventSurvives},
	{"events/oldest first", eventsOldestFirst},
}

func eventSurvives(c *checker) {
	c.rule("every field of an event survives; Order and Now are not stored with it")
	p := c.fullPayment()
	p.LastSeq = 2
	bare := payments.Event{ID: payments.EventID(p.ID, 2), PaymentID: p.ID, Kind: "other.kind", Version: 1, Seq: 2, At: epoch}
	bare.Data = []byte(`{}`)
	want := []payments.Event{fullEvent(p.ID, 1), bare}
	delivered := fullEvent(p.ID, 1)
	delivered.Order, delivered.Now = p.Order, p.Totals
	c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: p, Events: []payments.Event{delivered, bare}}, nil
	})
	c.same(want, c.events(p.ID), "events")
}

func eventsOldestFirst(c *checker) {
	c.rule("events are appended; Events lists those of one payment, oldest first")
	p, other := c.create(c.payment()), c.create(c.payment())
	kinds := []payments.EventKind{payments.EventCreated, payments.EventPending, payments.EventSettled}
	for range 4 { // twelve: 10 must not come before 2
		c.emit(p.ID, nil, kinds...)
		c.emit(other.ID, nil, payments.EventCreated)
	}
	got := c.events(p.ID)
	c.same(12, len(got), "number of events")
	for i, e := range got {
		want := fullEvent(p.ID, i+1)
		want.Kind = kinds[i%3]
		c.same(want, e, "event")
	}
	c.same(4, len(c.events(other.ID)), "number of the other payment's events")
	c.same(0, len(c.events(payments.NewID())), "number of events of no payment")
	c.same(0, len(c.events("no uuid")), "number of events of what is no id")
}

package storagetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// RunCleaning checks a store that is a payments.Cleaner.
func RunCleaning(t *testing.T, newStore func(t *testing.T) payments.Store) {
	run(t, newStore, slices.Concat(cleaningCases, cleaningRestCases))
}

// cleaningCases are about what goes.
var cleaningCases = []testCase{
	{"cleaning/deliveries", cleanDeliveries},
	{"cleaning/messages", cleanMessages},
	{"cleaning/young ids", cleanYoungIDs},
	{"cleaning/zero times", cleanZeroTimes},
	{"cleaning/limit", cleanLimit},
	{"cleaning/ended context", cleanCanceled},
	{"cleaning/at once", cleanTogether},
}

// later is a time behind that of every id which the case makes: ids know the
// time of the wall, not the suite's.
func later() time.Time { return time.Now().UTC().Truncate(time.Microsecond).Add(time.Hour) }

func (c *checker) cleaner() payments.Cleaner {
	c.t.Helper()
	cleaner, ok := c.store.(payments.Cleaner)
	if !ok {
		c.failf("the store, a %T, is no payments.Cleaner", c.store)
	}
	return cleaner
}

func (c *checker) clean(q payments.Cleaning) (more bool) {
	c.t.Helper()
	more, err := c.cleaner().Clean(c.ctx, q)
	c.ok(err, "Clean")
	return more
}

// cleanAll deletes all that is older than before.
func (c *checker) cleanAll(before time.Time) {
	c.t.Helper()
	for calls := 0; c.clean(payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: 500}); calls++ {
		if calls == 1000 {
			c.failf("Clean says without end that there is more")
		}
	}
}

// handled is a delivery to lane a, of a payment of its own, that came into
// that state at a time. Nothing else may be due in the lane.
func (c *checker) handled(state payments.DeliveryState, at time.Time) payments.ID {
	c.t.Helper()
	payment := c.paid(laneA, 1)
	o := outcome(c.leaseOne(epoch, laneA), state)
	if o.At = at; state == payments.DeliveryDismissed {
		o.State = payments.DeliveryDead
	}
	c.same([]payments.ID(nil), c.finish(o), "outcomes lost by Finish")
	if state == payments.DeliveryDismissed {
		c.release(payment, payments.Release{DeliveryID: o.DeliveryID, State: state, Due: at})
	}
	return o.DeliveryID
}

// said is a small message.
func (c *checker) said(v payments.Verdict, at time.Time) payments.ID {
	c.t.Helper()
	m := payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "notification", Ref: "R-1", Raw: []byte("{}"), Verdict: v, At: at}
	c.keep(m)
	return m.ID
}

// without are the items whose ids are not named.
func without[T any](items []T, id func(T) payments.ID, gone ...payments.ID) []T {
	return slices.DeleteFunc(slices.Clone(items), func(v T) bool { return slices.Contains(gone, id(v)) })
}

func idOfDelivery(d payments.Delivery) payments.ID { return d.ID }
func idOfMessage(m payments.Message) payments.ID   { return m.ID }

func cleanDeliveries(c *checker) {
	c.rule("Clean deletes deliveries that were done or dismissed before DeliveriesBefore; younger ones, open, leased and dead ones stay as they are")
	before := later()
	old := before.Add(-time.Microsecond)
	gone := []payments.ID{
		c.handled(payments.DeliveryDone, old), c.handled(payments.DeliveryDismissed, old),
		c.handled(payments.DeliveryDone, epoch),
	}
	c.handled(payments.DeliveryDone, before)
	c.handled(payments.DeliveryDismissed, before)
	c.handled(payments.DeliveryDone, before.Add(time.Hour))
	c.handled(payments.DeliveryDead, old)
	c.paid("hook:retried", 1)
	o := outcome(c.leaseOne(epoch, "hook:retried"), payments.DeliveryOpen)
	o.Due, o.At = epoch, old
	c.finish(o)
	c.paid("hook:leased", 2)
	c.leaseOne(epoch, "hook:leased")
	c.paid("hook:open", 1)

	want := without(c.deliveries(payments.DeliveryQuery{}), idOfDelivery, gone...)
	c.cleanAll(before)
	c.same(want, c.deliveries(payments.DeliveryQuery{}), "deliveries that are left")
	for _, id := range gone {
		c.same([]payments.Delivery{}, c.deliveries(payments.DeliveryQuery{ID: id}), "one that is deleted, by its id")
	}
}

func cleanMessages(c *checker) {
	c.rule("Clean deletes messages with an earlier At, whatever their verdict; parked ones stay as they are, and so do younger ones")
	before := later()
	old := before.Add(-time.Microsecond)
	var gone []payments.ID
	for _, v := range []payments.Verdict{
		"", payments.VerdictApplied, payments.VerdictDuplicate, payments.VerdictOutdated, payments.VerdictUnconfirmed, payments.VerdictUnasked,
		payments.VerdictContradicted, payments.VerdictUnknownWord, payments.VerdictTest, payments.VerdictNotice, payments.VerdictForged, payments.VerdictMalformed,
	} {
		gone = append(gone, c.said(v, old))
		c.said(v, before)
	}
	full := c.fullMessage()
	full.Verdict = payments.VerdictApplied
	c.keep(full)
	gone = append(gone, full.ID)
	parked := c.said(payments.VerdictParked, epoch)

	want := without(c.messages(payments.MessageQuery{}), idOfMessage, gone...)
	c.cleanAll(before)
	c.same(want, c.messages(payments.MessageQuery{}), "messages that are left")

	c.rule("a message that was parked is deleted when it is not any more")
	m := c.messages(payments.MessageQuery{ID: parked})[0]
	m.Verdict = payments.VerdictApplied
	c.keep(m)
	c.cleanAll(before)
	c.same(without(want, idOfMessage, parked), c.messages(payments.MessageQuery{}), "messages that are left")
}

func cleanYoungIDs(c *checker) {
	c.rule("Clean leaves alone what has a younger ID, its payment's or its own, whatever time it was given")
	before := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)
	old := before.Add(-time.Hour)
	c.handled(payments.DeliveryDone, old)
	c.handled(payments.DeliveryDismissed, old)
	c.said(payments.VerdictApplied, old)
	c.cleanAll(before)
	c.same(2, len(c.deliveries(payments.DeliveryQuery{})), "number of deliveries that are left")
	c.same(1, len(c.messages(payments.MessageQuery{})), "number of messages that are left")
}

func cleanZeroTimes(c *checker) {
	c.rule("a zero time leaves that kind alone")
	before := later()
	c.handled(payments.DeliveryDone, epoch)
	c.said(payments.VerdictApplied, epoch)
	left := func(q payments.Cleaning, deliveries, messages int) {
		c.t.Helper()
		for c.clean(q) {
		}
		c.same(deliveries, len(c.deliveries(payments.DeliveryQuery{})), "number of deliveries that are left")
		c.same(messages, len(c.messages(payments.MessageQuery{})), "number of messages that are left")
	}
	left(payments.Cleaning{Limit: 10}, 1, 1)
	left(payments.Cleaning{MessagesBefore: before, Limit: 10}, 1, 0)
	c.said(payments.VerdictApplied, epoch)
	left(payments.Cleaning{DeliveriesBefore: before, Limit: 10}, 0, 1)

	c.rule("a limit of zero deletes nothing, and there is no more to come")
	left(payments.Cleaning{MessagesBefore: before}, 0, 1)
}

func cleanLimit(c *checker) {
	c.rule("Clean deletes up to Limit of each kind, the oldest first, and says that there may be more until there is none")
	const limit = 3
	before := later()
	q := payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: limit}
	c.said(payments.VerdictParked, epoch)
	c.handled(payments.DeliveryDead, epoch)
	var deliveries, messages []payments.ID
	for range 7 {
		deliveries = append(deliveries, c.handled(payments.DeliveryDone, epoch))
		messages = append(messages, c.said(payments.VerdictApplied, epoch))
	}
	messages = append(messages, c.said("", epoch), c.said("", epoch)) // nine, so that the last batch is full
	c.said(payments.VerdictParked, epoch)
	c.handled(payments.DeliveryDone, before)

	for len(deliveries)+len(messages) > 0 {
		more := c.clean(q)
		deliveries, messages = deliveries[min(limit, len(deliveries)):], messages[min(limit, len(messages)):]
		got := c.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDone}})
		slices.Reverse(got) // they are listed newest first
		c.same(deliveries, ids(got[:len(got)-1]), "old deliveries that are left, oldest first")
		c.same(messages, messageIDs(c.messages(payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictApplied, ""}})), "old messages that are left")
		if !more && len(deliveries)+len(messages) > 0 {
			c.failf("Clean says that there is no more, and there is")
		}
	}
	for calls := 0; c.clean(q); calls++ {
		if calls > 1 {
			c.failf("Clean says that there is more, and there is none")
		}
	}

	c.rule("what has become old later is deleted later")
	c.said(payments.VerdictApplied, epoch)
	c.handled(payments.DeliveryDone, epoch)
	c.cleanAll(before)
	c.same(2, len(c.messages(payments.MessageQuery{})), "number of messages that are left")
	c.cleanAll(before.Add(time.Microsecond))
	c.same(0, len(c.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDone}})), "number of deliveries that are left")
}

func cleanCanceled(c *checker) {
	c.rule("a Clean whose context has ended gives an error and deletes nothing")
	c.handled(payments.DeliveryDone, epoch)
	c.said(payments.VerdictApplied, epoch)
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	before := later()
	if _, err := c.cleaner().Clean(ctx, payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: 10}); err == nil {
		c.failf("Clean succeeded")
	}
	c.same(1, len(c.deliveries(payments.DeliveryQuery{})), "number of deliveries that are left")
	c.same(1, len(c.messages(payments.MessageQuery{})), "number of messages that are left")
}

func cleanTogether(c *checker) {
	const cleaners, writers, each = 4, 2, 20
	c.rule("several may clean at once, while others go on: none fails, and together they delete what is old and nothing else")
	before := later()
	p := c.create(c.payment())
	c.emit(p.ID, []string{laneA, laneB}, slices.Repeat([]payments.EventKind{payments.EventPending}, 150)...)
	for _, lane := range []string{"a", "b"} {
		c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: lane, SeenAt: epoch}}})
	}
	c.lanes(payments.LaneChange{Retire: []string{"a", "b"}, At: epoch}) // dismisses them all
	var talk []payments.Message
	for i := range 300 {
		verdict := payments.VerdictApplied
		if i%10 == 0 {
			verdict = payments.VerdictParked
		}
		talk = append(talk, payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "notification", Raw: []byte("{}"), Verdict: verdict, At: epoch})
	}
	c.keep(talk...)
	c.together(cleaners+writers, func(ctx context.Context, i int) error {
		if i < writers {
			return c.handleMore(ctx, p.ID, fmt.Sprintf("hook:w%d", i), each, before)
		}
		for {
			more, err := c.cleaner().Clean(ctx, payments.Cleaning{DeliveriesBefore: before, MessagesBefore: before, Limit: 20})
			if err != nil {
				return fmt.Errorf("Clean: %w", err)
			}
			if !more {
				return nil
			}
		}
	})
	c.same(writers*each, len(c.deliveries(payments.DeliveryQuery{})), "number of deliveries: those that were done meanwhile")
	c.same(30, len(c.messages(payments.MessageQuery{})), "number of messages: those that are parked")
	c.same(150+writers*each, c.get(payments.ByID(p.ID)).LastSeq, "LastSeq")
}

// handleMore adds events to a payment, one after the other, and handles them.
func (c *checker) handleMore(ctx context.Context, payment payments.ID, lane string, n int, done time.Time) error {
	for range n {
		if _, err := c.store.Update(ctx, payments.ByID(payment), emitting([]string{lane}, payments.EventSettled)); err != nil {
			return fmt.Errorf("Update: %w", err)
		}
		var leased []payments.Delivery
		for len(leased) == 0 { // a lease may pass over what another call is looking at
			var err error
			if leased, err = c.store.LeaseDeliveries(ctx, payments.DeliveryLease{
				Lease: payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 10}, Targets: []payments.Target{{Name: lane}},
			}); err != nil {
				return fmt.Errorf("LeaseDeliveries: %w", err)
			}
		}
		o := outcome(leased[0], payments.DeliveryDone)
		o.At = done
		if _, err := c.store.Finish(ctx, []payments.Outcome{o}); err != nil {
			return fmt.Errorf("Finish: %w", err)
		}
	}
	return nil
}

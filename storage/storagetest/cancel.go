package storagetest

import (
	"context"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// cancelCases are about calls whose context has ended.
var cancelCases = []testCase{
	{"context/ended before an Update", canceledUpdate},
	{"context/ended before anything else", canceledOthers},
}

func canceledUpdate(c *checker) {
	c.rule("an Update whose context has ended gives an error and stores nothing")
	canceled, cancel := context.WithCancel(c.ctx)
	cancel()
	late, cancel := context.WithDeadline(c.ctx, time.Unix(1, 0))
	defer cancel()
	old := c.create(c.fullPayment())
	for _, ctx := range []context.Context{canceled, late} {
		update := func(ref payments.Ref, change payments.Change) {
			c.t.Helper()
			if _, err := c.store.Update(ctx, ref, func(payments.Snapshot) (payments.Change, error) { return change, nil }); err == nil {
				c.failf("Update succeeded")
			}
		}
		created := c.everything(c.fullPayment())
		update(payments.Ref{}, created)
		c.notStored(created)
		changed := old.Clone()
		changed.Reference = "changed"
		change := c.everything(changed)
		update(payments.ByID(old.ID), change)
		c.same(old, c.get(payments.ByID(old.ID)), "the payment as it was before")
		c.notStoredBesides(change)
	}
}

func canceledOthers(c *checker) {
	c.rule("a call whose context has ended gives an error and changes nothing")
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	wants := func(err error, call string) {
		c.t.Helper()
		if err == nil {
			c.failf("%s succeeded", call)
		}
	}
	p := c.payment()
	p.WakeAt = epoch
	c.create(p)
	c.emit(p.ID, []string{"hook:a"}, payments.EventCreated, payments.EventPending)
	leased := c.leaseOne(epoch, "hook:a")
	c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", SeenAt: epoch}}})

	_, err := c.store.Get(ctx, payments.ByID(p.ID))
	wants(err, "Get")
	_, err = c.store.Payments(ctx, payments.PaymentQuery{})
	wants(err, "Payments")
	_, err = c.store.Events(ctx, payments.EventQuery{PaymentID: p.ID})
	wants(err, "Events")
	_, err = c.store.Messages(ctx, payments.MessageQuery{})
	wants(err, "Messages")
	_, err = c.store.Claims(ctx, payments.ClaimQuery{})
	wants(err, "Claims")
	_, err = c.store.Deliveries(ctx, payments.DeliveryQuery{})
	wants(err, "Deliveries")

	_, err = c.store.LeasePayments(ctx, payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 10})
	wants(err, "LeasePayments")
	c.same([]payments.ID{p.ID}, c.wake(epoch, 10), "payments leased after a canceled LeasePayments")

	_, err = c.store.Finish(ctx, []payments.Outcome{outcome(leased, payments.DeliveryDone)})
	wants(err, "Finish")
	c.same(payments.DeliveryOpen, c.delivery(leased.ID).State, "state after a canceled Finish")

	c.end(leased, payments.DeliveryDone)
	_, err = c.store.LeaseDeliveries(ctx, payments.DeliveryLease{
		Lease: payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 10}, Targets: []payments.Target{{Name: "hook:a"}},
	})
	wants(err, "LeaseDeliveries")
	c.same(1, c.leaseOne(epoch, "hook:a").Tries, "tries after a canceled LeaseDeliveries")

	_, err = c.store.Lanes(ctx, payments.LaneChange{
		Seen: []payments.Lane{{Name: "b", SeenAt: epoch}}, Retire: []string{"a"}, At: epoch,
	})
	wants(err, "Lanes")
	lanes := c.lanes(payments.LaneChange{})
	c.same(1, len(lanes), "number of lanes after a canceled Lanes")
	c.same(time.Time{}, lanes[0].RetiredAt, "RetiredAt after a canceled Lanes")
}

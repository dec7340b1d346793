package storagetest

import (
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// What cases do with a store, where it is not what they are about: each step
// fails the case if it fails.

// update runs one Update that must succeed.
func (c *checker) update(ref payments.Ref, fn payments.UpdateFunc) *payments.Payment {
	c.t.Helper()
	p, err := c.store.Update(c.ctx, ref, fn)
	c.ok(err, "Update")
	return p
}

// change commits a change of the payment, whatever is stored of it.
func (c *checker) change(id payments.ID, change payments.Change) *payments.Payment {
	c.t.Helper()
	return c.update(payments.ByID(id), func(payments.Snapshot) (payments.Change, error) { return change, nil })
}

// create stores a new payment under further names, and returns it as stored.
func (c *checker) create(p *payments.Payment, refs ...payments.Ref) *payments.Payment {
	c.t.Helper()
	return c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: p, Refs: refs}, nil
	})
}

// emit appends one event of each kind, with a delivery to each target that is
// due at epoch. It changes the payment as a Service does.
func (c *checker) emit(id payments.ID, targets []string, kinds ...payments.EventKind) {
	c.t.Helper()
	c.update(payments.ByID(id), emitting(targets, kinds...))
}

func emitting(targets []string, kinds ...payments.EventKind) payments.UpdateFunc {
	return func(s payments.Snapshot) (payments.Change, error) {
		change := payments.Change{Payment: s.Payment}
		for _, kind := range kinds {
			s.Payment.LastSeq++
			e := fullEvent(s.Payment.ID, s.Payment.LastSeq)
			e.Kind = kind
			change.Events = append(change.Events, e)
			for _, target := range targets {
				change.Deliveries = append(change.Deliveries, deliveryOf(e, target, epoch))
			}
		}
		return change, nil
	}
}

func deliveryOf(e payments.Event, target string, due time.Time) payments.Delivery {
	return payments.Delivery{
		ID: payments.DeliveryID(e.ID, target), Target: target, Event: e, State: payments.DeliveryOpen, Due: due,
	}
}

func (c *checker) get(ref payments.Ref) *payments.Payment {
	c.t.Helper()
	p, err := c.store.Get(c.ctx, ref)
	c.ok(err, "Get")
	return p
}

// claim is the claim that an Update of the payment sees.
func (c *checker) claim(id payments.ID) *payments.Claim {
	c.t.Helper()
	var seen *payments.Claim
	c.update(payments.ByID(id), func(s payments.Snapshot) (payments.Change, error) {
		seen = s.Claim
		return payments.Change{}, nil
	})
	return seen
}

// all reads a list to its end.
func all[T any](c *checker, list func(cursor string) (payments.Page[T], error)) []T {
	c.t.Helper()
	var items []T
	for cursor, pages := "", 0; ; pages++ {
		page, err := list(cursor)
		c.ok(err, "list")
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items
		}
		if pages == 1000 {
			c.failf("a list does not end after %d pages", pages)
		}
	}
}

func (c *checker) payments(q payments.PaymentQuery) []*payments.Payment {
	c.t.Helper()
	return all(c, func(cursor string) (payments.Page[*payments.Payment], error) {
		q.Cursor = cursor
		return c.store.Payments(c.ctx, q)
	})
}

func (c *checker) events(id payments.ID) []payments.Event {
	c.t.Helper()
	return all(c, func(cursor string) (payments.Page[payments.Event], error) {
		return c.store.Events(c.ctx, payments.EventQuery{PaymentID: id, Cursor: cursor})
	})
}

func (c *checker) messages(q payments.MessageQuery) []payments.Message {
	c.t.Helper()
	return all(c, func(cursor string) (payments.Page[payments.Message], error) {
		q.Cursor = cursor
		return c.store.Messages(c.ctx, q)
	})
}

func (c *checker) claims(q payments.ClaimQuery) []payments.Claim {
	c.t.Helper()
	return all(c, func(cursor string) (payments.Page[payments.Claim], error) {
		q.Cursor = cursor
		return c.store.Claims(c.ctx, q)
	})
}

func (c *checker) deliveries(q payments.DeliveryQuery) []payments.Delivery {
	c.t.Helper()
	return all(c, func(cursor string) (payments.Page[payments.Delivery], error) {
		q.Cursor = cursor
		return c.store.Deliveries(c.ctx, q)
	})
}

// delivery is one delivery as the log shows it.
func (c *checker) delivery(id payments.ID) payments.Delivery {
	c.t.Helper()
	found := c.deliveries(payments.DeliveryQuery{ID: id})
	if len(found) != 1 {
		c.failf("Deliveries by id %q: want 1, got %d", id, len(found))
	}
	return found[0]
}

func (c *checker) lanes(change payments.LaneChange) []payments.Lane {
	c.t.Helper()
	lanes, err := c.store.Lanes(c.ctx, change)
	c.ok(err, "Lanes")
	for i := range lanes {
		slices.Sort(lanes[i].Kinds) // their order means nothing
	}
	return lanes
}

// leaseAll asks for all kinds of the targets, until an hour after now.
func (c *checker) leaseAll(now time.Time, targets ...string) []payments.Delivery {
	c.t.Helper()
	l := payments.DeliveryLease{Lease: payments.Lease{Now: now, Until: now.Add(time.Hour), Limit: 100}, Owner: "suite"}
	for _, name := range targets {
		l.Targets = append(l.Targets, payments.Target{Name: name})
	}
	return c.lease(l)
}

// lease also sees to it that each event comes with its order, and what is true
// of it now, and takes both away: lists have neither.
func (c *checker) lease(l payments.DeliveryLease) []payments.Delivery {
	c.t.Helper()
	leased, err := c.store.LeaseDeliveries(c.ctx, l)
	c.ok(err, "LeaseDeliveries")
	for i := range leased {
		e := &leased[i].Event
		p := c.get(payments.ByID(e.PaymentID))
		c.same(p.Order, e.Order, "the Event.Order of the leased delivery "+string(leased[i].ID))
		c.same(p.Totals, e.Now, "the Event.Now of the leased delivery "+string(leased[i].ID))
		e.Order, e.Now = payments.Order{}, payments.Totals{}
	}
	return leased
}

// leaseOne leases the one delivery that is due, at now.
func (c *checker) leaseOne(now time.Time, target string) payments.Delivery {
	c.t.Helper()
	leased := c.leaseAll(now, target)
	if len(leased) != 1 {
		c.failf("LeaseDeliveries of %s: want 1, got %d", target, len(leased))
	}
	return leased[0]
}

// finish records outcomes and returns those that were lost, sorted.
func (c *checker) finish(outcomes ...payments.Outcome) []payments.ID {
	c.t.Helper()
	lost, err := c.store.Finish(c.ctx, outcomes)
	c.ok(err, "Finish")
	slices.Sort(lost)
	return lost
}

// end finishes a leased delivery; its lease must be the current one.
func (c *checker) end(d payments.Delivery, state payments.DeliveryState) {
	c.t.Helper()
	o := outcome(d, state)
	if state == payments.DeliveryOpen {
		o.Due = epoch
	}
	c.same([]payments.ID(nil), c.finish(o), "outcomes lost by Finish")
}

func outcome(d payments.Delivery, state payments.DeliveryState) payments.Outcome {
	return payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: state, At: at(time.Minute)}
}

// ids are the ids of some deliveries, in their order.
func ids(ds []payments.Delivery) []payments.ID {
	out := make([]payments.ID, len(ds))
	for i, d := range ds {
		out[i] = d.ID
	}
	return out
}

func paymentIDs(ps []*payments.Payment) []payments.ID {
	out := make([]payments.ID, len(ps))
	for i, p := range ps {
		out[i] = p.ID
	}
	return out
}

func messageIDs(ms []payments.Message) []payments.ID {
	out := make([]payments.ID, len(ms))
	for i, m := range ms {
		out[i] = m.ID
	}
	return out
}

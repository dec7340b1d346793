package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// More of the concurrencyCases: those about leases.

func raceTimers(c *checker) {
	const sleepers, lessees = 100, 8
	c.rule("of many processes that lease payments at once, each payment goes to one, and all go to somebody")
	for i := range sleepers {
		c.waking(at(-time.Duration(i) * time.Second))
	}
	var leased atomic.Int64
	var mu sync.Mutex
	seen := map[payments.ID]bool{}
	c.together(lessees, func(ctx context.Context, _ int) error {
		for leased.Load() < sleepers {
			got, err := c.store.LeasePayments(ctx, payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 7})
			if err != nil {
				return fmt.Errorf("after %d of %d payments: LeasePayments: %w", leased.Load(), sleepers, err)
			}
			if len(got) > 7 {
				return fmt.Errorf("LeasePayments with limit 7 returned %d", len(got))
			}
			mu.Lock()
			for _, p := range got {
				if seen[p.ID] {
					err = errors.New("a payment was leased twice")
				}
				seen[p.ID] = true
			}
			mu.Unlock()
			if leased.Add(int64(len(got))); err != nil {
				return err
			}
		}
		return nil
	})
}

func raceLanes(c *checker) {
	const processes = 16
	c.rule("lanes recorded by many processes at once: none is lost, and Kinds are those of all of them")
	var want []payments.EventKind
	for i := range processes {
		want = append(want, payments.EventKind(fmt.Sprintf("kind.%02d", i)))
	}
	p := c.create(c.payment())
	c.together(processes, func(ctx context.Context, i int) error {
		for range 3 {
			_, err := c.store.Lanes(ctx, payments.LaneChange{Seen: []payments.Lane{
				{Name: "shared", Kinds: want[i : i+1], SeenAt: epoch},
				{Name: fmt.Sprintf("own-%02d", i), SeenAt: epoch},
			}})
			if err != nil {
				return fmt.Errorf("Lanes: %w", err)
			}
			if _, err := c.store.Update(ctx, payments.ByID(p.ID), count); err != nil {
				return fmt.Errorf("Update: %w", err)
			}
		}
		return nil
	})
	lanes := c.lanes(payments.LaneChange{})
	c.same(processes+1, len(lanes), "number of lanes")
	c.same(want, lanes[processes].Kinds, "kinds of the shared lane")
}

func raceFinish(c *checker) {
	const callers = 16
	c.rule("of many outcomes of the same lease, one is recorded and the others are lost")
	for range 5 {
		c.paid(laneA, 1)
		d := c.leaseOne(epoch, laneA)
		var recorded atomic.Int64
		c.together(callers, func(ctx context.Context, i int) error {
			lost, err := c.store.Finish(ctx, []payments.Outcome{outcome(d, payments.DeliveryDone)})
			if err != nil {
				return fmt.Errorf("Finish: %w", err)
			}
			if len(lost) == 0 {
				recorded.Add(1)
			}
			return nil
		})
		c.same(int64(1), recorded.Load(), "number of outcomes recorded")
	}
}

// drain follows deliveries while several lessees work on them.
type drain struct {
	mu sync.Mutex
	// held and done are the Seqs per payment and target.
	held map[string]int
	done map[string][]int
	left int
}

func lane(d payments.Delivery) string { return string(d.Event.PaymentID) + " " + d.Target }

// take notes that a delivery was leased.
func (r *drain) take(d payments.Delivery) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := lane(d)
	if seq, held := r.held[key]; held {
		return fmt.Errorf("event %d of %s was leased while event %d was", d.Event.Seq, key, seq)
	}
	if next := len(r.done[key]) + 1; d.Event.Seq != next {
		return fmt.Errorf("event %d of %s was leased when it was event %d's turn", d.Event.Seq, key, next)
	}
	r.held[key] = d.Event.Seq
	return nil
}

// put notes that a lease is about to end: from the call of Finish on,
// somebody else may have the lane.
func (r *drain) put(d payments.Delivery, state payments.DeliveryState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, lane(d))
	if state == payments.DeliveryDone {
		r.done[lane(d)] = append(r.done[lane(d)], d.Event.Seq)
		r.left--
	}
}

func (r *drain) remaining() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

func raceDrain(c *checker) {
	const customers, events, lessees, writers = 50, 5, 4, 2
	c.rule("several processes that drain the lanes, while events are still being written, get each delivery once at a time, every lane in order, and all in the end")
	targets := []string{laneA, laneB}
	var all []payments.ID
	for range customers {
		all = append(all, c.create(c.payment()).ID)
	}
	r := &drain{held: map[string]int{}, done: map[string][]int{}, left: customers * events * len(targets)}
	write := func(ctx context.Context, writer int) error {
		for range events {
			for i := writer; i < customers; i += writers {
				if _, err := c.store.Update(ctx, payments.ByID(all[i]), emitting(targets, payments.EventSettled)); err != nil {
					return fmt.Errorf("Update: %w", err)
				}
			}
		}
		return nil
	}
	work := func(ctx context.Context) error {
		lease := payments.DeliveryLease{
			Lease:   payments.Lease{Now: epoch, Until: at(time.Hour), Limit: 20},
			Targets: []payments.Target{{Name: laneA}, {Name: laneB}},
		}
		for r.remaining() > 0 {
			leased, err := c.store.LeaseDeliveries(ctx, lease)
			if err != nil {
				return fmt.Errorf("with %d deliveries to go: LeaseDeliveries: %w", r.remaining(), err)
			}
			if len(leased) == 0 {
				select { // others hold the heads, or the writers are behind
				case <-ctx.Done():
				case <-time.After(time.Millisecond):
				}
				continue
			}
			var outcomes []payments.Outcome
			for _, d := range leased {
				if err := r.take(d); err != nil {
					return err
				}
				state := payments.DeliveryDone
				if d.Event.Seq%2 == 0 && d.Tries == 1 {
					state = payments.DeliveryOpen // every other one succeeds on its second try
				}
				o := outcome(d, state)
				if state == payments.DeliveryOpen {
					o.Due = epoch
				}
				outcomes = append(outcomes, o)
			}
			for i, d := range leased {
				r.put(d, outcomes[i].State)
			}
			lost, err := c.store.Finish(ctx, outcomes)
			if err != nil {
				return fmt.Errorf("Finish: %w", err)
			}
			if len(lost) > 0 {
				return fmt.Errorf("outcomes of current leases were lost: %v", lost)
			}
		}
		return nil
	}
	c.together(writers+lessees, func(ctx context.Context, i int) error {
		if i < writers {
			return write(ctx, i)
		}
		return work(ctx)
	})
	for key, done := range r.done {
		c.same([]int{1, 2, 3, 4, 5}, done, "order of events in "+key)
	}
	c.same(customers*len(targets), len(r.done), "number of lanes that saw events")
	open := c.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen, payments.DeliveryDead}})
	c.same([]payments.ID{}, ids(open), "deliveries left")
	tries := 0
	for _, d := range c.deliveries(payments.DeliveryQuery{}) {
		tries += d.Tries
	}
	c.same(customers*len(targets)*(events+events/2), tries, "tries, two of each even-numbered event")
}

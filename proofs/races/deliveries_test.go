package races

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// dispatchers: each event of many payments has its one effect, in the order of
// its payment, whoever delivers it.
func dispatchers(r *round) string {
	var ids []payments.ID
	for range 6 {
		p, _, settlement := r.paid()
		if a := r.notify(r.ctx, len(ids), settlement); a.code != http.StatusOK {
			r.wrong("notification: %d", a.code)
		}
		ids = append(ids, p.ID)
	}
	r.race(several(4, func(ctx context.Context, i int) {
		if err := r.shop(i).pay.Drain(ctx); err != nil {
			r.wrong("drain: %v", err)
		}
	})...)
	return r.dispatched(ids)
}

// dispatched: all is done, and by how many processes.
func (r *round) dispatched(ids []payments.ID) string {
	r.quiet(ids...)
	by := map[int]bool{}
	for _, id := range ids {
		r.require(r.books(id), payments.StatusSettled)
		for _, run := range r.effects.of(id) {
			by[run.process] = true
		}
	}
	if len(by) > 1 {
		return "each event once and in order, shared"
	}
	return "each event once and in order, by one"
}

// runningDispatchers: the same while Run runs in each process, with many
// workers, and the notifications come in.
func runningDispatchers(r *round) string {
	ctx, stop := context.WithCancel(r.ctx)
	var running sync.WaitGroup
	for _, shop := range r.shops {
		running.Go(func() {
			if err := shop.pay.Run(ctx); err != nil {
				r.wrong("run: %v", err)
			}
		})
	}
	var ids []payments.ID
	var settlements []simkit.Sent
	for range 6 {
		p, _, settlement := r.paid()
		ids, settlements = append(ids, p.ID), append(settlements, settlement)
	}
	r.race(several(len(ids), func(ctx context.Context, i int) { r.accepted(r.notify(ctx, i, settlements[i])) })...)
	for looks := 1; r.undelivered(ids) && r.ctx.Err() == nil; looks++ {
		if looks%200 == 0 && looks <= 200*30 { // for those that nobody has nudged; no lease runs out by that
			r.clock.Advance(time.Second)
		}
		<-time.After(time.Millisecond)
	}
	stop()
	running.Wait()
	return r.dispatched(ids)
}

// undelivered reports whether there is something to deliver yet.
func (r *round) undelivered(ids []payments.ID) bool {
	for _, id := range ids {
		for _, err := range r.shop(0).pay.Deliveries(r.ctx, payments.DeliveryQuery{
			PaymentID: id, State: []payments.DeliveryState{payments.DeliveryOpen},
		}) {
			return err == nil || r.ctx.Err() == nil
		}
	}
	return false
}

// redeliverAndDismiss: a delivery is dead, and two operators decide. Whatever
// becomes of it becomes of it once, and the lane goes on behind it.
func redeliverAndDismiss(r *round) string {
	p, _, settlement := r.paid()
	r.effects.fail(p.ID, true)
	r.accepted(r.notify(r.ctx, 0, settlement))
	r.quiet()
	dead := r.dead(p.ID)
	r.effects.fail(p.ID, false)

	var redelivered, dismissed error
	r.race(
		func(ctx context.Context) { redelivered = r.shop(0).pay.Redeliver(ctx, dead.ID) },
		func(ctx context.Context) { dismissed = r.shop(1).pay.Dismiss(ctx, dead.ID, "no need") },
		r.sweep(0), r.sweep(1),
	)
	r.quiet()
	r.require(r.read(p.ID), payments.StatusSettled)
	runs := r.runsOf(p.ID)
	ran := slices.Contains(runs, dead.Event.Seq)
	r.wholeBut(p.ID, runs, dead.Event.Seq)
	switch {
	case ran && redelivered == nil && errors.Is(dismissed, payments.ErrWrongState):
		return "delivered, dismissal refused"
	case !ran && dismissed == nil && errors.Is(redelivered, payments.ErrWrongState):
		return "dismissed, redelivery refused"
	}
	r.wrong("redelivery: %v, dismissal: %v, the hook ran: %v", redelivered, dismissed, ran)
	return "undecided"
}

// dead is the one delivery of the payment that was given up.
func (r *round) dead(id payments.ID) payments.Delivery {
	r.t.Helper()
	var found []payments.Delivery
	for d, err := range r.shop(0).pay.Deliveries(r.ctx, payments.DeliveryQuery{
		PaymentID: id, State: []payments.DeliveryState{payments.DeliveryDead},
	}) {
		if err != nil {
			r.t.Fatalf("deliveries: %v", err)
		}
		found = append(found, d)
	}
	if len(found) != 1 || found[0].Event.Kind != payments.EventSettled {
		r.t.Fatalf("%d deliveries are dead", len(found))
	}
	return found[0]
}

func (r *round) runsOf(id payments.ID) []int {
	var seqs []int
	for _, run := range r.effects.of(id) {
		seqs = append(seqs, run.seq)
	}
	return seqs
}

// wholeBut: every event but one had its one effect, in order; and no delivery
// is left over.
func (r *round) wholeBut(id payments.ID, runs []int, but int) {
	var want []int
	for e, err := range r.shop(0).pay.Events(r.ctx, id) {
		if err != nil {
			r.wrong("events: %v", err)
		} else if e.Seq != but || slices.Contains(runs, but) {
			want = append(want, e.Seq)
		}
	}
	if !slices.Equal(want, runs) {
		r.wrong("the events %v had the effects %v", want, runs)
	}
	for d, err := range r.shop(0).pay.Deliveries(r.ctx, payments.DeliveryQuery{
		PaymentID: id, State: []payments.DeliveryState{payments.DeliveryOpen, payments.DeliveryDead},
	}) {
		r.wrong("delivery %s is %s (%v)", d.ID, d.State, err)
	}
}

// leaseRunsOut: a hook takes longer than its lease, and another process has
// the delivery then. There may be two effects, the late one after those of the
// next events; but there is one outcome, and the next event waits for it.
func leaseRunsOut(r *round) string {
	p, _, settlement := r.paid()
	r.accepted(r.notify(r.ctx, 0, settlement))
	r.race(
		r.sweep(0),
		func(ctx context.Context) {
			step(ctx)
			r.clock.Advance(time.Minute) // a lease is 45 s
			r.sweep(1)(ctx)
		},
	)
	r.quiet()
	r.require(r.read(p.ID), payments.StatusSettled)
	r.effects.overlaps() // of the hook with its own repeat, which is allowed
	runs := r.runsOf(p.ID)
	once := slices.Clone(runs)
	for i := 0; i < len(once); i++ { // of two effects of an event the first one counts
		if slices.Contains(once[:i], once[i]) {
			once = slices.Delete(once, i, i+1)
			i--
		}
	}
	r.wholeBut(p.ID, once, 0)
	switch len(runs) - len(once) {
	case 0:
		return "done in time"
	case 1:
		return "taken over, done once more"
	}
	r.wrong("too many effects: %v", runs)
	return "taken over again and again"
}

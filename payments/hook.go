package payments

import "context"

// Hook is a host function for some kinds of event, under the name of its
// lane. [Service.OnSettled] and its like are the usual way to register one.
//
// The promise: Handle is called for every event of its kinds, at least once,
// after the event was committed; for one payment and lane in the order of
// the events, one at a time. An error, a panic or the timeout means that the
// event will be handed in again, with growing pauses, until the tries are used
// up; then the delivery is dead, and its lane waits for this payment until an
// operator redelivers or dismisses it. A repeat has the same Event.ID.
//
// Handle must return soon after its ctx has ended. One that runs on for more
// than 15 s may meet its own repeat.
type Hook struct {
	Name   string
	Kinds  []EventKind // nil: all
	Handle func(ctx context.Context, e Event) error
}

type deliveryKey struct{}

type delivering struct {
	delivery Delivery
	clock    Clock
}

// DeliveryFrom returns the delivery that the hook running under ctx handles.
func DeliveryFrom(ctx context.Context) (Delivery, bool) {
	d, ok := ctx.Value(deliveryKey{}).(delivering)
	return d.delivery, ok
}

// DoneOutcome is for wrappers that finish a delivery in a transaction of the
// hook's own (gormstore.InTx): the outcome that marks the delivery handled
// under ctx as done, now. Having committed it, they return [ErrFinished].
func DoneOutcome(ctx context.Context) (Outcome, bool) {
	d, ok := ctx.Value(deliveryKey{}).(delivering)
	if !ok {
		return Outcome{}, false
	}
	return Outcome{
		DeliveryID: d.delivery.ID, Lease: d.delivery.Lease,
		State: DeliveryDone, At: stamp(d.clock.Now()),
	}, true
}

type inTxKey struct{}

// InTransaction marks ctx as that of a transaction in the store. A Service
// refuses to use the store under it except through [Service.Within]: on
// databases with one writer the call would wait for a lock that its own
// caller holds.
func InTransaction(ctx context.Context) context.Context {
	return context.WithValue(ctx, inTxKey{}, true)
}

func inTransaction(ctx context.Context) bool { return ctx.Value(inTxKey{}) != nil }

// HandlingContext returns a ctx as hooks get it, for tests of wrappers such
// as gormstore.InTx.
func HandlingContext(ctx context.Context, d Delivery, c Clock) context.Context {
	return context.WithValue(ctx, deliveryKey{}, delivering{delivery: d, clock: c})
}

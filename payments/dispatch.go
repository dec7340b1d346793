package payments

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// dispatcher hands events to hooks. It leases no more deliveries than it has
// free workers for, so each is handled at once and no lease runs out in a
// queue.
type dispatcher struct {
	s       *Service
	owner   string
	targets []Target
	// stopped ends the hooks' contexts, after the grace that Run gives them.
	stopped context.Context
	workers sync.WaitGroup
	slots   chan struct{}
	freed   chan struct{} // a worker became free; capacity one
}

func (s *Service) newDispatcher(stopped context.Context, lanes []Lane) *dispatcher {
	d := &dispatcher{
		s: s, owner: string(NewID()), stopped: stopped,
		slots: make(chan struct{}, s.cfg.Hooks.Concurrency), freed: make(chan struct{}, 1),
	}
	for _, lane := range lanes {
		d.targets = append(d.targets, Target{Name: HookTarget(lane.Name), Kinds: lane.Kinds})
	}
	return d
}

// leaseTime is how long a delivery is kept from other processes: the hook's
// timeout, and time to record how it ended.
func (s *Service) leaseTime() time.Duration { return s.cfg.Hooks.Timeout + 30*time.Second }

// lease starts as many due deliveries as there are free workers, and says how
// many. full: there may be more.
func (d *dispatcher) lease(ctx context.Context) (n int, full bool, err error) {
	free := cap(d.slots) - len(d.slots)
	if free == 0 || len(d.targets) == 0 {
		return 0, false, nil
	}
	now := d.s.now()
	leased, err := d.s.store.LeaseDeliveries(ctx, DeliveryLease{
		Lease: Lease{Now: now, Until: now.Add(d.s.leaseTime()), Limit: free}, Owner: d.owner, Targets: d.targets,
	})
	if err != nil {
		return 0, false, fmt.Errorf("lease deliveries: %w", err)
	}
	for _, delivery := range leased {
		d.slots <- struct{}{}
		d.workers.Go(func() {
			d.deliver(delivery)
			<-d.slots
			select {
			case d.freed <- struct{}{}:
			default:
			}
		})
	}
	return len(leased), len(leased) == free, nil
}

// deliver calls the hook and records how it ended.
func (d *dispatcher) deliver(delivery Delivery) {
	s := d.s
	err := d.call(delivery)
	if errors.Is(err, ErrFinished) {
		s.wakeUp() // its followers may go on
		return
	}
	outcome := Outcome{DeliveryID: delivery.ID, Lease: delivery.Lease, At: s.now()}
	switch {
	case err == nil:
		outcome.State = DeliveryDone
	case errors.Is(err, ErrTooNew) || errors.Is(err, errNoHandler) || d.stopped.Err() != nil:
		outcome.State, outcome.Uncounted = DeliveryOpen, true
		outcome.Due, outcome.Error = outcome.At.Add(s.cfg.Hooks.Timeout), clipError(err)
		if d.stopped.Err() != nil {
			outcome.Due = outcome.At // another process may have it at once
		}
	case delivery.Tries >= s.cfg.Hooks.MaxTries:
		outcome.State, outcome.Error = DeliveryDead, clipError(err)
		s.log.Error("hook given up: its lane waits for this payment until it is redelivered or dismissed",
			"delivery", delivery.ID, "target", delivery.Target, "tries", delivery.Tries, "error", clipError(err))
	default:
		pause := s.cfg.Hooks.Backoff(delivery.Tries)
		pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1)) //nolint:gosec // jitter
		outcome.State, outcome.Due, outcome.Error = DeliveryOpen, outcome.At.Add(pause), clipError(err)
		s.log.Warn("hook failed and will be tried again", "delivery", delivery.ID, "target", delivery.Target,
			"try", delivery.Tries, "next", outcome.Due, "error", clipError(err))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.stopped), 10*time.Second)
	defer cancel()
	lost, err := s.store.Finish(ctx, []Outcome{outcome})
	if err != nil {
		s.log.Error("how a hook ended could not be recorded: it will be called again when its lease is over",
			"delivery", delivery.ID, "error", err)
		return
	}
	if len(lost) > 0 {
		s.log.Warn("a hook ran for longer than its lease; somebody else has it by now", "delivery", delivery.ID)
	}
	s.wakeUp()
}

// call runs the hook with what it may know: the event, the order, and what
// is true by now. A panic is a failure.
func (d *dispatcher) call(delivery Delivery) (err error) {
	s := d.s
	lane := delivery.Target[len("hook:"):]
	handle := s.handler(lane, delivery.Event.Kind)
	if handle == nil {
		return errNoHandler
	}
	ctx, cancel := context.WithTimeout(d.stopped, s.cfg.Hooks.Timeout)
	defer cancel()
	p, err := s.store.Get(ctx, ByID(delivery.Event.PaymentID))
	if err != nil {
		return fmt.Errorf("read payment %s: %w", delivery.Event.PaymentID, err)
	}
	e := delivery.Event
	e.Order, e.Now = p.Order, p.Totals
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("hook panicked", "delivery", delivery.ID, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return handle(HandlingContext(ctx, delivery, s.clock), e)
}

// clipError is the error's text, short enough to be kept.
func clipError(err error) string {
	if err == nil {
		return ""
	}
	if s := err.Error(); len(s) > 1000 {
		return s[:1000] + "…"
	}
	return err.Error()
}

package payments

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
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
	ends    finisher
}

func (s *Service) newDispatcher(stopped context.Context, lanes []Lane, workers int) *dispatcher {
	d := &dispatcher{
		s: s, owner: string(NewID()), stopped: stopped,
		slots: make(chan struct{}, workers), ends: finisher{store: s.store},
	}
	for _, lane := range lanes {
		d.targets = append(d.targets, Target{Name: HookTarget(lane.Name), Kinds: lane.Kinds})
	}
	return d
}

// leaseTime is how long a delivery is kept from other processes: the hook's
// timeout, and time to record how it ended.
func (s *Service) leaseTime() time.Duration { return s.cfg.Hooks.Timeout + 15*time.Second }

// lease starts as many due deliveries as there are free workers, and says how
// many. Each that ends wakes Run, so that it leases again.
func (d *dispatcher) lease(ctx context.Context) (int, error) {
	free := cap(d.slots) - len(d.slots)
	if free == 0 || len(d.targets) == 0 {
		return 0, nil
	}
	now := d.s.now()
	leased, err := d.s.store.LeaseDeliveries(ctx, DeliveryLease{
		Lease: Lease{Now: now, Until: stamp(now.Add(d.s.leaseTime())), Limit: free}, Owner: d.owner, Targets: d.targets,
	})
	if err != nil {
		return 0, fmt.Errorf("lease deliveries: %w", err)
	}
	for _, delivery := range leased {
		d.slots <- struct{}{}
		d.workers.Go(func() {
			defer d.s.wakeUp()
			defer func() { <-d.slots }()
			d.deliver(delivery)
		})
	}
	return len(leased), nil
}

var (
	// errNotRun says that a hook was not called, which is no failure of it.
	errNotRun = errors.New("hook not run")
	// errExited stands for the error of a hook that ended its goroutine, as
	// t.FailNow does.
	errExited = errors.New("hook called runtime.Goexit")
	// errSilent stops a hook that takes its process down each time.
	errSilent = errors.New("the last try never told how it ended: its process died, or the hook outran its lease")
)

// deliver calls the hook and records how it ended.
func (d *dispatcher) deliver(delivery Delivery) {
	err := errExited
	defer func() { d.record(delivery, err) }()
	err = d.s.safely("hook", func() error { return d.call(delivery) }, "delivery", delivery.ID)
}

// call runs the hook with what it may know: the event, the order, and what
// is true by now. It makes a plain error of the hook's own, whose methods may
// panic, too.
func (d *dispatcher) call(delivery Delivery) error {
	s := d.s
	if delivery.Tries > s.cfg.Hooks.MaxTries {
		return errSilent
	}
	handle := s.handler(strings.TrimPrefix(delivery.Target, HookTarget("")), delivery.Event.Kind)
	if handle == nil {
		return fmt.Errorf("%w: this process has no function for %s", errNotRun, delivery.Event.Kind)
	}
	ctx, cancel := context.WithTimeout(d.stopped, s.cfg.Hooks.Timeout)
	defer cancel()
	e := delivery.Event
	if e.Order.ID == "" { // the lease could not read the payment: this says why
		p, err := s.store.Get(ctx, ByID(e.PaymentID))
		if err != nil {
			return fmt.Errorf("%w: read payment %s: %w", errNotRun, e.PaymentID, err)
		}
		e.Order, e.Now = p.Order, p.Totals
	}
	err := handle(HandlingContext(ctx, delivery, s.clock), e)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrFinished):
		return ErrFinished
	case errors.Is(err, ErrTooNew):
		return fmt.Errorf("%w: %s", errNotRun, err.Error())
	}
	return errors.New(err.Error())
}

// safely calls f, which runs code of others, and makes an error of its panic.
func (s *Service) safely(what string, f func() error, about ...any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error(what+" panicked", append(about, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))...)
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

// record stores how a try ended.
func (d *dispatcher) record(delivery Delivery, err error) {
	if errors.Is(err, ErrFinished) {
		return // it is stored
	}
	s := d.s
	o := Outcome{DeliveryID: delivery.ID, Lease: delivery.Lease, At: s.now(), State: DeliveryOpen, Error: errorText(err)}
	log := s.log.With("delivery", delivery.ID, "try", delivery.Tries, "error", o.Error)
	switch {
	case err == nil:
		o.State = DeliveryDone
	case d.stopped.Err() != nil: // cut off: another process may have it at once
		o.Due, o.Uncounted = o.At, true
	case errors.Is(err, errNotRun):
		o.Due, o.Uncounted = stamp(o.At.Add(s.cfg.Hooks.Timeout)), true
		log.Warn("hook could not be run; trying again", "next", o.Due)
	case delivery.Tries >= s.cfg.Hooks.MaxTries:
		o.State = DeliveryDead
		log.Error("hook given up: its lane waits for this payment until it is redelivered or dismissed")
	default:
		o.Due = stamp(o.At.Add(s.retryPause(delivery.Tries)))
		log.Warn("hook failed and will be tried again", "next", o.Due)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.stopped), 10*time.Second)
	defer cancel()
	lost, err := d.ends.finish(ctx, o)
	if err != nil {
		s.log.Error("how a hook ended could not be recorded: it will be called again when its lease is over",
			"delivery", delivery.ID, "error", err)
	} else if lost {
		s.log.Warn("a hook ran for longer than its lease; somebody else has it by now", "delivery", delivery.ID)
	}
}

// retryPause is the pause after try n. A random part is taken off, so that
// what failed together does not come back together.
func (s *Service) retryPause(n int) time.Duration {
	pause := max(s.cfg.Hooks.Backoff(n), 0)
	return pause - rand.N(pause/2+1) //nolint:gosec // jitter
}

// errorText is what is kept of an error: short, and text that every database
// takes.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if len(text) > 1000 {
		text = text[:1000] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

package payments

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// timerLease is how long a process has for the payments it woke.
	timerLease = 2 * time.Minute
	// timerBatch is how many it wakes at once.
	timerBatch = 20
	// laneBeat is how often a process says that it has its lanes.
	laneBeat = time.Minute
	// laneGone is when a lane that nobody serves raises an alarm.
	laneGone = LaneOverlap
)

// Run delivers events to hooks, expires what is overdue, asks gateways about
// what is silent, and heals what a crash left open, until ctx ends; then it
// waits for hooks in flight (HookPolicy.StopTimeout) and returns nil. Run it
// in at least one process; any number may. A store that is down is logged and
// tried again. Register hooks before.
func (s *Service) Run(ctx context.Context) error {
	lanes := s.begin()
	hooksCtx, stopHooks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHooks()
	d := s.newDispatcher(hooksCtx, lanes)

	var loops sync.WaitGroup
	loops.Go(func() { s.deliverLoop(ctx, d) })
	loops.Go(func() { s.timerLoop(ctx) })
	loops.Go(func() { s.laneLoop(ctx) })
	loops.Wait()

	// In-flight hooks may finish; whatever is cut off is delivered again.
	drained := make(chan struct{})
	go func() { d.workers.Wait(); close(drained) }()
	select {
	case <-drained:
		return nil
	case <-s.clock.After(s.cfg.Hooks.StopTimeout):
		stopHooks()
	}
	select {
	case <-drained: // those that heed their context
	case <-s.clock.After(time.Second):
		s.log.Warn("hooks did not stop in time; they will be delivered again when their leases are over")
	}
	return nil
}

// pause waits for d, a nudge if it is listened to, or the end. It reports
// whether to go on.
func (s *Service) pause(ctx context.Context, d time.Duration, nudges ...<-chan struct{}) bool {
	var a, b <-chan struct{}
	if len(nudges) > 0 {
		a = nudges[0]
	}
	if len(nudges) > 1 {
		b = nudges[1]
	}
	select {
	case <-ctx.Done():
		return false
	case <-a:
	case <-b:
	case <-s.clock.After(d):
	}
	return ctx.Err() == nil
}

// deliverLoop leases and delivers until ctx ends.
func (s *Service) deliverLoop(ctx context.Context, d *dispatcher) {
	for {
		_, full, err := d.lease(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("deliveries cannot be leased; trying again", "error", err)
		}
		if full && len(d.slots) < cap(d.slots) {
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if !s.pause(ctx, s.cfg.Hooks.Poll, s.nudge, d.freed) {
			return
		}
	}
}

// timerLoop wakes payments until ctx ends.
func (s *Service) timerLoop(ctx context.Context) {
	for {
		n, err := s.wakeDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("timers: some payments could not be looked at; trying again", "error", err)
		}
		if n == timerBatch && err == nil {
			continue
		}
		if !s.pause(ctx, s.cfg.Hooks.Poll) {
			return
		}
	}
}

// wakeDue looks at up to a batch of payments whose time has come.
func (s *Service) wakeDue(ctx context.Context) (int, error) {
	now := s.now()
	due, err := s.store.LeasePayments(ctx, Lease{Now: now, Until: now.Add(timerLease), Limit: timerBatch})
	if err != nil {
		return 0, fmt.Errorf("lease payments: %w", err)
	}
	var mu sync.Mutex
	var errs []error
	var group sync.WaitGroup
	slots := make(chan struct{}, 4) // gateways are asked, so some at a time
	for _, p := range due {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := s.wake(ctx, p); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("payment %s: %w", p.ID, err))
			}
		})
	}
	group.Wait()
	return len(due), errors.Join(errs...)
}

// laneLoop tells the store which lanes this process has, and tells operators
// of lanes that nobody has any more.
func (s *Service) laneLoop(ctx context.Context) {
	for {
		if err := s.beat(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("lanes cannot be recorded; trying again", "error", err)
			if !s.pause(ctx, s.cfg.Hooks.Poll) {
				return
			}
			continue
		}
		if !s.pause(ctx, laneBeat) {
			return
		}
	}
}

func (s *Service) beat(ctx context.Context) error {
	mine := s.lanes()
	all, err := s.store.Lanes(ctx, LaneChange{Seen: mine, At: s.now()})
	if err != nil {
		return err
	}
	for _, lane := range all {
		if lane.RetiredAt.IsZero() && s.now().Sub(lane.SeenAt) > laneGone {
			s.log.Error("no process has this lane any more: its events pile up; deploy it again or retire it",
				"lane", lane.Name, "last_seen", lane.SeenAt)
		}
	}
	return nil
}

// Drain does all that is due by the clock, hooks and timers, and what comes of
// it, then returns: for tests, cron jobs and serverless hosts. Deliveries that
// failed wait for their next try and do not keep it. The error joins what
// timers met; failed hooks are not errors (see Deliveries).
func (s *Service) Drain(ctx context.Context) error {
	if err := guard(ctx); err != nil {
		return err
	}
	lanes := s.begin()
	if err := s.beat(ctx); err != nil {
		return fmt.Errorf("record lanes: %w", err)
	}
	d := s.newDispatcher(ctx, lanes)
	var errs []error
	for ctx.Err() == nil {
		woken, err := s.wakeDue(ctx)
		errs = append(errs, err)
		delivered, _, err := d.lease(ctx)
		d.workers.Wait()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if woken == 0 && delivered == 0 {
			return errors.Join(errs...)
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// timerLease is how long a process has for the payments it woke. It is
	// what a killed one delays them by; two that look at one payment at once
	// do no harm.
	timerLease = 45 * time.Second
	// timerBatch is how many it wakes at once.
	timerBatch = 20
	// laneBeat is how often a process says that it has its lanes.
	laneBeat = time.Minute
)

// Run delivers events to hooks, expires what is overdue, asks gateways about
// what is silent, heals what a crash left open, and deletes what
// Config.Retention does not keep, until ctx ends; then it waits for hooks in
// flight (HookPolicy.StopTimeout) and returns nil. Run it in at least one
// process; any number may. A store that is down is logged and tried again.
// Register hooks before.
func (s *Service) Run(ctx context.Context) error {
	lanes := s.begin()
	hooksCtx, stopHooks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHooks()
	d := s.newDispatcher(hooksCtx, lanes, s.cfg.Hooks.Concurrency)

	var loops sync.WaitGroup
	loops.Go(func() { s.deliverLoop(ctx, d) })
	loops.Go(func() { s.timerLoop(ctx) })
	loops.Go(func() { s.laneLoop(ctx) })
	loops.Go(func() { s.hearLoop(ctx) })
	loops.Go(func() { s.cleanLoop(ctx) })
	ended := make(chan struct{})
	go func() { loops.Wait(); d.workers.Wait(); close(ended) }()

	<-ctx.Done()
	for _, grace := range []time.Duration{s.cfg.Hooks.StopTimeout, time.Second} {
		select {
		case <-ended:
			return nil
		case <-s.clock.After(grace):
			stopHooks() // those that heed their context end now, and are delivered again
		}
	}
	s.log.Warn("hooks did not stop in time; they will be delivered again when their leases are over")
	return nil
}

// pause waits for d, a nudge if there is a channel for it, or the end. It
// reports whether to go on.
func (s *Service) pause(ctx context.Context, d time.Duration, nudge <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-nudge:
	case <-s.clock.After(d):
	}
	return ctx.Err() == nil
}

// rest is how long to wait for the next look at the store: longer, the more
// often it has failed.
func (s *Service) rest(failed int) time.Duration {
	return max(s.cfg.Hooks.Poll, min(s.cfg.Hooks.Poll<<min(failed, 10), 30*time.Second))
}

// deliverLoop leases and delivers until ctx ends.
func (s *Service) deliverLoop(ctx context.Context, d *dispatcher) {
	for failed := 0; ; {
		_, err := d.lease(ctx)
		if failed++; err == nil {
			failed = 0
		} else if ctx.Err() == nil {
			s.log.Error("deliveries cannot be leased; trying again", "error", err)
		}
		if !s.pause(ctx, s.rest(failed), s.nudge) {
			return
		}
	}
}

// timerLoop wakes payments until ctx ends.
func (s *Service) timerLoop(ctx context.Context) {
	for failed := 0; ; {
		n, err := s.wakeDue(ctx)
		if failed++; n > 0 || err == nil {
			failed = 0
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("timers: some payments could not be looked at; trying again", "error", err)
		}
		if n == timerBatch && err == nil {
			continue
		}
		if !s.pause(ctx, s.rest(failed), nil) {
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
			if err := s.safely("timer", func() error { return s.wake(ctx, p) }, "payment", p.ID); err != nil {
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
	for failed := 0; ; {
		rest := laneBeat
		err := s.beat(ctx)
		if failed++; err == nil {
			failed = 0
		} else if ctx.Err() == nil {
			s.log.Error("lanes cannot be recorded; trying again", "error", err)
			rest = s.rest(failed)
		}
		if !s.pause(ctx, rest, nil) {
			return
		}
	}
}

// hearLoop listens for what other processes commit, if the store can.
func (s *Service) hearLoop(ctx context.Context) {
	listener, ok := s.store.(Listener)
	if !ok {
		return
	}
	for failed := 1; ; failed++ {
		started := s.now()
		err := listener.Listen(ctx, s.wakeUp)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errors.ErrUnsupported) {
			s.log.Debug("the store does not hear of other processes; it is polled", "error", err)
			return
		}
		if s.now().Sub(started) > time.Minute {
			failed = 1
		}
		level := slog.LevelWarn
		if failed > 1 {
			level = slog.LevelDebug // told once
		}
		s.log.Log(ctx, level, "the store does not hear of other processes; it is polled until it does", "error", err)
		if !s.pause(ctx, s.rest(failed), nil) {
			return
		}
	}
}

// gone reports whether the lane has not been heard of for so long that no
// process is taken to have it any more.
func (l Lane) gone(now time.Time) bool { return now.Sub(l.SeenAt) > LaneOverlap }

func (s *Service) beat(ctx context.Context) error {
	all, err := s.seeLanes(ctx, s.store)
	if err != nil {
		return err
	}
	for _, lane := range all {
		if lane.RetiredAt.IsZero() && lane.gone(s.now()) {
			s.log.Error("no process has this lane any more: its events pile up; deploy it again or retire it",
				"lane", lane.Name, "last_seen", lane.SeenAt)
		}
	}
	return nil
}

// Drain does all that is due by the clock, hooks and timers, and what comes of
// it, then returns: for tests, cron jobs and serverless hosts. Deliveries that
// failed wait for their next try and do not keep it. At the end it deletes all
// that Config.Retention does not keep. The error joins what timers and that met;
// failed hooks are not errors (see Deliveries).
//
// Hooks are called one after the other, so that a test's hook may count in a
// plain variable.
func (s *Service) Drain(ctx context.Context) error {
	if err := guard(ctx); err != nil {
		return err
	}
	lanes := s.begin()
	if err := s.beat(ctx); err != nil {
		return err
	}
	d := s.newDispatcher(ctx, lanes, 1)
	var errs []error
	for ctx.Err() == nil {
		woken, err := s.wakeDue(ctx)
		errs = append(errs, err)
		delivered, err := d.lease(ctx)
		d.workers.Wait()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if woken == 0 && delivered == 0 {
			return errors.Join(append(errs, s.clean(ctx, 0))...)
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

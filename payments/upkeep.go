package payments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// cleanEvery is how often Run deletes what is old. It is not urgent, and
	// where there is nothing to delete it costs one look at an index.
	cleanEvery = time.Hour
	// cleanWithin is how soon it does so at first: some time in it, for
	// processes that start together should not clean together.
	cleanWithin = time.Minute
	// cleanBatch is how much the store is asked to delete at once, and
	// cleanPause is for those that wait for the store meanwhile.
	cleanBatch = 500
	cleanPause = 100 * time.Millisecond
)

// cleanLoop deletes what Config.Retention does not keep until ctx ends.
func (s *Service) cleanLoop(ctx context.Context) {
	if s.cfg.Retention == (Retention{}) {
		return
	}
	rest := rand.N(cleanWithin) //nolint:gosec // jitter
	for failed := 0; s.pause(ctx, rest, nil); {
		rest = cleanEvery
		err := s.clean(ctx, cleanPause)
		if failed++; err == nil {
			failed = 0
		} else if ctx.Err() == nil {
			s.log.Error("what is old cannot be deleted; trying again", "error", err)
			rest = s.rest(failed)
		}
	}
}

// clean deletes all that is old by now, in batches with a pause in between.
func (s *Service) clean(ctx context.Context, pause time.Duration) error {
	cleaner, ok := s.store.(Cleaner)
	if !ok || s.cfg.Retention == (Retention{}) {
		return nil // New refuses the one without the other
	}
	now := s.now()
	before := func(kept time.Duration) time.Time {
		if kept == 0 {
			return time.Time{}
		}
		return now.Add(-kept)
	}
	c := Cleaning{
		DeliveriesBefore: before(s.cfg.Retention.Deliveries), MessagesBefore: before(s.cfg.Retention.Messages), Limit: cleanBatch,
	}
	for {
		more, err := cleaner.Clean(ctx, c)
		if err != nil {
			return fmt.Errorf("delete what is old: %w", err)
		}
		if !more {
			return nil
		}
		if ctx.Err() != nil || pause > 0 && !s.pause(ctx, pause, nil) {
			return ctx.Err()
		}
	}
}

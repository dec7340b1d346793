package payments

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Limit bounds how often one end user may have a gateway called. It returns
// nil and counts the request, or a *LimitError that says how long to wait; any
// other error is the answer as it is (see ProblemOf). It must be safe for
// concurrent use.
//
// [PerUser] counts in this process. A host with many processes that wants one
// count for all of them writes its own, over what they share.
type Limit func(ctx context.Context, user EndUser, now time.Time) error

// LimitError is a request too many: 429, with Retry-After.
type LimitError struct {
	// RetryAfter is how long until the next one is let through.
	RetryAfter time.Duration
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("payments: too many requests of this user; the next in %s", e.RetryAfter)
}

// Unlimited is no Limit.
func Unlimited(context.Context, EndUser, time.Time) error { return nil }

// PerUser lets through burst requests of a user at once, and one more each
// time that every has passed. It keeps a few bytes of those users only whose
// burst is not whole again, and of some hundred thousand at most: beyond, it
// forgets and so is lenient, rather than grow.
//
// It panics unless both are above zero: it is a mistake of the program.
func PerUser(burst int, every time.Duration) Limit {
	if burst < 1 || every <= 0 {
		panic(fmt.Sprintf("payments: PerUser(%d, %s): both must be above zero", burst, every))
	}
	b := &buckets{every: every, whole: time.Duration(burst) * every, most: mostBuckets}
	return b.allow
}

const mostBuckets = 100_000

// buckets holds a bucket for each user who has drawn from his lately, as the
// time at which it is full again. After whole without a draw it surely is: so
// what was not touched for a generation that long can be forgotten.
type buckets struct {
	every, whole time.Duration
	most         int

	mu           sync.Mutex
	recent, past map[bucketKey]time.Time
	since        time.Time // when recent was begun
}

type bucketKey struct{ tenant, user string }

func (b *buckets) allow(_ context.Context, user EndUser, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if age := now.Sub(b.since); b.recent == nil || age >= b.whole || age < 0 || len(b.recent) >= b.most {
		b.recent, b.past, b.since = map[bucketKey]time.Time{}, b.recent, now
	}
	key := bucketKey{user.Tenant, user.ID}
	full, ok := b.recent[key]
	if !ok {
		full = b.past[key]
	}
	if full.Before(now) || full.Sub(now) > b.whole { // the latter: the clock went back
		full = now
	}
	full = full.Add(b.every)
	if wait := full.Sub(now) - b.whole; wait > 0 {
		return &LimitError{RetryAfter: wait}
	}
	b.recent[key] = full
	return nil
}

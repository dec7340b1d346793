package payments

import "time"

// Clock is the time that a [Service] lives by. Tests replace it
// (paymentstest.NewClock). Implementations must be safe for concurrent use.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// After returns a channel that receives once d has passed.
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// stamp is the form in which times are kept: UTC, whole microseconds, no
// monotonic part. No database keeps nanoseconds, and a value read back must
// equal the one that was returned.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

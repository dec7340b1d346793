package kill

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// clock goes faster than the machine's, by a whole number: what a killed
// process had leased for 45 seconds is free after a few. All processes of a
// world, and its gateway, have the same time, as they would have by NTP.
type clock struct {
	Epoch time.Time // of the machine, when both showed the same
	Speed int
}

var _ payments.Clock = clock{}

func newClock(speed int) clock { return clock{Epoch: time.Now().Round(0).UTC(), Speed: speed} }

// Now implements payments.Clock.
func (c clock) Now() time.Time { return c.Epoch.Add(c.of(time.Since(c.Epoch))) }

// After implements payments.Clock.
func (c clock) After(d time.Duration) <-chan time.Time {
	return time.After(d / time.Duration(c.Speed))
}

// of is how long a time of the machine is by this clock.
func (c clock) of(real time.Duration) time.Duration { return real * time.Duration(c.Speed) }

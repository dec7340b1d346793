package simkit

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// SystemClock is the clock of the machine. Tests give simulators one of their
// own (paymentstest.NewClock).
type SystemClock struct{}

var _ payments.Clock = SystemClock{}

// Now returns the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After is time.After.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

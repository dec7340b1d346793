package simkit

import (
	"slices"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind string

// Faults of calls to the gateway.
const (
	// Down: the gateway answers with an error of its own (5xx). Nothing
	// happens.
	Down Kind = "down"
	// Throttled: the gateway answers that it is asked too often. Nothing
	// happens.
	Throttled Kind = "throttled"
	// Refused: the gateway refuses, finally and in its own words.
	Refused Kind = "refused"
	// Broken: the connection breaks before anything happens.
	Broken Kind = "broken"
	// Silent: nothing happens, and no answer comes until the caller gives
	// up.
	Silent Kind = "silent"
	// Lost: the call takes effect, and the connection breaks in the middle
	// of the answer.
	Lost Kind = "lost"
	// LostSilent: the call takes effect, and no answer comes until the
	// caller gives up.
	LostSilent Kind = "lost_silent"
	// Slow: the answer takes Delay of the simulator's clock.
	Slow Kind = "slow"
)

// Faults of notifications.
const (
	// Duplicate: it is sent twice.
	Duplicate Kind = "duplicate"
	// Shuffle: it overtakes all that are waiting, so a row of them arrives
	// in reverse order.
	Shuffle Kind = "shuffle"
	// Late: it is sent Delay later.
	Late Kind = "late"
	// Drop: it is never sent.
	Drop Kind = "drop"
	// Forge: a copy with a wrong signature is sent ahead of it.
	Forge Kind = "forge"
)

var callKinds = []Kind{Down, Throttled, Refused, Broken, Silent, Lost, LostSilent, Slow}

// Fault is something that goes wrong, to order.
type Fault struct {
	Kind Kind
	// Op limits it to calls of one name ("checkout", "status", "cancel",
	// "expire", "refund": what Faults.Wrap was told), or to notifications of one
	// word of the gateway's ("settlement": Sent.Word). Empty: any.
	Op string
	// Count is how often it happens: zero means once, below zero always.
	Count int
	// Delay is for Slow and Late.
	Delay time.Duration
	// If, if set, is asked each time whether it happens now; a no does not
	// count. So faults can come at random. It must not block, and is not
	// called twice at once for the faults of one simulator.
	If func() bool
	// Met, if set, is called when a call has met the fault: before the
	// waiting of Silent, LostSilent and Slow begins.
	Met func()
}

func (f Fault) met() {
	if f.Met != nil {
		f.Met()
	}
}

// Faults are those that are still to happen. The zero value is none; it is
// safe for concurrent use.
type Faults struct {
	mu   sync.Mutex
	list []Fault
}

// Add orders faults, to happen after those ordered before.
func (f *Faults) Add(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		if fault.Count == 0 {
			fault.Count = 1
		}
		f.list = append(f.list, fault)
	}
}

// Clear calls off all that have not happened.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// take counts one happening of the first fault of one of kinds that op meets.
func (f *Faults) take(op string, kinds ...Kind) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if !slices.Contains(kinds, fault.Kind) || (fault.Op != "" && fault.Op != op) || (fault.If != nil && !fault.If()) {
			continue
		}
		if f.list[i].Count > 0 {
			f.list[i].Count--
		}
		if f.list[i].Count == 0 {
			f.list = slices.Delete(f.list, i, i+1)
		}
		return fault, true
	}
	return Fault{}, false
}

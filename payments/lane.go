package payments

import (
	"maps"
	"slices"
	"time"
)

// LaneRecord is a lane as stores keep it: with the times from which its Kinds
// follow. They are of each kind, since a heartbeat of a new version of the app
// must not keep alive what only the old version had.
type LaneRecord struct {
	Lane
	// All is when "all kinds" was recorded last, and Single when a kind by
	// its name was.
	All    time.Time               `json:"all,omitzero"`
	Single map[EventKind]time.Time `json:"single,omitempty"`
}

// See brings the record up to date with what a process has: the rule of
// LaneChange.Seen, for stores to call. It changes the record's own map.
func (l *LaneRecord) See(by Lane) {
	l.Name, l.RetiredAt = by.Name, time.Time{}
	if by.SeenAt.After(l.SeenAt) {
		l.SeenAt = by.SeenAt
	}
	if by.Kinds == nil {
		l.All = l.SeenAt
	}
	for _, kind := range by.Kinds {
		if l.Single == nil {
			l.Single = map[EventKind]time.Time{}
		}
		l.Single[kind] = l.SeenAt
	}
	past := func(at time.Time) bool { return l.SeenAt.Sub(at) >= LaneOverlap }
	maps.DeleteFunc(l.Single, func(_ EventKind, at time.Time) bool { return past(at) })
	if l.Kinds = nil; past(l.All) { // empty is not nil: no kinds, not all of them
		l.Kinds = slices.AppendSeq([]EventKind{}, maps.Keys(l.Single))
		slices.Sort(l.Kinds)
	}
}

package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// lane is a lane with what Lane.Kinds is computed from: when each kind, and
// "all kinds", was last recorded. A heartbeat of a new version of the app
// thus does not keep alive the kinds that only the old one had.
type lane struct {
	payments.Lane
	all    time.Time
	single map[payments.EventKind]time.Time
}

// Lanes implements payments.DeliveryStore.
func (s *Store) Lanes(ctx context.Context, c payments.LaneChange) ([]payments.Lane, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, seen := range c.Seen {
		s.see(seen)
	}
	for _, name := range c.Retire {
		s.retire(name, c.At)
	}
	return s.listLanes(func(*lane) bool { return true }), nil
}

func (s *Store) see(seen payments.Lane) {
	l := s.lanes[seen.Name]
	if l == nil {
		l = &lane{single: map[payments.EventKind]time.Time{}}
		l.Name = seen.Name
		s.lanes[seen.Name] = l
	}
	l.RetiredAt = time.Time{}
	if seen.SeenAt.After(l.SeenAt) {
		l.SeenAt = seen.SeenAt
	}
	if seen.Kinds == nil {
		l.all = l.SeenAt
	}
	for _, kind := range seen.Kinds {
		l.single[kind] = l.SeenAt
	}
	recent := func(at time.Time) bool { return l.SeenAt.Sub(at) < payments.LaneOverlap }
	maps.DeleteFunc(l.single, func(_ payments.EventKind, at time.Time) bool { return !recent(at) })
	l.Kinds = slices.Sorted(maps.Keys(l.single))
	if recent(l.all) {
		l.Kinds = nil
	}
}

// retire ends a lane, and all that is on its way there or stuck.
func (s *Store) retire(name string, at time.Time) {
	l := s.lanes[name]
	if l == nil || !l.RetiredAt.IsZero() {
		return
	}
	l.RetiredAt = at
	for _, d := range s.deliveries {
		if d.Target == payments.HookTarget(name) && (d.State == payments.DeliveryOpen || d.State == payments.DeliveryDead) {
			s.settle(d, payments.DeliveryDismissed, at)
		}
	}
}

func (s *Store) liveLanes() []payments.Lane {
	return s.listLanes(func(l *lane) bool { return l.RetiredAt.IsZero() })
}

func (s *Store) listLanes(wanted func(*lane) bool) []payments.Lane {
	var lanes []payments.Lane
	for _, l := range s.lanes {
		if wanted(l) {
			out := l.Lane
			out.Kinds = slices.Clone(l.Kinds)
			lanes = append(lanes, out)
		}
	}
	slices.SortFunc(lanes, func(a, b payments.Lane) int { return cmp.Compare(a.Name, b.Name) })
	return lanes
}

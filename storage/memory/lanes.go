package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Lanes implements payments.DeliveryStore.
func (s *Store) Lanes(ctx context.Context, c payments.LaneChange) ([]payments.Lane, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, seen := range c.Seen {
		if s.lanes[seen.Name] == nil {
			s.lanes[seen.Name] = &payments.LaneRecord{}
		}
		s.lanes[seen.Name].See(seen)
	}
	for _, name := range c.Retire {
		s.retire(name, c.At)
	}
	return s.listLanes(func(*payments.LaneRecord) bool { return true }), nil
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
	return s.listLanes(func(l *payments.LaneRecord) bool { return l.RetiredAt.IsZero() })
}

func (s *Store) listLanes(wanted func(*payments.LaneRecord) bool) []payments.Lane {
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

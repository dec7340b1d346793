package memory

import (
	"context"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Clean implements payments.Cleaner.
func (s *Store) Clean(ctx context.Context, c payments.Cleaning) (more bool, err error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	if !c.DeliveriesBefore.IsZero() {
		more = s.cleanDeliveries(c.DeliveriesBefore, c.Limit)
	}
	if !c.MessagesBefore.IsZero() {
		more = s.cleanMessages(c.MessagesBefore, c.Limit) || more
	}
	return more, nil
}

func (s *Store) cleanDeliveries(before time.Time, limit int) (more bool) {
	for _, id := range olderThan(before, s.paymentIDs) {
		rec := s.payments[id]
		rec.deliveries = slices.DeleteFunc(rec.deliveries, func(d *delivery) bool {
			finished := d.State == payments.DeliveryDone || d.State == payments.DeliveryDismissed
			if limit <= 0 || !finished || !d.DoneAt.Before(before) {
				return false
			}
			limit--
			more = limit == 0
			delete(s.deliveries, d.ID)
			return true
		})
	}
	return more
}

func (s *Store) cleanMessages(before time.Time, limit int) (more bool) {
	gone := map[payments.ID]bool{}
	for _, id := range olderThan(before, s.messageIDs) {
		if m := s.messages[id]; len(gone) < limit && m.Verdict != payments.VerdictParked && m.At.Before(before) {
			gone[id] = true
			delete(s.messages, id)
		}
	}
	s.messageIDs = slices.DeleteFunc(s.messageIDs, func(id payments.ID) bool { return gone[id] })
	return len(gone) > 0 && len(gone) == limit
}

// olderThan are those of sorted ids that were made before t.
func olderThan(t time.Time, ids []payments.ID) []payments.ID {
	end, _ := slices.BinarySearch(ids, payments.FirstID(t))
	return ids[:end]
}

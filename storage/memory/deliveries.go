package memory

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// delivery is a delivery without its event, which is in the history.
type delivery struct {
	payments.Delivery
	// leased: the current lease has not been answered.
	leased bool
}

type queueKey struct {
	payment payments.ID
	target  string
}

func (d *delivery) queue() queueKey { return queueKey{d.Event.PaymentID, d.Target} }

func compareDeliveries(a, b *delivery) int {
	return cmp.Or(cmp.Compare(a.Event.Seq, b.Event.Seq), cmp.Compare(a.Target, b.Target))
}

func (s *Store) addDelivery(rec *record, d payments.Delivery) {
	added := &delivery{Delivery: d}
	added.Event = payments.Event{PaymentID: d.Event.PaymentID, Seq: d.Event.Seq, Kind: d.Event.Kind}
	s.deliveries[d.ID] = added
	at, _ := slices.BinarySearchFunc(rec.deliveries, added, compareDeliveries)
	rec.deliveries = slices.Insert(rec.deliveries, at, added)
	queue := s.queues[added.queue()]
	at, _ = slices.BinarySearchFunc(queue, added, compareDeliveries)
	s.queues[added.queue()] = slices.Insert(queue, at, added)
}

// whole is the delivery with its event, as callers get it.
func (s *Store) whole(d *delivery) payments.Delivery {
	out := d.Delivery
	out.Event = copyEvent(s.payments[d.Event.PaymentID].events[d.Event.Seq-1])
	return out
}

// LeaseDeliveries implements payments.DeliveryStore.
func (s *Store) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var due []*delivery
	for _, queue := range s.queues {
		head := queue[0]
		if head.State == payments.DeliveryOpen && !head.Due.After(l.Now) && served(l.Targets, head) {
			due = append(due, head)
		}
	}
	slices.SortFunc(due, func(a, b *delivery) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	leased := make([]payments.Delivery, 0, len(due))
	for _, d := range due[:max(0, min(l.Limit, len(due)))] {
		s.lease++
		d.Lease, d.leased = s.lease, true
		d.Due, d.Owner = l.Until, l.Owner
		d.Tries++
		out := s.whole(d)
		p := s.payments[d.Event.PaymentID].payment.Clone()
		out.Event.Order, out.Event.Now = p.Order, p.Totals
		leased = append(leased, out)
	}
	return leased, nil
}

func served(targets []payments.Target, d *delivery) bool {
	return slices.ContainsFunc(targets, func(t payments.Target) bool {
		return t.Name == d.Target && (t.Kinds == nil || slices.Contains(t.Kinds, d.Event.Kind))
	})
}

// Finish implements payments.DeliveryStore.
func (s *Store) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var lost []payments.ID
	for _, o := range outcomes {
		d := s.deliveries[o.DeliveryID]
		if d == nil || !d.leased || d.Lease != o.Lease {
			lost = append(lost, o.DeliveryID)
			continue
		}
		d.leased, d.LastError = false, o.Error
		switch o.State {
		case payments.DeliveryOpen:
			d.Due = o.Due
			if o.Uncounted {
				d.Tries--
			}
		case payments.DeliveryDead:
			d.State = o.State
		default:
			s.settle(d, o.State, o.At)
		}
	}
	return lost, nil
}

// release puts a dead delivery back or gives it up. The note goes where
// people look for why a delivery is as it is.
func (s *Store) release(r payments.Release) {
	d := s.deliveries[r.DeliveryID]
	if d == nil || d.State != payments.DeliveryDead {
		return
	}
	if r.Note != "" {
		d.LastError = strings.TrimPrefix(d.LastError+"; "+r.Note, "; ")
	}
	if r.State == payments.DeliveryOpen {
		d.State, d.Due, d.Tries = r.State, r.Due, 0
		return
	}
	s.settle(d, r.State, r.Due)
}

// settle ends a delivery and lets the next one of its queue follow.
func (s *Store) settle(d *delivery, state payments.DeliveryState, at time.Time) {
	d.State, d.DoneAt, d.leased = state, at, false
	key := d.queue()
	rest := slices.DeleteFunc(s.queues[key], func(q *delivery) bool { return q == d })
	if s.queues[key] = rest; len(rest) == 0 {
		delete(s.queues, key)
	}
}

// Deliveries implements payments.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, q payments.DeliveryQuery) (payments.Page[payments.Delivery], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[payments.Delivery]{}, err
	}
	defer s.mu.Unlock()
	ids := s.paymentIDs
	var last *delivery
	if q.Cursor != "" {
		if last = parseDeliveryID(q.Cursor); last == nil {
			return payments.Page[payments.Delivery]{}, badCursor(q.Cursor)
		}
		upTo, found := slices.BinarySearch(ids, last.Event.PaymentID)
		if found {
			upTo++
		}
		ids = ids[:upTo]
	}
	return page(q.Limit, func(yield func(string, payments.Delivery) bool) {
		for _, id := range slices.Backward(ids) {
			if q.PaymentID != "" && q.PaymentID != id {
				continue
			}
			for _, d := range slices.Backward(s.payments[id].deliveries) {
				passed := last != nil && id == last.Event.PaymentID && compareDeliveries(d, last) >= 0
				if !passed && (q.ID == "" || d.ID == q.ID) && (q.Target == "" || d.Target == q.Target) &&
					among(q.State, d.State) && !yield(string(d.ID), s.whole(d)) {
					return
				}
			}
		}
	}), nil
}

// parseDeliveryID is a delivery with nothing but what its id says, or nil. The
// one that a cursor names may have been deleted since.
func parseDeliveryID(id string) *delivery {
	event, target, ok := strings.Cut(id, "/")
	dash := strings.LastIndexByte(event, '-')
	if !ok || dash < 0 {
		return nil
	}
	seq, err := strconv.Atoi(event[dash+1:])
	if err != nil {
		return nil
	}
	return &delivery{Delivery: payments.Delivery{Target: target, Event: payments.Event{PaymentID: payments.ID(event[:dash]), Seq: seq}}}
}

package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/lunaspay/lunas/payments"
)

// Get implements payments.PaymentStore.
func (s *Store) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	rec := s.find(ref)
	if rec == nil {
		return nil, fmt.Errorf("payment %s %q: %w", ref.Kind, ref.Value, payments.ErrNotFound)
	}
	return copyPayment(rec.payment), nil
}

// Payments implements payments.PaymentStore.
func (s *Store) Payments(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[*payments.Payment]{}, err
	}
	defer s.mu.Unlock()
	ids := s.paymentIDs
	if q.Cursor != "" {
		before, _ := slices.BinarySearch(ids, payments.ID(q.Cursor))
		ids = ids[:before]
	}
	return page(q.Limit, func(yield func(string, *payments.Payment) bool) {
		for _, id := range slices.Backward(ids) {
			if p := s.payments[id].payment; selects(q, p) && !yield(string(id), copyPayment(p)) {
				return
			}
		}
	}), nil
}

func selects(q payments.PaymentQuery, p *payments.Payment) bool {
	switch {
	case q.UserID != "":
		if p.User.ID != q.UserID || p.User.Tenant != q.Tenant {
			return false
		}
	case q.Tenant != "" && p.User.Tenant != q.Tenant:
		return false
	}
	return (q.Reference == "" || p.Reference == q.Reference) && among(q.Status, p.Status)
}

// Events implements payments.PaymentStore.
func (s *Store) Events(ctx context.Context, q payments.EventQuery) (payments.Page[payments.Event], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[payments.Event]{}, err
	}
	defer s.mu.Unlock()
	var events []payments.Event
	if rec := s.payments[q.PaymentID]; rec != nil {
		events = rec.events
	}
	if q.Cursor != "" {
		seen, err := strconv.Atoi(q.Cursor)
		if err != nil || seen < 0 {
			return payments.Page[payments.Event]{}, badCursor(q.Cursor)
		}
		events = events[min(seen, len(events)):]
	}
	return page(q.Limit, func(yield func(string, payments.Event) bool) {
		for _, e := range events {
			if !yield(strconv.Itoa(e.Seq), copyEvent(e)) {
				return
			}
		}
	}), nil
}

// Messages implements payments.PaymentStore.
func (s *Store) Messages(ctx context.Context, q payments.MessageQuery) (payments.Page[payments.Message], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[payments.Message]{}, err
	}
	defer s.mu.Unlock()
	ids := s.messageIDs
	if q.Cursor != "" {
		after, found := slices.BinarySearch(ids, payments.ID(q.Cursor))
		if found {
			after++
		}
		ids = ids[after:]
	}
	return page(q.Limit, func(yield func(string, payments.Message) bool) {
		for _, id := range ids {
			m := s.messages[id]
			if (q.ID == "" || m.ID == q.ID) && (q.PaymentID == "" || m.PaymentID == q.PaymentID) &&
				(q.Gateway == "" || m.Gateway == q.Gateway) && (q.Ref == "" || m.Ref == q.Ref) &&
				among(q.Verdict, m.Verdict) && !yield(string(id), copyMessage(*m)) {
				return
			}
		}
	}), nil
}

// Claims implements payments.ClaimStore: by user and plan.
func (s *Store) Claims(ctx context.Context, q payments.ClaimQuery) (payments.Page[payments.Claim], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[payments.Claim]{}, err
	}
	defer s.mu.Unlock()
	var keys []claimKey
	for key := range s.claims {
		if key.tenant == q.Tenant && (q.UserID == "" || key.user == q.UserID) && (q.PlanKey == "" || key.plan == q.PlanKey) &&
			(q.Cursor == "" || key.cursor() > q.Cursor) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b claimKey) int { return cmp.Compare(a.cursor(), b.cursor()) })
	return page(q.Limit, func(yield func(string, payments.Claim) bool) {
		for _, key := range keys {
			if !yield(key.cursor(), *copyClaim(s.claims[key])) {
				return
			}
		}
	}), nil
}

// claimKey is what a claim is known by.
type claimKey struct{ tenant, user, plan string }

// keyOf is the key of the claim that a payment works on. No claim has an
// empty plan.
func keyOf(p *payments.Payment) claimKey {
	return claimKey{p.User.Tenant, p.User.ID, p.PlanKey()}
}

// cursor is unique within a tenant, whatever the user's id holds.
func (k claimKey) cursor() string { return fmt.Sprintf("%q/%q", k.user, k.plan) }

// page fills a page from items with their cursors, and looks one further.
func page[T any](limit int, found iter.Seq2[string, T]) payments.Page[T] {
	p := payments.Page[T]{Items: []T{}}
	last := ""
	for cursor, item := range found {
		if len(p.Items) == payments.PageLimit(limit) {
			p.Next = last
			break
		}
		p.Items, last = append(p.Items, item), cursor
	}
	return p
}

func among[T comparable](wanted []T, v T) bool { return len(wanted) == 0 || slices.Contains(wanted, v) }

func badCursor(cursor string) error {
	return payments.Invalid("cursor", "%q is not one that this store gave", cursor)
}

package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// UpdateRecord implements payments.RecordStore. fn runs once, under the
// store's lock: it must not call the store, or it waits for ever.
func (s *Store) UpdateRecord(ctx context.Context, ref payments.RecordRef, fn func(*payments.Record) (*payments.Record, error)) (*payments.Record, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	found := s.records[ref]
	changed, err := fn(copyRecord(found))
	if err != nil {
		return nil, err
	}
	if changed == nil {
		return copyRecord(found), nil
	}
	kept := copyRecord(changed)
	kept.RecordRef, kept.Version = ref, 1
	if found != nil {
		kept.Version = found.Version + 1
	}
	if err := kept.Check(); err != nil {
		return nil, fmt.Errorf("memory store: update record: %w", err)
	}
	s.records[ref] = kept
	return copyRecord(kept), nil
}

// Record implements payments.RecordStore.
func (s *Store) Record(ctx context.Context, ref payments.RecordRef) (*payments.Record, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	found := s.records[ref]
	if found == nil {
		return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Key, payments.ErrNotFound)
	}
	return copyRecord(found), nil
}

// Records implements payments.RecordStore.
func (s *Store) Records(ctx context.Context, q payments.RecordQuery) (payments.Page[*payments.Record], error) {
	if err := s.enter(ctx); err != nil {
		return payments.Page[*payments.Record]{}, err
	}
	defer s.mu.Unlock()
	var found []*payments.Record
	for ref, r := range s.records {
		if ref.Kind == q.Kind && (q.Tenant == "" || r.Tenant == q.Tenant) && (q.Cursor == "" || ref.Key < q.Cursor) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *payments.Record) int { return cmp.Compare(b.Key, a.Key) })
	return page(q.Limit, func(yield func(string, *payments.Record) bool) {
		for _, r := range found {
			if !yield(r.Key, copyRecord(r)) {
				return
			}
		}
	}), nil
}

func copyRecord(r *payments.Record) *payments.Record {
	if r == nil {
		return nil
	}
	d := *r
	d.Doc = slices.Clone(r.Doc)
	return &d
}

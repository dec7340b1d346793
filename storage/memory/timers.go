package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// LeasePayments implements payments.PaymentStore.
func (s *Store) LeasePayments(ctx context.Context, l payments.Lease) ([]*payments.Payment, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var due []*payments.Payment
	for _, rec := range s.payments {
		if at := rec.payment.WakeAt; !at.IsZero() && !at.After(l.Now) {
			due = append(due, rec.payment)
		}
	}
	slices.SortFunc(due, func(a, b *payments.Payment) int {
		return cmp.Or(a.WakeAt.Compare(b.WakeAt), cmp.Compare(a.ID, b.ID))
	})
	leased := make([]*payments.Payment, 0, len(due))
	for _, p := range due[:max(0, min(l.Limit, len(due)))] {
		p.WakeAt = l.Until
		leased = append(leased, copyPayment(p))
	}
	return leased, nil
}

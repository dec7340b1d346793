package gormstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// Update implements payments.PaymentStore. Updates that come at the same time
// share a transaction; each fails alone. When ctx ends while the update is
// being written the error is ctx.Err(), and the update may have taken place.
func (s *Store) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("update payment: %w", err)
	}
	if namesNothing(ref) {
		ref = payments.Ref{}
	}
	r := newRequest(ref, fn)
	if s.bound != nil {
		s.commitAll(ctx, []*request{r}) // never with others: it would commit for the host
	} else if err := s.updates.do(ctx, r); err != nil {
		return nil, fmt.Errorf("update payment: %w", err)
	}
	switch {
	case r.panic != nil:
		panic(r.panic)
	case r.own:
		return nil, r.err
	case r.err != nil:
		return nil, fmt.Errorf("update payment: %w", r.err)
	}
	return r.after, nil
}

// commitAll runs the requests in one transaction. When the database refuses
// it, the culprit is among them: they are run again in halves, until it is
// alone. That is sound as their functions are pure.
func (s *Store) commitAll(ctx context.Context, rs []*request) {
	err := s.writeLocked(context.WithoutCancel(ctx), func(ctx context.Context, c *conn) error { return s.runBatch(ctx, c, rs) })
	if err == nil {
		return
	}
	if s.dialect.duplicate(err) { // whatever the database says of it names the key, which may name the payer
		err = fmt.Errorf("the payment, or another key of the change, exists: %w", payments.ErrRefTaken)
	}
	if len(rs) == 1 || !ofOne(err) {
		for _, r := range rs {
			if !r.own || len(rs) > 1 { // fn may have gone by what others did, which is not there
				r.after, r.err, r.own = nil, err, false
			}
		}
		return
	}
	s.commitAll(ctx, rs[:len(rs)/2])
	s.commitAll(ctx, rs[len(rs)/2:])
}

// ofOne reports whether an error may be the fault of one request among many.
// When the store's patience is at its end, it is not tried again with others.
func ofOne(err error) bool {
	return !errors.Is(err, errUnknown) && !errors.Is(err, errNoConnection) && !errors.Is(err, context.DeadlineExceeded) && !lost(err)
}

// runBatch runs the requests one after the other, each on what those before
// it left, and writes what came of them all. A request that fails by itself is
// left out.
func (s *Store) runBatch(ctx context.Context, c *conn, rs []*request) error {
	b, err := load(ctx, c, rs)
	if err != nil {
		return err
	}
	b.alone = len(rs) == 1
	for _, r := range rs {
		if err := b.run(ctx, r); err != nil {
			return err
		}
	}
	return b.write(ctx)
}

package storagetest_test

import (
	"context"
	"sync"
	"testing"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// journal is a memory store that can be copied: it keeps what was done and
// does it again. So it has transactions, good enough to try RunTx on.
type journal struct {
	payments.Store
	mu   sync.Mutex
	done []func(payments.Store) error
}

func newJournal() *journal { return &journal{Store: memory.New()} }

func (j *journal) note(again func(payments.Store) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done = append(j.done, again)
}

func (j *journal) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	var change payments.Change
	p, err := j.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
		var err error
		change, err = fn(s)
		change.Payment = change.Payment.Clone()
		return change, err
	})
	if err == nil {
		j.note(func(s payments.Store) error {
			_, err := s.Update(context.Background(), ref, func(payments.Snapshot) (payments.Change, error) { return change, nil })
			return err
		})
	}
	return p, err
}

func (j *journal) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	j.note(func(s payments.Store) error {
		_, err := s.LeaseDeliveries(context.Background(), l)
		return err
	})
	return j.Store.LeaseDeliveries(ctx, l)
}

func (j *journal) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	j.note(func(s payments.Store) error {
		_, err := s.Finish(context.Background(), outcomes)
		return err
	})
	return j.Store.Finish(ctx, outcomes)
}

// begin copies the store; the copy takes its place at the commit.
func (j *journal) begin(t *testing.T) storagetest.Bound {
	inner := newJournal()
	for _, again := range j.done {
		if err := again(inner.Store); err != nil {
			t.Fatalf("copy the store: %v", err)
		}
	}
	inner.done = append(inner.done, j.done...)
	return storagetest.Bound{
		Store:    inner,
		Commit:   func() error { j.Store, j.done = inner.Store, inner.done; return nil },
		Rollback: func() error { return nil },
	}
}

func TestTx(t *testing.T) {
	t.Parallel()
	storagetest.RunTx(t, func(*testing.T) (payments.Store, func(*testing.T) storagetest.Bound) {
		j := newJournal()
		return j, j.begin
	})
}

package payments_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lunaspay/lunas/payments"
)

var errDown = errors.New("database is down")

// faulty is a store whose calls fail when a test says so. It remembers what was
// said of lanes.
type faulty struct {
	payments.Store
	mu    sync.Mutex
	fail  func(op string) error
	lanes []payments.LaneChange
}

func withFaults(into **faulty) func(*payments.Config) {
	return func(c *payments.Config) {
		*into = &faulty{Store: c.Store}
		c.Store = *into
	}
}

// failing makes the named calls fail from now on, and no others.
func (f *faulty) failing(ops ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = func(op string) error {
		if slices.Contains(ops, op) || slices.Contains(ops, "all") {
			return fmt.Errorf("%s: %w", op, errDown)
		}
		return nil
	}
}

func (f *faulty) before(op string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(op)
}

func (f *faulty) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if err := f.before("Update"); err != nil {
		return nil, err
	}
	return f.Store.Update(ctx, ref, fn)
}

func (f *faulty) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if err := f.before("Get"); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, ref)
}

func (f *faulty) LeasePayments(ctx context.Context, l payments.Lease) ([]*payments.Payment, error) {
	if err := f.before("LeasePayments"); err != nil {
		return nil, err
	}
	return f.Store.LeasePayments(ctx, l)
}

func (f *faulty) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	if err := f.before("LeaseDeliveries"); err != nil {
		return nil, err
	}
	leased, err := f.Store.LeaseDeliveries(ctx, l)
	for i := range leased {
		if f.before("Get") != nil { // then the payment cannot be read with it either
			leased[i].Event.Order, leased[i].Event.Now = payments.Order{}, payments.Totals{}
		}
	}
	return leased, err
}

func (f *faulty) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	if err := f.before("Finish"); err != nil {
		return nil, err
	}
	return f.Store.Finish(ctx, outcomes)
}

func (f *faulty) Lanes(ctx context.Context, c payments.LaneChange) ([]payments.Lane, error) {
	f.mu.Lock()
	f.lanes = append(f.lanes, c)
	f.mu.Unlock()
	if err := f.before("Lanes"); err != nil {
		return nil, err
	}
	return f.Store.Lanes(ctx, c)
}

package storagetest_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// faulty is a good store with some methods replaced by bad ones.
type faulty struct {
	payments.Store
	update func(context.Context, payments.Ref, payments.UpdateFunc) (*payments.Payment, error)
	get    func(context.Context, payments.Ref) (*payments.Payment, error)
	lease  func(context.Context, payments.DeliveryLease) ([]payments.Delivery, error)
	finish func(context.Context, []payments.Outcome) ([]payments.ID, error)
	lanes  func(context.Context, payments.LaneChange) ([]payments.Lane, error)
	list   func(context.Context, payments.PaymentQuery) (payments.Page[*payments.Payment], error)
	clean  func(context.Context, payments.Cleaning) (bool, error)
	record func(context.Context, payments.RecordStore, payments.RecordRef, recordFunc) (*payments.Record, error)
}

type recordFunc = func(*payments.Record) (*payments.Record, error)

func (f *faulty) UpdateRecord(ctx context.Context, ref payments.RecordRef, fn recordFunc) (*payments.Record, error) {
	store := f.Store.(payments.RecordStore)
	if f.record != nil {
		return f.record(ctx, store, ref, fn)
	}
	return store.UpdateRecord(ctx, ref, fn)
}

func (f *faulty) Record(ctx context.Context, ref payments.RecordRef) (*payments.Record, error) {
	return f.Store.(payments.RecordStore).Record(ctx, ref)
}

func (f *faulty) Records(ctx context.Context, q payments.RecordQuery) (payments.Page[*payments.Record], error) {
	return f.Store.(payments.RecordStore).Records(ctx, q)
}

func (f *faulty) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if f.update != nil {
		return f.update(ctx, ref, fn)
	}
	return f.Store.Update(ctx, ref, fn)
}

func (f *faulty) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if f.get != nil {
		return f.get(ctx, ref)
	}
	return f.Store.Get(ctx, ref)
}

func (f *faulty) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	if f.lease != nil {
		return f.lease(ctx, l)
	}
	return f.Store.LeaseDeliveries(ctx, l)
}

func (f *faulty) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	if f.finish != nil {
		return f.finish(ctx, outcomes)
	}
	return f.Store.Finish(ctx, outcomes)
}

func (f *faulty) Lanes(ctx context.Context, c payments.LaneChange) ([]payments.Lane, error) {
	if f.lanes != nil {
		return f.lanes(ctx, c)
	}
	return f.Store.Lanes(ctx, c)
}

func (f *faulty) Payments(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
	if f.list != nil {
		return f.list(ctx, q)
	}
	return f.Store.Payments(ctx, q)
}

func (f *faulty) Clean(ctx context.Context, c payments.Cleaning) (bool, error) {
	if f.clean != nil {
		return f.clean(ctx, c)
	}
	return f.Store.(payments.Cleaner).Clean(ctx, c)
}

// changing lets alter loose on what every fn returns.
func changing(f *faulty, alter func(payments.Snapshot, *payments.Change)) {
	f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
		return f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
			change, err := fn(s)
			alter(s, &change)
			return change, err
		})
	}
}

// faultVariable names the fault in the environment of a test process that is
// to fail.
const faultVariable = "LUNAS_STORAGETEST_FAULT"

// TestFaults runs the suite against each fault, in a process of its own since
// it is to fail there.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaulty$")
			cmd.Env = append(os.Environ(), faultVariable+"="+name)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed a store with this fault")
			require.Contains(t, string(out), "broken rule: ")
			require.Contains(t, string(out), fault.rule)
		})
	}
}

// TestFaulty is the process that TestFaults starts.
func TestFaulty(t *testing.T) {
	fault, wanted := faults[os.Getenv(faultVariable)]
	if !wanted {
		t.Skip("only for TestFaults")
	}
	newStore := func(*testing.T) payments.Store {
		f := &faulty{Store: memory.New()}
		fault.breaks(f)
		return f
	}
	switch fault.group {
	case "basics":
		storagetest.Run(t, newStore)
	case "deliveries":
		storagetest.RunDeliveries(t, newStore)
	case "concurrency":
		storagetest.RunConcurrency(t, newStore)
	case "records":
		storagetest.RunRecords(t, func(t *testing.T) payments.RecordStore { return newStore(t).(payments.RecordStore) })
	case "cleaning":
		storagetest.RunCleaning(t, newStore)
	case "tx":
		storagetest.RunTx(t, func(*testing.T) (payments.Store, func(*testing.T) storagetest.Bound) {
			j := newJournal()
			return j, func(t *testing.T) storagetest.Bound {
				b := j.begin(t)
				if fault.breaks == nil {
					b.Rollback = b.Commit
					return b
				}
				f := &faulty{Store: b.Store}
				fault.breaks(f)
				b.Store = f
				return b
			}
		})
	}
}

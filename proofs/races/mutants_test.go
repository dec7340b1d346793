package races

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// A checker that finds nothing proves nothing. These stores break the one rule
// that everything hangs on: they run an update on what was there a moment
// before, while others write. The checker finds that out, for claims and for
// refunds.
func TestHistoriesOfStoresThatMixUpdatesAreFoundOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrap    func(payments.Store) payments.Store
		history func(*round) string
	}{
		"claims":  {func(s payments.Store) payments.Store { return &staleClaims{s} }, claimHistory},
		"refunds": {func(s payments.Store) payments.Store { return &stalePayments{s} }, refundHistory},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, site{"memory", 2}, c.wrap)
			for n := range 50 {
				if end := c.history(w.round(t, true, false)); end == notLinearizable {
					t.Logf("found by history number %d", n+1)
					return
				}
			}
			t.Fatal("50 histories of a broken store are linearizable")
		})
	}
}

// The same with a store that is sound: it is the store that is found out, not
// the wrapping of it.
func TestHistoriesOfASoundStoreAreLinearizable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site{"memory", 2}, nil)
	for range 5 {
		require.Equal(t, linearizable, claimHistory(w.round(t, true, false)))
		require.Equal(t, linearizable, refundHistory(w.round(t, true, false)))
	}
}

// snapshot reads what an update would find, and lets others write behind it.
func snapshot(ctx context.Context, store payments.Store, ref payments.Ref) (payments.Snapshot, error) {
	var found payments.Snapshot
	_, err := store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
		found = s
		return payments.Change{}, nil
	})
	step(ctx)
	return found, err
}

// staleClaims locks the payment, but reads the claim before: of two payments
// that change it at once one may be forgotten.
type staleClaims struct{ payments.Store }

func (s *staleClaims) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	before, err := snapshot(ctx, s.Store, ref)
	if err != nil {
		return nil, err
	}
	return s.Store.Update(ctx, ref, func(now payments.Snapshot) (payments.Change, error) {
		now.Claim = before.Claim
		return fn(now)
	})
}

// stalePayments decides about the payment as it was before, and overwrites
// what it has become: of two refunds that are written down at once both are
// allowed, and one is forgotten. Where there are events to be told it works
// well: histories with a gap no store would take.
type stalePayments struct{ payments.Store }

func (s *stalePayments) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	before, err := snapshot(ctx, s.Store, ref)
	if err != nil {
		return nil, err
	}
	return s.Store.Update(ctx, ref, func(now payments.Snapshot) (payments.Change, error) {
		if before.Payment == nil || now.Payment == nil {
			return fn(now)
		}
		stale := before
		stale.Payment = before.Payment.Clone()
		change, err := fn(stale)
		if err != nil || len(change.Events) > 0 || change.Payment == nil {
			return fn(now)
		}
		change.Payment.LastSeq = now.Payment.LastSeq
		return change, nil
	})
}

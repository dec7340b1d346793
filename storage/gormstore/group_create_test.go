package gormstore_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// Updates that share transactions and create payments, names and claims.

// One batch creates a payment, names it, and goes on with it and its claim.
func TestPaymentIsCreatedAndChangedInABatch(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		tap := &tap{}
		store := openStore(t, e.open(t, e.create(t), tap), nil)
		former := buying(payments.NewID())
		update(t, store, payments.Ref{}, func(s payments.Snapshot) (payments.Change, error) {
			return payments.Change{Payment: former, Claim: granted(payments.Snapshot{Payment: former}, "0")}, nil
		})
		id, ref := payments.NewID(), payments.ByKey(payments.EndUser{ID: "siti"}, "k")
		together(t, store, 4, func(i int) {
			update(t, store, ref, func(s payments.Snapshot) (payments.Change, error) {
				p := s.Payment
				if p == nil {
					p = buying(id)
					return payments.Change{Payment: p, Refs: []payments.Ref{ref}}, nil
				}
				return payments.Change{Payment: p, Claim: granted(s, strconv.Itoa(i))}, nil
			})
		})
		p, err := store.Get(t.Context(), payments.ByID(id))
		require.NoError(t, err)
		require.EqualValues(t, 4, p.Version)
		require.Equal(t, []string{"0", "1", "2", "3"}, grants(t, store))
		require.Zero(t, tap.count("ROLLBACK"), "at the first try")
	})
}

// A name that several in one batch want goes to the first. The others leave
// nothing.
func TestNameIsWantedTwiceInABatch(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		store := openStore(t, e.open(t, e.create(t), nil), nil)
		ids, errs := createMany(t, store, 4), make([]error, 4)
		together(t, store, len(ids), func(i int) {
			_, errs[i] = store.Update(t.Context(), payments.ByID(ids[i]), mark("m"))
		})
		requireMarked(t, store, ids[0], "m")
		for i, id := range ids[1:] {
			require.ErrorIs(t, errs[i+1], payments.ErrRefTaken)
			requireMarked(t, store, id)
		}
	})
}

// A payment that another process creates meanwhile, under the name that both
// were given, is seen.
func TestLostRaceToCreate(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:] { // SQLite lets nobody in meanwhile
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.create(t)
			one, other := openStore(t, e.open(t, dsn, nil), nil), openStore(t, e.open(t, dsn, nil), nil)
			ref := payments.ByKey(payments.EndUser{ID: "siti"}, "k")
			create := func(s payments.Snapshot) (payments.Change, error) {
				if s.Payment != nil {
					return payments.Change{}, nil
				}
				return payments.Change{Payment: buying(payments.NewID()), Refs: []payments.Ref{ref}}, nil
			}
			var theirs *payments.Payment
			ours := update(t, one, ref, func(s payments.Snapshot) (payments.Change, error) {
				change, err := create(s)
				if theirs == nil {
					theirs = update(t, other, ref, create)
				}
				return change, err
			})
			require.Equal(t, theirs, ours)
		})
	}
}

// A claim that another process makes meanwhile is seen.
func TestLostRaceToClaim(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.create(t)
			one, other := openStore(t, e.open(t, dsn, nil), nil), openStore(t, e.open(t, dsn, nil), nil)
			ours, theirs := buying(payments.NewID()), buying(payments.NewID())
			for _, p := range []*payments.Payment{ours, theirs} {
				update(t, one, payments.ByID(p.ID), func(payments.Snapshot) (payments.Change, error) {
					return payments.Change{Payment: p}, nil
				})
			}
			grant := func(name string) payments.UpdateFunc {
				return func(s payments.Snapshot) (payments.Change, error) {
					return payments.Change{Payment: s.Payment, Claim: granted(s, name)}, nil
				}
			}
			tries := 0
			update(t, one, payments.ByID(ours.ID), func(s payments.Snapshot) (payments.Change, error) {
				if tries++; tries == 1 {
					update(t, other, payments.ByID(theirs.ID), grant("1"))
				}
				return grant("2")(s)
			})
			require.Equal(t, []string{"1", "2"}, grants(t, one))
		})
	}
}

// buying is a new payment for siti's plan.
func buying(id payments.ID) *payments.Payment {
	return &payments.Payment{
		Order: payments.Order{
			ID: id, User: payments.EndUser{ID: "siti"}, Amount: payments.IDR(29_000), CreatedAt: t0,
			Plan: &payments.Plan{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly},
		},
		Status: payments.StatusCreated,
	}
}

// granted is the claim with one grant more. Its name is in the place of the
// payment's id.
func granted(s payments.Snapshot, name string) *payments.Claim {
	claim := s.Claim
	if claim == nil {
		claim = &payments.Claim{Tenant: s.Payment.User.Tenant, UserID: s.Payment.User.ID, PlanKey: s.Payment.PlanKey()}
	}
	claim.Grants = append(claim.Grants, payments.Grant{PaymentID: payments.ID(name), Anchor: t0})
	return claim
}

// grants of siti's claim, by name.
func grants(t *testing.T, store payments.Store) (names []string) {
	t.Helper()
	claims, err := store.Claims(context.WithoutCancel(t.Context()), payments.ClaimQuery{UserID: "siti"})
	require.NoError(t, err)
	require.Len(t, claims.Items, 1)
	for _, g := range claims.Items[0].Grants {
		names = append(names, string(g.PaymentID))
	}
	slices.Sort(names)
	return names
}

// Payments for one claim that is not there yet, in one batch and in two
// processes: each adds a grant, and none is lost.
func TestNewClaimLosesNoGrant(t *testing.T) {
	t.Parallel()
	const rounds, each = 8, 4
	onEngines(t, func(t *testing.T, e engine) {
		dsn := e.create(t)
		db := e.open(t, dsn, nil)
		stores := []*gormstore.Store{openStore(t, db, nil), openStore(t, e.open(t, dsn, nil), nil)}
		var ids []payments.ID
		for range len(stores) * each {
			p := buying(payments.NewID())
			update(t, stores[0], payments.ByID(p.ID), func(payments.Snapshot) (payments.Change, error) {
				return payments.Change{Payment: p}, nil
			})
			ids = append(ids, p.ID)
		}
		for round := range rounds {
			var want []string
			var all sync.WaitGroup
			for i, id := range ids {
				want = append(want, string(id))
				if i%each > 0 {
					continue
				}
				all.Go(func() {
					store := stores[i/each]
					together(t, store, each, func(n int) {
						update(t, store, payments.ByID(ids[i+n]), func(s payments.Snapshot) (payments.Change, error) {
							return payments.Change{Payment: s.Payment, Claim: granted(s, string(ids[i+n]))}, nil
						})
					})
				})
			}
			all.Wait()
			slices.Sort(want)
			require.Equal(t, want, grants(t, stores[0]), "round %d", round)
			require.NoError(t, db.Exec("DELETE FROM lunas_claim").Error) // to be made anew
		}
	})
}

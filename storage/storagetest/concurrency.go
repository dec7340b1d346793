package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// concurrencyCases are about many callers at once.
var concurrencyCases = []testCase{
	{"concurrency/updates of one payment", raceUpdates},
	{"concurrency/readers see whole commits", raceReaders},
	{"concurrency/one payment per name", raceCreate},
	{"concurrency/one owner per ref", raceRefs},
	{"concurrency/one claim of many payments", raceClaim},
	{"concurrency/each update fails alone", raceFailures},
	{"concurrency/timers", raceTimers},
	{"concurrency/lanes", raceLanes},
	{"concurrency/one outcome per lease", raceFinish},
	{"concurrency/draining", raceDrain},
}

// patience is how long a case may take on a slow machine before it counts as
// stuck.
const patience = 2 * time.Minute

// together calls f with 0 to n-1, all at once. It fails the case with the
// first error, which also ends the context of the other calls.
func (c *checker) together(n int, f func(ctx context.Context, i int) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	var first error
	var once sync.Once
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			if err := f(ctx, i); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	close(start)
	group.Wait()
	if first != nil {
		c.failf("%v", first)
	}
}

// count is an UpdateFunc that adds one to the payment in several places, and
// an event with a delivery.
func count(s payments.Snapshot) (payments.Change, error) {
	n, _ := strconv.Atoi(s.Payment.Metadata["count"])
	s.Payment.Metadata = map[string]string{"count": strconv.Itoa(n + 1)}
	s.Payment.Notes = append(s.Payment.Notes, "one")
	return emitting([]string{laneA}, payments.EventPending)(s)
}

func raceUpdates(c *checker) {
	const callers, each = 64, 4
	c.rule("Updates of the same payment never overlap: none is lost, the events are numbered without a gap, and Version counts all")
	p := c.create(c.payment())
	ref := payments.ByGatewayRef("snap", "R-1")
	c.change(p.ID, payments.Change{Refs: []payments.Ref{ref}})
	names := []payments.Ref{payments.ByID(p.ID), ref}
	c.together(callers, func(ctx context.Context, i int) error {
		for range each {
			got, err := c.store.Update(ctx, names[i%len(names)], count)
			if err != nil {
				return fmt.Errorf("Update: %w", err)
			}
			if got == nil || len(got.Notes) == 0 {
				return errors.New("Update returned the payment without what it changed")
			}
		}
		return nil
	})
	got := c.get(payments.ByID(p.ID))
	c.same(strconv.Itoa(callers*each), got.Metadata["count"], "counter")
	c.same(callers*each, len(got.Notes), "number of notes")
	c.same(callers*each, got.LastSeq, "LastSeq")
	c.same(int64(1+callers*each), got.Version, "Version")
	for i, e := range c.events(p.ID) {
		c.same(payments.EventID(p.ID, i+1), e.ID, "event number "+strconv.Itoa(i+1))
	}
	c.same(callers*each, len(c.deliveries(payments.DeliveryQuery{PaymentID: p.ID})), "number of deliveries")
}

func raceReaders(c *checker) {
	c.rule("a reader sees an Update's payment whole, before or after, and its events at the latest when Update has returned")
	p := c.create(c.payment())
	c.together(8, func(ctx context.Context, i int) error {
		for range 20 {
			if i%2 == 0 {
				if _, err := c.store.Update(ctx, payments.ByID(p.ID), count); err != nil {
					return fmt.Errorf("Update: %w", err)
				}
				continue
			}
			got, err := c.store.Get(ctx, payments.ByID(p.ID))
			if err != nil {
				return fmt.Errorf("Get: %w", err)
			}
			if n, _ := strconv.Atoi(got.Metadata["count"]); n != len(got.Notes) || n != got.LastSeq || int64(n) != got.Version-1 {
				return fmt.Errorf("Get returned a mix: counter %d, %d notes, LastSeq %d, Version %d", n, len(got.Notes), got.LastSeq, got.Version)
			}
			events, err := c.store.Events(ctx, payments.EventQuery{PaymentID: p.ID, Limit: 500})
			if err != nil {
				return fmt.Errorf("Events: %w", err)
			}
			if len(events.Items) < got.LastSeq {
				return fmt.Errorf("the payment had %d events, but Events returned only %d afterwards", got.LastSeq, len(events.Items))
			}
		}
		return nil
	})
}

func raceCreate(c *checker) {
	const names, callers = 8, 64
	c.rule("of many callers that create a payment under the Ref that Update was given, one does; for the others fn runs again and sees it")
	var refs []payments.Ref
	for i := range names {
		refs = append(refs, payments.ByKey(payments.EndUser{ID: "siti"}, strconv.Itoa(i)))
	}
	// One more name: the payment's own id.
	refs = append(refs, payments.ByID(payments.NewID()))
	plain := c.payment()
	var mu sync.Mutex
	winners := map[payments.Ref]payments.ID{}
	c.together(callers, func(ctx context.Context, i int) error {
		for k := range refs {
			ref := refs[(i+k)%len(refs)]
			mine := *plain
			mine.ID = payments.NewID()
			further := []payments.Ref{ref, payments.ByGatewayRef("snap", string(mine.ID))}
			if ref.Kind == payments.RefID {
				mine.ID, further = payments.ID(ref.Value), nil
			}
			mine.LastSeq = 1
			e := fullEvent(mine.ID, 1)
			got, err := c.store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				if s.Payment != nil {
					return payments.Change{}, nil
				}
				return payments.Change{
					Payment: mine.Clone(), Refs: further, Events: []payments.Event{e},
					Deliveries: []payments.Delivery{deliveryOf(e, laneA, epoch)},
				}, nil
			})
			if err != nil {
				return fmt.Errorf("Update by %s %q: %w", ref.Kind, ref.Value, err)
			}
			if got == nil {
				return fmt.Errorf("Update by %s %q returned no payment", ref.Kind, ref.Value)
			}
			mu.Lock()
			if winners[ref] == "" {
				winners[ref] = got.ID
			}
			other := winners[ref] != got.ID
			mu.Unlock()
			if other {
				return fmt.Errorf("Updates by %s %q returned different payments", ref.Kind, ref.Value)
			}
		}
		return nil
	})
	c.same(len(refs), len(c.payments(payments.PaymentQuery{})), "number of payments")
	c.same(len(refs), len(c.deliveries(payments.DeliveryQuery{})), "number of deliveries")
	for ref, id := range winners {
		c.same(id, c.get(ref).ID, "payment by "+string(ref.Kind)+" "+ref.Value)
		c.same(int64(1), c.get(ref).Version, "Version of the payment created")
		c.same(1, len(c.events(id)), "number of its events")
	}
}

func raceRefs(c *checker) {
	const callers, rounds = 16, 8
	c.rule("a Ref belongs to one payment: of many that take it at once one gets it, the others ErrRefTaken and nothing else of their Change")
	var all []*payments.Payment
	for range callers {
		all = append(all, c.create(c.payment()))
	}
	for round := range rounds {
		ref, own := payments.ByGatewayRef("snap", fmt.Sprintf("R-%d", round)), atomic.Int64{}
		var winner atomic.Value
		c.together(callers, func(ctx context.Context, i int) error {
			note := fmt.Sprintf("round %d", round)
			_, err := c.store.Update(ctx, payments.ByID(all[i].ID), func(s payments.Snapshot) (payments.Change, error) {
				s.Payment.Notes = append(s.Payment.Notes, note)
				return payments.Change{Payment: s.Payment, Refs: []payments.Ref{ref}}, nil
			})
			switch {
			case err == nil:
				own.Add(1)
				winner.Store(all[i].ID)
			case !errors.Is(err, payments.ErrRefTaken):
				return fmt.Errorf("Update: want nil or ErrRefTaken, got %w", err)
			}
			return nil
		})
		c.same(int64(1), own.Load(), "number of Updates that got the Ref")
		c.same(winner.Load().(payments.ID), c.get(ref).ID, "owner of the Ref")
		notes := 0
		for _, p := range all {
			notes += len(c.get(payments.ByID(p.ID)).Notes)
		}
		c.same(round+1, notes, "number of notes written by those that got a Ref")
	}
}

func raceClaim(c *checker) {
	const buyers = 24
	c.rule("the claim of a user on a plan is locked with each payment for it: payments that add their grants at once lose none")
	user := payments.EndUser{ID: "siti", Tenant: "shop"}
	var all []*payments.Payment
	for range buyers {
		all = append(all, c.create(c.buying(user, "pro-monthly", "pro")))
	}
	// First they make the claim, then they change it.
	for round := range 3 {
		c.together(buyers, func(ctx context.Context, i int) error {
			_, err := c.store.Update(ctx, payments.ByID(all[i].ID), func(s payments.Snapshot) (payments.Change, error) {
				claim := s.Claim
				if claim == nil {
					claim = &payments.Claim{Tenant: user.Tenant, UserID: user.ID, PlanKey: "pro"}
				}
				claim.Grants = append(claim.Grants, payments.Grant{PaymentID: all[i].ID, Period: payments.Monthly, Anchor: epoch, Live: true})
				return payments.Change{Payment: s.Payment, Claim: claim}, nil
			})
			if err != nil {
				return fmt.Errorf("Update: %w", err)
			}
			return nil
		})
		grants := map[payments.ID]int{}
		for _, g := range c.claim(all[0].ID).Grants {
			grants[g.PaymentID]++
		}
		for _, p := range all {
			c.same(round+1, grants[p.ID], "number of grants of one of the payments")
		}
	}
}

func raceFailures(c *checker) {
	const callers, rounds = 48, 5
	c.rule("updates that share a transaction fail alone: a failed fn, a taken Ref or a canceled caller leaves the others unharmed")
	taken := payments.ByGatewayRef("snap", "taken")
	shared := c.create(c.payment(), taken)
	canceled, cancel := context.WithCancel(c.ctx)
	cancel()
	mine := errors.New("fn's own")
	for round := range rounds {
		news := make([]*payments.Payment, callers)
		for i := range news {
			news[i] = c.payment()
		}
		// A third of the good ones meet in one payment.
		creates := func(i int) bool { return i%4 == 0 && i%3 != 0 }
		c.together(callers, func(ctx context.Context, i int) error {
			change := payments.Change{Payment: news[i], Refs: []payments.Ref{payments.ByGatewayRef("snap", string(news[i].ID))}}
			var want error
			ref, fail := payments.Ref{}, error(nil)
			switch i % 4 {
			case 0:
				if !creates(i) {
					if _, err := c.store.Update(ctx, payments.ByID(shared.ID), count); err != nil {
						return fmt.Errorf("Update that nothing is wrong with: %w", err)
					}
					return nil
				}
			case 1:
				fail, want = mine, mine
			case 2:
				change.Refs, want = append(change.Refs, taken), payments.ErrRefTaken
			case 3:
				ctx, want = canceled, context.Canceled
			}
			_, err := c.store.Update(ctx, ref, func(payments.Snapshot) (payments.Change, error) { return change, fail })
			if want == context.Canceled && err != nil {
				return nil // any error will do
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				return fmt.Errorf("Update: want the error %v, got %w", want, err)
			}
			return nil
		})
		for i, p := range news {
			_, err := c.store.Get(c.ctx, payments.ByID(p.ID))
			if creates(i) {
				c.ok(err, "Get of a payment whose Update succeeded")
				continue
			}
			c.isError(err, payments.ErrNotFound, "Get of a payment whose Update did not create it")
		}
		want := (callers / 12) * (round + 1)
		c.same(strconv.Itoa(want), c.get(taken).Metadata["count"], "counter of the payment in which others met")
	}
}

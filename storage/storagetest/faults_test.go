package storagetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// faults are mistakes that stores make, and words of the rule that the suite
// must say is broken.
var faults = map[string]struct {
	group  string
	breaks func(*faulty)
	rule   string
}{
	"a filter becomes part of the statement": {"basics", func(f *faulty) {
		f.list = func(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
			if strings.Contains(q.Reference, "' OR '1'='1") {
				q = payments.PaymentQuery{}
			}
			return f.Store.Payments(ctx, q)
		}
	}, "a text that is nothing's name selects nothing"},
	"what is no text is an error": {"basics", func(f *faulty) {
		f.get = func(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
			if strings.Contains(ref.Value, "\x00") {
				return nil, errors.New("invalid byte sequence")
			}
			return f.Store.Get(ctx, ref)
		}
	}, "a Ref names what was created under it and nothing else"},
	"a record is read, then saved": {"records", func(f *faulty) {
		f.record = func(ctx context.Context, store payments.RecordStore, ref payments.RecordRef, fn recordFunc) (*payments.Record, error) {
			found, err := store.Record(ctx, ref)
			if err != nil && !errors.Is(err, payments.ErrNotFound) {
				return nil, err
			}
			runtime.Gosched()
			changed, err := fn(found)
			if err != nil {
				return nil, err
			}
			return store.UpdateRecord(ctx, ref, func(*payments.Record) (*payments.Record, error) { return changed, nil })
		}
	}, "updates of the same record never overlap"},
	"keys of records fold": {"records", func(f *faulty) {
		f.record = func(ctx context.Context, store payments.RecordStore, ref payments.RecordRef, fn recordFunc) (*payments.Record, error) {
			ref.Kind = payments.RecordKind(strings.ToLower(string(ref.Kind)))
			return store.UpdateRecord(ctx, ref, fn)
		}
	}, "those of different kinds never meet"},
	"a record loses its document": {"records", func(f *faulty) {
		f.record = func(ctx context.Context, store payments.RecordStore, ref payments.RecordRef, fn recordFunc) (*payments.Record, error) {
			return store.UpdateRecord(ctx, ref, func(r *payments.Record) (*payments.Record, error) {
				changed, err := fn(r)
				if changed != nil {
					changed.Doc = []byte("null")
					changed.Tenant = ""
				}
				return changed, err
			})
		}
	}, "every field of a record survives"},
	"read, then save": {"concurrency", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			var snap payments.Snapshot
			if _, err := f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				snap = s
				return payments.Change{}, nil
			}); err != nil {
				return nil, err
			}
			runtime.Gosched()
			change, err := fn(snap)
			if err != nil {
				return nil, err
			}
			return f.Store.Update(ctx, ref, func(payments.Snapshot) (payments.Change, error) { return change, nil })
		}
	}, "never overlap"},
	"a lost race to create is an error": {"concurrency", func(f *faulty) {
		var arrived atomic.Int64
		second := make(chan struct{})
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			_, before := f.Store.Get(ctx, ref)
			if before != nil && ref.Kind == payments.RefKey && ref.Value == "0" {
				if arrived.Add(1) == 2 {
					close(second)
				}
				<-second // now two have seen nothing
			}
			return f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				if s.Payment != nil && before != nil {
					return payments.Change{}, payments.ErrRefTaken
				}
				return fn(s)
			})
		}
	}, "for the others fn runs again"},
	"fn's error is wrapped": {"basics", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			p, err := f.Store.Update(ctx, ref, fn)
			if err != nil {
				err = fmt.Errorf("update: %w", err)
			}
			return p, err
		}
	}, "fn's own error as it is"},
	"messages are kept although fn failed": {"basics", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			var failed error
			p, err := f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				change, err := fn(s)
				if failed = err; err != nil {
					return payments.Change{Messages: change.Messages}, nil
				}
				return change, nil
			})
			if failed != nil {
				return nil, failed
			}
			return p, err
		}
	}, "nothing of the Change is stored"},
	"taken refs are left alone": {"basics", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			return f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				change, err := fn(s)
				if len(change.Refs) > 2 {
					change.Refs = change.Refs[:2]
				}
				return change, err
			})
		}
	}, "gives ErrRefTaken"},
	"claims are lost":   {"basics", func(f *faulty) { changing(f, func(_ payments.Snapshot, c *payments.Change) { c.Claim = nil }) }, "commits all of the Change"},
	"no new deliveries": {"deliveries", func(f *faulty) { changing(f, func(_ payments.Snapshot, c *payments.Change) { c.Deliveries = nil }) }, "a leased delivery carries its event"},
	"releases forgotten": {"deliveries", func(f *faulty) {
		changing(f, func(_ payments.Snapshot, c *payments.Change) { c.Releases = nil })
	}, "puts a dead delivery back"},
	"timers sleep on": {"basics", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			return f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				before := s.Payment.Clone()
				change, err := fn(s)
				if before != nil && change.Payment != nil {
					change.Payment = change.Payment.Clone()
					change.Payment.WakeAt = before.WakeAt
				}
				return change, err
			})
		}
	}, "an Update of the payment sets WakeAt anew"},
	"milliseconds": {"basics", func(f *faulty) {
		changing(f, func(_ payments.Snapshot, c *payments.Change) {
			for i := range c.Events {
				c.Events[i].At = c.Events[i].At.Truncate(time.Millisecond)
			}
		})
	}, "commits all of the Change"},
	"local times": {"basics", func(f *faulty) {
		f.get = func(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
			p, err := f.Store.Get(ctx, ref)
			if err == nil {
				p.CreatedAt = p.CreatedAt.In(time.FixedZone("WIB", 7*60*60))
			}
			return p, err
		}
	}, "times come back in UTC"},
	"letter case is folded": {"basics", func(f *faulty) {
		f.get = func(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
			if p, err := f.Store.Get(ctx, ref); err == nil {
				return p, nil
			}
			ref.Value = strings.ToLower(ref.Value)
			return f.Store.Get(ctx, ref)
		}
		changing(f, func(_ payments.Snapshot, c *payments.Change) {
			for i := range c.Refs {
				c.Refs[i].Value = strings.ToLower(c.Refs[i].Value)
			}
		})
	}, "differ in kind, scope, letter case"},
	"one payment too few in a part": {"basics", func(f *faulty) {
		f.list = func(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
			page, err := f.Store.Payments(ctx, q)
			if page.Next != "" && len(page.Items) > 1 {
				page.Items = page.Items[:len(page.Items)-1]
			}
			return page, err
		}
	}, "its parts together are the whole"},
	"a tenant's user is everybody's": {"basics", func(f *faulty) {
		f.list = func(ctx context.Context, q payments.PaymentQuery) (payments.Page[*payments.Payment], error) {
			if q.Tenant != "" {
				q.UserID = ""
			}
			return f.Store.Payments(ctx, q)
		}
	}, "UserID and Tenant go together"},
	"ended contexts go on": {"basics", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			return f.Store.Update(context.WithoutCancel(ctx), ref, fn)
		}
	}, "whose context has ended"},
	"kinds of the process ignored": {"deliveries", func(f *faulty) {
		f.lease = func(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
			l.Targets = slices.Clone(l.Targets)
			for i := range l.Targets {
				l.Targets[i].Kinds = nil
			}
			return f.Store.LeaseDeliveries(ctx, l)
		}
	}, "only kinds that the target names"},
	"leases without order": {"deliveries", func(f *faulty) {
		f.lease = func(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
			leased, err := f.Store.LeaseDeliveries(ctx, l)
			slices.Reverse(leased)
			return leased, err
		}
	}, "most overdue first"},
	"any token will do": {"deliveries", func(f *faulty) {
		f.finish = func(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
			outcomes = slices.Clone(outcomes)
			for i, o := range outcomes {
				page, err := f.Deliveries(ctx, payments.DeliveryQuery{ID: o.DeliveryID})
				if err != nil {
					return nil, err
				}
				if len(page.Items) == 1 {
					outcomes[i].Lease = page.Items[0].Lease
				}
			}
			return f.Store.Finish(ctx, outcomes)
		}
	}, "whose lease is no longer the current one"},
	"lost leases not told": {"deliveries", func(f *faulty) {
		f.finish = func(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
			_, err := f.Store.Finish(ctx, outcomes)
			return nil, err
		}
	}, "whose lease is no longer the current one"},
	"every try counts": {"deliveries", func(f *faulty) {
		f.finish = func(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
			outcomes = slices.Clone(outcomes)
			for i := range outcomes {
				outcomes[i].Uncounted = false
			}
			return f.Store.Finish(ctx, outcomes)
		}
	}, "Uncounted outcome"},
	"heartbeats keep old kinds alive": {"deliveries", func(f *faulty) {
		f.lanes = func(ctx context.Context, c payments.LaneChange) ([]payments.Lane, error) {
			stored, err := f.Store.Lanes(ctx, payments.LaneChange{})
			if err != nil {
				return nil, err
			}
			c.Seen = slices.Clone(c.Seen)
			for i, seen := range c.Seen {
				for _, lane := range stored {
					if lane.Name == seen.Name && seen.SeenAt.Sub(lane.SeenAt) < payments.LaneOverlap && seen.Kinds != nil {
						c.Seen[i].Kinds = append(slices.Clone(seen.Kinds), lane.Kinds...)
					}
				}
			}
			return f.Store.Lanes(ctx, c)
		}
	}, "a kind that no version has recorded"},
	"retired lanes get events": {"deliveries", func(f *faulty) {
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			lanes, err := f.Store.Lanes(ctx, payments.LaneChange{})
			if err != nil {
				return nil, err
			}
			return f.Store.Update(ctx, ref, func(s payments.Snapshot) (payments.Change, error) {
				s.Lanes = lanes
				return fn(s)
			})
		}
	}, "not among Snapshot.Lanes"},
	"parked messages go": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			parked, err := f.Messages(ctx, payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictParked}})
			if err != nil {
				return false, err
			}
			for i := range parked.Items {
				parked.Items[i].Verdict = payments.VerdictApplied
			}
			if _, err := f.Update(ctx, payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
				return payments.Change{Messages: parked.Items}, nil
			}); err != nil {
				return false, err
			}
			return f.Store.(payments.Cleaner).Clean(ctx, c)
		}
	}, "parked ones stay"},
	"dead deliveries go": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			dead, err := f.Deliveries(ctx, payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDead}})
			if err != nil {
				return false, err
			}
			for _, d := range dead.Items {
				dismiss := []payments.Release{{DeliveryID: d.ID, State: payments.DeliveryDismissed, Due: time.Unix(0, 0).UTC()}}
				if _, err := f.Update(ctx, payments.ByID(d.Event.PaymentID), func(payments.Snapshot) (payments.Change, error) {
					return payments.Change{Releases: dismiss}, nil
				}); err != nil {
					return false, err
				}
			}
			return f.Store.(payments.Cleaner).Clean(ctx, c)
		}
	}, "dead ones stay"},
	"a zero time means all": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			if c.DeliveriesBefore.IsZero() {
				c.DeliveriesBefore = c.MessagesBefore
			}
			return f.Store.(payments.Cleaner).Clean(ctx, c)
		}
	}, "a zero time leaves that kind alone"},
	"one batch is all": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			_, err := f.Store.(payments.Cleaner).Clean(ctx, c)
			return false, err
		}
	}, "says that there may be more until there is none"},
	"a limit of both kinds together": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			more, err := f.Store.(payments.Cleaner).Clean(ctx, payments.Cleaning{DeliveriesBefore: c.DeliveriesBefore, Limit: c.Limit})
			if err != nil || more {
				return more, err
			}
			return f.Store.(payments.Cleaner).Clean(ctx, payments.Cleaning{MessagesBefore: c.MessagesBefore, Limit: c.Limit})
		}
	}, "up to Limit of each kind"},
	"cleaning goes on when its context ends": {"cleaning", func(f *faulty) {
		f.clean = func(ctx context.Context, c payments.Cleaning) (bool, error) {
			return f.Store.(payments.Cleaner).Clean(context.WithoutCancel(ctx), c)
		}
	}, "a Clean whose context has ended"},
	"a rollback that commits": {"tx", nil, "after its rollback"},
	"a taken ref poisons the transaction": {"tx", func(f *faulty) {
		poisoned := false
		f.update = func(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
			if poisoned {
				return nil, errors.New("current transaction is aborted")
			}
			p, err := f.Store.Update(ctx, ref, fn)
			poisoned = errors.Is(err, payments.ErrRefTaken)
			return p, err
		}
	}, "the transaction goes on"},
}

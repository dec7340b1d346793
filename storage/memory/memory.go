// Package memory is a payments.Store in the process's memory: for tests, for
// trying things out, and for whatever may be forgotten. It keeps every
// promise of the contract but one: all is lost when the process ends.
package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lunaspay/lunas/payments"
)

// Store keeps everything in maps behind one lock. It is safe for concurrent
// use; make one with [New].
type Store struct {
	mu       sync.Mutex
	payments map[payments.ID]*record
	refs     map[payments.Ref]payments.ID
	claims   map[claimKey]*payments.Claim
	messages map[payments.ID]*payments.Message
	lanes    map[string]*payments.LaneRecord
	records  map[payments.RecordRef]*payments.Record

	deliveries map[payments.ID]*delivery
	// queues are the open and dead deliveries of each payment and target, by
	// Seq.
	queues map[queueKey][]*delivery
	// lease is the last token given.
	lease int64

	// The ids of all payments and of all messages, in order.
	paymentIDs, messageIDs []payments.ID
}

var (
	_ payments.Store       = (*Store)(nil)
	_ payments.Cleaner     = (*Store)(nil)
	_ payments.RecordStore = (*Store)(nil)
)

// record is a payment with what belongs to it alone.
type record struct {
	payment    *payments.Payment
	events     []payments.Event
	deliveries []*delivery // by Seq and target
}

// New returns an empty store.
func New() *Store {
	return &Store{
		payments:   map[payments.ID]*record{},
		refs:       map[payments.Ref]payments.ID{},
		claims:     map[claimKey]*payments.Claim{},
		messages:   map[payments.ID]*payments.Message{},
		lanes:      map[string]*payments.LaneRecord{},
		records:    map[payments.RecordRef]*payments.Record{},
		deliveries: map[payments.ID]*delivery{},
		queues:     map[queueKey][]*delivery{},
	}
}

// enter takes the lock, unless ctx has ended. The caller unlocks.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return fmt.Errorf("memory store: %w", err)
	}
	return nil
}

// Update implements payments.PaymentStore. fn runs once, under the store's
// lock: it must not call the store, or it waits for ever.
func (s *Store) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	rec := s.find(ref)
	change, err := fn(s.snapshot(rec))
	if err != nil {
		return nil, err
	}
	if err := s.check(rec, change); err != nil {
		return nil, fmt.Errorf("memory store: update: %w", err)
	}
	return copyPayment(s.apply(rec, change)), nil
}

func (s *Store) snapshot(rec *record) payments.Snapshot {
	snap := payments.Snapshot{Lanes: s.liveLanes()}
	if rec != nil {
		snap.Payment = copyPayment(rec.payment)
		snap.Claim = copyClaim(s.claims[keyOf(rec.payment)])
	}
	return snap
}

// check refuses a change that must not be applied, before any of it is.
func (s *Store) check(rec *record, c payments.Change) error {
	var id payments.ID
	switch {
	case c.Payment == nil && rec != nil:
		id = rec.payment.ID
	case c.Payment != nil && rec == nil:
		if id = c.Payment.ID; s.payments[id] != nil {
			return fmt.Errorf("payment %s exists: %w", id, payments.ErrRefTaken)
		}
	case c.Payment != nil:
		if id = rec.payment.ID; c.Payment.ID != id {
			return fmt.Errorf("payment %s cannot become payment %s", id, c.Payment.ID)
		}
	case len(c.Refs)+len(c.Events)+len(c.Deliveries) > 0:
		return errors.New("refs, events or deliveries of no payment")
	}
	for _, ref := range c.Refs {
		if owner, taken := s.refs[ref]; taken && owner != id {
			return fmt.Errorf("%s %q: %w", ref.Kind, ref.Value, payments.ErrRefTaken)
		}
	}
	seq := 0
	if rec != nil {
		seq = len(rec.events)
	}
	for _, e := range c.Events {
		if seq++; e.PaymentID != id || e.Seq != seq {
			return fmt.Errorf("event %d of %s where number %d of %s follows", e.Seq, e.PaymentID, seq, id)
		}
	}
	for _, d := range c.Deliveries {
		if s.deliveries[d.ID] != nil {
			return fmt.Errorf("delivery %s exists", d.ID)
		}
		if d.Event.PaymentID != id || d.Event.Seq < 1 || d.Event.Seq > seq {
			return fmt.Errorf("delivery %s is of no event of payment %s", d.ID, id)
		}
	}
	return nil
}

// apply writes a change that was checked, and returns the stored payment.
func (s *Store) apply(rec *record, c payments.Change) *payments.Payment {
	if rec == nil && c.Payment != nil {
		rec = &record{payment: &payments.Payment{}}
		s.payments[c.Payment.ID] = rec
		s.paymentIDs = insert(s.paymentIDs, c.Payment.ID)
	}
	if c.Payment != nil {
		version := rec.payment.Version
		rec.payment = copyPayment(c.Payment)
		rec.payment.Version = version + 1
	}
	for _, m := range c.Messages {
		if s.messages[m.ID] == nil {
			s.messageIDs = insert(s.messageIDs, m.ID)
		}
		kept := copyMessage(m)
		s.messages[m.ID] = &kept
	}
	if c.Claim != nil {
		s.claims[claimKey{c.Claim.Tenant, c.Claim.UserID, c.Claim.PlanKey}] = copyClaim(c.Claim)
	}
	for _, r := range c.Releases {
		s.release(r)
	}
	if rec == nil {
		return nil
	}
	for _, ref := range c.Refs {
		s.refs[ref] = rec.payment.ID
	}
	for _, e := range c.Events {
		rec.events = append(rec.events, copyEvent(e))
	}
	for _, d := range c.Deliveries {
		s.addDelivery(rec, d)
	}
	return rec.payment
}

// find returns the record that ref names, or nil.
func (s *Store) find(ref payments.Ref) *record {
	switch {
	case ref == payments.Ref{}:
		return nil
	case ref.Kind == payments.RefID:
		return s.payments[payments.ID(ref.Value)]
	}
	return s.payments[s.refs[ref]]
}

// insert puts id into a sorted list, mostly at its end: ids sort by time.
func insert(ids []payments.ID, id payments.ID) []payments.ID {
	i, _ := slices.BinarySearchFunc(ids, id, cmp.Compare)
	return slices.Insert(ids, i, id)
}

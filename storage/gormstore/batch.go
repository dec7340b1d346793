package gormstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// batch is updates that share a transaction: what they found, and what came
// of those that have run. Nothing is written before all have.
type batch struct {
	c     *conn
	alone bool // one request only
	lanes []payments.Lane

	payments map[payments.ID]*paymentState
	claims   map[claimKey]*claimState
	owners   map[hash]payments.ID // of names
	heads    map[headKey]deliveryRow

	refs       []newRef
	events     []payments.Event
	deliveries []deliveryRow
	messages   map[payments.ID]payments.Message
	releases   []payments.Release
}

// paymentState is a payment as its row would be now.
type paymentState struct {
	row     paymentRow
	stored  bool // a row of it exists
	changed bool
}

type claimState struct {
	doc     string
	changed bool
	// missing: the claim was looked for under lock and is not there. It must
	// not be there when it is inserted, either.
	missing bool
}

type newRef struct {
	payments.Ref
	hash    hash
	payment payments.ID
	named   bool // by the Update that brings it
}

type headKey struct{ payment, target string }

func newBatch(c *conn, requests int) *batch {
	return &batch{
		c:        c,
		payments: make(map[payments.ID]*paymentState, requests), claims: map[claimKey]*claimState{},
		owners: make(map[hash]payments.ID, requests), heads: map[headKey]deliveryRow{},
		events: make([]payments.Event, 0, 2*requests), deliveries: make([]deliveryRow, 0, 2*requests),
		messages: make(map[payments.ID]payments.Message, requests),
	}
}

// addHead takes a live delivery into account, if it is the first of its lane.
func (b *batch) addHead(r deliveryRow) {
	k := headKey{r.payment, r.target}
	if head, ok := b.heads[k]; !ok || r.seq < head.seq {
		b.heads[k] = r
	}
}

// errTogether: this request cannot share a transaction.
var errTogether = errors.New("not together with other updates")

// run calls the request's function and takes in its change. An error ends the
// whole batch; what is wrong with the request alone is kept in it.
func (b *batch) run(ctx context.Context, r *request) error {
	r.after, r.err, r.own = nil, nil, false
	state := b.find(r)
	snapshot, err := b.snapshot(ctx, state)
	if err != nil {
		r.err = err
		return nil
	}
	change, err := r.call(snapshot)
	if err != nil {
		r.err, r.own = err, true
		return nil
	}
	if len(change.Releases) > 0 && !b.alone {
		return errTogether // it moves rows that the others' new ones may stand behind
	}
	r.after, r.err = b.apply(ctx, r, state, change)
	return nil
}

// find returns nil if ref names nothing.
func (b *batch) find(r *request) *paymentState {
	id := payments.ID(r.ref.Value)
	if r.ref.Kind != payments.RefID {
		id = b.owners[r.hash]
	}
	return b.payments[id]
}

// snapshot is what fn gets, all of it its own copy.
func (b *batch) snapshot(ctx context.Context, state *paymentState) (s payments.Snapshot, err error) {
	s.Lanes = make([]payments.Lane, len(b.lanes))
	for i, lane := range b.lanes {
		lane.Kinds = slices.Clone(lane.Kinds)
		s.Lanes[i] = lane
	}
	if state == nil {
		return s, nil
	}
	if s.Payment, err = state.row.payment(); err != nil {
		return s, err
	}
	if state.row.claim.plan == "" {
		return s, nil
	}
	claim, err := b.claim(ctx, state.row.claim, state.stored)
	if err == nil && claim.doc != "" {
		var c payments.Claim
		c, err = decode[payments.Claim](claim.doc, "claim of payment "+state.row.id)
		s.Claim = &c
	}
	return s, err
}

// claim is the claim of a key. Those of stored payments were read with them;
// that of one which this batch has created is looked for now.
func (b *batch) claim(ctx context.Context, k claimKey, read bool) (*claimState, error) {
	if state, ok := b.claims[k]; ok {
		return state, nil
	}
	if !read {
		d := b.c.store.dialect
		if err := b.c.do(ctx, b.readClaims(fmt.Sprintf(claimsOf+"IN ?%s", d.byKey(), d.lock), set{k.values()})); err != nil {
			return nil, err
		}
	}
	if b.claims[k] == nil {
		b.claims[k] = &claimState{missing: true}
	}
	return b.claims[k], nil
}

// apply checks all of the change before it takes anything in.
func (b *batch) apply(ctx context.Context, r *request, state *paymentState, change payments.Change) (*payments.Payment, error) {
	next, after, err := b.next(state, change)
	if err != nil {
		return nil, err
	}
	refs, err := b.newRefs(r, next, change.Refs)
	if err != nil {
		return nil, err
	}
	deliveries, err := b.newDeliveries(ctx, state, next, change.Deliveries)
	if err != nil {
		return nil, err
	}
	claimDoc := ""
	if change.Claim != nil {
		if claimDoc, err = document(change.Claim); err != nil {
			return nil, err
		}
	}

	if next != nil {
		b.payments[payments.ID(next.row.id)] = next
	}
	for _, ref := range refs {
		b.owners[ref.hash] = ref.payment
	}
	b.refs = append(b.refs, refs...)
	b.events = append(b.events, change.Events...)
	for _, d := range deliveries {
		b.addHead(d)
	}
	b.deliveries = append(b.deliveries, deliveries...)
	if c := change.Claim; c != nil {
		k := claimKey{c.Tenant, c.UserID, c.PlanKey}
		if b.claims[k] == nil {
			b.claims[k] = &claimState{}
		}
		b.claims[k].doc, b.claims[k].changed = claimDoc, true
	}
	for _, m := range change.Messages {
		b.messages[m.ID] = m
	}
	b.releases = change.Releases
	return after, nil
}

// next is the payment after the change, as a row and for the caller.
func (b *batch) next(state *paymentState, change payments.Change) (next *paymentState, after *payments.Payment, err error) {
	p := change.Payment
	switch {
	case state == nil && p == nil:
		if len(change.Refs)+len(change.Events)+len(change.Deliveries) > 0 {
			return nil, nil, errors.New("refs, events or deliveries of no payment")
		}
		return nil, nil, nil
	case state == nil:
		if b.payments[p.ID] != nil {
			return nil, nil, fmt.Errorf("payment %s exists: %w", p.ID, payments.ErrRefTaken)
		}
		next = &paymentState{row: paymentRow{id: string(p.ID)}}
	case p != nil && string(p.ID) != state.row.id:
		return nil, nil, fmt.Errorf("payment %s cannot become payment %s", state.row.id, p.ID)
	default:
		copied := *state
		next = &copied
	}
	for _, e := range change.Events {
		if next.row.lastSeq++; string(e.PaymentID) != next.row.id || e.Seq != next.row.lastSeq {
			return nil, nil, fmt.Errorf("event %d of %s where number %d of %s follows", e.Seq, e.PaymentID, next.row.lastSeq, next.row.id)
		}
		next.changed = true
	}
	if p == nil {
		after, err = next.row.payment()
		return next, after, err
	}
	after = p // which is fn's no more
	next.row.version++
	after.Version = next.row.version
	next.changed = true
	return next, after, next.row.fill(after)
}

// newRefs are those names that the payment does not have yet, as far as the
// batch knows.
func (b *batch) newRefs(r *request, next *paymentState, refs []payments.Ref) (fresh []newRef, err error) {
	for _, ref := range refs {
		h := refHash(ref)
		owner, ok := b.owners[h]
		if ok && string(owner) != next.row.id {
			return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Value, payments.ErrRefTaken)
		}
		named := func(n newRef) bool { return n.Ref == ref }
		if !ok && !slices.ContainsFunc(fresh, named) {
			fresh = append(fresh, newRef{Ref: ref, hash: h, payment: payments.ID(next.row.id), named: ref == r.ref})
		}
	}
	return fresh, nil
}

// newDeliveries are rows of deliveries of events that are stored, or about to
// be. While the head of their lane waits they wait with it.
func (b *batch) newDeliveries(ctx context.Context, state, next *paymentState, deliveries []payments.Delivery) ([]deliveryRow, error) {
	before := 0
	if state != nil {
		before = state.row.lastSeq
	}
	var rows []deliveryRow
	for _, d := range deliveries {
		id := next.row.id
		if string(d.Event.PaymentID) != id || d.Event.Seq < 1 || d.Event.Seq > next.row.lastSeq {
			return nil, fmt.Errorf("delivery %s is of no event of payment %s", d.ID, id)
		}
		if d.Event.Seq <= before {
			if err := b.neverMade(ctx, d); err != nil {
				return nil, err
			}
		}
		due := sql.NullInt64{Int64: micros(d.Due), Valid: true}
		if head, ok := b.heads[headKey{id, d.Target}]; ok && head.seq < d.Event.Seq {
			switch head.state {
			case stateDead:
				due = sql.NullInt64{}
			case stateOpen:
				due.Int64 = max(due.Int64, head.due.Int64)
			}
		}
		rows = append(rows, deliveryRow{
			deliveryKey: deliveryKey{payment: id, target: d.Target, seq: d.Event.Seq},
			kind:        string(d.Event.Kind), state: stateOpen, due: due,
		})
	}
	return rows, nil
}

// neverMade makes sure that a delivery of an old event is not there already.
func (b *batch) neverMade(ctx context.Context, d payments.Delivery) error {
	for _, table := range []string{"lunas_delivery", "lunas_delivery_log"} {
		states, err := query(ctx, b.c, scanOne[string], "SELECT state FROM "+table+" WHERE payment_id = ? AND seq = ? AND target = ?",
			string(d.Event.PaymentID), d.Event.Seq, d.Target)
		if err != nil {
			return fmt.Errorf("look for deliveries of payment %s: %w", d.Event.PaymentID, err)
		}
		if len(states) > 0 {
			return fmt.Errorf("delivery %s exists, and is %s", d.ID, states[0])
		}
	}
	return nil
}

// sorted are the values of a map in the order of their keys: all transactions
// write in one order.
func sorted[K cmp.Ordered, V any](m map[K]V) []V {
	var values []V
	for _, k := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[k])
	}
	return values
}

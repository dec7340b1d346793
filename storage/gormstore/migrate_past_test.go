package gormstore_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// past is what happened in a shop before its software was brought up to date:
// something of everything that a store keeps.
type past struct {
	paid, fresh *payments.Payment
	user        payments.EndUser
	refs        []payments.Ref // of paid
	events      []payments.Event
	deliveries  []payments.Delivery
	claim       payments.Claim
	lanes       []payments.Lane
	messages    []payments.Message
	record      payments.Record
}

const (
	paidID  = payments.ID("019a0000-0000-7000-8000-00000000000a")
	freshID = payments.ID("019a0000-0001-7000-8000-00000000000b")
)

func newPast() *past {
	user := payments.EndUser{ID: "Siti 付款", Tenant: "shop-é", Name: "Siti O'Brien", Email: "siti@example.com", Phone: "+62811"}
	plan := payments.Plan{ID: "pro-monthly", Key: "pro", DisplayName: "Pro", Price: payments.IDR(29_000), Period: payments.Monthly}
	facts := payments.Facts{{Kind: payments.FactPaid, ID: "T-1", Amount: payments.IDR(29_000), Text: `a "word" \n`, At: after(time.Minute), GatewayAt: after(time.Second)}}
	p := &past{user: user, refs: []payments.Ref{
		payments.ByGatewayRef("snap", "R-1 "), payments.ByKey(user, "key"), {Kind: payments.RefTransaction, Scope: "snap", Value: "T-1"},
	}}
	p.paid = &payments.Payment{
		Order: payments.Order{
			ID: paidID, Reference: "INV/1 ", User: user, Plan: &plan, Amount: payments.IDR(29_000),
			Lines:    []payments.Line{{Item: payments.Item{ID: "mug", Name: "Mug", Price: payments.IDR(1)}, Quantity: 3}},
			Metadata: map[string]string{"Case": "1", "case": "2"}, CreatedAt: t0, ExpiresAt: after(24 * time.Hour),
		},
		Status: payments.StatusSettled, Cause: "paid", Totals: payments.Totals{Status: payments.StatusSettled, In: payments.IDR(29_000), Net: payments.IDR(29_000)},
		Notes: []string{"note"}, Facts: facts,
		Sessions: []payments.Session{{Gateway: "snap", Ref: "R-1 ", Tries: 1, TriedAt: t0, OpenedAt: after(time.Microsecond), Token: "tok", Extra: json.RawMessage(`{"b":1,"a":9007199254740993}`)}},
		Attempts: []payments.Attempt{{Gateway: "snap", TransactionID: "T-1", Ref: "R-1 ", Facts: facts, ExpiresAt: after(time.Hour)}},
		Told:     []string{"in/T-1"}, LastSeq: 3, Key: "key", Fingerprint: "abc", Method: "gopay", WakeAt: after(5 * time.Hour), Version: 1,
	}
	p.fresh = &payments.Payment{
		Order:  payments.Order{ID: freshID, User: payments.EndUser{ID: "budi"}, Amount: payments.IDR(1), CreatedAt: after(time.Hour), ExpiresAt: after(2 * time.Hour)},
		Status: payments.StatusCreated, Totals: payments.Totals{Status: payments.StatusCreated}, WakeAt: after(2 * time.Hour), Version: 1,
	}
	for i, kind := range []payments.EventKind{payments.EventSettled, payments.EventClaimGranted, payments.EventFundsAvailable} {
		seq := i + 1
		p.events = append(p.events, payments.Event{
			ID: payments.EventID(paidID, seq), PaymentID: paidID, Kind: kind, Version: 2, Seq: seq,
			At: after(time.Duration(seq) * time.Microsecond), Data: json.RawMessage(`{"who":"O'Brien <é🧧>","amount":9007199254740993}`),
		})
	}
	p.claim = payments.Claim{
		Tenant: user.Tenant, UserID: user.ID, PlanKey: "pro", Start: t0, End: after(744 * time.Hour), Waker: paidID,
		Grants: []payments.Grant{{PaymentID: paidID, Period: payments.Monthly, Anchor: t0, Live: true, Start: t0, End: after(744 * time.Hour)}},
	}
	p.lanes = []payments.Lane{
		{Name: "audit", SeenAt: t0},
		{Name: "fulfil", Kinds: []payments.EventKind{payments.EventRefunded, payments.EventSettled}, SeenAt: after(time.Second)},
		{Name: "gone", SeenAt: t0, RetiredAt: after(time.Hour)},
	}
	p.messages = []payments.Message{
		{ID: "019a0000-0002-7000-8000-000000000001", PaymentID: paidID, Gateway: "snap", Op: "notification", Ref: "R-1 ", Raw: []byte("{}\x00\xff\r\n"), Verdict: payments.VerdictApplied, Note: "note é", At: t0},
		{ID: "019a0000-0002-7000-8000-000000000002", Gateway: "snap", Op: "notification", Ref: "nobody's", Raw: []byte("raw"), Verdict: payments.VerdictParked, At: after(time.Hour)},
	}
	p.record = payments.Record{
		RecordRef: payments.RecordRef{Kind: "link", Key: "Link é "}, Tenant: user.Tenant, Version: 2, Doc: json.RawMessage(`{"b":1, "a":9007199254740993}`),
	}
	p.deliveries = p.delivered()
	return p
}

// delivered are the deliveries by event, then target: a list goes the other way.
func (p *past) delivered() []payments.Delivery {
	all := []payments.Delivery{
		{Target: "hook:audit", State: payments.DeliveryDismissed, Lease: 1, Tries: 1, LastError: "broken; by hand", DoneAt: after(30 * time.Minute)},
		{Target: "hook:fulfil", State: payments.DeliveryDone, Lease: 1, Tries: 1, DoneAt: after(20 * time.Minute)},
		{Target: "hook:mail", State: payments.DeliveryOpen, Due: after(time.Hour), Lease: 1, Tries: 1, LastError: "no such box"},
		{Target: "hook:audit", State: payments.DeliveryOpen, Due: after(50 * time.Minute), Lease: 1, Tries: 1},
		{Target: "hook:fulfil", State: payments.DeliveryDead, Lease: 1, Tries: 1, LastError: "given up"},
		{Target: "hook:mail", State: payments.DeliveryOpen, Due: after(time.Hour)},
		{Target: "hook:fulfil", State: payments.DeliveryOpen}, // behind the dead one
	}
	for i, seq := range []int{1, 1, 1, 2, 2, 2, 3} {
		d := &all[i]
		d.Event = p.events[seq-1]
		d.ID = payments.DeliveryID(d.Event.ID, d.Target)
		if d.Lease > 0 {
			d.Owner = "worker"
		}
	}
	return all
}

func after(d time.Duration) time.Time { return t0.Add(d) }

// write makes it happen.
func (p *past) write(t *testing.T, store payments.Store) {
	t.Helper()
	pending := make([]payments.Delivery, len(p.deliveries))
	for i, d := range p.deliveries {
		pending[i] = payments.Delivery{ID: d.ID, Target: d.Target, Event: d.Event, Due: t0}
	}
	change(t, store, payments.Ref{}, payments.Change{
		Payment: p.paid, Refs: p.refs, Events: p.events, Deliveries: pending, Claim: &p.claim, Messages: p.messages,
	})
	change(t, store, payments.Ref{}, payments.Change{Payment: p.fresh})
	for _, seen := range p.lanes {
		lanes := payments.LaneChange{Seen: []payments.Lane{{Name: seen.Name, Kinds: seen.Kinds, SeenAt: seen.SeenAt}}, At: seen.RetiredAt}
		if !seen.RetiredAt.IsZero() {
			lanes.Retire = []string{seen.Name}
		}
		_, err := store.Lanes(t.Context(), lanes)
		require.NoError(t, err)
	}
	for range p.record.Version {
		p.putRecord(t, store)
	}
	first := p.lease(t, store, t0, after(10*time.Minute))
	require.Len(t, first, 3)
	p.finish(t, store, first[0], payments.Outcome{State: payments.DeliveryDead, Error: "broken"})
	p.finish(t, store, first[1], payments.Outcome{State: payments.DeliveryDone, At: after(20 * time.Minute)})
	p.finish(t, store, first[2], payments.Outcome{State: payments.DeliveryOpen, Due: after(time.Hour), Error: "no such box"})
	change(t, store, payments.ByID(paidID), payments.Change{
		Releases: []payments.Release{{DeliveryID: first[0].ID, State: payments.DeliveryDismissed, Due: after(30 * time.Minute), Note: "by hand"}},
	})
	second := p.lease(t, store, after(40*time.Minute), after(50*time.Minute))
	require.Len(t, second, 2)
	p.finish(t, store, second[1], payments.Outcome{State: payments.DeliveryDead, Error: "given up"}) // the other lease runs out
}

func (p *past) putRecord(t *testing.T, store payments.Store) *payments.Record {
	t.Helper()
	stored, err := store.(payments.RecordStore).UpdateRecord(t.Context(), p.record.RecordRef, func(*payments.Record) (*payments.Record, error) {
		r := p.record
		return &r, nil
	})
	require.NoError(t, err)
	return stored
}

func change(t *testing.T, store payments.Store, ref payments.Ref, c payments.Change) *payments.Payment {
	t.Helper()
	after, err := store.Update(t.Context(), ref, func(payments.Snapshot) (payments.Change, error) { return c, nil })
	require.NoError(t, err)
	return after
}

// lease leases what is due, in the order of targets.
func (p *past) lease(t *testing.T, store payments.Store, now, until time.Time) (leased []payments.Delivery) {
	t.Helper()
	for _, target := range []string{"hook:audit", "hook:fulfil", "hook:mail"} {
		some, err := store.LeaseDeliveries(t.Context(), payments.DeliveryLease{
			Lease: payments.Lease{Now: now, Until: until, Limit: 10}, Owner: "worker", Targets: []payments.Target{{Name: target}},
		})
		require.NoError(t, err)
		leased = append(leased, some...)
	}
	return leased
}

func (p *past) finish(t *testing.T, store payments.Store, d payments.Delivery, o payments.Outcome) {
	t.Helper()
	o.DeliveryID, o.Lease = d.ID, d.Lease
	lost, err := store.Finish(t.Context(), []payments.Outcome{o})
	require.NoError(t, err)
	require.Empty(t, lost)
}

// check reads all of it back.
func (p *past) check(t *testing.T, store payments.Store) {
	t.Helper()
	ctx := t.Context()
	for _, ref := range append([]payments.Ref{payments.ByID(paidID)}, p.refs...) {
		got, err := store.Get(ctx, ref)
		require.NoError(t, err, ref.Kind)
		require.Equal(t, p.paid, got)
	}
	_, err := store.Get(ctx, payments.ByGatewayRef("snap", "R-1"))
	require.ErrorIs(t, err, payments.ErrNotFound, "names are exact")
	for _, q := range []payments.PaymentQuery{{}, {Status: []payments.Status{payments.StatusSettled, payments.StatusCreated}}} {
		require.Equal(t, []*payments.Payment{p.fresh, p.paid}, items(store.Payments(ctx, q)))
	}
	for _, q := range []payments.PaymentQuery{{Tenant: p.user.Tenant}, {Tenant: p.user.Tenant, UserID: p.user.ID}, {Reference: "INV/1 "}} {
		require.Equal(t, []*payments.Payment{p.paid}, items(store.Payments(ctx, q)))
	}
	require.Equal(t, p.events, items(store.Events(ctx, payments.EventQuery{PaymentID: paidID})))
	listed := items(store.Deliveries(ctx, payments.DeliveryQuery{})).([]payments.Delivery)
	slices.Reverse(listed)
	require.Equal(t, p.deliveries, listed)
	for _, d := range p.deliveries {
		require.Equal(t, []payments.Delivery{d}, items(store.Deliveries(ctx, payments.DeliveryQuery{ID: d.ID, State: []payments.DeliveryState{d.State}})))
	}
	require.Equal(t, []payments.Claim{p.claim}, items(store.Claims(ctx, payments.ClaimQuery{Tenant: p.user.Tenant})))
	require.Equal(t, p.messages, items(store.Messages(ctx, payments.MessageQuery{})))
	require.Equal(t, p.messages[:1], items(store.Messages(ctx, payments.MessageQuery{PaymentID: paidID})))
	require.Equal(t, p.messages[1:], items(store.Messages(ctx, payments.MessageQuery{Gateway: "snap", Ref: "nobody's"})))
	require.Equal(t, p.messages[1:], items(store.Messages(ctx, payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictParked}})))
	lanes, err := store.Lanes(ctx, payments.LaneChange{})
	require.NoError(t, err)
	require.Equal(t, p.lanes, lanes)
	require.Equal(t, []*payments.Record{&p.record}, items(store.(payments.RecordStore).Records(ctx, payments.RecordQuery{Kind: "link", Tenant: p.user.Tenant})))
}

// items are those of a page, or the error.
func items[T any](page payments.Page[T], err error) any {
	if err != nil {
		return err
	}
	return page.Items
}

// goOn works on with what is there.
func (p *past) goOn(t *testing.T, store payments.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := store.Update(ctx, payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		another := p.fresh.Clone()
		another.ID = payments.NewID()
		return payments.Change{Payment: another, Refs: p.refs[:1]}, nil
	})
	require.ErrorIs(t, err, payments.ErrRefTaken)

	sleepers, err := store.LeasePayments(ctx, payments.Lease{Now: after(6 * time.Hour), Until: after(7 * time.Hour), Limit: 10})
	require.NoError(t, err)
	require.Len(t, sleepers, 2)
	require.Equal(t, freshID, sleepers[0].ID, "the one that is due first")

	leased := p.lease(t, store, after(2*time.Hour), after(3*time.Hour))
	require.Len(t, leased, 2)
	require.Equal(t, p.deliveries[3].ID, leased[0].ID, "whose lease ran out")
	require.Equal(t, int64(2), leased[0].Lease)
	require.Equal(t, p.deliveries[2].ID, leased[1].ID, "which is to be tried again")

	_, err = store.Update(ctx, p.refs[2], func(s payments.Snapshot) (payments.Change, error) {
		require.Equal(t, &p.claim, s.Claim)
		require.Len(t, s.Lanes, 2, "one is retired")
		next := p.events[2]
		next.Seq = 4
		next.ID = payments.EventID(paidID, next.Seq)
		return payments.Change{Payment: s.Payment, Events: []payments.Event{next}, Releases: []payments.Release{
			{DeliveryID: p.deliveries[4].ID, State: payments.DeliveryOpen, Due: after(2 * time.Hour)},
		}}, nil
	})
	require.NoError(t, err)
	got, err := store.Get(ctx, payments.ByID(paidID))
	require.NoError(t, err)
	require.Equal(t, p.paid.Version+1, got.Version)
	released := p.lease(t, store, after(2*time.Hour), after(3*time.Hour))
	require.Len(t, released, 1, "the one behind it still waits")
	require.Equal(t, p.deliveries[4].ID, released[0].ID)
	require.Equal(t, 1, released[0].Tries, "they are counted anew")
	require.Equal(t, p.record.Version+1, p.putRecord(t, store).Version)
}

package storagetest

import (
	"errors"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// updateCases are about Update as such: what fn gets, what is committed.
var updateCases = []testCase{
	{"Update/commits everything", updateCommitsEverything},
	{"Update/failed fn commits nothing", updateFailed},
	{"Update/zero Change", updateZeroChange},
	{"Update/ref names nothing", updateNamesNothing},
	{"Update/parts without the payment", updateParts},
	{"Update/snapshot", updateSnapshot},
	{"Update/version", updateVersion},
	{"Update/what fn gets is a copy", updateCopiesIn},
	{"Update/what was committed is a copy", updateCopiesOut},
}

// everything is a Change with something of each kind, for a payment that has
// no events yet.
func (c *checker) everything(p *payments.Payment) payments.Change {
	p.LastSeq = 2
	first, second := fullEvent(p.ID, 1), fullEvent(p.ID, 2)
	claim := fullClaim(p.User, "pro")
	return payments.Change{
		Payment: p,
		Refs:    []payments.Ref{payments.ByGatewayRef("snap", "R-"+string(p.ID)), payments.ByKey(p.User, "key")},
		Events:  []payments.Event{first, second},
		Deliveries: []payments.Delivery{
			deliveryOf(first, "hook:a", epoch), deliveryOf(first, "hook:b", epoch), deliveryOf(second, "hook:a", epoch),
		},
		Claim:    &claim,
		Messages: []payments.Message{c.fullMessage(), c.fullMessage()},
	}
}

// stored fails the case unless all of the change can be read, and read back
// as it was.
func (c *checker) stored(change payments.Change) {
	c.t.Helper()
	id := change.Payment.ID
	for _, ref := range append(change.Refs, payments.ByID(id)) {
		c.same(id, c.get(ref).ID, "payment found by "+string(ref.Kind))
	}
	c.same(change.Events, c.events(id), "events")
	for _, d := range change.Deliveries {
		c.same(d, c.delivery(d.ID), "delivery")
	}
	c.same(change.Claim, c.claim(id), "claim")
	for _, m := range change.Messages {
		c.same([]payments.Message{m}, c.messages(payments.MessageQuery{ID: m.ID}), "message")
	}
}

// notStored fails the case if any part of the change can be read.
func (c *checker) notStored(change payments.Change) {
	c.t.Helper()
	for _, ref := range append(change.Refs, payments.ByID(change.Payment.ID)) {
		_, err := c.store.Get(c.ctx, ref)
		c.isError(err, payments.ErrNotFound, "Get by "+string(ref.Kind))
	}
	c.notStoredBesides(change)
}

// notStoredBesides is notStored for all but the payment and its names.
func (c *checker) notStoredBesides(change payments.Change) {
	c.t.Helper()
	if events := c.events(change.Payment.ID); len(events) > 0 {
		c.failf("events of it were stored: %d", len(events))
	}
	if ds := c.deliveries(payments.DeliveryQuery{PaymentID: change.Payment.ID}); len(ds) > 0 {
		c.failf("deliveries of it were stored: %d", len(ds))
	}
	if cs := c.claims(payments.ClaimQuery{Tenant: change.Claim.Tenant, UserID: change.Claim.UserID}); len(cs) > 0 {
		c.failf("its claim was stored: %+v", cs)
	}
	for _, m := range change.Messages {
		if ms := c.messages(payments.MessageQuery{ID: m.ID}); len(ms) > 0 {
			c.failf("its message was stored: %s", m.ID)
		}
	}
}

func updateCommitsEverything(c *checker) {
	c.rule("Update commits all of the Change; the result is the payment as committed")
	p := c.fullPayment()
	c.create(p)
	change := c.everything(p)
	got := c.change(p.ID, change)
	c.same(c.get(payments.ByID(p.ID)), got, "what Update returned, beside what Get returns")
	c.stored(change)

	p = c.fullPayment()
	p.User.ID = "of a claim of its own"
	change = c.everything(p)
	key := change.Refs[1]
	got = c.update(key, func(payments.Snapshot) (payments.Change, error) { return change, nil })
	c.same(c.get(key), got, "what Update returned for a new payment, beside what Get returns")
	c.stored(change)
}

func updateFailed(c *checker) {
	c.rule("when fn fails, Update returns fn's own error as it is, and nothing of the Change is stored")
	mine := errors.New("fn's own")
	fails := func(ref payments.Ref, change payments.Change) {
		c.t.Helper()
		p, err := c.store.Update(c.ctx, ref, func(payments.Snapshot) (payments.Change, error) { return change, mine })
		if err != mine { //nolint:errorlint // not even wrapped
			c.failf("Update: want the very error that fn returned, got %v", err)
		}
		c.same((*payments.Payment)(nil), p, "payment that a failed Update returned")
	}
	created := c.everything(c.fullPayment())
	fails(payments.Ref{}, created)
	c.notStored(created)

	old := c.create(c.fullPayment())
	changed := old.Clone()
	changed.Reference, changed.WakeAt = "changed", time.Time{}
	change := c.everything(changed)
	fails(payments.ByID(old.ID), change)
	c.same(old, c.get(payments.ByID(old.ID)), "the payment as it was before")
	c.notStoredBesides(change)

	c.rule("a failed Update leaves nothing behind that disturbs the next one")
	c.change(old.ID, change)
	c.stored(change)
}

func updateZeroChange(c *checker) {
	c.rule("the zero Change changes nothing; Update returns the payment as it is")
	stored := c.create(c.fullPayment())
	got := c.change(stored.ID, payments.Change{})
	c.same(stored, got, "what Update returned")
	c.same(stored, c.get(payments.ByID(stored.ID)), "what Get returns")
}

func updateNamesNothing(c *checker) {
	c.rule("if ref names nothing, Snapshot.Payment and Claim are nil; fn may only keep messages; the result is nil")
	c.create(c.payment(), payments.ByKey(payments.EndUser{ID: "siti"}, "key"))
	for _, ref := range []payments.Ref{
		{}, payments.ByID(payments.NewID()), payments.ByID("no uuid: it's ' text"), payments.ByID(""),
		payments.ByGatewayRef("snap", "R-1"), payments.ByKey(payments.EndUser{ID: "siti"}, "other"),
	} {
		m := c.fullMessage()
		got := c.update(ref, func(s payments.Snapshot) (payments.Change, error) {
			if s.Payment != nil || s.Claim != nil {
				return payments.Change{}, errors.New("the snapshot is not empty")
			}
			return payments.Change{Messages: []payments.Message{m}}, nil
		})
		c.same((*payments.Payment)(nil), got, "what Update returned")
		c.same([]payments.Message{m}, c.messages(payments.MessageQuery{ID: m.ID}), "the message that was kept")
	}

	c.rule("the zero Ref always names nothing")
	_, err := c.store.Get(c.ctx, payments.Ref{})
	c.isError(err, payments.ErrNotFound, "Get of the zero Ref")
}

func updateParts(c *checker) {
	c.rule("a Change without Payment leaves the payment alone and commits the rest")
	p := c.fullPayment()
	stored := c.create(p)
	change := c.everything(p.Clone())
	change.Payment = nil
	c.same(stored, c.change(p.ID, change), "what Update returned")
	c.same(stored, c.get(payments.ByID(p.ID)), "the payment")
	change.Payment = stored
	c.stored(change)
}

func updateSnapshot(c *checker) {
	c.rule("fn gets the payment, the claim of its user on its plan with all grants, and the live lanes")
	c.lanes(payments.LaneChange{Seen: []payments.Lane{
		{Name: "b", Kinds: []payments.EventKind{payments.EventSettled}, SeenAt: epoch}, {Name: "a", SeenAt: epoch}, {Name: "gone", SeenAt: epoch},
	}})
	c.lanes(payments.LaneChange{Retire: []string{"gone"}, At: at(time.Minute)})
	p := c.fullPayment()
	stored := c.create(p)
	claim := fullClaim(p.User, "pro")
	c.change(p.ID, payments.Change{Claim: &claim})

	var got payments.Snapshot
	c.update(payments.ByID(p.ID), func(s payments.Snapshot) (payments.Change, error) {
		got = s
		return payments.Change{}, nil
	})
	c.same(stored, got.Payment, "Snapshot.Payment")
	c.same(&claim, got.Claim, "Snapshot.Claim")
	names := map[string][]payments.EventKind{}
	for _, lane := range got.Lanes {
		names[lane.Name] = lane.Kinds
	}
	c.same(map[string][]payments.EventKind{"a": nil, "b": {payments.EventSettled}}, names, "Snapshot.Lanes and their kinds")

	c.rule("Snapshot.Lanes are the live ones, whatever ref names")
	c.update(payments.Ref{}, func(s payments.Snapshot) (payments.Change, error) {
		got = s
		return payments.Change{}, nil
	})
	c.same(2, len(got.Lanes), "number of lanes beside the zero Ref")
}

func updateVersion(c *checker) {
	c.rule("Version counts the payment's writes from 1, whatever the Change says")
	p := c.payment()
	p.Version = 41
	c.same(int64(1), c.create(p).Version, "Version after creation")
	for want := int64(2); want < 5; want++ {
		p.Version = 7
		c.same(want, c.change(p.ID, payments.Change{Payment: p}).Version, "Version after a write")
	}
	c.same(int64(4), c.change(p.ID, payments.Change{Refs: []payments.Ref{payments.ByGatewayRef("snap", "R")}}).Version, "Version after a Change without Payment")
	c.same(int64(4), c.get(payments.ByID(p.ID)).Version, "Version that Get returns")
}

func updateCopiesIn(c *checker) {
	c.rule("fn gets copies: what it does to them changes nothing that is stored")
	c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", Kinds: []payments.EventKind{payments.EventSettled}, SeenAt: epoch}}})
	stored := deepCopy(c.create(c.fullPayment()))
	claim := fullClaim(stored.User, "pro")
	c.change(stored.ID, payments.Change{Claim: &claim})
	claim = deepCopy(claim)
	c.update(payments.ByID(stored.ID), func(s payments.Snapshot) (payments.Change, error) {
		scramble(&s)
		return payments.Change{}, nil
	})
	c.same(stored, c.get(payments.ByID(stored.ID)), "the payment")
	c.same(&claim, c.claim(stored.ID), "the claim")
	c.same(payments.EventSettled, c.lanes(payments.LaneChange{})[0].Kinds[0], "the lane's kind")
}

func updateCopiesOut(c *checker) {
	c.rule("what is committed or returned is the caller's own: changing it afterwards changes nothing that is stored")
	p := c.fullPayment()
	change := c.everything(p)
	returned := c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Payment: change.Payment, Refs: change.Refs, Events: change.Events, Deliveries: change.Deliveries}, nil
	})
	c.change(p.ID, payments.Change{Claim: change.Claim, Messages: change.Messages})
	c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", Kinds: []payments.EventKind{payments.EventSettled}, SeenAt: epoch}}})
	id, tenant, message := returned.ID, returned.User.Tenant, change.Messages[0].ID
	read := func() []any {
		return []any{
			c.get(payments.ByID(id)), c.payments(payments.PaymentQuery{}), c.events(id),
			c.deliveries(payments.DeliveryQuery{}), c.messages(payments.MessageQuery{ID: message}),
			c.claims(payments.ClaimQuery{Tenant: tenant}), c.lanes(payments.LaneChange{}),
		}
	}
	again := read()
	before := deepCopy(again)
	c.same(before, read(), "two reads")
	scramble(&change)
	scramble(returned)
	c.same(before, read(), "what is stored, after the Change and the result were overwritten")
	scramble(&again)
	c.same(before, read(), "what is stored, after what was read was overwritten")
}

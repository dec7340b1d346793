package storagetest

import (
	"errors"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// refCases are about the names of payments.
var refCases = []testCase{
	{"refs/told apart", refsToldApart},
	{"refs/long and awkward ones", refsAwkward},
	{"refs/create by key", refsCreateByKey},
	{"refs/own ones are left alone", refsOwn},
	{"refs/taken, by an existing payment", refsTakenByExisting},
	{"refs/taken, at creation", refsTakenAtCreation},
}

func refsToldApart(c *checker) {
	c.rule("Refs that differ in kind, scope, letter case, accents or spaces name different payments")
	user := payments.EndUser{ID: "siti"}
	refs := []payments.Ref{
		payments.ByGatewayRef("snap", "abc"), payments.ByGatewayRef("snap", "ABC"), payments.ByGatewayRef("Snap", "abc"),
		payments.ByGatewayRef("fazz", "abc"), payments.ByGatewayRef("snap", "abc "), payments.ByGatewayRef("snap", " abc"),
		payments.ByGatewayRef("snap", "äbc"), payments.ByGatewayRef("snap", "a\u0308bc"), payments.ByGatewayRef("snap", "ＡＢＣ"),
		payments.ByGatewayRef("snap", "ß"), payments.ByGatewayRef("snap", "ss"), payments.ByGatewayRef("snap", "🧧"), payments.ByGatewayRef("snap", "🚀"),
		payments.ByKey(user, "abc"), payments.ByKey(user, "ABC"), payments.ByKey(payments.EndUser{ID: "Siti"}, "abc"),
		payments.ByKey(payments.EndUser{ID: "siti", Tenant: "shop"}, "abc"),
		payments.ByKey(payments.EndUser{ID: `a","b`}, "abc"), payments.ByKey(payments.EndUser{ID: "b", Tenant: "a"}, "abc"),
		{Kind: "other", Scope: "snap", Value: "abc"},
	}
	want := make([]payments.ID, len(refs))
	for i, ref := range refs {
		want[i] = c.create(c.payment(), ref).ID
	}
	for i, ref := range refs {
		if got := c.get(ref).ID; got != want[i] {
			c.failf("%+q names payment %s, want %s", ref, got, want[i])
		}
	}
}

func refsAwkward(c *checker) {
	c.rule("a payment is found by all of its names, old and new, whatever they hold and however long they are")
	long := strings.Repeat("🧧", 255)
	refs := []payments.Ref{
		payments.ByGatewayRef("snap", "R-1"), payments.ByGatewayRef("snap", awkward), payments.ByGatewayRef("a-forty-byte-name-of-a-gateway-account-x", "R-1"),
		payments.ByKey(longUser(), long), payments.ByKey(payments.EndUser{ID: awkward, Tenant: awkward}, awkward),
		payments.ByKey(longUser(), long[:len(long)-4]+"🚀"),
	}
	p := c.create(c.payment(), refs[:2]...)
	c.change(p.ID, payments.Change{Refs: refs[2:]})
	for _, ref := range append(refs, payments.ByID(p.ID)) {
		c.same(p.ID, c.get(ref).ID, "payment named by "+string(ref.Kind)+" "+ref.Value)
	}
}

// createOnce creates a payment under a ref unless there is one.
func createOnce(ref payments.Ref, p *payments.Payment) payments.UpdateFunc {
	return func(s payments.Snapshot) (payments.Change, error) {
		if s.Payment != nil {
			return payments.Change{}, nil
		}
		return payments.Change{Payment: p, Refs: []payments.Ref{ref}}, nil
	}
}

func refsCreateByKey(c *checker) {
	c.rule("a payment created under the Ref that Update was given is what the next Update of that Ref sees")
	key := payments.ByKey(payments.EndUser{ID: "siti"}, "once")
	first, second := c.payment(), c.payment()
	c.same(first.ID, c.update(key, createOnce(key, first)).ID, "payment of the first Update")
	c.same(first.ID, c.update(key, createOnce(key, second)).ID, "payment of the second Update")
	_, err := c.store.Get(c.ctx, payments.ByID(second.ID))
	c.isError(err, payments.ErrNotFound, "Get of the payment that the second Update did not create")
}

func refsOwn(c *checker) {
	c.rule("Refs in a Change that the payment has already are left alone")
	a, b := payments.ByGatewayRef("snap", "A"), payments.ByGatewayRef("snap", "B")
	p := c.create(c.payment(), a)
	p.Reference = "written along"
	c.same("written along", c.change(p.ID, payments.Change{Payment: p, Refs: []payments.Ref{a, b}}).Reference, "field written with them")
	c.change(p.ID, payments.Change{Refs: []payments.Ref{b, a}})
	for _, ref := range []payments.Ref{a, b} {
		c.same(p.ID, c.get(ref).ID, "payment named by "+ref.Value)
	}
}

// taken runs an Update whose Change has a Ref of another payment.
func (c *checker) taken(ref payments.Ref, change payments.Change) {
	c.t.Helper()
	calls := 0
	p, err := c.store.Update(c.ctx, ref, func(payments.Snapshot) (payments.Change, error) {
		if calls++; calls > 100 {
			return payments.Change{}, errors.New("fn is run again and again")
		}
		return change, nil
	})
	c.isError(err, payments.ErrRefTaken, "Update with a Ref of another payment")
	c.same((*payments.Payment)(nil), p, "payment that a failed Update returned")
}

func refsTakenByExisting(c *checker) {
	c.rule("a Ref of the Change that belongs to another payment gives ErrRefTaken, and nothing of the Change is stored")
	theirs := payments.ByGatewayRef("snap", "theirs")
	owner := c.create(c.payment(), theirs)
	old := c.create(c.fullPayment())
	changed := old.Clone()
	changed.Reference = "changed"
	change := c.everything(changed)
	free := change.Refs
	change.Refs = append(change.Refs, theirs)

	c.taken(payments.ByID(old.ID), change)
	c.same(old, c.get(payments.ByID(old.ID)), "the payment as it was before")
	c.same(owner.ID, c.get(theirs).ID, "the Ref's owner")
	for _, ref := range free {
		_, err := c.store.Get(c.ctx, ref)
		c.isError(err, payments.ErrNotFound, "Get by a free Ref of the same Change")
	}
	c.notStoredBesides(change)

	change.Payment = nil
	c.taken(payments.ByID(old.ID), change)
	change.Payment = changed
	c.notStoredBesides(change)

	c.rule("after ErrRefTaken the same Change without that Ref succeeds")
	change.Refs = free
	c.change(old.ID, change)
	c.stored(change)
}

func refsTakenAtCreation(c *checker) {
	c.rule("a new payment with a Ref of another payment gives ErrRefTaken, and nothing of the Change is stored")
	theirs := payments.ByKey(payments.EndUser{ID: "siti"}, "theirs")
	owner := c.create(c.payment(), theirs)
	change := c.everything(c.fullPayment())
	free := change.Refs
	change.Refs = append([]payments.Ref{theirs}, free...)
	for _, ref := range []payments.Ref{{}, payments.ByID(change.Payment.ID), free[0]} {
		c.taken(ref, change)
		c.same(owner.ID, c.get(theirs).ID, "the Ref's owner")
		change.Refs = free
		c.notStored(change)
		change.Refs = append([]payments.Ref{theirs}, free...)
	}
}

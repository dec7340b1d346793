package storagetest

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// paymentCases are about what is kept of a payment, and finding it.
var paymentCases = []testCase{
	{"payments/every field survives", paymentSurvives},
	{"payments/a write replaces all of it", paymentReplaced},
	{"payments/not found", paymentNotFound},
	{"payments/newest first", paymentsNewestFirst},
	{"payments/filters", paymentsFilter},
}

func paymentSurvives(c *checker) {
	c.rule("every field of a payment survives, in every way of reading it; times come back in UTC, to the microsecond")
	for _, p := range []*payments.Payment{c.payment(), c.fullPayment()} {
		p.WakeAt = at(time.Minute)
		want := p.Clone()
		want.Version = 1
		ref := payments.ByGatewayRef("snap", "R-"+string(p.ID))
		c.same(want, c.create(p, ref), "payment that Update returned")
		c.same(want, c.get(payments.ByID(p.ID)), "payment by id")
		c.same(want, c.get(ref), "payment by gateway ref")
		c.same(want, c.payments(payments.PaymentQuery{UserID: p.User.ID, Tenant: p.User.Tenant})[0], "payment in a list")
		var seen *payments.Payment
		c.update(ref, func(s payments.Snapshot) (payments.Change, error) {
			seen = s.Payment
			return payments.Change{}, nil
		})
		c.same(want, seen, "payment in a Snapshot")

		leased, err := c.store.LeasePayments(c.ctx, payments.Lease{Now: p.WakeAt, Until: at(time.Hour), Limit: 1})
		c.ok(err, "LeasePayments")
		c.same(1, len(leased), "number of leased payments")
		leased[0].WakeAt = want.WakeAt // before or after the lease: the contract leaves it open
		leased[0].Version = want.Version
		c.same(want, leased[0], "payment that was leased")
	}
}

func paymentReplaced(c *checker) {
	c.rule("Change.Payment is stored whole: a field that is empty now is empty when read")
	full := c.fullPayment()
	c.create(full)
	plain := c.payment()
	plain.ID = full.ID
	c.change(full.ID, payments.Change{Payment: plain})
	plain.Version = 2
	c.same(plain, c.get(payments.ByID(full.ID)), "payment")
	c.same([]payments.ID{full.ID}, paymentIDs(c.payments(payments.PaymentQuery{UserID: plain.User.ID})), "payments of the new user")
	for _, q := range []payments.PaymentQuery{
		{UserID: full.User.ID, Tenant: full.User.Tenant}, {Reference: full.Reference}, {Status: []payments.Status{full.Status}},
	} {
		c.same([]payments.ID{}, paymentIDs(c.payments(q)), "payments that match what it was before")
	}
}

func paymentNotFound(c *checker) {
	c.rule("Get returns ErrNotFound if there is no such payment, whatever text the Ref holds")
	p := c.create(c.payment())
	for _, ref := range []payments.Ref{
		payments.ByID(payments.NewID()), payments.ByID(""), payments.ByID("x"), payments.ByID(payments.ID(awkward)),
		payments.ByID(p.ID + "0"), payments.ByID("a\x00b"), payments.ByID("\xff"), payments.ByGatewayRef("", string(p.ID)), payments.ByGatewayRef("snap", ""),
		{Kind: "other", Value: string(p.ID)}, {Value: string(p.ID)},
	} {
		_, err := c.store.Get(c.ctx, ref)
		c.isError(err, payments.ErrNotFound, "Get of "+string(ref.Kind)+" "+ref.Value)
	}
}

func paymentsNewestFirst(c *checker) {
	c.rule("Payments lists newest first; a later write does not move a payment")
	first, second, third := c.create(c.payment()), c.create(c.payment()), c.create(c.payment())
	c.change(first.ID, payments.Change{Payment: first})
	c.same([]payments.ID{third.ID, second.ID, first.ID}, paymentIDs(c.payments(payments.PaymentQuery{})), "ids")
}

func paymentsFilter(c *checker) {
	long := longUser()
	add := func(u payments.EndUser, reference string, status payments.Status) payments.ID {
		p := c.payment()
		p.User, p.Reference, p.Status = u, reference, status
		return c.create(p).ID
	}
	a := add(payments.EndUser{ID: "siti"}, "INV-1", payments.StatusCreated)
	b := add(payments.EndUser{ID: "Siti"}, "inv-1", payments.StatusSettled)
	d := add(payments.EndUser{ID: "siti", Tenant: "shop"}, "INV-1", payments.StatusSettled)
	e := add(payments.EndUser{ID: "budi", Tenant: "shop"}, awkward, payments.StatusExpired)
	f := add(payments.EndUser{ID: "siti", Tenant: "Shop"}, "", payments.StatusPending)
	g := add(long, "", payments.StatusPending)
	h := add(payments.EndUser{ID: "siti "}, "INV-1 ", payments.StatusCreated)

	type ids = []payments.ID
	for _, tc := range []struct {
		rule string
		q    payments.PaymentQuery
		want ids
	}{
		{"an empty PaymentQuery selects the payments of all tenants", payments.PaymentQuery{}, ids{h, g, f, e, d, b, a}},
		{"UserID with an empty Tenant is the user of a single app, to the letter", payments.PaymentQuery{UserID: "siti"}, ids{a}},
		{"UserID and Tenant go together", payments.PaymentQuery{UserID: "siti", Tenant: "shop"}, ids{d}},
		{"UserID and Tenant go together, however long", payments.PaymentQuery{UserID: long.ID, Tenant: long.Tenant}, ids{g}},
		{"Tenant alone selects all of its users", payments.PaymentQuery{Tenant: "shop"}, ids{e, d}},
		{"Reference selects to the letter", payments.PaymentQuery{Reference: "INV-1"}, ids{d, a}},
		{"Reference selects to the letter, whatever it holds", payments.PaymentQuery{Reference: awkward}, ids{e}},
		{"Status selects any of those named", payments.PaymentQuery{Status: []payments.Status{payments.StatusSettled, payments.StatusExpired}}, ids{e, d, b}},
		{"all conditions of a PaymentQuery hold at once", payments.PaymentQuery{Tenant: "shop", UserID: "siti", Reference: "INV-1", Status: []payments.Status{payments.StatusSettled}}, ids{d}},
		{"a PaymentQuery that nothing matches gives an empty list", payments.PaymentQuery{UserID: "nobody"}, ids{}},
		{"conditions are not patterns", payments.PaymentQuery{UserID: "s%"}, ids{}},
	} {
		c.rule(tc.rule)
		c.same(tc.want, paymentIDs(c.payments(tc.q)), "ids, newest first")
	}

	c.rule("Payments selects by what is stored now")
	p := c.get(payments.ByID(a))
	p.Status = payments.StatusRefunded
	c.change(a, payments.Change{Payment: p})
	c.same(ids{a}, paymentIDs(c.payments(payments.PaymentQuery{Status: []payments.Status{payments.StatusRefunded}})), "ids by the new status")
	c.same(ids{h}, paymentIDs(c.payments(payments.PaymentQuery{Status: []payments.Status{payments.StatusCreated}})), "ids by the old status")
}

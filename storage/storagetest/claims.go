package storagetest

import (
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// claimCases are about claims: written by Update, seen by it, and listed.
var claimCases = []testCase{
	{"claims/every field survives", claimSurvives},
	{"claims/whose claim an Update sees", claimSeen},
	{"claims/filters", claimsFilter},
}

// buying is a new payment for a plan; its key may be empty.
func (c *checker) buying(u payments.EndUser, planID, planKey string) *payments.Payment {
	p := c.payment()
	p.User, p.Plan = u, &payments.Plan{ID: planID, Key: planKey, Price: payments.IDR(29_000), Period: payments.Monthly}
	return p
}

func claimSurvives(c *checker) {
	c.rule("Change.Claim is stored whole, and every field of a claim and its grants survives")
	p := c.create(c.buying(payments.EndUser{ID: awkward, Tenant: "shop"}, "pro", ""))
	full := fullClaim(p.User, "pro")
	c.change(p.ID, payments.Change{Claim: &full})
	c.same(&full, c.claim(p.ID), "claim in a Snapshot")
	c.same([]payments.Claim{full}, c.claims(payments.ClaimQuery{Tenant: "shop"}), "claims in a list")

	bare := payments.Claim{Tenant: full.Tenant, UserID: full.UserID, PlanKey: full.PlanKey, Grants: full.Grants[1:]}
	c.change(p.ID, payments.Change{Claim: &bare})
	c.same(&bare, c.claim(p.ID), "claim in a Snapshot, replaced")
	c.same([]payments.Claim{bare}, c.claims(payments.ClaimQuery{Tenant: "shop"}), "claims in a list, replaced")
}

func claimSeen(c *checker) {
	c.rule("Snapshot.Claim is the claim of the payment's user on the key of its plan; another payment for the same sees the same")
	siti := payments.EndUser{ID: "siti"}
	monthly, yearly := c.create(c.buying(siti, "pro-monthly", "pro")), c.create(c.buying(siti, "pro-yearly", "pro"))
	c.same((*payments.Claim)(nil), c.claim(monthly.ID), "claim before there is one")
	claim := fullClaim(siti, "pro")
	c.change(monthly.ID, payments.Change{Claim: &claim})
	c.same(&claim, c.claim(yearly.ID), "claim seen by another payment")

	c.rule("Snapshot.Claim is nil for another user, tenant or plan, and for a payment without a plan")
	for what, p := range map[string]*payments.Payment{
		"another user":      c.buying(payments.EndUser{ID: "Siti"}, "pro", ""),
		"another tenant":    c.buying(payments.EndUser{ID: "siti", Tenant: "shop"}, "pro", ""),
		"another plan":      c.buying(siti, "Pro", ""),
		"the id, not a key": c.buying(siti, "pro", "pro-2"),
		"no plan":           c.payment(),
	} {
		c.create(p)
		c.same((*payments.Claim)(nil), c.claim(p.ID), "claim of "+what)
	}

	c.rule("the id of a plan is its key if it has no other")
	byID := c.create(c.buying(siti, "pro", ""))
	c.same(&claim, c.claim(byID.ID), "claim seen by a payment whose plan's id is the key")
}

func claimsFilter(c *checker) {
	add := func(u payments.EndUser, plan string) string {
		p := c.create(c.buying(u, plan, ""))
		claim := fullClaim(u, plan)
		c.change(p.ID, payments.Change{Claim: &claim})
		return claimName(claim)
	}
	a := add(payments.EndUser{ID: "siti"}, "pro")
	b := add(payments.EndUser{ID: "siti"}, "basic")
	d := add(payments.EndUser{ID: "Siti"}, "pro")
	e := add(payments.EndUser{ID: "siti", Tenant: "shop"}, "pro")
	f := add(payments.EndUser{ID: awkward, Tenant: "shop"}, "pro")
	g := add(longUser(), strings.Repeat("p", 64))

	for _, tc := range []struct {
		rule string
		q    payments.ClaimQuery
		want []string
	}{
		{"Claims lists those of one tenant; the empty tenant is a single app's", payments.ClaimQuery{}, []string{a, b, d}},
		{"Tenant selects all of its claims", payments.ClaimQuery{Tenant: "shop"}, []string{e, f}},
		{"UserID selects to the letter", payments.ClaimQuery{UserID: "siti"}, []string{a, b}},
		{"UserID selects whatever it holds", payments.ClaimQuery{Tenant: "shop", UserID: awkward}, []string{f}},
		{"PlanKey selects", payments.ClaimQuery{PlanKey: "pro"}, []string{a, d}},
		{"all conditions of a ClaimQuery hold at once", payments.ClaimQuery{UserID: "siti", PlanKey: "basic"}, []string{b}},
		{"names may be long", payments.ClaimQuery{Tenant: longUser().Tenant, UserID: longUser().ID, PlanKey: strings.Repeat("p", 64)}, []string{g}},
		{"a ClaimQuery that nothing matches gives an empty list", payments.ClaimQuery{Tenant: "nobody"}, nil},
	} {
		c.rule(tc.rule)
		var got []string
		for _, claim := range c.claims(tc.q) {
			got = append(got, claimName(claim))
		}
		slices.Sort(got)
		slices.Sort(tc.want)
		c.same(tc.want, got, "claims, in any order")
	}
}

func claimName(c payments.Claim) string { return c.Tenant + "/" + c.UserID + "/" + c.PlanKey }

package payments

import (
	"cmp"
	"slices"
	"time"
)

// Claim is an end user's right to a plan. Its times are computed from its
// grants; nothing is ever added to or taken from a stored end.
type Claim struct {
	Tenant  string `json:"tenant,omitempty"`
	UserID  string `json:"user_id"`
	PlanKey string `json:"plan_key"`
	// Start and End are those of the last unbroken chain of live grants.
	// A zero End beside a Start is for ever; both zero: no live grant.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Grace is how long behind End the user may go on, waiting to be renewed.
	Grace time.Duration `json:"grace,omitempty"`
	// Grants are all there ever were, each payment's one, in payment order.
	Grants []Grant `json:"grants,omitempty"`
	// ToldEnd is the end whose passing was told (claim.expired).
	ToldEnd time.Time `json:"told_end,omitzero"`
	// Waker is the payment whose timer will tell the end: the one that moved
	// it last.
	Waker ID `json:"waker,omitempty"`
}

// Grant is what one payment contributes to a claim.
type Grant struct {
	PaymentID ID     `json:"payment_id"`
	Period    Period `json:"period"`
	// Anchor is when it was earned: it starts then, or at the end of the
	// grant before it.
	Anchor time.Time `json:"anchor"`
	// Live: the payment covers it (not refunded, not charged back).
	Live bool `json:"live"`
	// Grace is the plan's, while it renews.
	Grace time.Duration `json:"grace,omitempty"`
	// Start and End are as laid; End is zero for ever. Of a dead grant they
	// are zero.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// lay computes the grants' times, and the claim's, from the grants alone:
// live ones in the order in which they were earned, each starting at its
// anchor or at the end of the one before. A chain's end is its anchor plus
// all its periods at once, so months are clamped once: two monthly payments
// from 31 January end on 31 March. What is earned within the grace of the one
// before starts at its end, too.
func (c *Claim) lay(loc *time.Location) {
	slices.SortFunc(c.Grants, func(a, b Grant) int { return cmp.Compare(a.PaymentID, b.PaymentID) })
	c.Start, c.End, c.Grace = time.Time{}, time.Time{}, 0
	var chain Period
	var endless, begun bool
	for _, g := range c.inOrder() {
		g.Start, g.End = time.Time{}, time.Time{}
		if !g.Live {
			continue
		}
		g.Start = c.End
		if !begun || !endless && g.Anchor.After(c.End.Add(c.Grace)) {
			begun, endless, chain = true, false, Period{}
			g.Start, c.Start = g.Anchor, g.Anchor
		}
		endless = endless || g.Period == Lifetime
		if !endless {
			chain = chain.Plus(g.Period)
			g.End = chain.After(c.Start, loc)
		} else if g.Start.IsZero() {
			g.Start = g.Anchor // behind one that never ends
		}
		c.End, c.Grace = g.End, g.Grace
	}
}

// inOrder returns the grants by the time they were earned.
func (c *Claim) inOrder() []*Grant {
	grants := make([]*Grant, len(c.Grants))
	for i := range c.Grants {
		grants[i] = &c.Grants[i]
	}
	slices.SortFunc(grants, func(a, b *Grant) int {
		return cmp.Or(a.Anchor.Compare(b.Anchor), cmp.Compare(a.PaymentID, b.PaymentID))
	})
	return grants
}

// grant returns a payment's grant, or nil.
func (c *Claim) grant(id ID) *Grant {
	for i := range c.Grants {
		if c.Grants[i].PaymentID == id {
			return &c.Grants[i]
		}
	}
	return nil
}

// follows reports whether a grant goes on where another one ends, or lies
// behind one that never does.
func (c *Claim) follows(g *Grant) bool {
	return slices.ContainsFunc(c.Grants, func(other Grant) bool {
		return other.Live && other.PaymentID != g.PaymentID && (other.End.Equal(g.Start) || other.End.IsZero() && other.Anchor.Before(g.Anchor))
	})
}

// covers returns the grant that is in force at t.
func (c *Claim) covers(t time.Time) (Grant, bool) {
	for _, g := range c.Grants {
		if g.Live && !t.Before(g.Start) && (g.End.IsZero() || t.Before(g.End)) {
			return g, true
		}
	}
	return Grant{}, false
}

// ended reports whether the claim had an end that has passed by t, with its
// grace.
func (c *Claim) ended(t time.Time) bool {
	return !c.End.IsZero() && !t.Before(c.End.Add(c.Grace))
}

// clone returns a deep copy; nil stays nil.
func (c *Claim) clone() *Claim {
	if c == nil {
		return nil
	}
	d := *c
	d.Grants = slices.Clone(c.Grants)
	return &d
}

// ClaimPolicy says what payments are worth in access. The zero value is a
// good one.
type ClaimPolicy struct {
	// Location is where a plan's months and days are counted; default
	// Asia/Jakarta (UTC+7).
	Location *time.Location
	// PartialRefund is what a partial refund, or a partial chargeback, does
	// to access; default KeepAccess.
	PartialRefund PartialRefund
	// Covers, if set, has the last word on whether a payment gives access:
	// def is what the rules say. It must depend on the payment alone.
	Covers func(p *Payment, def bool) bool
}

// PartialRefund is what becomes of a grant of which a part was paid back.
type PartialRefund string

// The choices.
const (
	KeepAccess    PartialRefund = ""        // access stays as it is
	RevokeAccess  PartialRefund = "revoke"  // access ends
	ProrateAccess PartialRefund = "prorate" // access is cut to the share still paid, in whole days
)

// grantOf computes what the payment contributes to its claim now. ok is
// false if it never gave anything.
func (c ClaimPolicy) grantOf(p *Payment, had *Grant) (g Grant, ok bool) {
	o := p.look()
	live := o.covered()
	partial := !o.free && o.live < o.due
	if partial && c.PartialRefund == RevokeAccess {
		live = false
	}
	if c.Covers != nil {
		live = c.Covers(p, live)
	}
	if !live {
		if had == nil {
			return Grant{}, false
		}
		g = *had
		g.Live = false
		return g, true
	}
	g = Grant{PaymentID: p.ID, Period: p.Plan.Period, Live: true}
	if p.Plan.Renewal != nil && !p.Renewal.Stopped && !p.Amount.IsZero() {
		g.Grace = p.Plan.Renewal.Grace
		if p.Renewal.Subscription != "" {
			g.Grace = max(g.Grace, chargeGrace)
		}
	}
	for _, s := range o.attempts {
		if s.live() {
			g.Anchor = earlier(g.Anchor, s.attempt.PaidAt())
		}
	}
	if g.Anchor.IsZero() { // free, or given by the host's own policy
		g.Anchor = p.CreatedAt
	}
	if partial && c.PartialRefund == ProrateAccess && g.Period != Lifetime {
		whole := g.Period.After(g.Anchor, c.Location).Sub(g.Anchor)
		days := int64(whole/(24*time.Hour)) * o.live / o.due
		g.Period = Period{Days: int(days)}
		g.Live = days > 0
	}
	return g, true
}

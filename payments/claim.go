package payments

import "time"

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
	// Grants are all there ever were, each payment's one, in payment order.
	Grants []Grant `json:"grants"`
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
	// Start and End are as laid; End is zero for ever. Of a dead grant they
	// are zero.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

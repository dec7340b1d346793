package payments

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// unit is one Update of the store as the service sees it: a step of the
// payment, and around it the claim, the lanes and the messages that are
// committed with it.
type unit struct {
	step
	svc    *Service
	claim  *Claim
	lanes  []Lane
	change Change
	before int       // the facts' weight at the start, to see whether there was news
	soon   time.Time // wake then at the latest
}

// update runs fn on the payment that ref names and commits what came of it.
// fn gets a unit with p nil if there is no payment. It must be pure.
func (s *Service) update(ctx context.Context, store Store, ref Ref, fn func(*unit) error) (*Payment, error) {
	if err := s.recordLanes(ctx, store); err != nil {
		return nil, err
	}
	at := s.now()
	p, err := store.Update(ctx, ref, func(snap Snapshot) (Change, error) {
		u := &unit{step: step{p: snap.Payment, at: at}, svc: s, claim: snap.Claim, lanes: snap.Lanes}
		u.before = u.p.weight()
		if p := u.p; p != nil && !p.WakeAt.After(at) {
			u.soon = p.WakeAt // due, and not looked at yet: whatever comes in must not put it off
		}
		if err := fn(u); err != nil {
			return Change{}, err
		}
		return u.finish()
	})
	if err == nil && store == s.store {
		s.wakeUp()
	}
	return p, err
}

// updateID is update for a payment that must exist.
func (s *Service) updateID(ctx context.Context, id ID, fn func(*unit) error) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	return s.update(ctx, s.store, ByID(id), func(u *unit) error {
		if u.p == nil {
			return fmt.Errorf("payment %s: %w", id, ErrNotFound)
		}
		return fn(u)
	})
}

// weight counts the facts of weight, of the payment and its attempts. As sets
// of facts only grow, another count is other facts.
func (p *Payment) weight() int {
	if p == nil {
		return 0
	}
	n := len(p.Facts)
	for _, a := range p.Attempts {
		for i := range a.Facts {
			if !slices.Contains(weightless, a.Facts[i].Kind) {
				n++
			}
		}
	}
	return n
}

// finish turns the step into a Change: it settles the claim, numbers the
// events, makes their deliveries and sets the timer.
func (u *unit) finish() (Change, error) {
	c := &u.change
	if u.p == nil {
		return *c, nil
	}
	if u.p.weight() != u.before {
		u.p.Watch.ChangedAt = u.at
		if len(u.p.strays()) > 0 {
			u.soon = u.at // once: what cannot be canceled then is looked at on the schedule
		}
	}
	u.settleClaim()
	u.tellRenewal()
	c.Events = make([]Event, 0, len(u.events))
	for _, d := range u.events {
		data, err := json.Marshal(d.body)
		if err != nil {
			return Change{}, fmt.Errorf("encode %s: %w", d.kind, err)
		}
		u.p.LastSeq++
		e := Event{
			ID: EventID(u.p.ID, u.p.LastSeq), PaymentID: u.p.ID, Kind: d.kind, Version: eventVersion,
			Seq: u.p.LastSeq, At: u.at, Data: data,
		}
		c.Events = append(c.Events, e)
		for _, lane := range u.lanes {
			if lane.wants(d.kind) {
				target := HookTarget(lane.Name)
				c.Deliveries = append(c.Deliveries, Delivery{
					ID: DeliveryID(e.ID, target), Target: target, Event: e, State: DeliveryOpen, Due: u.at,
				})
			}
		}
	}
	u.p.WakeAt = earlier(u.svc.wakeAt(u.p, u.claim, u.at), u.soon)
	c.Payment = u.p
	return *c, nil
}

// settleClaim brings the payment's grant up to date, lays the claim anew and
// tells what that means for the user.
func (u *unit) settleClaim() {
	if u.p.Plan == nil {
		return
	}
	claim := u.claim.clone()
	if claim == nil {
		claim = &Claim{Tenant: u.p.User.Tenant, UserID: u.p.User.ID, PlanKey: u.p.PlanKey()}
	}
	policy := u.svc.cfg.Claims
	had := claim.grant(u.p.ID)
	g, ever := policy.grantOf(u.p, had)
	if !ever {
		return
	}
	wasLive, oldEnd, oldGrace := had != nil && had.Live, claim.End, claim.Grace
	if had == nil {
		claim.Grants = append(claim.Grants, g)
	} else {
		*had = g
	}
	claim.lay(policy.Location)
	u.tellClaim(claim, wasLive, oldEnd)
	if claim.End != oldEnd || claim.Grace != oldGrace || claim.Waker == "" {
		claim.Waker = u.p.ID
	}
	if u.claim == nil || !equalJSON(u.claim, claim) {
		u.change.Claim = claim
	}
	u.claim = claim
	for _, d := range u.events {
		if settled, ok := d.body.(*Settled); ok {
			settled.Claim = claim.summary()
		}
	}
}

// tellClaim emits what became of the payment's grant.
func (u *unit) tellClaim(claim *Claim, wasLive bool, oldEnd time.Time) {
	g := claim.grant(u.p.ID)
	switch {
	case g.Live && !wasLive && !claim.follows(g):
		u.tell(EventClaimGranted, u.claimKey("+"), &ClaimGranted{Claim: *claim.summary()})
	case g.Live && !wasLive:
		u.tell(EventClaimExtended, u.claimKey("+"), &ClaimExtended{Claim: *claim.summary()})
	case !g.Live && wasLive:
		u.tell(EventClaimRevoked, u.claimKey("-"), &ClaimRevoked{Claim: *claim.summary(), OldEnd: oldEnd})
	}
}

// claimKey names the money event of this step that moved the claim: it
// happens once, and so does what follows from it.
func (u *unit) claimKey(sign string) string {
	cause := "seq/" + itoa(u.p.LastSeq)
	for _, d := range u.events {
		switch d.kind {
		case EventSettled, EventOverpaid, EventRefunded, EventChargedBack, EventChargebackReversed:
			cause = d.key
		}
	}
	return "claim/" + string(u.p.ID) + "/" + sign + "/" + cause
}

// tellClaimEnd tells, once, that the claim has run out.
func (u *unit) tellClaimEnd() {
	c := u.claim
	if c == nil || c.Waker != u.p.ID || !c.ended(u.at) || c.ToldEnd.Equal(c.End) {
		return
	}
	claim := c.clone()
	claim.ToldEnd = claim.End
	u.tell(EventClaimExpired, "claim/end/"+claim.End.Format(time.RFC3339Nano), &ClaimExpired{Claim: *claim.summary()})
	u.claim, u.change.Claim = claim, claim
}

// summary is the claim without its grants, as events carry it.
func (c *Claim) summary() *Claim {
	d := *c
	d.Grants, d.Waker, d.ToldEnd = nil, "", time.Time{}
	return &d
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

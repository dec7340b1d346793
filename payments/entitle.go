package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Entitlement is the answer to "may this user use the plan now?".
type Entitlement struct {
	OK bool `json:"ok"`
	// Until is when access ends; zero for ever, or if there is none.
	Until time.Time `json:"until,omitzero"`
	// Reason is "active", "grace" (to be renewed), "never" (nothing was ever paid for it), "ended"
	// or "revoked" (paid back or charged back).
	Reason string `json:"reason"`
	Claim  *Claim `json:"-"`
}

// Entitled says whether the user may use the plan now.
func (s *Service) Entitled(ctx context.Context, user EndUser, planKey string) (Entitlement, error) {
	if err := guard(ctx); err != nil {
		return Entitlement{}, err
	}
	return s.entitled(ctx, s.store, user, planKey)
}

func (s *Service) entitled(ctx context.Context, store Store, user EndUser, planKey string) (Entitlement, error) {
	c, err := findClaim(ctx, store, user, planKey)
	if err != nil {
		return Entitlement{}, err
	}
	e := Entitlement{Reason: "never", Claim: c}
	if c == nil {
		return e, nil
	}
	now := s.now()
	if g, ok := c.covers(now); ok {
		e.OK, e.Reason, e.Until = true, "active", g.End
		if !c.Start.After(now) { // the grants behind it belong to the same chain
			e.Until = c.End
		}
		return e, nil
	}
	if !now.Before(c.End) && !c.ended(now) && !c.End.IsZero() {
		e.OK, e.Reason, e.Until = true, "grace", c.End.Add(c.Grace)
		return e, nil
	}
	e.Reason = "revoked"
	for _, g := range c.Grants {
		if g.Live && !g.End.IsZero() && !now.Before(g.End) {
			e.Reason = "ended"
		}
	}
	return e, nil
}

// findClaim returns the user's claim on the plan, or nil.
func findClaim(ctx context.Context, store Store, user EndUser, planKey string) (*Claim, error) {
	if user.ID == "" || planKey == "" { // which would select everybody's, or all
		return nil, nil
	}
	page, err := store.Claims(ctx, ClaimQuery{Tenant: user.Tenant, UserID: user.ID, PlanKey: planKey, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("claim on %q: %w", planKey, err)
	}
	if len(page.Items) == 0 {
		return nil, nil
	}
	return &page.Items[0], nil
}

// Claims lists a user's claims.
func (s *Service) Claims(ctx context.Context, user EndUser) ([]Claim, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	if user.ID == "" { // which would select everybody's
		return nil, nil
	}
	return collect(walk(func(cursor string) (Page[Claim], error) {
		return s.store.Claims(ctx, ClaimQuery{Tenant: user.Tenant, UserID: user.ID, Cursor: cursor})
	}))
}

type entitlementKey struct{}

// EntitlementFrom returns what RequirePlan found.
func EntitlementFrom(ctx context.Context) (Entitlement, bool) {
	e, ok := ctx.Value(entitlementKey{}).(Entitlement)
	return e, ok
}

// RequirePlan lets only users through who may use the plan now. Others get a
// problem document: 401 for strangers, 402 for those without the plan.
func (s *Service) RequirePlan(planKey string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, err := s.identify(r)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			e, err := s.Entitled(r.Context(), user, planKey)
			if err == nil && !e.OK {
				err = fmt.Errorf("%w: %q (%s)", errPlanRequired, planKey, e.Reason)
			}
			if err != nil {
				s.fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), entitlementKey{}, e)))
		})
	}
}

var errPlanRequired = errors.New("payments: the plan is required")

// GrantParams gives a plan away.
type GrantParams struct {
	User   EndUser
	PlanID string
	// Reference and Metadata are as in CreateParams; Key is required: the
	// same key grants once.
	Reference string
	Metadata  map[string]string
	Key       string
}

// Grant gives a user a plan without payment: a payment of nothing, so that it
// has the same history and hooks as one that was paid.
func (s *Service) Grant(ctx context.Context, params GrantParams) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	p, err := s.grant(ctx, s.store, params)
	if err != nil {
		return nil, err
	}
	return s.settleFree(ctx, s.store, p)
}

func (s *Service) grant(ctx context.Context, store Store, params GrantParams) (*Payment, error) {
	if params.Key == "" {
		return nil, Invalid("key", "is required")
	}
	return s.create(ctx, store, CreateParams{
		User: params.User, PlanID: params.PlanID, Reference: params.Reference, Metadata: params.Metadata,
		Key: params.Key, gift: true,
	})
}

package payments

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Router chooses the gateway of a checkout, for hosts with several. Package
// routing has rules to make one of. It is asked when a payer begins, or begins
// again; what is open already stays where it is. It must be safe for concurrent
// use.
type Router interface {
	// Route returns gateways in the order in which they are to be tried, of
	// those that are candidates. The next one is tried only as long as the payer
	// has seen nothing: if the one before refused, could not be reached, or gave
	// no answer while nothing can have been paid. None at all is an
	// *InvalidError about the method.
	Route(ctx context.Context, r RouteRequest) ([]Choice, error)
}

// RouterFunc is a function as a [Router].
type RouterFunc func(context.Context, RouteRequest) ([]Choice, error)

// Route calls f.
func (f RouterFunc) Route(ctx context.Context, r RouteRequest) ([]Choice, error) { return f(ctx, r) }

// RouteRequest is what is to be paid, and how.
type RouteRequest struct {
	// Order is what was bought. When methods are listed ([Service.Methods]) only
	// what is known then is set, of which the amount is the least.
	Order Order
	// Method is by its first name, if a gateway lists it; empty leaves it open.
	Method Method
	// Token: the payer's card or wallet is given by a token, which is of one
	// gateway. Only the first choice is tried then.
	Token bool
	// Candidates can take it, in the order of Config.Gateways.
	Candidates []Candidate
	At         time.Time
}

// Candidate is a gateway that can take a checkout.
type Candidate struct {
	Gateway string
	// Method is what the gateway says of the method that was asked for; the
	// zero value if none was, or if it does not tell.
	Method MethodInfo
	Health Health
}

// Choice is a gateway to try.
type Choice struct {
	Gateway string
	// Reason is kept with the session and in the history, for people.
	Reason string
	// Cost is what the gateway takes for it, by the host's own table of fees;
	// zero if it is not known.
	Cost Money
}

// MethodChooser is a gateway that tells whether it can open a checkout without
// a Method: on a page where the payer chooses. One that does not tell can.
type MethodChooser interface {
	NeedsMethod() bool
}

// choose asks the Router. Without one the first gateway that can take it does,
// and no other: which account money goes to is not for a default to change.
func (s *Service) choose(ctx context.Context, r RouteRequest) ([]Choice, error) {
	if s.cfg.Router == nil && len(s.cfg.Gateways) == 1 {
		return []Choice{{Gateway: s.cfg.Gateways[0].Name()}}, nil
	}
	r.At, r.Candidates = s.now(), nil
	for _, g := range s.cfg.Gateways {
		if info, ok := takes(g, r.Method, r.Order.Amount); ok {
			r.Candidates = append(r.Candidates, Candidate{Gateway: g.Name(), Method: info, Health: s.health.of(g.Name())})
		}
	}
	for _, c := range r.Candidates {
		if c.Method.Method != "" {
			r.Method = c.Method.Method
			break
		}
	}
	if len(r.Candidates) == 0 {
		return nil, noTaker(r)
	}
	if s.cfg.Router == nil {
		return []Choice{{Gateway: r.Candidates[0].Gateway, Reason: "the first that takes it"}}, nil
	}
	choices, err := s.cfg.Router.Route(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("choose a gateway: %w", err)
	}
	var route []Choice
	for _, c := range choices {
		if _, err := s.gateway(c.Gateway); err != nil {
			return nil, fmt.Errorf("choose a gateway: %w", err)
		}
		able := slices.ContainsFunc(r.Candidates, func(x Candidate) bool { return x.Gateway == c.Gateway })
		twice := slices.ContainsFunc(route, func(x Choice) bool { return x.Gateway == c.Gateway })
		if able && !twice {
			route = append(route, c)
		}
	}
	if len(route) == 0 {
		return nil, noTaker(r)
	}
	return route, nil
}

func noTaker(r RouteRequest) error {
	if r.Method == "" {
		return Invalid("method", "is required: one of those that GET /methods lists")
	}
	return Invalid("method", "no gateway takes %s by %q", r.Order.Amount, clip(string(r.Method)))
}

// takes reports whether a gateway can open a checkout of the amount, as far as
// it tells, and what it says of the method.
func takes(g Gateway, method Method, amount Money) (MethodInfo, bool) {
	if method == "" {
		chooser, ok := As[MethodChooser](g)
		return MethodInfo{}, !ok || !chooser.NeedsMethod()
	}
	lister, ok := As[MethodLister](g)
	if !ok {
		return MethodInfo{}, true
	}
	for _, m := range lister.Methods() {
		if m.Method == method || slices.Contains(m.Aliases, method) {
			return m, m.takes(amount)
		}
	}
	return MethodInfo{}, false
}

// withAbility is the gateway of that name, or else the first, that has an
// ability. ErrUnsupported (wrapped) if there is none.
func withAbility[T any](s *Service, name, what string) (Gateway, T, error) {
	var none T
	for _, g := range s.cfg.Gateways {
		if name != "" && name != g.Name() {
			continue
		}
		if ability, ok := As[T](g); ok {
			return g, ability, nil
		}
		if name != "" {
			return nil, none, fmt.Errorf("%s of %s: %w", what, name, ErrUnsupported)
		}
	}
	if name != "" {
		return nil, none, Invalid("gateway", "%q is not the name of a gateway", clip(name))
	}
	return nil, none, fmt.Errorf("%s: no gateway has them: %w", what, ErrUnsupported)
}

// behind is the route without a gateway.
func behind(route []Choice, gateway string) []Choice {
	return slices.DeleteFunc(slices.Clone(route), func(c Choice) bool { return c.Gateway == gateway })
}

// Package routing makes routers (payments.Config.Router) of rules: which
// gateway takes a checkout, which one comes next if it fails, and what each
// costs.
//
//	Router: routing.Rules(
//		routing.Rule{Plans: []string{"catering"}, Use: []string{"midtrans-resto"}},
//		routing.Rule{Methods: []payments.Method{"qris"}, Use: []string{"fazz", "midtrans"}},
//		routing.Rule{Methods: []payments.Method{"bca_va"}, Split: map[string]int{"midtrans": 90, "fazz": 10}},
//		routing.Rule{Use: []string{"midtrans"}},
//	)
//
// A gateway that is not well (payments.Health) is tried last. The routers keep
// no state and are safe for concurrent use.
package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// Rule says what it is for, and which gateways to try. What is empty fits
// everything; what is set must all fit.
type Rule struct {
	// Name is kept as the reason; default: "rule 2".
	Name string

	// Methods by either of their names. A rule that has some does not fit a
	// checkout that leaves the method open.
	Methods []payments.Method
	// Plans by their ID or Key.
	Plans      []string
	Tenants    []string
	Currencies []payments.Currency
	// Min and Max bound the amount, both included; zero is no bound. They are of
	// the order's currency, or do not fit.
	Min, Max payments.Money
	// If is asked last. It must not block for long: a payer waits.
	If func(payments.RouteRequest) bool

	// Exactly one of these says where to. Use is an order of gateways. Split
	// deals orders out by weight, each always to the same gateway, with the
	// others behind it by weight: to try a gateway out. By asks another router.
	Use   []string
	Split map[string]int
	By    payments.Router
}

// Rules returns a router that goes by the first rule which fits and names a
// gateway that can take it. If there is none, nobody can pay by that: end with
// a rule that fits everything.
func Rules(rules ...Rule) payments.Router { return list(slices.Clone(rules)) }

type list []Rule

func (l list) Route(ctx context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
	for i, rule := range l {
		if !rule.fits(r) {
			continue
		}
		choices, err := rule.route(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name(i), err)
		}
		choices = able(r, choices)
		if len(choices) == 0 {
			continue
		}
		for k := range choices {
			choices[k].Reason = join(l.name(i), choices[k].Reason)
		}
		return Healthy(r, choices), nil
	}
	return nil, nil
}

func (l list) name(i int) string {
	if l[i].Name != "" {
		return l[i].Name
	}
	return fmt.Sprintf("rule %d", i+1)
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ": " + b
}

func (rule Rule) fits(r payments.RouteRequest) bool {
	order := r.Order
	if len(rule.Methods) > 0 && !slices.ContainsFunc(rule.Methods, func(m payments.Method) bool { return named(r, m) }) {
		return false
	}
	if len(rule.Plans) > 0 && (order.Plan == nil || !slices.Contains(rule.Plans, order.Plan.ID) && !slices.Contains(rule.Plans, order.PlanKey())) {
		return false
	}
	if len(rule.Tenants) > 0 && !slices.Contains(rule.Tenants, order.User.Tenant) {
		return false
	}
	if len(rule.Currencies) > 0 && !slices.Contains(rule.Currencies, order.Amount.Currency) {
		return false
	}
	if rule.Min != (payments.Money{}) && (order.Amount.Currency != rule.Min.Currency || order.Amount.Amount < rule.Min.Amount) {
		return false
	}
	if rule.Max != (payments.Money{}) && (order.Amount.Currency != rule.Max.Currency || order.Amount.Amount > rule.Max.Amount) {
		return false
	}
	return rule.If == nil || rule.If(r)
}

// named reports whether m is a name of the method that was asked for.
func named(r payments.RouteRequest, m payments.Method) bool {
	if r.Method == "" {
		return false
	}
	return r.Method == m || slices.ContainsFunc(r.Candidates, func(c payments.Candidate) bool {
		return slices.Contains(c.Method.Aliases, m)
	})
}

func (rule Rule) route(ctx context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
	switch {
	case rule.By != nil:
		return rule.By.Route(ctx, r)
	case rule.Split != nil:
		return split(rule.Split, r.Order.ID), nil
	}
	var choices []payments.Choice
	for _, name := range rule.Use {
		choices = append(choices, payments.Choice{Gateway: name})
	}
	return choices, nil
}

// able are the choices that can take it.
func able(r payments.RouteRequest, choices []payments.Choice) []payments.Choice {
	return slices.DeleteFunc(slices.Clone(choices), func(c payments.Choice) bool {
		_, ok := candidate(r, c.Gateway)
		return !ok
	})
}

func candidate(r payments.RouteRequest, gateway string) (payments.Candidate, bool) {
	i := slices.IndexFunc(r.Candidates, func(c payments.Candidate) bool { return c.Gateway == gateway })
	if i < 0 {
		return payments.Candidate{}, false
	}
	return r.Candidates[i], true
}

// Healthy puts the gateways that are to be avoided behind the others, and says
// so in the others' reasons. Rules and Cheapest do it already.
func Healthy(r payments.RouteRequest, choices []payments.Choice) []payments.Choice {
	var well, down []payments.Choice
	note := ""
	for _, c := range choices {
		if found, _ := candidate(r, c.Gateway); found.Health.Down(r.At) {
			note += "; " + c.Gateway + " is avoided: " + found.Health.Why
			down = append(down, c)
			continue
		}
		c.Reason += note
		well = append(well, c)
	}
	return append(well, down...)
}

// Check reports rules that cannot work; payments.New calls it with the names of
// the gateways.
func (l list) Check(gateways []string) error {
	var errs []error
	for i, rule := range l {
		if err := rule.check(gateways); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name(i), err))
		}
	}
	if len(l) == 0 {
		errs = append(errs, errors.New("there are no rules"))
	}
	return errors.Join(errs...)
}

func (rule Rule) check(gateways []string) error {
	ways := 0
	for _, set := range []bool{len(rule.Use) > 0, len(rule.Split) > 0, rule.By != nil} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("set exactly one of Use, Split and By")
	}
	names := slices.Clone(rule.Use)
	for name, weight := range rule.Split {
		names = append(names, name)
		if weight < 0 || weight > 1_000_000 {
			return fmt.Errorf("Split: the weight of %q is negative, or above a million", name)
		}
	}
	if rule.Split != nil && total(rule.Split) == 0 {
		return errors.New("Split: all weights are zero")
	}
	for _, name := range names {
		if !slices.Contains(gateways, name) {
			return fmt.Errorf("%q is not the name of a gateway", name)
		}
	}
	if rule.Min != (payments.Money{}) && rule.Max != (payments.Money{}) && (rule.Min.Currency != rule.Max.Currency || rule.Min.Amount > rule.Max.Amount) {
		return errors.New("no amount is between Min and Max")
	}
	if by, ok := rule.By.(interface{ Check([]string) error }); ok {
		return by.Check(gateways)
	}
	return nil
}

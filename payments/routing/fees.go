package routing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// Fee is what a gateway takes for a payment, by the merchant's contract:
// Fixed, and so many hundredths of a per cent of the amount, rounded up; at
// least Min and at most Max, where these are set.
type Fee struct {
	Fixed       payments.Money
	BasisPoints int // 70 is 0.7 %
	Min, Max    payments.Money
}

// Of is the fee for an amount, in its currency. False if the fee is in another.
func (f Fee) Of(amount payments.Money) (payments.Money, bool) {
	for _, m := range []payments.Money{f.Fixed, f.Min, f.Max} {
		if m != (payments.Money{}) && m.Currency != amount.Currency {
			return payments.Money{}, false
		}
	}
	if amount.Amount < 0 || f.BasisPoints < 0 || f.BasisPoints > 10_000 {
		return payments.Money{}, false
	}
	hi, lo := bits.Mul64(uint64(amount.Amount), uint64(f.BasisPoints))
	part, rest := bits.Div64(hi, lo, 10_000) // at most the amount
	fee := f.Fixed.Amount + int64(part)
	if rest > 0 {
		fee++
	}
	if fee < f.Fixed.Amount {
		return payments.Money{}, false // beyond all money there is
	}
	fee = max(fee, f.Min.Amount)
	if f.Max.Amount > 0 {
		fee = min(fee, f.Max.Amount)
	}
	return payments.Money{Amount: fee, Currency: amount.Currency}, true
}

// Fees is a table of fees: by gateway, then by the method's first name (as
// payments.MethodInfo has it).
type Fees map[string]map[payments.Method]Fee

// cost is what a gateway takes for a request, if the table tells.
func (t Fees) cost(r payments.RouteRequest, gateway string) (payments.Money, bool) {
	fee, ok := t[gateway][r.Method]
	if !ok {
		return payments.Money{}, false
	}
	return fee.Of(r.Order.Amount)
}

// Check reports fees that cannot be.
func (t Fees) Check(gateways []string) error {
	var errs []error
	for name, methods := range t {
		if !slices.Contains(gateways, name) {
			errs = append(errs, fmt.Errorf("fees: %q is not the name of a gateway", name))
		}
		for method, f := range methods {
			switch {
			case f.BasisPoints < 0 || f.BasisPoints > 10_000:
				errs = append(errs, fmt.Errorf("fees of %s for %s: BasisPoints is not from 0 to 10000", name, method))
			case f.Fixed.Amount < 0 || f.Min.Amount < 0 || f.Max.Amount < 0:
				errs = append(errs, fmt.Errorf("fees of %s for %s: an amount is negative", name, method))
			case f.Max.Amount > 0 && f.Min.Amount > f.Max.Amount:
				errs = append(errs, fmt.Errorf("fees of %s for %s: Min is above Max", name, method))
			}
		}
	}
	return errors.Join(errs...)
}

// Cheapest returns a router that tries the candidates by what they cost. Those
// of which the table does not tell come last, in the order of Config.Gateways.
func Cheapest(fees Fees) payments.Router { return cheapest{fees} }

type cheapest struct{ Fees }

func (c cheapest) Route(_ context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
	var known, unknown []payments.Choice
	for _, x := range r.Candidates {
		choice := payments.Choice{Gateway: x.Gateway, Reason: "its fee is not known"}
		if cost, ok := c.cost(r, x.Gateway); ok {
			choice.Cost, choice.Reason = cost, "costs "+cost.String()
			known = append(known, choice)
			continue
		}
		unknown = append(unknown, choice)
	}
	slices.SortStableFunc(known, func(a, b payments.Choice) int { return cmp.Compare(a.Cost.Amount, b.Cost.Amount) })
	return Healthy(r, append(known, unknown...)), nil
}

// WithFees returns a router that adds what the choices of another cost.
func WithFees(router payments.Router, fees Fees) payments.Router { return withFees{fees, router} }

type withFees struct {
	Fees
	router payments.Router
}

func (w withFees) Route(ctx context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
	choices, err := w.router.Route(ctx, r)
	choices = slices.Clone(choices) // they may be the router's own
	for i := range choices {
		if cost, ok := w.cost(r, choices[i].Gateway); ok {
			choices[i].Cost = cost
		}
	}
	return choices, err
}

// Check checks both.
func (w withFees) Check(gateways []string) error {
	err := w.Fees.Check(gateways)
	if by, ok := w.router.(interface{ Check([]string) error }); ok {
		err = errors.Join(err, by.Check(gateways))
	}
	return err
}

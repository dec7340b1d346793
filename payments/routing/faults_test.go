package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/routing"
)

// Rules cut and rewrite the slice that the router of By returned. If that router
// keeps its choices, as a host's may, a gateway that once could not take an order
// is never tried again, the reasons grow with each order, and two checkouts at
// once race.
func TestFaultRulesChangeTheChoicesOfAnotherRouter(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(payments.Router) payments.Router{
		"Rules": func(by payments.Router) payments.Router { return routing.Rules(routing.Rule{By: by}) },
		"WithFees": func(by payments.Router) payments.Router {
			return routing.WithFees(by, routing.Fees{"fazz": {"qris": {BasisPoints: 70}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := []payments.Choice{{Gateway: "midtrans"}, {Gateway: "fazz"}}
			by := payments.RouterFunc(func(context.Context, payments.RouteRequest) ([]payments.Choice, error) { return kept, nil })
			_, err := wrap(by).Route(t.Context(), asked("qris", func(r *payments.RouteRequest) { r.Candidates = r.Candidates[1:] }))
			require.NoError(t, err)
			require.Equal(t, []payments.Choice{{Gateway: "midtrans"}, {Gateway: "fazz"}}, kept)
		})
	}
}

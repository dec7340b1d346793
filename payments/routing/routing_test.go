package routing_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/routing"
)

var at = time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)

// asked is a request for an order of 100,000 rupiah that all gateways can take.
func asked(method payments.Method, change ...func(*payments.RouteRequest)) payments.RouteRequest {
	info := payments.MethodInfo{Method: method}
	if method == "bank_transfer/bca" {
		info.Aliases = []payments.Method{"bca_va"}
	}
	r := payments.RouteRequest{
		Order:  payments.Order{ID: payments.NewID(), Amount: payments.IDR(100_000), Plan: &payments.Plan{ID: "pro-monthly", Key: "pro"}},
		Method: method, At: at,
	}
	for _, name := range []string{"midtrans", "fazz", "resto"} {
		r.Candidates = append(r.Candidates, payments.Candidate{Gateway: name, Method: info})
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func down(gateway string) func(*payments.RouteRequest) {
	return func(r *payments.RouteRequest) {
		for i, c := range r.Candidates {
			if c.Gateway == gateway {
				r.Candidates[i].Health = payments.Health{Failures: 3, AvoidUntil: at.Add(time.Second), Why: "3 calls in a row failed"}
			}
		}
	}
}

func route(t require.TestingT, router payments.Router, r payments.RouteRequest) (names, reasons []string) {
	choices, err := router.Route(nil, r) //nolint:staticcheck // these routers ask nobody
	require.NoError(t, err)
	for _, c := range choices {
		names, reasons = append(names, c.Gateway), append(reasons, c.Reason)
	}
	return names, reasons
}

func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	t.Parallel()
	router := routing.Rules(
		routing.Rule{Plans: []string{"catering"}, Use: []string{"resto"}},
		routing.Rule{Name: "brand", Tenants: []string{"b"}, Use: []string{"resto", "fazz"}},
		routing.Rule{Currencies: []payments.Currency{"USD"}, Use: []string{"resto"}},
		routing.Rule{Methods: []payments.Method{"qris"}, Max: payments.IDR(5_000_000), Use: []string{"fazz", "midtrans"}},
		routing.Rule{Methods: []payments.Method{"bca_va"}, Min: payments.IDR(50_000), Plans: []string{"pro"}, Use: []string{"fazz"}},
		routing.Rule{If: func(r payments.RouteRequest) bool { return r.Token }, Use: []string{"resto"}},
		routing.Rule{Use: []string{"midtrans"}},
	)
	for name, c := range map[string]struct {
		r      payments.RouteRequest
		names  []string
		reason string
	}{
		"a plan":                {asked("", func(r *payments.RouteRequest) { r.Order.Plan = &payments.Plan{ID: "catering"} }), []string{"resto"}, "rule 1"},
		"a tenant":              {asked("qris", func(r *payments.RouteRequest) { r.Order.User.Tenant = "b" }), []string{"resto", "fazz"}, "brand"},
		"a currency":            {asked("qris", func(r *payments.RouteRequest) { r.Order.Amount.Currency = "USD" }), []string{"resto"}, "rule 3"},
		"a method":              {asked("qris"), []string{"fazz", "midtrans"}, "rule 4"},
		"too much for the rule": {asked("qris", func(r *payments.RouteRequest) { r.Order.Amount = payments.IDR(5_000_001) }), []string{"midtrans"}, "rule 7"},
		"another name of it":    {asked("bank_transfer/bca"), []string{"fazz"}, "rule 5"},
		"too little":            {asked("bank_transfer/bca", func(r *payments.RouteRequest) { r.Order.Amount = payments.IDR(49_999) }), []string{"midtrans"}, "rule 7"},
		"no plan":               {asked("bank_transfer/bca", func(r *payments.RouteRequest) { r.Order.Plan = nil }), []string{"midtrans"}, "rule 7"},
		"the host's function":   {asked("gopay", func(r *payments.RouteRequest) { r.Token = true }), []string{"resto"}, "rule 6"},
		"the method is open":    {asked(""), []string{"midtrans"}, "rule 7"},
		"a gateway that cannot": {asked("qris", func(r *payments.RouteRequest) { r.Candidates = r.Candidates[:1] }), []string{"midtrans"}, "rule 4"},
		"none of the rule can": {asked("bank_transfer/bca", func(r *payments.RouteRequest) {
			r.Candidates = r.Candidates[:1]
		}), []string{"midtrans"}, "rule 7"},
		"nobody can": {asked("qris", func(r *payments.RouteRequest) { r.Candidates = r.Candidates[2:] }), nil, ""},
	} {
		names, reasons := route(t, router, c.r)
		require.Equal(t, c.names, names, name)
		if c.names != nil {
			require.Equal(t, c.reason, reasons[0], name)
		}
	}
}

func TestAGatewayThatIsNotWellComesLast(t *testing.T) {
	t.Parallel()
	router := routing.Rules(routing.Rule{Name: "qris", Use: []string{"fazz", "midtrans", "resto"}})
	names, reasons := route(t, router, asked("qris", down("fazz")))
	require.Equal(t, []string{"midtrans", "resto", "fazz"}, names)
	require.Equal(t, "qris; fazz is avoided: 3 calls in a row failed", reasons[0])
	require.Equal(t, "qris", reasons[2])

	all := asked("qris", down("fazz"), down("midtrans"), down("resto"))
	names, _ = route(t, router, all)
	require.Equal(t, []string{"fazz", "midtrans", "resto"}, names, "somebody has to be tried")
	all.At = at.Add(time.Second)
	_, reasons = route(t, router, all)
	require.Equal(t, "qris", reasons[0], "the pause is over")
}

func TestASplitIsByWeightAndStable(t *testing.T) {
	t.Parallel()
	router := routing.Rules(routing.Rule{Split: map[string]int{"midtrans": 90, "fazz": 10, "resto": 0}})
	const many = 5_000
	first := map[string]int{}
	for i := range many {
		r := asked("qris", func(r *payments.RouteRequest) {
			r.Order.ID = payments.ID(fmt.Sprintf("0196a000-0000-7000-8000-%012d", i))
		})
		names, _ := route(t, router, r)
		again, _ := route(t, router, r)
		require.Equal(t, names, again)
		require.Len(t, names, 3, "the others are there if it fails")
		first[names[0]]++
	}
	require.Zero(t, first["resto"])
	require.InDelta(t, many/10, first["fazz"], many/50)
	names, reasons := route(t, router, asked("qris", func(r *payments.RouteRequest) { r.Order.ID = "" }))
	require.Equal(t, []string{"midtrans", "fazz", "resto"}, names)
	require.Equal(t, "rule 1: split 90 of 100", reasons[0])
}

func TestTheCheapestIsTriedFirst(t *testing.T) {
	t.Parallel()
	fees := routing.Fees{
		"midtrans": {"qris": {BasisPoints: 70}, "bank_transfer/bca": {Fixed: payments.IDR(4_000)}},
		"fazz":     {"qris": {Fixed: payments.IDR(500), BasisPoints: 30}},
	}
	cheap := routing.Cheapest(fees)
	choices, err := cheap.Route(t.Context(), asked("qris"))
	require.NoError(t, err)
	require.Equal(t, []payments.Choice{
		{Gateway: "midtrans", Reason: "costs Rp700", Cost: payments.IDR(700)},
		{Gateway: "fazz", Reason: "costs Rp800", Cost: payments.IDR(800)},
		{Gateway: "resto", Reason: "its fee is not known"},
	}, choices)
	names, _ := route(t, cheap, asked("qris", func(r *payments.RouteRequest) { r.Order.Amount = payments.IDR(1_000_000) }))
	require.Equal(t, "fazz", names[0])
	names, _ = route(t, cheap, asked("qris", down("midtrans")))
	require.Equal(t, []string{"fazz", "resto", "midtrans"}, names)
	names, _ = route(t, cheap, asked(""))
	require.Equal(t, []string{"midtrans", "fazz", "resto"}, names)

	nested := routing.Rules(routing.Rule{Methods: []payments.Method{"qris"}, By: cheap}, routing.Rule{Use: []string{"resto"}})
	_, reasons := route(t, nested, asked("qris"))
	require.Equal(t, "rule 1: costs Rp700", reasons[0])

	shown := routing.WithFees(routing.Rules(routing.Rule{Use: []string{"fazz", "resto"}}), fees)
	choices, err = shown.Route(t.Context(), asked("qris"))
	require.NoError(t, err)
	require.Equal(t, payments.IDR(800), choices[0].Cost)
	require.Zero(t, choices[1].Cost)
}

func TestFees(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fee          routing.Fee
		amount, want int64
	}{
		{routing.Fee{}, 100_000, 0},
		{routing.Fee{Fixed: payments.IDR(4_400)}, 100_000, 4_400},
		{routing.Fee{BasisPoints: 70}, 100_000, 700},
		{routing.Fee{BasisPoints: 70}, 1, 1},
		{routing.Fee{BasisPoints: 290, Fixed: payments.IDR(2_000)}, 10_001, 2_000 + 291},
		{routing.Fee{BasisPoints: 150, Min: payments.IDR(1_000), Max: payments.IDR(5_000)}, 10_000, 1_000},
		{routing.Fee{BasisPoints: 150, Min: payments.IDR(1_000), Max: payments.IDR(5_000)}, 10_000_000, 5_000},
		{routing.Fee{BasisPoints: 10_000}, math.MaxInt64, math.MaxInt64},
	} {
		got, ok := c.fee.Of(payments.IDR(c.amount))
		require.True(t, ok)
		require.Equal(t, payments.IDR(c.want), got, "%+v of %d", c.fee, c.amount)
	}
	_, ok := routing.Fee{Fixed: payments.IDR(1)}.Of(payments.Money{Amount: 1, Currency: "USD"})
	require.False(t, ok)
	_, ok = routing.Fee{Fixed: payments.IDR(math.MaxInt64), BasisPoints: 1}.Of(payments.IDR(100_000))
	require.False(t, ok)
}

// The part is exact at every size: the least whole number that is not below it.
func TestFeesAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount")
		points := rapid.IntRange(0, 10_000).Draw(t, "points")
		got, ok := routing.Fee{BasisPoints: points}.Of(payments.IDR(amount))
		require.True(t, ok)
		want := new(big.Int).Mul(big.NewInt(amount), big.NewInt(int64(points)))
		want.Add(want, big.NewInt(9_999)).Div(want, big.NewInt(10_000))
		require.Equal(t, want.Int64(), got.Amount)
	})
}

func TestRulesThatCannotWork(t *testing.T) {
	t.Parallel()
	check := func(r payments.Router) error {
		return r.(interface{ Check([]string) error }).Check([]string{"midtrans", "fazz"})
	}
	fees := routing.Fees{"midtrans": {"qris": {BasisPoints: 70}}}
	require.NoError(t, check(routing.WithFees(routing.Rules(
		routing.Rule{By: routing.Cheapest(fees)}, routing.Rule{Split: map[string]int{"fazz": 1}}, routing.Rule{Use: []string{"fazz"}},
	), fees)))
	for want, router := range map[string]payments.Router{
		"there are no rules":               routing.Rules(),
		"rule 1: set exactly one of":       routing.Rules(routing.Rule{}),
		"rule 2: set exactly one of":       routing.Rules(routing.Rule{Use: []string{"fazz"}}, routing.Rule{Use: []string{"fazz"}, Split: map[string]int{"fazz": 1}}),
		`best: "stripe" is not the name`:   routing.Rules(routing.Rule{Name: "best", Use: []string{"stripe"}}),
		`"xendit" is not the name`:         routing.Rules(routing.Rule{Split: map[string]int{"xendit": 1}}),
		`weight of "fazz" is negative, or`: routing.Rules(routing.Rule{Split: map[string]int{"fazz": -1}}),
		"all weights are zero":             routing.Rules(routing.Rule{Split: map[string]int{"fazz": 0}}),
		"no amount is between Min and Max": routing.Rules(routing.Rule{Use: []string{"fazz"}, Min: payments.IDR(2), Max: payments.IDR(1)}),
		`fees: "doku" is not the name`:     routing.Rules(routing.Rule{By: routing.Cheapest(routing.Fees{"doku": {}})}),
		"BasisPoints is not from 0 to":     routing.Cheapest(routing.Fees{"fazz": {"qris": {BasisPoints: 10_001}}}),
		"an amount is negative":            routing.Cheapest(routing.Fees{"fazz": {"qris": {Fixed: payments.IDR(-1)}}}),
		"Min is above Max":                 routing.Cheapest(routing.Fees{"fazz": {"qris": {Min: payments.IDR(2), Max: payments.IDR(1)}}}),
		`fees: "shopee" is not the name`:   routing.WithFees(routing.Rules(routing.Rule{Use: []string{"fazz"}}), routing.Fees{"shopee": {}}),
	} {
		require.ErrorContains(t, check(router), want)
	}
}

package routing_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/routing"
	"github.com/lunaspay/lunas/storage/memory"
)

// A shop with two gateways: a QR code is Fazz's, and Midtrans's if Fazz fails;
// what has no rule is Midtrans's.
func Example() {
	fazzSim, midtransSim := fazztest.NewServer(), midtranstest.NewServer()
	defer fazzSim.Close()
	defer midtransSim.Close()
	pay, err := payments.New(payments.Config{
		Store:     memory.New(),
		PublicURL: "https://shop.example/pay",
		Plans:     payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		Gateways:  []payments.Gateway{midtrans.SnapAndCore(midtransSim.Config()), fazz.New(fazzSim.Config())},
		Router: routing.Rules(
			routing.Rule{Name: "codes", Methods: []payments.Method{"qris"}, Use: []string{"fazz", "midtrans"}},
			routing.Rule{Use: []string{"midtrans"}},
		),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	buy := func(method payments.Method) {
		out, err := pay.Checkout(context.Background(), payments.CreateParams{
			User: payments.EndUser{ID: "ana"}, PlanID: "pro", Method: method,
			Extra: payments.Extras{"fazz": fazz.Extra{DisplayName: "TOKO ANA"}},
		})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s (%s)\n", method, out.Session.Gateway, out.Session.Reason)
	}
	buy("qris")
	buy("bank_transfer/bca")
	fazzSim.Fail(simkit.Fault{Kind: simkit.Throttled, Op: "checkout"})
	buy("qris")
	// Output:
	// qris: fazz (codes)
	// bank_transfer/bca: midtrans (rule 2)
	// qris: midtrans (codes; fazz failed: payments: fazz: checkout: code 010: Temporarily unavailable: too many requests)
}

// What a gateway takes is the merchant's own table: the cheapest comes first.
func ExampleCheapest() {
	router := routing.Cheapest(routing.Fees{
		"midtrans": {"qris": {BasisPoints: 70}},                           // 0.7 %
		"fazz":     {"qris": {Fixed: payments.IDR(500), BasisPoints: 30}}, // Rp500 and 0.3 %
	})
	for _, amount := range []int64{100_000, 1_000_000} {
		choices, err := router.Route(context.Background(), payments.RouteRequest{
			Order: payments.Order{Amount: payments.IDR(amount)}, Method: "qris",
			Candidates: []payments.Candidate{{Gateway: "midtrans"}, {Gateway: "fazz"}},
		})
		if err != nil {
			panic(err)
		}
		for _, c := range choices {
			fmt.Println(payments.IDR(amount), c.Gateway, c.Reason)
		}
	}
	// Output:
	// Rp100.000 midtrans costs Rp700
	// Rp100.000 fazz costs Rp800
	// Rp1.000.000 fazz costs Rp3.500
	// Rp1.000.000 midtrans costs Rp7.000
}

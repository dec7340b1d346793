package payments_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

// A shop that sells a plan, offline: Midtrans is simulated. What an app needs
// is all in newShopApp; with a real server key and "go pay.Run(ctx)" it is in
// business.
func Example() {
	sim := midtranstest.New()
	pay, app, err := newShopApp(sim.Config())
	if err != nil {
		log.Fatal(err)
	}
	sim.Notify("https://shop.example/pay/notifications/midtrans", app)

	ctx := context.Background()
	out, err := pay.Checkout(ctx, payments.CreateParams{User: payments.EndUser{ID: "ana"}, PlanID: "pro"})
	if err != nil {
		log.Fatal(err)
	}
	if err := sim.Pay(out.Session.Ref); err != nil { // on Midtrans's page, at out.URL
		log.Fatal(err)
	}
	if _, err := sim.Deliver(ctx); err != nil { // the notification
		log.Fatal(err)
	}
	if err := pay.Drain(ctx); err != nil { // what Run does all the time
		log.Fatal(err)
	}
	// Output: ana has paid Rp29.000 for pro
}

func newShopApp(account midtrans.Config) (*payments.Service, http.Handler, error) {
	pay, err := payments.New(payments.Config{
		Store:     memory.New(),
		Gateways:  []payments.Gateway{midtrans.Snap(account)},
		Plans:     payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		Identify:  func(*http.Request) (payments.EndUser, error) { return payments.EndUser{ID: "ana"}, nil },
		PublicURL: "https://shop.example/pay",
	})
	if err != nil {
		return nil, nil, err
	}
	pay.OnSettled("fulfil", func(_ context.Context, e payments.Settled) error {
		fmt.Println(e.Order.User.ID, "has paid", e.Amount, "for", e.Order.Plan.ID)
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("/pay/", http.StripPrefix("/pay", pay.Handler()))
	mux.Handle("/reports", pay.RequirePlan("pro")(http.NotFoundHandler()))
	return pay, mux, nil
}

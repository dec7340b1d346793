package fazztest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

// A payment is asked for over plain HTTP, the payer pays, and the shop is told.
func Example() {
	sim := fazztest.NewServer()
	defer sim.Close()
	sim.Notify("http://shop.test/callbacks", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var told struct {
			Data struct {
				Attributes struct{ ReferenceID, Status, Amount string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&told); err == nil {
			fmt.Println("told:", told.Data.Attributes.ReferenceID, told.Data.Attributes.Status, told.Data.Attributes.Amount)
		}
	}))

	config := sim.Config()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, config.BaseURL+"/payments", strings.NewReader(
		`{"data":{"attributes":{"paymentMethodType":"qris","amount":29000,"referenceId":"INV-1","paymentMethodOptions":{"displayName":"TOKO"}}}}`))
	if err != nil {
		panic(err)
	}
	req.SetBasicAuth(config.APIKey, config.SecretKey)
	req.Header.Set("Content-Type", "application/vnd.api+json")
	resp, err := config.HTTPClient.Do(req)
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	fmt.Println("asked:", resp.StatusCode, sim.Status("INV-1"))

	for _, move := range []func() error{
		func() error { return sim.Pay("INV-1") },
		func() error { return sim.Complete("INV-1") },
	} {
		if err := move(); err != nil {
			panic(err)
		}
		if _, err := sim.Deliver(context.Background()); err != nil {
			panic(err)
		}
	}
	// Output:
	// asked: 201 pending
	// told: INV-1 paid 29000.0
	// told: INV-1 completed 29000.0
}

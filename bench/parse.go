package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
)

// parse: a notification is read and its signature checked, and nothing else.
// What it is held against is what nobody can do without: encoding/json once,
// into a struct of the fields that are needed, and SHA-512 once.

// bodies are some notifications that differ.
func bodies() [][]byte {
	some := make([][]byte, 512)
	for i := range some {
		some[i] = settlement(parsedRef(i), time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
	}
	return some
}

func parsedRef(i int) string { return "order-" + strconv.Itoa(i) }

// parsed says whether the i-th body was read right.
func parsed(i, of int, ref string) error {
	if want := parsedRef(i % of); ref != want {
		return fmt.Errorf("the order is read as %q, not %q", ref, want)
	}
	return nil
}

func parseWithLunas(context.Context, setup) (func(context.Context, int) error, func(), error) {
	gateway, some := midtrans.Snap(midtrans.Config{ServerKey: serverKey}), bodies()
	once := func(_ context.Context, i int) error {
		n, err := gateway.ReadNotification(payments.RawNotification{Body: some[i%len(some)]})
		if err != nil {
			return err
		}
		return parsed(i, len(some), n.Ref)
	}
	return once, func() {}, nil
}

// needed are the fields that Lunas takes out of such a notification.
type needed struct {
	notice
	StatusMessage   string `json:"status_message"`
	PaymentType     string `json:"payment_type"`
	MerchantID      string `json:"merchant_id"`
	Currency        string `json:"currency"`
	TransactionTime string `json:"transaction_time"`
	SettlementTime  string `json:"settlement_time"`
}

func parseByHand(context.Context, setup) (func(context.Context, int) error, func(), error) {
	some := bodies()
	once := func(_ context.Context, i int) error {
		var n needed
		if err := json.Unmarshal(some[i%len(some)], &n); err != nil {
			return err
		}
		if !n.genuine() {
			return errors.New("forged")
		}
		return parsed(i, len(some), n.OrderID)
	}
	return once, func() {}, nil
}

// parsing measures one contender.
func (b *bench) parsing(ctx context.Context, run runSpec, contender string, _ int) (sample, error) {
	return repeated(ctx, run, contender, &looping{Loop: "parse/" + contender, Warm: run.warm(), Times: run.messages})
}

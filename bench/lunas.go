package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/memory"
)

// lunas is a host as the README describes one: gormstore in the host's own
// GORM database, the Midtrans gateway, one hook. Run does not run: what is
// measured is the way from the request to what is durable, and the hook's
// delivery stays in the outbox, where it is counted afterwards.
type lunas struct{ setup setup }

// lane is the hook's name.
const lane = "fulfil"

func (l *lunas) gorm() (*gorm.DB, func(), error) { return openGORM(l.setup, &gorm.Config{}) }

func (l *lunas) open(ctx context.Context) (*gormstore.Store, func(), error) {
	db, closeDB, err := l.gorm()
	if err != nil {
		return nil, nil, err
	}
	store, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	return store, closeDB, nil
}

func (l *lunas) serve(ctx context.Context) (http.Handler, func(), error) {
	store, closeDB, err := l.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	pay, err := payments.New(l.config(store))
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	pay.OnSettled(lane, func(context.Context, payments.Settled) error { return nil })
	// A process that delivers its own events tells no others of them.
	if err := pay.Drain(ctx); err != nil {
		closeDB()
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/pay/", http.StripPrefix("/pay", pay.Handler()))
	return mux, closeDB, nil
}

func (l *lunas) config(store payments.Store) payments.Config {
	account := midtrans.Config{ServerKey: serverKey, TrustNotifications: l.setup.StatusURL == ""}
	if l.setup.StatusURL != "" {
		account.SnapURL, account.CoreURL = l.setup.StatusURL, l.setup.StatusURL
		account.HTTPClient = &http.Client{Transport: keepingAlive()}
	}
	return payments.Config{
		Store: store, Gateways: []payments.Gateway{midtrans.Snap(account)}, PublicURL: "http://127.0.0.1/pay", Logger: l.logger(),
	}
}

// logger leaves out the warnings of forgeries that the benchmark makes itself.
func (l *lunas) logger() *slog.Logger {
	level := slog.LevelWarn
	if l.setup.Hostile {
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// keepingAlive keeps as many connections to the gateway as there may be
// notifications at once. net/http's default keeps two, and opens and closes
// one for every look-up beyond.
func keepingAlive() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 512
	return transport
}

// seeders is how many payments are stored at once before the run.
const seeders = 64

// prepare checks n payments out on a store in memory, as a host's checkout
// would, and copies them by the measured store's own Update.
func (l *lunas) prepare(ctx context.Context, n int) ([]string, error) {
	return l.makeOrders(ctx, n, oneMug)
}

// oneMug is the shortest of orders.
func oneMug(i int) payments.CreateParams {
	return payments.CreateParams{User: payments.EndUser{ID: buyer(i)}, Items: []payments.Pick{{ID: "mug", Quantity: 1}}}
}

func (l *lunas) makeOrders(ctx context.Context, n int, order func(i int) payments.CreateParams) ([]string, error) {
	db, closeDB, err := l.gorm()
	if err != nil {
		return nil, err
	}
	defer closeDB()
	if err := gormstore.Migrate(ctx, db, nil); err != nil {
		return nil, err
	}
	to, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		return nil, err
	}
	from := memory.New()
	ids, err := checkOut(ctx, from, n, order)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(seeders)
	refs := make([]string, n)
	for i, id := range ids {
		group.Go(func() error {
			refs[i] = string(id) // the first session of a payment has its id
			return copyPayment(ctx, from, to, id)
		})
	}
	return refs, group.Wait()
}

// checkOut makes n payments of different buyers.
func checkOut(ctx context.Context, store payments.Store, n int, order func(i int) payments.CreateParams) ([]payments.ID, error) {
	shop, err := payments.New(payments.Config{
		Store: store, Gateways: []payments.Gateway{openGateway{}}, PublicURL: "http://127.0.0.1/pay",
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(price)}},
	})
	if err != nil {
		return nil, err
	}
	ids := make([]payments.ID, n)
	for i := range ids {
		out, err := shop.Checkout(ctx, order(i))
		if err != nil {
			return nil, fmt.Errorf("check out: %w", err)
		}
		ids[i] = out.Payment.ID
	}
	return ids, nil
}

func buyer(i int) string { return "buyer-" + strconv.Itoa(i) }

// copyPayment stores a payment with its history and its names.
func copyPayment(ctx context.Context, from, to payments.Store, id payments.ID) error {
	p, err := from.Get(ctx, payments.ByID(id))
	if err != nil {
		return err
	}
	history, err := from.Events(ctx, payments.EventQuery{PaymentID: id})
	if err != nil {
		return err
	}
	change := payments.Change{Payment: p, Events: history.Items}
	for _, s := range p.Sessions {
		change.Refs = append(change.Refs, payments.ByGatewayRef(s.Gateway, s.Ref))
	}
	_, err = to.Update(ctx, payments.ByID(id), func(payments.Snapshot) (payments.Change, error) { return change, nil })
	if err != nil {
		return fmt.Errorf("copy payment: %w", err)
	}
	return nil
}

// openGateway stands for Midtrans while the orders are made: every checkout
// is opened at once.
type openGateway struct{}

func (openGateway) Name() string { return "midtrans" }

func (openGateway) Checkout(_ context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	return payments.CheckoutResult{
		Token:       "66e4fa55-fdac-4ef9-91b5-733b97d1b862",
		RedirectURL: "https://app.sandbox.midtrans.com/snap/v2/vtweb/" + r.Ref,
	}, nil
}

func (openGateway) ReadNotification(payments.RawNotification) (payments.Notification, error) {
	return payments.Notification{}, payments.ErrForged
}

// audit: a settled payment, exactly one settled event, one delivery, one
// message, and with the look-up on the gateway's answer. Other kinds of events
// are there, none of them twice. In a hostile mix a pending that overtakes the
// settlement is told of: the attempt is pending, as the payment was. How many
// messages there are of an order then depends on where the run was cut off, so
// they are not counted.
func (l *lunas) audit() audit {
	perPayment := func(what, table string) string {
		return "SELECT payment_id, " + what + ", count(*) FROM lunas_" + table + l.since("payment_id") + " GROUP BY payment_id, " + what
	}
	messages := map[string]int{"notification": 1}
	if l.setup.StatusURL != "" {
		messages["status"] = 1
	}
	others := 1
	if l.setup.Hostile {
		others = 2
	}
	settledTimes := func(n int) expected {
		return expected{exactly: map[string]int{string(payments.EventSettled): n}, others: others}
	}
	a := audit{
		"payments": {
			query:  "SELECT id, status, 1 FROM lunas_payment" + l.since("id"),
			paid:   expected{exactly: map[string]int{string(payments.StatusSettled): 1}},
			review: expected{exactly: map[string]int{string(payments.StatusReview): 1}},
			open:   expected{exactly: map[string]int{string(payments.StatusPending): 1}},
		},
		"events": {
			query: perPayment("kind", "event"),
			paid:  settledTimes(1), review: settledTimes(0), open: settledTimes(0),
		},
		"deliveries": {
			query: perPayment("target", "delivery"),
			paid:  expected{exactly: map[string]int{payments.HookTarget(lane): 1}},
		},
		"delivery log": {query: perPayment("target", "delivery_log")},
		"messages":     {query: perPayment("op", "message"), paid: expected{exactly: messages}},
		"claims":       {query: "SELECT user_id, plan_key, 1 FROM lunas_claim"},
	}
	if l.setup.Hostile {
		delete(a, "messages")
	}
	if l.setup.Delivers { // what is delivered moves to the log
		a["delivery log"] = tableAudit{query: perPayment("target", "delivery_log"), paid: a["deliveries"].paid}
		a["deliveries"] = tableAudit{query: a["deliveries"].query}
	}
	return a
}

// since leaves out what was there before this turn.
func (l *lunas) since(column string) string {
	if l.setup.Since == "" {
		return ""
	}
	return " WHERE " + column + " >= '" + l.setup.Since + "'"
}

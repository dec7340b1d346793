package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/snap"

	lunasmidtrans "github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// B5: what a checkout costs beside the call to Midtrans that it is for. The
// measure is one row that is committed alone.

var errNowhere = errors.New("there is nowhere to pay")

// simulating is the child that simulates Midtrans.
type simulating struct {
	server *http.Server
}

func (s *simulating) start(ctx context.Context) (any, error) {
	base, server, err := listen(ctx, midtranstest.New(midtranstest.WithKeys(serverKey, "SB-Mid-client-benchmark")).Handler())
	if err != nil {
		return nil, err
	}
	s.server = server
	return serverReady{URL: base}, nil
}

func (s *simulating) do(context.Context, string) (any, error) { return processorTime() }

func (s *simulating) stop() { _ = s.server.Close() }

// checkOutWithLunas is Service.Checkout of an item.
func checkOutWithLunas(ctx context.Context, s setup) (func(context.Context, int) error, func(), error) {
	host := &lunas{s}
	store, closeDB, err := host.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	config := host.config(store)
	config.Gateways = []payments.Gateway{lunasmidtrans.Snap(lunasmidtrans.Config{
		ServerKey: serverKey, SnapURL: s.StatusURL, CoreURL: s.StatusURL, HTTPClient: &http.Client{Transport: keepingAlive()},
	})}
	config.Items = payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(price)}}
	pay, err := payments.New(config)
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	once := func(ctx context.Context, i int) error {
		out, err := pay.Checkout(ctx, oneMug(i))
		if err == nil && (out.Session == nil || out.Session.RedirectURL == "") {
			err = errNowhere
		}
		return err
	}
	return once, closeDB, nil
}

// checkOutWithSDK asks for the same with Midtrans's own SDK, and keeps nothing.
func checkOutWithSDK(_ context.Context, s setup) (func(context.Context, int) error, func(), error) {
	base, err := url.Parse(s.StatusURL)
	if err != nil {
		return nil, nil, err
	}
	var client snap.Client
	client.New(serverKey, midtrans.Sandbox)
	client.HttpClient = &midtrans.HttpClientImplementation{
		HttpClient: &http.Client{Transport: toSimulator{base, keepingAlive()}},
		Logger:     &midtrans.LoggerImplementation{LogLevel: midtrans.NoLogging},
	}
	once := func(_ context.Context, i int) error {
		answer, err := client.CreateTransaction(&snap.Request{
			TransactionDetails: midtrans.TransactionDetails{OrderID: uuid.Must(uuid.NewV7()).String(), GrossAmt: price},
			Items:              &[]midtrans.ItemDetails{{ID: "mug", Name: "Mug", Price: price, Qty: 1}},
			CustomerDetail:     &midtrans.CustomerDetails{FName: buyer(i)},
		})
		if err != nil { // a *midtrans.Error: a nil one in an error is not nil
			return err
		}
		if answer.RedirectURL == "" {
			return errNowhere
		}
		return nil
	}
	return once, func() {}, nil
}

// toSimulator leads requests for Midtrans's hosts to the simulator.
type toSimulator struct {
	base *url.URL
	next http.RoundTripper
}

func (t toSimulator) RoundTrip(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.Host = r.URL.Host
	to.URL.Scheme, to.URL.Host = t.base.Scheme, t.base.Host
	return t.next.RoundTrip(to)
}

const rowSchema = "CREATE TABLE bench_row (id uuid NOT NULL PRIMARY KEY, doc text NOT NULL)"

// rowDocument is about as long as a payment's.
var rowDocument = fmt.Sprintf(`{"filler":"%0900d"}`, 0)

// commitRow inserts a row; there is no other statement in its transaction.
func commitRow(ctx context.Context, s setup) (func(context.Context, int) error, func(), error) {
	pool, err := openPGX(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	once := func(ctx context.Context, _ int) error {
		_, err := pool.Exec(ctx, "INSERT INTO bench_row (id, doc) VALUES ($1, $2)", uuid.Must(uuid.NewV7()), rowDocument)
		return err
	}
	return once, pool.Close, nil
}

// checkouts measures one contender, and counts what it stored.
func (b *bench) checkouts(ctx context.Context, run runSpec, contender string, size int) (s sample, err error) {
	db, err := b.places[run.dialect].create(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if dropped := db.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	made := setup{Contender: contender, Dialect: run.dialect, DSN: db.dsn, Pool: size}
	if err := prepareCheckouts(ctx, made); err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	var ready serverReady
	simulator, err := spawn(ctx, "midtrans", struct{}{}, &ready)
	if err != nil {
		return s, err
	}
	defer simulator.stop()
	made.StatusURL = ready.URL
	l := &looping{Setup: made, Loop: "checkout/" + contender, Warm: run.warm(), Times: run.messages}
	if s, err = repeated(ctx, run, contender, l); err != nil {
		return s, err
	}
	faults, err := countCheckouts(ctx, db, contender, l.Warm+l.Times)
	s.Faults = append(s.Faults, faults...)
	return s, err
}

func prepareCheckouts(ctx context.Context, s setup) error {
	db, closeDB, err := (&lunas{s}).gorm()
	if err != nil {
		return err
	}
	defer closeDB()
	if err := gormstore.Migrate(ctx, db, nil); err != nil {
		return err
	}
	return db.WithContext(ctx).Exec(rowSchema).Error
}

// stored is where a contender keeps its checkouts.
var stored = map[string]string{
	"lunas": "SELECT count(*) FROM lunas_payment WHERE status = 'pending'",
	"row":   "SELECT count(*) FROM bench_row",
}

func countCheckouts(ctx context.Context, s *scratch, contender string, want int) ([]string, error) {
	query, keeps := stored[contender]
	if !keeps {
		return nil, nil
	}
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	n, err := number(ctx, db, query)
	if err == nil && n != want {
		return []string{fmt.Sprintf("%d of %d are stored", n, want)}, nil
	}
	return nil, err
}

package gormstore_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// A worker process that looks at the store once an hour hears at once of what
// a web process without hooks has committed, on its own or with the host.
func TestAWorkerHearsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	dsn := scratch.New(t, "postgres")
	called := make(chan string, 10)
	db := scratch.Open(t, "postgres", dsn)
	worker := serviceOn(t, openStore(t, db, nil))
	worker.OnSettled("fulfil", func(_ context.Context, e payments.Settled) error {
		called <- e.Order.Reference
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()

	webDB := scratch.Open(t, "postgres", dsn)
	store, err := gormstore.Open(ctx, webDB, nil)
	require.NoError(t, err)
	web := serviceOn(t, store)
	awaitLane(t, store)
	free := func(reference string) payments.CreateParams {
		return payments.CreateParams{User: payments.EndUser{ID: reference}, PlanID: "free", Reference: reference}
	}
	_, err = web.Create(ctx, free("alone"))
	require.NoError(t, err)
	require.Equal(t, "alone", receive(t, called))

	tx := webDB.Begin()
	_, err = web.Within(store.Tx(tx)).Create(ctx, free("with the host"))
	require.NoError(t, err)
	require.NoError(t, tx.Commit().Error)
	require.Equal(t, "with the host", receive(t, called))
}

// awaitLane waits until the worker's lane is known: an event before that has
// nowhere to go.
func awaitLane(t *testing.T, store payments.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		lanes, err := store.Lanes(t.Context(), payments.LaneChange{})
		return err == nil && len(lanes) > 0
	}, time.Minute, 5*time.Millisecond)
}

func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came in a minute")
		return ""
	}
}

func serviceOn(t *testing.T, store payments.Store) *payments.Service {
	t.Helper()
	sim := midtranstest.New()
	pay, err := payments.New(payments.Config{
		Store: store, Gateways: []payments.Gateway{midtrans.Snap(sim.Config())}, PublicURL: "https://shop.test/pay",
		Plans:  payments.Plans{{ID: "free", Price: payments.IDR(0)}},
		Hooks:  payments.HookPolicy{Poll: time.Hour},
		Logger: slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
	})
	require.NoError(t, err)
	return pay
}

// Only what is on its way to other processes is told: who delivers his own
// events pays nothing for it.
func TestOwnDeliveriesAreNotNotified(t *testing.T) {
	t.Parallel()
	store := openStore(t, openNew(t, "postgres"), nil)
	ctx, stop := context.WithCancel(t.Context())
	heard, ended := make(chan struct{}, 10), make(chan error, 1)
	go func() { ended <- store.Listen(ctx, func() { heard <- struct{}{} }) }()
	<-heard // it listens

	leaseAll(t, store, t0)                 // so it serves hook:fulfil
	createPayment(t, store, "hook:fulfil") // not told
	createPayment(t, store, "hook:other")  // told
	createPayment(t, store, "hook:fulfil") // not told
	<-heard
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, heard, "more was told than what others have to deliver")
}

func TestListenWhereThereIsNothingToHear(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"sqlite", "mysql"} {
		t.Run(dialect, func(t *testing.T) {
			store := openStore(t, openNew(t, dialect), nil)
			err := store.Listen(t.Context(), func() { t.Error("heard something") })
			require.True(t, errors.Is(err, errors.ErrUnsupported), err)
		})
	}
}

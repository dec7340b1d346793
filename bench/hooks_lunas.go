package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// lunasHooks are deliveries to one hook of a payments.Service. Each comes of
// its own Update, as each settlement does, and belongs to its own payment: the
// payment is read and stored anew, with an event and the delivery. Run delivers.
type lunasHooks struct {
	lunas
	store *gormstore.Store
}

const (
	// lunasCommitters call Update at once.
	lunasCommitters = 256
	// lunasWorkers is HookPolicy.Concurrency.
	lunasWorkers = 256
)

func (l *lunasHooks) open(ctx context.Context) (func(), error) {
	store, closeDB, err := l.lunas.open(ctx)
	l.store = store
	return closeDB, err
}

func (l *lunasHooks) commit(ctx context.Context, ids []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lunasCommitters)
	for _, id := range ids {
		group.Go(func() error {
			_, err := l.store.Update(ctx, payments.ByID(payments.ID(id)), settle)
			return err
		})
	}
	return group.Wait()
}

// settle adds the event that a hook is called for.
func settle(found payments.Snapshot) (payments.Change, error) {
	p := found.Payment
	if p == nil {
		return payments.Change{}, errors.New("the payment is not there")
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	p.Status, p.LastSeq = payments.StatusSettled, p.LastSeq+1
	e := payments.Event{
		ID: payments.EventID(p.ID, p.LastSeq), PaymentID: p.ID, Kind: payments.EventSettled, Version: 1, Seq: p.LastSeq, At: now,
		Data: []byte(`{"gateway":"midtrans","amount":{"amount":85000,"currency":"IDR"}}`),
	}
	target := payments.HookTarget(lane)
	return payments.Change{
		Payment: p, Events: []payments.Event{e},
		Deliveries: []payments.Delivery{{ID: payments.DeliveryID(e.ID, target), Target: target, Event: e, Due: now}},
	}, nil
}

func (l *lunasHooks) drain(ctx context.Context, c *calls) error {
	config := l.config(l.store)
	config.Hooks.Concurrency = lunasWorkers
	pay, err := payments.New(config)
	if err != nil {
		return err
	}
	pay.OnSettled(lane, func(_ context.Context, e payments.Settled) error {
		c.add(string(e.Order.ID))
		return nil
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- pay.Run(running) }()
	err = c.wait(ctx)
	stop()
	return errors.Join(err, <-ended) // Run waits until what was called is on record
}

func (l *lunasHooks) left() string { return "SELECT count(*) FROM lunas_delivery" }
func (l *lunasHooks) done() string {
	return "SELECT count(*) FROM lunas_delivery_log WHERE state = 'done'"
}

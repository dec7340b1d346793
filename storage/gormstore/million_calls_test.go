package gormstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// shop is a store with payments that were made through it, besides those of
// fill.
type shop struct {
	*gormstore.Store
	ctx      context.Context
	payments int // of fill
	sold     []*payments.Payment
	notified int // of sold
	released int
	leased   []payments.Delivery
}

// call is one of those that are made all the time. It fails if it finds
// nothing: to read nothing is no art.
type call struct {
	name string
	most int // rows and pages that it may touch
	do   func(s *shop) error
}

var (
	inReview = []payments.Status{payments.StatusReview}
	unpaid   = []payments.Status{payments.StatusCreated, payments.StatusPending}
	settled  = []payments.Status{payments.StatusSettled}
	parked   = []payments.Verdict{payments.VerdictParked}
	dead     = []payments.DeliveryState{payments.DeliveryDead}
	lanes    = []payments.Target{{Name: "hook:fulfil"}, {Name: "hook:mail"}}
	someKind = []payments.Target{{Name: "hook:fulfil", Kinds: []payments.EventKind{payments.EventSettled}}}
	unserved = []payments.Target{{Name: "hook:nobody"}}
)

var calls = []call{
	{"creation under a key", 400, (*shop).buy},
	{"notification", 200, (*shop).notify},
	{"notification of an unknown order", 60, (*shop).park},
	{"payment by id", 30, func(s *shop) error { return second(s.Get(s.ctx, payments.ByID(s.middle()))) }},
	{"payment by reference", 30, func(s *shop) error { return second(s.Get(s.ctx, gatewayRef(s.sold[0]))) }},

	{"lease of 60 deliveries", 6000, func(s *shop) error { return s.lease(60, lanes) }},
	{"50 deliveries done", 1500, func(s *shop) error { return s.finish(50, payments.DeliveryDone) }},
	{"a delivery to be tried again", 50, func(s *shop) error { return s.finish(1, payments.DeliveryOpen) }},
	{"a dead delivery", 50, func(s *shop) error { return s.finish(1, payments.DeliveryDead) }},
	{"release of a dead delivery", 150, func(s *shop) error { return s.release(payments.DeliveryOpen) }},
	{"dismissal of a dead delivery", 150, func(s *shop) error { return s.release(payments.DeliveryDismissed) }},
	{"lease of deliveries of one kind", 3000, func(s *shop) error { return s.lease(20, someKind) }},
	{"lease out of a long queue", 400, func(s *shop) error { return s.lease(1, unserved) }},
	{"a delivery done", 50, func(s *shop) error { return s.finish(1, payments.DeliveryDone) }},
	{"lease of payments", 400, (*shop).wake},
	{"lanes", 20, func(s *shop) error { return second(s.Lanes(s.ctx, payments.LaneChange{})) }},
	{"lanes seen", 60, func(s *shop) error {
		return second(s.Lanes(s.ctx, payments.LaneChange{Seen: []payments.Lane{{Name: "fulfil", SeenAt: t0}, {Name: "mail", SeenAt: t0}}}))
	}},
	{"lane retired", 60, func(s *shop) error {
		return second(s.Lanes(s.ctx, payments.LaneChange{Seen: []payments.Lane{{Name: "old", SeenAt: t0}}, Retire: []string{"old"}, At: t0}))
	}},
	{"cleaning", 2000, (*shop).clean},

	{"payments", 200, listPayments(payments.PaymentQuery{})},
	{"payments, later page", 200, laterPayments(payments.PaymentQuery{})},
	{"payments of a user", 400, listPayments(payments.PaymentQuery{UserID: "user-3"})},
	{"payments of a user, later page", 400, laterPayments(payments.PaymentQuery{UserID: "user-3"})},
	{"payments of a tenant's user", 400, listPayments(payments.PaymentQuery{Tenant: "shop-1", UserID: "user-4"})},
	{"settled payments of a user", 400, listPayments(payments.PaymentQuery{UserID: "user-3", Status: settled})},
	{"payments of a tenant", 400, listPayments(payments.PaymentQuery{Tenant: "shop-1"})},
	{"payments of a tenant, later page", 400, laterPayments(payments.PaymentQuery{Tenant: "shop-1"})},
	{"payments of a small tenant", 400, listPayments(payments.PaymentQuery{Tenant: "shop-4"})},
	{"payments by the host's reference", 30, listPayments(payments.PaymentQuery{Reference: "INV-3"})},
	{"payments in review", 400, listPayments(payments.PaymentQuery{Status: inReview})},
	{"payments in review, later page", 400, laterPayments(payments.PaymentQuery{Status: inReview})},
	{"unpaid payments", 500, listPayments(payments.PaymentQuery{Status: unpaid})},
	{"settled payments, later page", 400, laterPayments(payments.PaymentQuery{Status: settled})},
	{"events", 30, func(s *shop) error { return found(s.Events(s.ctx, payments.EventQuery{PaymentID: s.middle()})) }},

	{"messages", 400, listMessages(payments.MessageQuery{})},
	{"parked messages", 400, listMessages(payments.MessageQuery{Verdict: parked})},
	{"parked messages, later page", 400, listMessages(payments.MessageQuery{Verdict: parked, Cursor: "01900001-0000-7000-8000-000000001000"})},
	{"parked messages of an order", 30, listMessages(payments.MessageQuery{Verdict: parked, Gateway: "midtrans", Ref: "order-2015"})},
	{"messages of a payment", 30, listMessages(payments.MessageQuery{PaymentID: "01900000-0000-7000-8000-000000007500"})},
	{"messages of an order", 30, listMessages(payments.MessageQuery{Gateway: "midtrans", Ref: "order-7500"})},
	{"message by id", 30, listMessages(payments.MessageQuery{ID: "01900001-0000-7000-8000-000000001500"})},

	{"deliveries", 800, listDeliveries(payments.DeliveryQuery{})},
	{"deliveries, later page", 800, func(s *shop) error {
		return listDeliveries(payments.DeliveryQuery{Cursor: string(payments.DeliveryID(payments.EventID(s.middle(), 1), "hook:fulfil"))})(s)
	}},
	{"dead deliveries", 800, listDeliveries(payments.DeliveryQuery{State: dead})},
	{"deliveries of a lane", 1200, listDeliveries(payments.DeliveryQuery{Target: "hook:fulfil"})},
	{"deliveries of a lane that is gone", 1000, listDeliveries(payments.DeliveryQuery{Target: "hook:old"})},
	{"dead deliveries of a lane", 1600, listDeliveries(payments.DeliveryQuery{Target: "hook:fulfil", State: dead})},
	{"deliveries of a payment", 100, func(s *shop) error { return listDeliveries(payments.DeliveryQuery{PaymentID: s.sold[0].ID})(s) }},
	{"delivery by id", 60, func(s *shop) error {
		return listDeliveries(payments.DeliveryQuery{ID: payments.DeliveryID(payments.EventID(s.sold[0].ID, 1), "hook:fulfil")})(s)
	}},

	{"claims of a user", 100, listClaims(payments.ClaimQuery{Tenant: "shop-1", UserID: "user-4"})},
	{"claim", 20, listClaims(payments.ClaimQuery{Tenant: "shop-1", UserID: "user-4", PlanKey: "plan-4"})},
	{"claims of a tenant", 400, listClaims(payments.ClaimQuery{Tenant: "shop-1"})},
	{"claims of a tenant, later page", 400, listClaims(payments.ClaimQuery{Tenant: "shop-1", Cursor: `["user-5","plan-3"]`})},
}

// buy creates a payment under a key.
func (s *shop) buy() error {
	id, user := payments.NewID(), payments.EndUser{ID: fmt.Sprintf("user-%d", len(s.sold)%7), Tenant: "shop-1"}
	key := payments.ByKey(user, string(id))
	p, err := s.Update(s.ctx, key, func(payments.Snapshot) (payments.Change, error) {
		c := s.change(&payments.Payment{
			Order:  payments.Order{ID: id, User: user, Plan: &payments.Plan{ID: "pro"}, Amount: payments.IDR(29_000), CreatedAt: t0},
			Status: payments.StatusSettled, Key: key.Value,
		})
		c.Refs = []payments.Ref{key, gatewayRef(c.Payment)}
		return c, nil
	})
	s.sold = append(s.sold, p)
	return err
}

func gatewayRef(p *payments.Payment) payments.Ref {
	return payments.ByGatewayRef("midtrans", "order-"+string(p.ID))
}

// notify is what comes of a gateway's notification.
func (s *shop) notify() error {
	p := s.sold[s.notified]
	s.notified++
	return second(s.Update(s.ctx, gatewayRef(p), func(found payments.Snapshot) (payments.Change, error) {
		if found.Payment == nil || found.Claim == nil {
			return payments.Change{}, errors.New("the payment and its claim are not found")
		}
		return s.change(found.Payment), nil
	}))
}

// change is an event, on its way to two lanes, and the message that told of it.
func (s *shop) change(p *payments.Payment) payments.Change {
	p.LastSeq++
	e := payments.Event{ID: payments.EventID(p.ID, p.LastSeq), PaymentID: p.ID, Kind: payments.EventSettled, Version: 1, Seq: p.LastSeq, At: t0, Data: []byte(`{}`)}
	c := payments.Change{
		Payment: p, Events: []payments.Event{e}, Claim: &payments.Claim{Tenant: p.User.Tenant, UserID: p.User.ID, PlanKey: p.PlanKey()},
		Messages: []payments.Message{{
			ID: payments.NewID(), PaymentID: p.ID, Gateway: "midtrans", Ref: string(p.ID), Verdict: payments.VerdictApplied, Raw: []byte("{}"), At: t0,
		}},
	}
	for _, lane := range lanes {
		c.Deliveries = append(c.Deliveries, payments.Delivery{ID: payments.DeliveryID(e.ID, lane.Name), Target: lane.Name, Event: e, Due: t0})
	}
	return c
}

func (s *shop) park() error {
	return second(s.Update(s.ctx, payments.ByGatewayRef("midtrans", "unknown"), func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Messages: []payments.Message{
			{ID: payments.NewID(), Gateway: "midtrans", Ref: "unknown", Verdict: payments.VerdictParked, Raw: []byte("{}"), At: t0},
		}}, nil
	}))
}

func (s *shop) lease(n int, targets []payments.Target) (err error) {
	s.leased, err = s.LeaseDeliveries(s.ctx, payments.DeliveryLease{
		Lease: payments.Lease{Now: t0, Until: t0.Add(time.Minute), Limit: n}, Owner: "test", Targets: targets,
	})
	return enough(err, len(s.leased), n)
}

// finish ends the first n of those that are leased.
func (s *shop) finish(n int, state payments.DeliveryState) error {
	outcomes := make([]payments.Outcome, n)
	for i, d := range s.leased[:n] {
		outcomes[i] = payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: state, Due: t0.Add(time.Hour), At: t0}
	}
	s.leased = s.leased[n:]
	lost, err := s.Finish(s.ctx, outcomes)
	return enough(err, n-len(lost), n)
}

// release ends the wait of the next dead delivery of fill.
func (s *shop) release(state payments.DeliveryState) error {
	id := payments.DeliveryID(payments.EventID(s.payment(7+s.released*s.payments/200), 1), "hook:fulfil")
	s.released++
	return second(s.Update(s.ctx, payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Releases: []payments.Release{{DeliveryID: id, State: state, Due: t0.Add(time.Hour)}}}, nil
	}))
}

func (s *shop) wake() error {
	leased, err := s.LeasePayments(s.ctx, payments.Lease{Now: t0, Until: t0.Add(time.Minute), Limit: 5})
	return enough(err, len(leased), 5)
}

func (s *shop) clean() error {
	old := t0.Add(-time.Duration(s.payments/2) * time.Second) // half of what there is
	more, err := s.Clean(s.ctx, payments.Cleaning{DeliveriesBefore: old, MessagesBefore: old, Limit: 50})
	if err == nil && !more {
		err = errors.New("there was little to clean")
	}
	return err
}

func enough(err error, have, want int) error {
	if err == nil && have != want {
		err = fmt.Errorf("%d instead of %d", have, want)
	}
	return err
}

func found[T any](p payments.Page[T], err error) error {
	if err == nil && len(p.Items) == 0 {
		err = errors.New("the page is empty")
	}
	return err
}

// payment is the id of a payment of fill.
func (s *shop) payment(number int) payments.ID {
	return payments.ID(fmt.Sprintf("01900000-0000-7000-8000-%012d", number))
}

// middle is that which half of the others are older than.
func (s *shop) middle() payments.ID { return s.payment(s.payments / 2) }

func listPayments(q payments.PaymentQuery) func(s *shop) error {
	return func(s *shop) error { return found(s.Payments(s.ctx, q)) }
}

func laterPayments(q payments.PaymentQuery) func(s *shop) error {
	return func(s *shop) error {
		q.Cursor = string(s.middle())
		return found(s.Payments(s.ctx, q))
	}
}

func listMessages(q payments.MessageQuery) func(s *shop) error {
	return func(s *shop) error { return found(s.Messages(s.ctx, q)) }
}

func listDeliveries(q payments.DeliveryQuery) func(s *shop) error {
	return func(s *shop) error { return found(s.Deliveries(s.ctx, q)) }
}

func listClaims(q payments.ClaimQuery) func(s *shop) error {
	return func(s *shop) error { return found(s.Claims(s.ctx, q)) }
}

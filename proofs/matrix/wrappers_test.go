package matrix

import (
	"context"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// watchedStore has a point before and after each method that writes. What it
// embeds keeps it a payments.Listener and a payments.Cleaner.
type watchedStore struct {
	*gormstore.Store
	points *points
}

var (
	_ payments.Listener = (*watchedStore)(nil)
	_ payments.Cleaner  = (*watchedStore)(nil)
)

// within is the store in a transaction of the host.
func (s *watchedStore) within(tx *gorm.DB) payments.Store {
	return &watchedStore{s.Tx(tx).(*gormstore.Store), s.points}
}

// around passes the points before and after f.
func (p *points) around(what string, f func()) {
	by := who()
	p.pass(by + ": before " + what)
	f()
	p.pass(by + ": after " + what)
}

func (s *watchedStore) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (p *payments.Payment, err error) {
	s.points.around("Update", func() { p, err = s.Store.Update(ctx, ref, fn) })
	return p, err
}

func (s *watchedStore) LeasePayments(ctx context.Context, l payments.Lease) (ps []*payments.Payment, err error) {
	s.points.around("LeasePayments", func() { ps, err = s.Store.LeasePayments(ctx, l) })
	return ps, err
}

func (s *watchedStore) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) (ds []payments.Delivery, err error) {
	s.points.around("LeaseDeliveries", func() { ds, err = s.Store.LeaseDeliveries(ctx, l) })
	return ds, err
}

func (s *watchedStore) Finish(ctx context.Context, outcomes []payments.Outcome) (lost []payments.ID, err error) {
	s.points.around("Finish", func() { lost, err = s.Store.Finish(ctx, outcomes) })
	return lost, err
}

func (s *watchedStore) Lanes(ctx context.Context, c payments.LaneChange) (lanes []payments.Lane, err error) {
	if len(c.Seen)+len(c.Retire) == 0 { // it only lists them
		return s.Store.Lanes(ctx, c)
	}
	s.points.around("Lanes", func() { lanes, err = s.Store.Lanes(ctx, c) })
	return lanes, err
}

func (s *watchedStore) Clean(ctx context.Context, c payments.Cleaning) (more bool, err error) {
	s.points.around("Clean", func() { more, err = s.Store.Clean(ctx, c) })
	return more, err
}

func (s *watchedStore) UpdateRecord(
	ctx context.Context, ref payments.RecordRef, fn func(*payments.Record) (*payments.Record, error),
) (r *payments.Record, err error) {
	s.points.around("UpdateRecord", func() { r, err = s.Store.UpdateRecord(ctx, ref, fn) })
	return r, err
}

// watchedGateway has a point before and after each call.
type watchedGateway struct {
	*midtrans.Gateway
	points *points
}

func (g *watchedGateway) Checkout(ctx context.Context, r payments.CheckoutRequest) (c payments.CheckoutResult, err error) {
	g.points.around("gateway's Checkout", func() { c, err = g.Gateway.Checkout(ctx, r) })
	return c, err
}

func (g *watchedGateway) Status(ctx context.Context, a payments.AttemptRef) (o payments.Observation, err error) {
	g.points.around("gateway's Status", func() { o, err = g.Gateway.Status(ctx, a) })
	return o, err
}

func (g *watchedGateway) Cancel(ctx context.Context, a payments.AttemptRef) (err error) {
	g.points.around("gateway's Cancel", func() { err = g.Gateway.Cancel(ctx, a) })
	return err
}

func (g *watchedGateway) Expire(ctx context.Context, a payments.AttemptRef) (err error) {
	g.points.around("gateway's Expire", func() { err = g.Gateway.Expire(ctx, a) })
	return err
}

func (g *watchedGateway) Refund(ctx context.Context, a payments.AttemptRef, r payments.RefundRequest) (err error) {
	g.points.around("gateway's Refund", func() { err = g.Gateway.Refund(ctx, a, r) })
	return err
}

func (g *watchedGateway) Approve(ctx context.Context, a payments.AttemptRef) (err error) {
	g.points.around("gateway's Approve", func() { err = g.Gateway.Approve(ctx, a) })
	return err
}

func (g *watchedGateway) Deny(ctx context.Context, a payments.AttemptRef) (err error) {
	g.points.around("gateway's Deny", func() { err = g.Gateway.Deny(ctx, a) })
	return err
}

func (g *watchedGateway) Capture(ctx context.Context, a payments.AttemptRef, amount payments.Money) (err error) {
	g.points.around("gateway's Capture", func() { err = g.Gateway.Capture(ctx, a, amount) })
	return err
}

func (g *watchedGateway) CreateLink(ctx context.Context, r payments.LinkRequest) (url string, err error) {
	g.points.around("gateway's CreateLink", func() { url, err = g.Gateway.CreateLink(ctx, r) })
	return url, err
}

func (g *watchedGateway) DeleteLink(ctx context.Context, ref string) (err error) {
	g.points.around("gateway's DeleteLink", func() { err = g.Gateway.DeleteLink(ctx, ref) })
	return err
}

func (g *watchedGateway) CreateSubscription(ctx context.Context, r payments.SubscriptionRequest) (s payments.SubscriptionState, err error) {
	g.points.around("gateway's CreateSubscription", func() { s, err = g.Gateway.CreateSubscription(ctx, r) })
	return s, err
}

func (g *watchedGateway) Subscription(ctx context.Context, id string) (s payments.SubscriptionState, err error) {
	g.points.around("gateway's Subscription", func() { s, err = g.Gateway.Subscription(ctx, id) })
	return s, err
}

func (g *watchedGateway) UpdateSubscription(ctx context.Context, id string, r payments.SubscriptionRequest) (err error) {
	g.points.around("gateway's UpdateSubscription", func() { err = g.Gateway.UpdateSubscription(ctx, id, r) })
	return err
}

func (g *watchedGateway) PauseSubscription(ctx context.Context, id string) (err error) {
	g.points.around("gateway's PauseSubscription", func() { err = g.Gateway.PauseSubscription(ctx, id) })
	return err
}

func (g *watchedGateway) ResumeSubscription(ctx context.Context, id string) (err error) {
	g.points.around("gateway's ResumeSubscription", func() { err = g.Gateway.ResumeSubscription(ctx, id) })
	return err
}

func (g *watchedGateway) CancelSubscription(ctx context.Context, id string) (err error) {
	g.points.around("gateway's CancelSubscription", func() { err = g.Gateway.CancelSubscription(ctx, id) })
	return err
}

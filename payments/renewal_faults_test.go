package payments_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

// hooked does something when a plan is priced, which is in the middle of renew.
type hooked struct {
	catalog
	then *func()
}

func (h hooked) Plan(ctx context.Context, tenant, id string) (payments.Plan, error) {
	if f := *h.then; f != nil {
		*h.then = nil
		f()
	}
	return h.catalog.Plan(ctx, tenant, id)
}

func newHookedClub(t *testing.T) (*club, *func()) {
	then := new(func())
	plan := payments.Plan{ID: "club", Price: payments.IDR(50_000), Period: payments.Period{Days: 30}, Renewal: &payments.Renewal{Grace: 5 * day}}
	c := &club{}
	c.shop = newShop(t, with(func(cfg *payments.Config) {
		cfg.Plans, cfg.Items = nil, nil
		cfg.Catalog = hooked{catalog{plans: map[string]payments.Plan{"/club": plan}}, then}
	}))
	return c, then
}

func (c *club) openPayments() (open int) {
	for _, p := range c.payments() {
		if p.Status == payments.StatusCreated || p.Status == payments.StatusPending {
			open++
		}
	}
	return open
}

// The invoice is made while the user stops, or subscribes.
func TestRenewalsStopWhileTheInvoiceIsMade(t *testing.T) {
	t.Parallel()
	c, then := newHookedClub(t)
	c.join()
	*then = func() { require.NoError(t, c.pay.StopRenewal(t.Context(), ana, "club")) }
	c.at(28 * day)
	require.Nil(t, *then)
	require.Zero(t, c.openPayments(), "an invoice after StopRenewal")
}

func TestRenewalsSubscribeWhileTheInvoiceIsMade(t *testing.T) {
	t.Parallel()
	c, then := newHookedClub(t)
	c.join()
	*then = func() { c.subscribe() }
	c.at(28 * day)
	require.Nil(t, *then)
	require.Zero(t, c.openPayments(), "an invoice beside an active subscription")
}

// A crash after the invoice was made, before it was written down as the next.
func TestRenewalsSubscribeAfterACrashOfTheInvoice(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*club){
		"subscribe": func(c *club) { c.subscribe() },
		"stop":      func(c *club) { require.NoError(c.t, c.pay.StopRenewal(c.t.Context(), ana, "club")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClub(t)
			c.join()
			c.at(27*day - time.Minute)
			made := false
			store := &cutter{Store: c.store}
			store.after = func(p *payments.Payment) { made = made || p != nil && p.Renews != nil }
			store.fail = func() bool { return made }
			dying, err := payments.New(payments.Config{
				Store: store, Gateways: []payments.Gateway{c.fake}, Clock: c.clock, PublicURL: "https://shop.test/pay", Logger: slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
				Plans: payments.Plans{{ID: "club", Price: payments.IDR(50_000), Period: payments.Period{Days: 30}, Renewal: &payments.Renewal{Grace: 5 * day}}},
			})
			require.NoError(t, err)
			c.clock.Advance(2 * time.Minute)
			_ = dying.Drain(t.Context())
			require.True(t, made)
			require.Empty(t, c.renewal().Renewal.Next)
			then(c)
			c.at(28 * day)
			require.Zero(t, c.openPayments(), "the invoice is forgotten, and still to be paid")
		})
	}
}

type cutter struct {
	*memory.Store
	after func(*payments.Payment)
	fail  func() bool
}

func (s *cutter) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if s.fail() {
		return nil, errors.New("cut")
	}
	p, err := s.Store.Update(ctx, ref, fn)
	s.after(p)
	return p, err
}

// The invoice could not be withdrawn; the user wants it again: two invoices.
func TestRenewalsResumeAfterAStopThatFailed(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.at(28 * day)
	invoice := c.renewal().Renewal.Next
	_, err := c.pay.Attempt(t.Context(), invoice, payments.AttemptParams{})
	require.NoError(t, err)
	c.fake.cancel = func(payments.AttemptRef) error { return unreachable("500") }
	require.Error(t, c.pay.StopRenewal(t.Context(), ana, "club"))
	require.NoError(t, c.pay.ResumeRenewal(t.Context(), ana, "club"))
	c.fake.cancel = nil
	c.at(28*day + time.Hour)
	require.Equal(t, 1, c.openPayments(), "two invoices of one period")
}

// The user has paid by himself: the invoice of that period is dunned on.
func TestRenewalsAnInvoiceOfAPeriodThatIsPaid(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(28*day))
	c.join() // by himself, not by the invoice
	c.at(28*day + time.Hour)
	var heard []string
	for _, at := range []time.Duration{29 * day, 30 * day, 32 * day, 36 * day} {
		heard = append(heard, c.at(at+time.Minute)...)
	}
	require.Empty(t, heard, "he is paid up to day 60")
}

// The period was refunded: its invoice is dunned on.
func TestRenewalsAnInvoiceOfARefundedPeriod(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.join()
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(28*day))
	_, err := c.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r"})
	require.NoError(t, err)
	c.fake.set(string(p.ID), "tx-"+string(p.ID), "refund", 50_000)
	_, err = c.pay.Sync(t.Context(), p.ID)
	require.NoError(t, err)
	require.Empty(t, slices.Concat(c.at(29*day+time.Minute), c.at(30*day+time.Minute), c.at(32*day+time.Minute)))
}

// A link of a tenant, for anybody.
func TestALinkOfATenant(t *testing.T) {
	t.Parallel()
	items := map[string]payments.Item{
		"/mug":  {ID: "mug", Name: "Mug", Price: payments.IDR(1_000)},
		"x/mug": {ID: "mug", Name: "Mug of x", Price: payments.IDR(85_000)},
	}
	s := newShop(t, with(func(cfg *payments.Config) { cfg.Plans, cfg.Items, cfg.Catalog = nil, nil, catalog{items: items} }))
	link := s.link(payments.LinkParams{ID: "l", Tenant: "x", Items: []payments.Pick{{ID: "mug", Quantity: 1}}})
	p := s.tell(try("l", "1", "settlement", link.Amount.Amount))
	require.Equal(t, payments.IDR(85_000), link.Amount, "priced by another tenant's catalogue")
	require.Equal(t, "x", p.User.Tenant)
}

func TestALinksPaymentIsOfItsTenant(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "l", Tenant: "x", Title: "A", Amount: payments.IDR(10_000)})
	p := s.tell(try("l", "1", "settlement", 10_000))
	require.Equal(t, "x", p.User.Tenant)
}

// A link is deleted while the gateway makes it.
func TestALinkThatIsDeletedWhileItIsMade(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	live := false
	s.fake.link = func(op, ref string) error {
		if op == "delete link" {
			if !live {
				return payments.ErrNotFound
			}
			live = false
			return nil
		}
		require.NoError(t, s.pay.DeleteLink(t.Context(), ref))
		live = true
		return nil
	}
	_, _ = s.pay.CreateLink(t.Context(), payments.LinkParams{ID: "l", Title: "A", Amount: payments.IDR(10_000)})
	require.NoError(t, s.pay.DeleteLink(t.Context(), "l"))
	require.False(t, live, "deleted here, open at the gateway, and nothing closes it")
}

// Empty names select everybody in ClaimQuery.
func TestNobodysClaim(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	for _, who := range []payments.EndUser{{}, {Tenant: "other"}} {
		e, err := c.pay.Entitled(t.Context(), who, "club")
		require.False(t, e.OK, "%+v is entitled by ana's claim: %v", who, err)
		require.Error(t, c.pay.StopRenewal(t.Context(), who, "club"))
	}
	require.False(t, c.renewal().Renewal.Stopped)
}

func TestNoPlansClaim(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	e, err := c.pay.Entitled(t.Context(), ana, "")
	require.False(t, e.OK, "entitled to a plan without a key: %v", err)
	require.Error(t, c.pay.StopRenewal(t.Context(), ana, ""))
	require.False(t, c.renewal().Renewal.Stopped)
}

// A payer names his own payment as the invoice would be.
func TestRenewalsTheKeyOfAnInvoiceIsTaken(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.join()
	w := c.do("POST", "/checkout", "ana", `{"items":[{"id":"mug","quantity":1}]}`, "Idempotency-Key", "renew/"+string(p.ID)+"/0")
	t.Log(w.Code)
	c.clock.Advance(28 * day)
	_ = c.pay.Drain(t.Context())
	require.Contains(t, c.heard, "due 0, 720h0m0s")
}

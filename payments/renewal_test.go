package payments_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

// club is a shop whose plan "club" is renewed, with all that its hooks heard.
type club struct {
	*shop
	heard []string
}

func newClub(t *testing.T) *club {
	t.Helper()
	c := &club{}
	c.shop = newShop(t, with(func(cfg *payments.Config) {
		cfg.Plans = append(cfg.Plans, payments.Plan{
			ID: "club", Price: payments.IDR(50_000), Period: payments.Period{Days: 30},
			Renewal: &payments.Renewal{Grace: 5 * day, Reminders: []time.Duration{-day, 0, 2 * day}},
		})
	}))
	say := func(format string, args ...any) error {
		c.heard = append(c.heard, fmt.Sprintf(format, args...))
		return nil
	}
	c.pay.OnRenewalDue("x", func(_ context.Context, e payments.RenewalDue) error {
		return say("due %d, %s", e.Step, e.EndsAt.Sub(start))
	})
	c.pay.OnRenewed("x", func(_ context.Context, e payments.Renewed) error { return say("renewed to %s", e.Claim.End.Sub(start)) })
	c.pay.OnRenewalFailed("x", func(_ context.Context, e payments.RenewalFailed) error {
		return say("failed %d: %s, final %t", e.Interval, e.Reason, e.Final)
	})
	c.pay.OnClaimExpired("x", func(context.Context, payments.ClaimExpired) error { return say("expired") })
	return c
}

// join has ana pay for the first period, at start.
func (c *club) join() *payments.Payment {
	c.t.Helper()
	p := c.open(ana, "club")
	c.settle(p, "tx-"+string(p.ID))
	c.drain()
	return c.get(p.ID)
}

// at goes to so long after the start and hears what was told on the way.
func (c *club) at(d time.Duration) []string {
	c.t.Helper()
	c.clock.Advance(start.Add(d).Sub(c.clock.Now()))
	c.drain()
	heard := c.heard
	c.heard = nil
	return heard
}

func (c *club) entitled(want bool, reason string) {
	c.t.Helper()
	e, err := c.pay.Entitled(c.t.Context(), ana, "club")
	require.NoError(c.t, err)
	require.Equal(c.t, want, e.OK)
	require.Equal(c.t, reason, e.Reason)
}

// renewal is the payment of the present period.
func (c *club) renewal() *payments.Payment {
	c.t.Helper()
	p, err := c.pay.Renewal(c.t.Context(), ana, "club")
	require.NoError(c.t, err)
	return p
}

func TestAPlanIsRenewedByInvoices(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.join()
	require.Empty(t, c.at(27*day-time.Minute))
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(27*day))
	require.Empty(t, c.at(28*day))
	invoice := c.get(c.renewal().Renewal.Next)
	require.Equal(t, payments.IDR(50_000), invoice.Amount)
	require.Equal(t, &payments.Renews{PaymentID: p.ID, EndsAt: start.Add(30 * day)}, invoice.Renews)
	require.Equal(t, start.Add(35*day), invoice.ExpiresAt)
	require.Equal(t, []string{"due 1, 720h0m0s"}, c.at(29*day))

	_, err := c.pay.Attempt(t.Context(), invoice.ID, payments.AttemptParams{})
	require.NoError(t, err)
	c.settle(c.get(invoice.ID), "tx-2")
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(29*day+time.Hour))
	require.Equal(t, invoice.ID, c.renewal().ID)
	require.Empty(t, c.at(30*day), "what is paid is not reminded of")
	c.entitled(true, "active")
	require.Equal(t, []string{"due 0, 1440h0m0s"}, c.at(57*day))
}

// Nobody pays: reminders, grace, then the end.
func TestARenewalThatNobodyPays(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(27*day))
	require.Equal(t, []string{"due 2, 720h0m0s"}, c.at(30*day+time.Hour), "a reminder that was missed is not made up for")
	c.entitled(true, "grace")
	require.Equal(t, []string{"due 3, 720h0m0s"}, c.at(32*day))
	c.entitled(true, "grace")
	require.ElementsMatch(t, []string{"expired", "failed 0: expired, final true"}, c.at(35*day+time.Hour))
	c.entitled(false, "ended")
	require.Empty(t, c.at(80*day))
}

// What is paid within the grace continues the old period.
func TestARenewalPaidWithinTheGrace(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.at(33 * day)
	invoice := c.get(c.renewal().Renewal.Next)
	_, err := c.pay.Attempt(t.Context(), invoice.ID, payments.AttemptParams{})
	require.NoError(t, err)
	c.settle(c.get(invoice.ID), "tx-2")
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(33*day+time.Hour), "60 days from the start, not 63")
}

// A user who pays by himself before, or twice, is asked for nothing more than
// the period behind what he has.
func TestAUserRenewsByHimself(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	c.at(10 * day)
	c.join()
	require.Empty(t, c.at(27*day), "it ends after 60 days now")
	require.Equal(t, []string{"due 0, 1440h0m0s"}, c.at(57*day))
}

func TestStopAndResumeRenewal(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	ctx := t.Context()
	require.ErrorIs(t, c.pay.StopRenewal(ctx, ana, "club"), payments.ErrNotFound)
	c.join()
	c.at(28 * day)
	invoice := c.renewal().Renewal.Next
	require.NoError(t, c.pay.StopRenewal(ctx, ana, "club"))
	require.Equal(t, payments.StatusCanceled, c.get(invoice).Status)
	require.NoError(t, c.pay.StopRenewal(ctx, ana, "club"), "again")
	require.Empty(t, c.at(28*day+time.Hour))
	c.entitled(true, "active")

	require.NoError(t, c.pay.ResumeRenewal(ctx, ana, "club"))
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(29*day), "a new invoice")
	require.NotEqual(t, invoice, c.renewal().Renewal.Next)

	require.NoError(t, c.pay.StopRenewal(ctx, ana, "club"))
	require.Contains(t, c.at(30*day), "expired")
	c.entitled(false, "ended")
	require.Empty(t, c.at(60*day))
}

// What was refunded, or given away, is not renewed.
func TestWhatIsNotRenewed(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	ctx := t.Context()
	p := c.join()
	require.NoError(t, func() error { _, err := c.pay.Refund(ctx, p.ID, payments.RefundParams{Key: "r"}); return err }())
	c.fake.set(string(p.ID), "tx-"+string(p.ID), "refund", 50_000)
	_, err := c.pay.Sync(ctx, p.ID)
	require.NoError(t, err)
	_, err = c.pay.Grant(ctx, payments.GrantParams{User: budi, PlanID: "club", Key: "k"})
	require.NoError(t, err)
	require.NotContains(t, c.at(40*day), "due 0, 720h0m0s")
	_, err = c.pay.Renewal(ctx, budi, "club")
	require.ErrorIs(t, err, payments.ErrNotFound)
	all, err := c.pay.Page(ctx, payments.PaymentQuery{})
	require.NoError(t, err)
	require.Len(t, all.Items, 2)
}

// A plan that is not sold any more ends.
func TestAPlanThatIsGoneIsNotRenewed(t *testing.T) {
	t.Parallel()
	plans := catalog{plans: map[string]payments.Plan{
		"/old": {ID: "old", Price: payments.IDR(50_000), Period: payments.Monthly, Renewal: &payments.Renewal{}},
	}}
	shop := newShop(t, with(func(cfg *payments.Config) { cfg.Catalog, cfg.Plans, cfg.Items = plans, nil, nil }))
	p := shop.open(ana, "old")
	shop.settle(p, "tx")
	delete(plans.plans, "/old")
	shop.clock.Advance(29 * day)
	shop.drain()
	require.Equal(t, 1, shop.told(p, payments.EventRenewalFailed))
	require.True(t, shop.get(p.ID).Renewal.Stopped)
}

func TestPlansWhoseRenewalMakesNoSense(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]payments.Plan{
		"never ends":    {Price: payments.IDR(1), Renewal: &payments.Renewal{}},
		"costs nothing": {Price: payments.IDR(0), Period: payments.Monthly, Renewal: &payments.Renewal{}},
		"negative":      {Price: payments.IDR(1), Period: payments.Monthly, Renewal: &payments.Renewal{Lead: -1}},
		"not in order":  {Price: payments.IDR(1), Period: payments.Monthly, Renewal: &payments.Renewal{Reminders: []time.Duration{1, 1}}},
		"behind":        {Price: payments.IDR(1), Period: payments.Monthly, Renewal: &payments.Renewal{Reminders: []time.Duration{30 * day}}},
	} {
		plan.ID = "x"
		_, err := payments.New(payments.Config{
			Store: newShop(t).store, Gateways: []payments.Gateway{newFake()}, PublicURL: "https://a.test", Plans: payments.Plans{plan},
			Logger: slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
		})
		require.ErrorContains(t, err, name)
	}
}

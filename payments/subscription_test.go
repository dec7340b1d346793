package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

// subscribe has the gateway charge ana for what follows.
func (c *club) subscribe() *payments.Subscription {
	c.t.Helper()
	sub, err := c.pay.Subscribe(c.t.Context(), byCard())
	require.NoError(c.t, err)
	return sub
}

func byCard() payments.SubscribeParams {
	return payments.SubscribeParams{User: ana, PlanKey: "club", Method: "credit_card", PaymentToken: "card-1"}
}

func (c *club) sub(ref string) *payments.Subscription {
	c.t.Helper()
	sub, err := c.pay.Subscription(c.t.Context(), ref)
	require.NoError(c.t, err)
	return sub
}

// charge makes the gateway's truth a charge, and returns its transaction.
func (c *club) charge(sub *payments.Subscription, n int, word string) string {
	tx := fmt.Sprintf("charge-%s-%d", sub.Ref, n)
	c.fake.set(fmt.Sprintf("%s%032d", sub.Ref, n), tx, word, sub.Amount.Amount)
	return tx
}

// recur sends what a gateway tells of a subscription.
func (c *club) recur(n payments.SubscriptionNotice) int {
	c.t.Helper()
	body, err := json.Marshal(note{Sub: &n})
	require.NoError(c.t, err)
	return c.do("POST", "/notifications/fake", "", string(body)).Code
}

func TestAPlanIsRenewedByTheGateway(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.join()
	sub := c.subscribe()
	require.Equal(t, payments.SubscriptionActive, sub.State)
	asked := c.fake.subscribed[0]
	require.Equal(t, payments.SubscriptionRequest{
		Ref: sub.Ref, Method: "credit_card", PaymentToken: "card-1", Amount: payments.IDR(50_000), Every: payments.Period{Days: 30},
		StartAt: start.Add(30*day - time.Hour), User: ana,
	}, asked)
	require.Regexp(t, `^[a-z0-9]{15}$`, sub.Ref)
	raw, err := json.Marshal(sub)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "card-1")
	again := c.subscribe()
	require.Equal(t, sub, again)
	require.Len(t, c.fake.subscribed, 1)

	require.Empty(t, c.at(30*day-time.Minute), "no invoice")
	for n := 1; n <= 2; n++ {
		now := time.Duration(n) * 30 * day
		c.at(now)
		tx := c.charge(sub, n, "settlement")
		c.fake.putSub(sub.ID, sub.Ref, true, n)
		told := payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: tx, Interval: n}
		for range 3 {
			require.Equal(t, 200, c.recur(told))
		}
		require.Equal(t, []string{fmt.Sprintf("renewed to %s", now+30*day)}, c.at(now+time.Minute))
		last := c.renewal()
		require.Equal(t, c.sub(sub.Ref).Last, last.ID)
		require.Equal(t, payments.StatusSettled, last.Status)
		require.Equal(t, p.ID, last.Renews.PaymentID)
		require.Equal(t, sub.Ref, last.Renews.Subscription)
		p = last
	}
	require.Len(t, c.payments(), 3)
	c.entitled(true, "active")
}

func (c *club) payments() []*payments.Payment {
	c.t.Helper()
	page, err := c.pay.Page(c.t.Context(), payments.PaymentQuery{})
	require.NoError(c.t, err)
	return page.Items
}

// The gateway's message is lost: it is asked.
func TestAChargeThatNobodyTellsOf(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30*day - time.Hour)
	c.fake.putSub(sub.ID, sub.Ref, true, 1, c.charge(sub, 1, "settlement"))
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day))
	require.Empty(t, c.at(31*day))
}

// Vector 42 of the state model: a charge that failed is told once, whatever is
// sent; and when the gateway gives up, an invoice follows.
func TestAChargeThatFails(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30 * day)
	failed := payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, Interval: 1, Failure: "411: token is missing"}
	c.fake.putSub(sub.ID, sub.Ref, true, 1)
	require.Equal(t, 200, c.recur(failed))
	require.Equal(t, 200, c.recur(failed))
	require.Equal(t, []string{"failed 1: 411, final false"}, c.at(30*day+time.Minute))
	require.Empty(t, c.at(30*day+12*time.Hour))

	c.fake.putSub(sub.ID, sub.Ref, false, 1)
	require.Equal(t, 200, c.recur(failed))
	require.Equal(t, []string{"failed 1: 411, final true", "due 0, 720h0m0s"}, c.at(30*day+18*time.Hour), "by an invoice, then")
	require.Equal(t, payments.SubscriptionEnded, c.sub(sub.Ref).State)
	c.entitled(true, "grace")

	// With another card it goes on, from the period that is paid by then.
	invoice := c.get(c.renewal().Renewal.Next)
	_, err := c.pay.Attempt(t.Context(), invoice.ID, payments.AttemptParams{})
	require.NoError(t, err)
	c.settle(c.get(invoice.ID), "tx-2")
	c.at(31 * day)
	next := c.subscribe()
	require.NotEqual(t, sub.Ref, next.Ref)
	require.Equal(t, start.Add(60*day-time.Hour), next.StartAt)
}

// Nobody tells that the gateway gave up.
func TestASubscriptionThatEndsInSilence(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"inactive": false, "unknown": true} {
		c := newClub(t)
		c.join()
		sub := c.subscribe()
		c.at(30*day - time.Hour)
		c.fake.putSub(sub.ID, sub.Ref, false, 1)
		if gone {
			delete(c.fake.subs, sub.ID)
		}
		heard := c.at(30 * day)
		require.Equal(t, payments.SubscriptionEnded, c.sub(sub.Ref).State, name)
		heard = append(heard, c.at(30*day+time.Hour)...)
		require.Equal(t, "due 0, 720h0m0s", heard[len(heard)-1], name)
	}
}

// A denied charge is a payment that failed, and another try of it is another.
func TestAChargeThatIsDenied(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30 * day)
	c.fake.putSub(sub.ID, sub.Ref, true, 1)
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: c.charge(sub, 1, "deny"), Interval: 1}))
	require.Equal(t, []string{"failed 0: denied, final false"}, c.at(30*day+time.Minute))
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: c.charge(sub, 2, "capture"), Interval: 1}))
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day+2*time.Minute))
	require.Len(t, c.payments(), 3)
}

// A charge was denied, and the message of the next try is lost; or there is no
// next try.
func TestWhatFollowsADeniedCharge(t *testing.T) {
	t.Parallel()
	for name, paid := range map[string]bool{"paid by the next try": true, "given up": false} {
		t.Run(name, func(t *testing.T) {
			c := newClub(t)
			c.join()
			sub := c.subscribe()
			c.at(30*day - time.Hour)
			denied := c.charge(sub, 1, "deny")
			c.fake.putSub(sub.ID, sub.Ref, true, 1, denied)
			require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: denied}))
			require.Equal(t, []string{"failed 0: denied, final false"}, c.at(30*day))
			if paid {
				c.fake.putSub(sub.ID, sub.Ref, true, 1, denied, c.charge(sub, 2, "settlement"))
				require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day+6*time.Hour))
				return
			}
			c.fake.putSub(sub.ID, sub.Ref, false, 1, denied)
			heard := slices.Concat(c.at(30*day+6*time.Hour), c.at(30*day+7*time.Hour))
			require.Equal(t, []string{"failed 1: no charge, final true", "due 0, 720h0m0s"}, heard)
		})
	}
}

// Nothing that a stranger sends does anything.
func TestAStrangersNotice(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	other := c.open(budi, "pro")
	c.fake.set(string(other.ID), "others", "settlement", 29_000)
	before := c.fake.count("status")
	for name, n := range map[string]payments.SubscriptionNotice{
		"another's reference": {ID: sub.ID, Ref: "s0000", TransactionID: "others"},
		"another's id":        {ID: "x", Ref: sub.Ref, TransactionID: "others"},
		"another's money":     {ID: sub.ID, Ref: sub.Ref, TransactionID: "others"},
		"no such money":       {ID: sub.ID, Ref: sub.Ref, TransactionID: "none"},
	} {
		require.Equal(t, 200, c.recur(n), name)
	}
	c.status(other, payments.StatusPending)
	require.Len(t, c.payments(), 2)
	require.LessOrEqual(t, c.fake.count("status")-before, 2)
	require.Empty(t, c.at(time.Minute))

	c.fake.putSub(sub.ID, "s-other", true, 1)
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, Failure: "411"}))
	require.Empty(t, c.at(2*time.Minute), "the gateway says that it is another's")
	require.Equal(t, []payments.Verdict{
		payments.VerdictApplied, payments.VerdictNotice, payments.VerdictNotice, payments.VerdictNotice, payments.VerdictNotice, payments.VerdictNotice,
	}, c.verdicts())
	for m, err := range c.pay.Messages(t.Context(), payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictNotice}}) {
		require.NoError(t, err)
		_, err := c.pay.Replay(t.Context(), m.ID)
		require.NoError(t, err)
	}
}

// A payer who knows his reference cannot have the gateway asked without end.
func TestNoticesAreAskedAboutInMeasure(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	const most = 1200 // a minute, as docs/security.md has it
	for range most {
		require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref}))
	}
	asked := c.fake.count("subscription")
	require.Equal(t, 503, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref}), "it is to be sent again")
	require.Equal(t, asked, c.fake.count("subscription"))
	c.clock.Advance(time.Minute)
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref}))
}

// While the gateway cannot be asked, the message is to be sent again.
func TestANoticeThatCannotBeAskedAbout(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.at(30 * day)
	tx := c.charge(sub, 1, "settlement")
	c.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{}, unreachable("500")
	}
	n := payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: tx}
	require.Equal(t, http.StatusServiceUnavailable, c.recur(n))
	c.fake.status = nil
	require.Equal(t, 200, c.recur(n))
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day+time.Minute))
}

// The gateway's answer is lost.
func TestSubscribeWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	lost := func(payments.SubscriptionRequest) (payments.SubscriptionState, error) {
		return payments.SubscriptionState{}, fmt.Errorf("lost: %w", payments.ErrOutcomeUnknown)
	}
	begin := func() (*club, *payments.Subscription) {
		c := newClub(t)
		c.join()
		c.fake.subscribe = lost
		sub, err := c.pay.Subscribe(t.Context(), byCard())
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
		require.Equal(t, payments.SubscriptionAsked, sub.State)
		c.fake.subscribe = nil
		return c, sub
	}
	t.Run("asked again soon", func(t *testing.T) {
		c, sub := begin()
		require.Equal(t, sub.Ref, c.subscribe().Ref)
		require.Equal(t, payments.SubscriptionActive, c.sub(sub.Ref).State)
	})
	t.Run("it tells of itself", func(t *testing.T) {
		c, sub := begin()
		c.fake.putSub("id-1", sub.Ref, true, 0)
		require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: "id-1", Ref: sub.Ref}))
		require.Equal(t, payments.SubscriptionActive, c.sub(sub.Ref).State)
		require.Equal(t, "id-1", c.subscribe().ID)
	})
	t.Run("asked again late, it turns up", func(t *testing.T) {
		c, sub := begin()
		c.at(time.Hour)
		next := c.subscribe()
		require.NotEqual(t, sub.Ref, next.Ref)
		require.Equal(t, payments.SubscriptionLost, c.sub(sub.Ref).State)
		c.fake.putSub("id-1", sub.Ref, true, 0)
		require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: "id-1", Ref: sub.Ref}))
		require.Equal(t, []string{"cancel id-1"}, c.fake.turned)
		require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: "id-1", Ref: sub.Ref}))
		require.Len(t, c.fake.turned, 1)
		require.Equal(t, payments.SubscriptionActive, c.sub(next.Ref).State)
	})
	t.Run("it was never made", func(t *testing.T) {
		c, sub := begin()
		require.Contains(t, append(c.at(30*day), c.at(30*day+time.Hour)...), "due 0, 720h0m0s")
		require.Equal(t, payments.SubscriptionLost, c.sub(sub.Ref).State)
	})
	t.Run("it was made twice", func(t *testing.T) {
		c, sub := begin()
		require.Equal(t, sub.Ref, c.subscribe().Ref)
		c.fake.putSub("id-2", sub.Ref, true, 0)
		require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: "id-2", Ref: sub.Ref}))
		require.Equal(t, []string{"cancel id-2"}, c.fake.turned)
	})
}

// The invoice of the next period is there already.
func TestSubscribeInsteadOfAnInvoice(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(28*day))
	invoice := c.renewal().Renewal.Next
	sub := c.subscribe()
	require.Equal(t, payments.StatusCanceled, c.get(invoice).Status)
	require.Empty(t, c.at(30*day-time.Hour))
	require.Equal(t, 200, c.recur(payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: c.charge(sub, 1, "settlement")}))
	require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day))

	// It is being paid in this moment.
	other := newClub(t)
	other.join()
	other.at(28 * day)
	invoice = other.renewal().Renewal.Next
	_, err := other.pay.Attempt(t.Context(), invoice, payments.AttemptParams{})
	require.NoError(t, err)
	other.settle(other.get(invoice), "tx-2")
	sub = other.subscribe()
	require.Equal(t, start.Add(60*day-time.Hour), sub.StartAt, "it has been paid: for the period behind it")
}

func TestSubscribeIsRefused(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	ctx := t.Context()
	_, err := c.pay.Subscribe(ctx, byCard())
	require.ErrorIs(t, err, payments.ErrNotFound)
	c.join()
	c.fake.subscribe = func(payments.SubscriptionRequest) (payments.SubscriptionState, error) {
		return payments.SubscriptionState{}, payments.Invalid("payment_token", "is required")
	}
	sub, err := c.pay.Subscribe(ctx, payments.SubscribeParams{User: ana, PlanKey: "club"})
	require.Equal(t, []string{"payment_token"}, fields(t, err))
	require.Equal(t, payments.SubscriptionRefused, sub.State)
	require.Equal(t, []string{"due 0, 720h0m0s"}, c.at(27*day))
	c.fake.subscribe = nil
	require.NotEqual(t, sub.Ref, c.subscribe().Ref)
}

func TestSubscriptionsAreTurned(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	ctx := t.Context()
	require.ErrorIs(t, c.pay.PauseSubscription(ctx, "none"), payments.ErrNotFound)
	c.join()
	sub := c.subscribe()
	require.ErrorIs(t, c.pay.ResumeSubscription(ctx, "none"), payments.ErrNotFound)
	c.fake.turn = func(string, string) error { return fmt.Errorf("lost: %w", payments.ErrOutcomeUnknown) }
	require.ErrorIs(t, c.pay.PauseSubscription(ctx, sub.Ref), payments.ErrOutcomeUnknown)
	require.Equal(t, payments.SubscriptionPaused, c.sub(sub.Ref).State, "or the timer would take it for the end")
	c.fake.turn = func(string, string) error { return &payments.GatewayError{Gateway: "fake", Message: "no"} }
	require.Error(t, c.pay.PauseSubscription(ctx, sub.Ref))
	require.NoError(t, func() error { c.fake.turn = nil; return c.pay.ResumeSubscription(ctx, sub.Ref) }())
	c.fake.turned = nil
	c.fake.turn = nil
	require.NoError(t, c.pay.PauseSubscription(ctx, sub.Ref))
	require.Equal(t, payments.SubscriptionPaused, c.sub(sub.Ref).State)
	c.at(31 * day)
	require.Equal(t, payments.SubscriptionPaused, c.sub(sub.Ref).State, "paused is not ended")
	require.NoError(t, c.pay.ResumeSubscription(ctx, sub.Ref))
	require.NoError(t, c.pay.UpdateSubscription(ctx, sub.Ref, "card-2", payments.Money{}))
	require.NoError(t, c.pay.UpdateSubscription(ctx, sub.Ref, "card-2", payments.IDR(60_000)))
	require.Equal(t, payments.IDR(60_000), c.sub(sub.Ref).Amount)
	require.Equal(t, []string{"amount"}, fields(t, c.pay.UpdateSubscription(ctx, sub.Ref, "c", payments.Money{Amount: 5, Currency: "USD"})))
	require.NoError(t, c.pay.StopRenewal(ctx, ana, "club"))
	require.NoError(t, c.pay.CancelSubscription(ctx, sub.Ref))
	require.ErrorIs(t, c.pay.PauseSubscription(ctx, sub.Ref), payments.ErrWrongState)
	require.Equal(t, payments.SubscriptionEnded, c.sub(sub.Ref).State)
	require.Equal(t, "pause resume update update cancel", strings.Join(verbs(c.fake.turned), " "))
	page, err := c.pay.Subscriptions(ctx, payments.SubscriptionQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// A pause that the gateway refuses is none.
func TestAPauseIsRefused(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.join()
	sub := c.subscribe()
	c.fake.turn = func(string, string) error { return &payments.GatewayError{Gateway: "fake", Message: "no"} }
	require.Error(t, c.pay.PauseSubscription(t.Context(), sub.Ref))
	require.Equal(t, payments.SubscriptionActive, c.sub(sub.Ref).State)
}

func verbs(turned []string) []string {
	var verbs []string
	for _, t := range turned {
		verb, _, _ := strings.Cut(t, " ")
		verbs = append(verbs, verb)
	}
	return verbs
}

// A crash between any two writes of a charge: the same message, or the timer,
// does the rest.
func TestAChargeMeetsAFault(t *testing.T) {
	t.Parallel()
	for fault := 1; fault <= 6; fault++ {
		faults := 0
		var store *faultyRecords
		c := newClub(t)
		store = &faultyRecords{Store: c.store, fail: func() error {
			faults++
			if faults == fault {
				return errors.New("cut")
			}
			return nil
		}}
		c.join()
		sub := c.subscribe()
		c.at(30 * day)
		tx := c.charge(sub, 1, "settlement")
		c.fake.putSub(sub.ID, sub.Ref, true, 1)
		other, err := payments.New(payments.Config{
			Store: store, Gateways: []payments.Gateway{c.fake}, Clock: c.clock, PublicURL: "https://shop.test/pay", Logger: slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
		})
		require.NoError(t, err)
		c.web = other.Handler()
		n := payments.SubscriptionNotice{ID: sub.ID, Ref: sub.Ref, TransactionID: tx}
		first := c.recur(n)
		require.Equal(t, faults >= fault, first == 503, "fault %d of %d", fault, faults)
		faults = fault // no more of them
		require.Equal(t, 200, c.recur(n))
		require.Equal(t, []string{"renewed to 1440h0m0s"}, c.at(30*day+10*time.Minute), "fault %d", fault)
		require.Equal(t, c.renewal().ID, c.sub(sub.Ref).Last)
	}
}

// faultyRecords fails before any write.
type faultyRecords struct {
	*memory.Store
	fail func() error
}

func (s *faultyRecords) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.Store.Update(ctx, ref, fn)
}

func (s *faultyRecords) UpdateRecord(
	ctx context.Context, ref payments.RecordRef, fn func(*payments.Record) (*payments.Record, error),
) (*payments.Record, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.Store.UpdateRecord(ctx, ref, fn)
}

package channels

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

const day = 24 * time.Hour

// plans: the club's is renewed by itself.
var plans = payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}, {
	ID: "club", Price: payments.IDR(price), Period: payments.Period{Days: 30},
	Renewal: &payments.Renewal{Grace: 3 * day, Reminders: []time.Duration{0}},
}}

// join pays for the first period by a card, which is saved.
func (w *world) join() *payments.Payment {
	w.t.Helper()
	token, err := w.sim.CardToken("4811111111111114")
	require.NoError(w.t, err)
	out, err := w.pay.Checkout(w.t.Context(), payments.CreateParams{
		User: ana, PlanID: "club", Method: "credit_card", PaymentToken: token,
		Extra: midtrans.CoreExtra{CreditCard: &midtrans.CardCharge{SaveTokenID: true}},
	})
	require.NoError(w.t, err)
	w.happen(out.Payment.ID, w.sim.Pay(string(out.Payment.ID))) // 3-D Secure
	require.NotEmpty(w.t, w.card.Token)
	return w.is(out.Payment.ID, payments.StatusSettled)
}

// later lets time pass, with what Midtrans does in it, and the hooks run.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	w.settle()
}

// until is when ana's access ends.
func (w *world) until() time.Time {
	w.t.Helper()
	e, err := w.pay.Entitled(w.t.Context(), ana, "club")
	require.NoError(w.t, err)
	require.True(w.t, e.OK, e.Reason)
	return e.Until
}

func (w *world) subscribe(params payments.SubscribeParams) *payments.Subscription {
	w.t.Helper()
	params.User, params.PlanKey = ana, "club"
	sub, err := w.pay.Subscribe(w.t.Context(), params)
	require.NoError(w.t, err)
	require.Equal(w.t, payments.SubscriptionActive, sub.State)
	w.settle()
	return sub
}

func (w *world) byCard() payments.SubscribeParams {
	return payments.SubscribeParams{Method: "credit_card", PaymentToken: w.card.Token, Extra: midtrans.SubscriptionExtra{
		RetrySchedule: &midtrans.RetrySchedule{Interval: 6, IntervalUnit: "hour", MaxInterval: 2},
	}}
}

func (w *world) count(want map[payments.EventKind]int) {
	w.t.Helper()
	require.Equal(w.t, want, w.told)
	for kind := range w.told {
		delete(w.told, kind)
	}
}

// onBoth runs a story on both databases.
func onBoth(t *testing.T, story func(w *world)) {
	for _, dialect := range []string{"sqlite", "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			story(newWorld(t, dialect))
		})
	}
}

func TestAPlanThatTheCardPays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.join()
		first := w.until()
		sub := w.subscribe(w.byCard())
		w.count(map[payments.EventKind]int{payments.EventSettled: 1})
		for range 3 {
			w.later(30 * day)
			w.later(time.Hour)
			w.count(map[payments.EventKind]int{payments.EventSettled: 1, payments.EventRenewed: 1})
		}
		require.Equal(t, first.Add(90*day), w.until())

		// Another card, another price, a pause, and the end.
		ctx := t.Context()
		require.NoError(t, w.pay.UpdateSubscription(ctx, sub.Ref, w.card.Token, payments.IDR(90_000)))
		w.later(30 * day)
		w.later(time.Hour)
		w.count(map[payments.EventKind]int{payments.EventSettled: 1, payments.EventRenewed: 1})
		last, err := w.pay.Renewal(ctx, ana, "club")
		require.NoError(t, err)
		require.Equal(t, payments.IDR(90_000), last.Amount)
		require.NoError(t, w.pay.PauseSubscription(ctx, sub.Ref))
		require.NoError(t, w.pay.ResumeSubscription(ctx, sub.Ref))
		require.NoError(t, w.pay.StopRenewal(ctx, ana, "club"))
		w.later(29 * day)
		w.later(2 * day)
		w.count(map[payments.EventKind]int{})
		e, err := w.pay.Entitled(ctx, ana, "club")
		require.NoError(t, err)
		require.Equal(t, "ended", e.Reason)
	})
}

// The card fails: it is tried again, then an invoice goes out, and is paid
// within the grace by another method. No day is lost or given away.
func TestAPlanWhoseCardFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		w.join()
		first := w.until()
		sub := w.subscribe(w.byCard())
		require.NoError(t, w.sim.FailCharges(sub.ID, 3, "411"))
		w.count(map[payments.EventKind]int{payments.EventSettled: 1})
		w.later(30 * day)
		w.count(map[payments.EventKind]int{payments.EventRenewalFailed: 1})
		w.later(6 * time.Hour)
		w.later(6 * time.Hour)
		w.later(time.Hour)
		w.count(map[payments.EventKind]int{payments.EventRenewalFailed: 1, payments.EventRenewalDue: 1})
		ended, err := w.pay.Subscription(t.Context(), sub.Ref)
		require.NoError(t, err)
		require.Equal(t, payments.SubscriptionEnded, ended.State)

		present, err := w.pay.Renewal(t.Context(), ana, "club")
		require.NoError(t, err)
		invoice := present.Renewal.Next
		out, err := w.pay.Attempt(t.Context(), invoice, payments.AttemptParams{Method: "bank_transfer/bca"})
		require.NoError(t, err)
		require.NotEmpty(t, out.Session.Instructions.VANumber)
		w.happen(invoice, w.sim.Pay(string(invoice)))
		w.count(map[payments.EventKind]int{payments.EventSettled: 1, payments.EventRenewed: 1})
		require.Equal(t, first.Add(30*day), w.until())
	})
}

// The bank denies one charge and lets the next pass.
func TestAPlanWhoseBankDeniesOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		w.join()
		first := w.until()
		sub := w.subscribe(w.byCard())
		require.NoError(w.t, w.sim.FailCharges(sub.ID, 1, "deny"))
		w.later(30 * day)
		w.count(map[payments.EventKind]int{payments.EventSettled: 1, payments.EventRenewalFailed: 1})
		w.later(6 * time.Hour)
		w.later(time.Hour)
		w.count(map[payments.EventKind]int{payments.EventSettled: 1, payments.EventRenewed: 1, payments.EventExpired: 1})
		require.Equal(w.t, first.Add(30*day), w.until())
	})
}

func TestAPlanThatGoPayPays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		ctx := t.Context()
		w.join()
		first := w.until()
		account, err := w.midtrans.LinkGoPay(ctx, midtrans.GoPayLink{PhoneNumber: "81212345678", CountryCode: "62", ReturnURL: "https://shop.example/linked"})
		require.NoError(t, err)
		require.NoError(t, w.sim.LinkAccount(account.ID))
		account, err = w.midtrans.GoPayAccount(ctx, account.ID)
		require.NoError(t, err)
		w.subscribe(payments.SubscribeParams{
			Method: "gopay", PaymentToken: account.Options[0].Token, Extra: midtrans.SubscriptionExtra{AccountID: account.ID},
		})
		w.later(30 * day)
		w.later(time.Hour)
		require.Equal(t, first.Add(30*day), w.until())
		last, err := w.pay.Renewal(ctx, ana, "club")
		require.NoError(t, err)
		require.EqualValues(t, "gopay", last.Attempts[0].Method())
	})
}

// Midtrans's messages, and its answer to the creation, are lost.
func TestAPlanWhoseGatewayIsNotHeard(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *world) {
		t := w.t
		ctx := t.Context()
		w.join()
		first := w.until()
		params := w.byCard()
		params.User, params.PlanKey = ana, "club"
		w.sim.Fail(simkit.Fault{Kind: simkit.Lost, Op: "create_subscription"})
		_, err := w.pay.Subscribe(ctx, params)
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
		w.settle() // it tells of itself
		sub, err := w.pay.Subscribe(ctx, params)
		require.NoError(t, err)
		require.Equal(t, payments.SubscriptionActive, sub.State)

		w.clock.Advance(30 * day)
		w.sim.Orders() // the charge is made
		w.sim.Take()   // and its message lost
		w.clock.Advance(time.Hour)
		w.sim.Take()
		paymentstest.Drain(t, w.pay)
		require.Equal(t, first.Add(30*day), w.until())
	})
}

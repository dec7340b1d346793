package payments_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestAnotherMethodClosesTheFormerSessionFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers()
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	p := out.Payment
	same, err := s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "gopay"})
	require.NoError(t, err)
	require.Equal(t, out.Session, same.Session)
	require.Len(t, *asked, 1)

	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
	require.NoError(t, err)
	require.Equal(t, string(p.ID)+"-2", out.Session.Ref)
	require.EqualValues(t, "bca_va", (*asked)[1].Method)
	p = s.status(p, payments.StatusCanceled) // tx1 is; nothing has begun in the new session
	require.True(t, p.Sessions[0].Closed)
	require.Positive(t, s.fake.count("cancel"))
	require.Equal(t, out.URL, p.View().URL, "yet the payer can pay")
	require.Equal(t, []payments.EventKind{payments.EventPending, payments.EventPending, payments.EventCanceled}, s.kinds(p))

	// Money for the former one counts all the same.
	s.settle(p, "tx2")
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	code, verdict := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: 29_000})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictApplied, verdict)
	require.Equal(t, 1, s.told(p, payments.EventOverpaid))
}

func TestAnotherMethodIsTooLateWhenThePayerHasPaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	p := out.Payment
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.cancel = func(a payments.AttemptRef) error {
		s.fake.set(a.Ref, "tx1", "settlement", 29_000)
		return payments.ErrWrongState
	}
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Equal(t, payments.StatusSettled, out.Payment.Status)
	require.Equal(t, 1, s.fake.count("checkout"))
	require.Equal(t, 1, s.told(p, payments.EventSettled))
}

// As above, but nobody has told us: the gateway is asked before anything is
// canceled there, for that could give the money back.
func TestAnotherMethodAsksBeforeItCancels(t *testing.T) {
	t.Parallel()
	for truth, want := range map[string]payments.Status{
		"capture": payments.StatusSettled, "settlement": payments.StatusSettled, "refund": payments.StatusRefunded,
	} {
		s := newShop(t)
		out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
		require.NoError(t, err)
		p := out.Payment
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
		s.fake.set(string(p.ID), "tx1", truth, 29_000)
		_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
		require.ErrorIs(t, err, payments.ErrWrongState, truth)
		s.status(p, want)
		for _, c := range s.fake.canceled {
			require.Empty(t, c.TransactionID, truth)
		}
		require.Equal(t, 1, s.fake.count("checkout"), truth)
	}
}

// The cancelation is accepted, yet the gateway still says pending: there must
// be no second way to pay.
func TestAnotherMethodWaitsUntilTheFormerOneIsClosed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	p := out.Payment
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.cancel = func(payments.AttemptRef) error { return nil }
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bca_va"})
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Equal(t, 1, s.fake.count("checkout"))
	_, open := s.get(p.ID).Session()
	require.True(t, open)
}

// The answer to the first call was lost. It is heard first, under the same
// reference and for what was asked then; and then what is wanted now is opened.
func TestAnotherMethodAfterALostAnswer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	s.clock.Advance(time.Minute)
	out, err = s.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{Method: "bca_va"})
	require.NoError(t, err)
	require.EqualValues(t, "bca_va", out.Session.Method)
	require.Len(t, *asked, 3)
	require.Equal(t, (*asked)[0].Ref, (*asked)[1].Ref)
	require.EqualValues(t, "gopay", (*asked)[1].Method)
	require.NotEqual(t, (*asked)[1].Ref, (*asked)[2].Ref)
	require.True(t, out.Payment.Sessions[0].Closed)
}

// To cancel what was captured would give the money back: asking for another
// method must never do that.
func TestAnotherMethodNeverVoidsAPaidOrder(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"capture", "settlement", "authorize", "challenge"} {
		s := newShop(t)
		out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "credit_card"})
		require.NoError(t, err)
		p := out.Payment
		s.fake.set(string(p.ID), "tx1", word, 29_000)
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: word, Amount: 29_000})
		_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "gopay"})
		require.ErrorIs(t, err, payments.ErrWrongState, word)
		require.Zero(t, s.fake.count("cancel"), word)
		require.Equal(t, 1, s.fake.count("checkout"), word)
	}
}

// The former session cannot be closed, and the payer chose to pay otherwise: he
// may, and if both are paid, one is told as overpaid.
func TestAnotherMethodAtAGatewayThatCannotCancel(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{readOnly{c.Gateways[0].(*fakeGateway)}}
	}))
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	first := out.Session.Ref
	s.notify(note{Ref: first, Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(first, "tx1", "pending", 29_000)
	out, err = s.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{Method: "bca_va"})
	require.NoError(t, err)
	require.Equal(t, 2, s.fake.count("checkout"))
	require.NotEqual(t, first, out.Session.Ref)
	require.True(t, out.Payment.Sessions[0].Closed)
	s.settle(out.Payment, "tx2")
	s.drain() // what is left cannot be canceled, and that is no fault
	s.fake.set(first, "tx1", "settlement", 29_000)
	s.notify(note{Ref: first, Tx: "tx1", Word: "settlement", Amount: 29_000})
	p := s.status(out.Payment, payments.StatusSettled)
	require.Equal(t, payments.IDR(58_000), p.Totals.In)
	require.Contains(t, s.kinds(p), payments.EventOverpaid)
}

// What was paid meanwhile is not asked for again.
func TestAnotherMethodAfterThePaymentAtAGatewayThatCannotCancel(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{readOnly{c.Gateways[0].(*fakeGateway)}}
	}))
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "gopay"})
	require.NoError(t, err)
	s.notify(note{Ref: out.Session.Ref, Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(out.Session.Ref, "tx1", "settlement", 29_000) // nobody has told of it
	_, err = s.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{Method: "bca_va"})
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Equal(t, 1, s.fake.count("checkout"))
	s.status(out.Payment, payments.StatusSettled)
}

package payments_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// What was made at a gateway that was given up is canceled when it shows; what
// is paid there all the same is money like any other.
func TestWhatWasGivenUpTurnsUp(t *testing.T) {
	t.Parallel()
	give := func(t *testing.T) (*mall, *payments.Payment) {
		t.Helper()
		m := newMall(t, inOrder("fake", "other"))
		m.fake.answers(lost())
		p := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca"}, "other").Payment
		m.tell(m.other, p.Sessions[1].Ref, "o1", "pending")
		return m, p
	}
	t.Run("by a look-up", func(t *testing.T) {
		t.Parallel()
		m, p := give(t)
		m.fake.set(p.Sessions[0].Ref, "f1", "pending", 29_000)
		m.clock.Advance(3 * time.Minute)
		m.drain()
		require.Len(t, m.fake.canceled, 1)
		require.Equal(t, "f1", m.fake.canceled[0].TransactionID)
		p = m.get(p.ID)
		require.True(t, slices.ContainsFunc(p.Attempt("fake", "f1").Facts, func(f payments.Fact) bool { return f.Kind == payments.FactCanceled }))
		session, ok := p.Session()
		require.True(t, ok, "the other one can still be paid")
		require.Equal(t, "other", session.Gateway)
		require.Empty(t, m.other.canceled)
		m.tell(m.other, p.Sessions[1].Ref, "o1", "settlement")
		m.status(p, payments.StatusSettled)
	})
	t.Run("by a message", func(t *testing.T) {
		t.Parallel()
		m, p := give(t)
		m.tell(m.fake, p.Sessions[0].Ref, "f1", "pending")
		m.clock.Advance(3 * time.Minute)
		m.drain()
		require.Len(t, m.fake.canceled, 1)
	})
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		m, p := give(t)
		m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
		m.status(p, payments.StatusSettled)
		m.drain()
		require.Len(t, m.other.canceled, 1, "nobody is to pay there any more")
		require.Equal(t, "o1", m.other.canceled[0].TransactionID)
	})
	t.Run("both paid", func(t *testing.T) {
		t.Parallel()
		m, p := give(t)
		m.pay.RefundOverpaid("give-back")
		m.tell(m.other, p.Sessions[1].Ref, "o1", "settlement")
		m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
		require.Contains(t, m.kinds(p), payments.EventOverpaid)
		var refunded []payments.RefundRequest
		m.fake.refund = func(a payments.AttemptRef, r payments.RefundRequest) error {
			require.Equal(t, "f1", a.TransactionID)
			refunded = append(refunded, r)
			m.fake.set(a.Ref, a.TransactionID, "refund", 29_000)
			return nil
		}
		m.drain()
		require.Len(t, refunded, 1)
		require.Equal(t, payments.IDR(29_000), refunded[0].Amount)
		p = m.status(p, payments.StatusSettled)
		require.Equal(t, payments.IDR(29_000), p.Totals.Net)
		require.Zero(t, m.other.count("refund"))
	})
}

func TestOverpaidWhereThereIsNoWayBack(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake"), func(c *payments.Config) { c.Gateways[0] = readOnly{c.Gateways[0].(*fakeGateway)} })
	m.pay.RefundOverpaid("give-back")
	p := m.buyFor(payments.CreateParams{}, "fake").Payment
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
	m.tell(m.fake, p.Sessions[0].Ref, "f2", "settlement")
	m.drain()
	p = m.get(p.ID)
	require.True(t, p.Attention)
	require.Contains(t, p.Notes, "paid twice: fake cannot send f2 back")
	for d, err := range m.pay.Deliveries(t.Context(), payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDead}}) {
		require.NoError(t, err)
		require.Fail(t, "a delivery is dead", "%+v", d)
	}
}

// The money came by a code that could not be canceled, while nobody knew what
// had come of the next way to pay: that is looked for, and canceled.
func TestAnUnansweredSessionBesideMoney(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake"), func(c *payments.Config) {
		c.Gateways[0] = readOnly{c.Gateways[0].(*fakeGateway)}
		c.Router = payments.RouterFunc(func(_ context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
			if r.Method == "cstore/alfamart" {
				return []payments.Choice{{Gateway: "fake"}}, nil
			}
			return []payments.Choice{{Gateway: "other"}}, nil
		})
	})
	p := m.buyFor(payments.CreateParams{Method: "cstore/alfamart"}, "fake").Payment
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "pending")
	m.other.answers(lost())
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p = m.get(p.ID)
	m.other.set(p.Sessions[1].Ref, "o1", "pending", 29_000)
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
	m.clock.Advance(3 * time.Minute)
	m.drain()
	require.Len(t, m.other.canceled, 1)
	require.Equal(t, "o1", m.other.canceled[0].TransactionID)
}

// Whoever has one genuine message can name anybody's transaction as one of his
// own order's (its id is not signed). When his order is paid, what is open beside
// the money is canceled: never that one.
func TestAStrayThatIsSomebodyElsesIsNotCanceled(t *testing.T) {
	t.Parallel()
	for _, reachable := range []bool{true, false} {
		m := newMall(t, inOrder("fake"))
		victim := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca"}, "fake").Payment
		m.tell(m.fake, victim.Sessions[0].Ref, "victim", "pending")
		p := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca"}, "fake").Payment
		code, _ := m.notify(note{Ref: p.Sessions[0].Ref, Tx: "victim", Word: "pending", Amount: 29_000})
		require.Equal(t, http.StatusOK, code)
		m.tell(m.fake, p.Sessions[0].Ref, "own", "settlement")
		if !reachable {
			m.fake.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, down() }
		}
		_ = m.pay.Drain(t.Context())
		m.clock.Advance(time.Hour)
		_ = m.pay.Drain(t.Context())
		require.Empty(t, m.fake.canceled)
		m.status(victim, payments.StatusPending)
	}
}

// The first answer was lost, the second one is a no: what the first call may
// have made is looked for all the same. If a later one is a yes, it is what the
// payer pays by, and nothing of it is canceled.
func TestANoAfterALostAnswer(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T) (*mall, *payments.Payment) {
		t.Helper()
		m := newMall(t, inOrder("fake"))
		m.fake.answers(lost(), refusal("400"))
		out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "bank_transfer/bca"})
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
		m.clock.Advance(time.Minute)
		_, err = m.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{})
		require.ErrorContains(t, err, "400")
		return m, out.Payment
	}
	t.Run("what was made is canceled", func(t *testing.T) {
		t.Parallel()
		m, p := refused(t)
		m.fake.set(p.Sessions[0].Ref, "f1", "pending", 29_000)
		m.clock.Advance(time.Hour)
		m.drain()
		require.Len(t, m.fake.canceled, 1)
	})
	t.Run("a yes is what is paid by", func(t *testing.T) {
		t.Parallel()
		m, p := refused(t)
		out, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
		require.NoError(t, err)
		require.Equal(t, p.Sessions[0].Ref, out.Session.Ref)
		m.tell(m.fake, out.Session.Ref, "f1", "pending")
		m.clock.Advance(time.Hour)
		m.drain()
		require.Empty(t, m.fake.canceled)
	})
}

// Time is up. That one code cannot be ended is no reason to leave another one.
func TestTheSweepEndsWhatItCan(t *testing.T) {
	t.Parallel()
	m := newMall(t, byMethod(map[payments.Method]string{"cstore/alfamart": "fake", "bank_transfer/bca": "other"}))
	m.fake.number(false)
	m.other.number(true)
	p := m.buyFor(payments.CreateParams{Method: "cstore/alfamart"}, "fake").Payment
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bank_transfer/bca"})
	require.NoError(t, err)
	m.clock.Advance(25 * time.Hour)
	m.drain()
	require.Positive(t, m.fake.count("expire"))
	require.Equal(t, 1, m.other.count("expire"))
}

// The money comes in the very moment in which the payer leaves the page: the
// page stays what he has paid by.
func TestAPageThatIsPaidWhileItIsLeft(t *testing.T) {
	t.Parallel()
	m := newMall(t, byMethod(map[payments.Method]string{"": "fake", "bank_transfer/bca": "other"}))
	p := m.buyFor(payments.CreateParams{}, "fake").Payment
	m.fake.cancel = func(payments.AttemptRef) error {
		m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
		return nil
	}
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Zero(t, m.other.count("checkout"))
	require.False(t, m.get(p.ID).Sessions[0].Closed)
}

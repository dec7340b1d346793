package payments_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Whatever fails before the payer has seen anything, the next gateway takes
// over: under a reference of its own, without a word to the hooks of a denial,
// and the history says why.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		method  payments.Method
		givenUp bool
	}{
		"refused":                        {refusal("400"), "", false},
		"refused the method":             {payments.Invalid("method", "no"), "bank_transfer/bca", false},
		"not reached":                    {down(), "", false},
		"throttled":                      {busyNow(), "bank_transfer/bca", false},
		"a page whose answer was lost":   {lost(), "", true},
		"a number whose answer was lost": {lost(), "bank_transfer/bca", true},
		"an error of no form":            {errDown, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMall(t, inOrder("fake", "other", "third"))
			m.fake.answers(c.err)
			m.other.answers(c.err)
			out := m.buyFor(payments.CreateParams{Method: c.method}, "third")
			p := out.Payment
			require.Len(t, p.Sessions, 3)
			require.Equal(t, c.givenUp, p.Sessions[0].GivenUp)
			require.True(t, p.Sessions[0].Closed)
			require.Equal(t, string(p.ID)+"-3", out.Session.Ref)
			require.Equal(t, c.method, out.Session.Method)
			require.Contains(t, out.Session.Reason, "choice 3; other failed: ")
			require.Len(t, m.routed(p), 3)
			require.NotContains(t, m.kinds(p), payments.EventDenied)
			m.status(p, payments.StatusPending)
			m.tell(m.third, out.Session.Ref, "tx", "settlement")
			m.status(p, payments.StatusSettled)
			m.clock.Advance(time.Hour)
			m.drain()
			require.Equal(t, 1, m.fake.count("checkout"), "what was given up is not asked for again")
		})
	}
}

func TestNoFailoverOnceThePayerMayHaveSeenSomething(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		params payments.CreateParams
	}{
		"it is being paid":                       {alreadyUsed(), payments.CreateParams{}},
		"a charge of a token":                    {lost(), payments.CreateParams{PaymentToken: "t"}},
		"a token, though refused":                {refusal("400"), payments.CreateParams{PaymentToken: "t"}},
		"his phone may have rung":                {lost(), payments.CreateParams{Method: "ovo"}},
		"a card may have been charged":           {lost(), payments.CreateParams{Method: "credit_card"}},
		"a method that nobody knows anything of": {lost(), payments.CreateParams{Method: "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMall(t, inOrder("fake", "other"))
			for _, g := range []*fakeGateway{m.fake, m.other} {
				g.methods = []payments.MethodInfo{
					{Method: "ovo", Kind: payments.KindPush, Min: payments.IDR(1)}, {Method: "credit_card", Kind: payments.KindCard, Min: payments.IDR(1)},
					{Method: "new", Min: payments.IDR(1)},
				}
			}
			m.fake.answers(c.err)
			c.params.User, c.params.PlanID = ana, "pro"
			out, err := m.pay.Checkout(t.Context(), c.params)
			require.ErrorIs(t, err, c.err)
			require.Len(t, out.Payment.Sessions, 1)
			require.False(t, out.Payment.Sessions[0].Closed)
			require.Zero(t, m.other.count("checkout"))
		})
	}
}

// If all fail the payer may try again, and is told so if any answer was lost.
func TestAllGatewaysFail(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(lost())
	asked := m.other.answers(refusal("400"))
	w := m.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	id := problem(t, w, 503, "outcome-unknown").PaymentID
	require.Equal(t, payments.StatusDenied, m.get(id).Status, "the last one's no")
	w = m.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	require.Equal(t, 201, w.Code, w.Body.String())
	p := m.get(id)
	session, _ := p.Session()
	require.Equal(t, "fake", session.Gateway)
	require.Len(t, p.Sessions, 3)
	require.Len(t, *asked, 1)
	require.Equal(t, payments.StatusPending, p.Status)
}

// Of two that failed, what matters is that an answer was lost: the payer is to
// try again, whatever the other one refused.
func TestALostAnswerOutweighsARefusal(t *testing.T) {
	t.Parallel()
	for _, errs := range [][2]error{{payments.Invalid("extra.x", "no"), lost()}, {lost(), payments.Invalid("extra.x", "no")}} {
		m := newMall(t, inOrder("fake", "other"))
		m.fake.answers(errs[0])
		m.other.answers(errs[1])
		problem(t, m.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`), 503, "outcome-unknown")
	}
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(refusal("400"))
	m.other.answers(refusal("401"))
	_, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorContains(t, err, "code 401: no; and another gateway: ")
	require.ErrorContains(t, err, "code 400")
}

// The caller went away while the first gateway was asked: nobody is there to
// see what the next one would open.
func TestNoFailoverForACallerThatIsGone(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	ctx, cancel := context.WithCancel(t.Context())
	m.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		cancel()
		return payments.CheckoutResult{}, lost()
	}
	out, err := m.pay.Checkout(ctx, payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.False(t, m.get(out.Payment.ID).Sessions[0].Closed)
	require.Zero(t, m.other.count("checkout"))
}

// While one caller fails over, others are told to wait, and there is one
// session to pay by in the end.
func TestFailoverWithManyCallers(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(lost())
	p, err := m.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
			if err != nil {
				require.ErrorIs(t, err, payments.ErrInProgress) //nolint:testifylint // the test fails all the same
			}
		})
	}
	wg.Wait()
	p = m.get(p.ID)
	require.Len(t, p.Sessions, 2)
	session, ok := p.Session()
	require.True(t, ok)
	require.Equal(t, "other", session.Gateway)
	require.Equal(t, 1, m.fake.count("checkout"))
	require.Equal(t, 1, m.other.count("checkout"))
}

// The write that notes the failover is lost: the first gateway is still the
// one, and its call is made again.
func TestFailoverThatIsNotStoredDidNotHappen(t *testing.T) {
	t.Parallel()
	var store *faulty
	m := newMall(t, inOrder("fake", "other"), withFaults(&store))
	asked := m.fake.answers(lost())
	inner := m.fake.checkout
	m.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		result, err := inner(r)
		if err != nil {
			store.failing("Update")
		}
		return result, err
	}
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, errDown)
	require.Zero(t, m.other.count("checkout"))
	store.failing()
	m.clock.Advance(time.Minute)
	m.drain()
	p := m.get(out.Payment.ID)
	require.Len(t, p.Sessions, 1)
	require.Len(t, *asked, 2)
	require.Equal(t, payments.StatusPending, p.Status)
}

// A later try that certainly did nothing does not undo that the first one's
// answer was lost.
func TestWhatWasLostFirstStaysGivenUp(t *testing.T) {
	t.Parallel()
	choices := []payments.Choice{{Gateway: "fake"}}
	m := newMall(t, payments.RouterFunc(func(context.Context, payments.RouteRequest) ([]payments.Choice, error) { return choices, nil }))
	m.fake.answers(lost(), busyNow())
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	m.clock.Advance(time.Minute)
	choices = append(choices, payments.Choice{Gateway: "other"})
	out, err = m.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, "other", out.Session.Gateway)
	require.True(t, out.Payment.Sessions[0].GivenUp)
}

// The answer is lost, but a notification says that there is something: it is not
// given up, and the next call finds it.
func TestNoFailoverFromWhatHasBegun(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		m.tell(m.fake, r.Ref, "f1", "pending")
		return payments.CheckoutResult{}, lost()
	}
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Zero(t, m.other.count("checkout"))
	m.fake.answers()
	m.clock.Advance(time.Minute)
	m.drain()
	session, ok := m.get(out.Payment.ID).Session()
	require.True(t, ok)
	require.Equal(t, "fake", session.Gateway)
	require.Empty(t, m.fake.canceled)
}

// While the first gateway was slow, a timer has called it again: the session is
// the timer's by now, and its call may yet open it.
func TestNoFailoverFromWhatATimerHasTakenOver(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	calls := 0
	m.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		if calls++; calls == 1 {
			m.clock.Advance(time.Minute)
			_ = m.pay.Drain(t.Context()) // its error is that its answer was lost, too
		}
		return payments.CheckoutResult{}, lost()
	}
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Equal(t, 2, calls)
	require.Zero(t, m.other.count("checkout"))
	require.False(t, m.get(out.Payment.ID).Sessions[0].Closed)
}

// A call whose answer was lost is made again before anything else is: for what
// was asked then, and by its own gateway. The token that is given now is of
// another one, which must be the only one to get it.
func TestATokenGoesToItsOwnGateway(t *testing.T) {
	t.Parallel()
	first := "fake"
	m := newMall(t, payments.RouterFunc(func(context.Context, payments.RouteRequest) ([]payments.Choice, error) {
		return []payments.Choice{{Gateway: first}}, nil
	}))
	asked := m.fake.answers(lost(), lost())
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	first = "other"
	m.clock.Advance(time.Minute)
	_, err = m.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{PaymentToken: "others"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Len(t, *asked, 2)
	require.Empty(t, (*asked)[1].PaymentToken)
}

// What the payer wants by now is not what is called for again: the gateways that
// were chosen for the one are not asked for the other.
func TestNoFailoverForAnotherMethod(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	ctx, gone := context.WithCancel(t.Context())
	calls := 0
	m.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		gone()
		if calls++; calls == 1 {
			return payments.CheckoutResult{}, lost()
		}
		return payments.CheckoutResult{}, busyNow()
	}
	out, err := m.pay.Checkout(ctx, payments.CreateParams{User: ana, PlanID: "pro", Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	m.clock.Advance(time.Minute)
	_, err = m.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{Method: "cstore/alfamart"})
	require.Error(t, err)
	require.Equal(t, 2, calls)
	require.Zero(t, m.other.count("checkout"))
}

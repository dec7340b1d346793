package payments_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// mall is a shop with three gateways: "fake", "other" and "third".
type mall struct {
	*shop
	other, third *fakeGateway
}

// inOrder is a router that tries gateways in that order.
func inOrder(names ...string) payments.Router {
	return payments.RouterFunc(func(context.Context, payments.RouteRequest) ([]payments.Choice, error) {
		var choices []payments.Choice
		for i, name := range names {
			choices = append(choices, payments.Choice{Gateway: name, Reason: fmt.Sprintf("choice %d", i+1), Cost: payments.IDR(int64(100 * i))})
		}
		return choices, nil
	})
}

func newMall(t *testing.T, router payments.Router, change ...func(*payments.Config)) *mall {
	t.Helper()
	m := &mall{other: newFake(), third: newFake()}
	m.other.name, m.third.name = "other", "third"
	m.shop = newShop(t, append([]func(*payments.Config){func(c *payments.Config) {
		c.Gateways, c.Router = append(c.Gateways, m.other, m.third), router
	}}, change...)...)
	return m
}

// buyFor opens a checkout and requires that a gateway takes it.
func (m *mall) buyFor(params payments.CreateParams, gateway string) *payments.Checkout {
	m.t.Helper()
	params.User = ana
	if params.PlanID == "" {
		params.PlanID = "pro"
	}
	out, err := m.pay.Checkout(m.t.Context(), params)
	require.NoError(m.t, err)
	require.Equal(m.t, gateway, out.Session.Gateway)
	return out
}

// tell sends what a gateway says about a session, and makes it its truth.
func (m *mall) tell(g *fakeGateway, ref, tx, word string) {
	m.t.Helper()
	g.set(ref, tx, word, 29_000)
	body, err := json.Marshal(note{Sign: "good", Ref: ref, Tx: tx, Word: word, Amount: 29_000})
	require.NoError(m.t, err)
	w := m.do("POST", "/notifications/"+g.name, "", string(body))
	require.Equal(m.t, http.StatusOK, w.Code, w.Body.String())
}

// routed are the gateways that the history says were asked, with the reasons.
func (m *mall) routed(p *payments.Payment) (routed []string) {
	m.t.Helper()
	for _, e := range m.history(p) {
		if e.Kind == payments.EventRouted {
			typed, err := payments.Decode[payments.Routed](e)
			require.NoError(m.t, err)
			routed = append(routed, typed.Gateway+" "+typed.Ref[len(p.ID):]+": "+typed.Reason)
		}
	}
	return routed
}

func down() error {
	return &payments.GatewayError{Gateway: "fake", Op: "checkout", Retry: true, Err: context.DeadlineExceeded}
}

func lost() error {
	return &payments.GatewayError{Gateway: "fake", Op: "checkout", Retry: true, Err: fmt.Errorf("%w: 500", payments.ErrOutcomeUnknown)}
}

func busyNow() error {
	return &payments.GatewayError{Gateway: "fake", Op: "checkout", HTTPStatus: 429, Retry: true}
}

func TestWithoutARouterTheFirstThatCanTakesIt(t *testing.T) {
	t.Parallel()
	m := newMall(t, nil)
	out := m.buyFor(payments.CreateParams{}, "fake")
	require.Equal(t, "the first that takes it", out.Session.Reason)
	m.fake.answers(down(), lost())
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, out.Payment.Sessions, 1, "no default sends money to another account")
	require.Zero(t, m.other.count("checkout"))

	// Alfamart takes 50,000 at most, at all of them.
	_, err = m.pay.Checkout(t.Context(), payments.CreateParams{
		User: ana, Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: "cstore/alfamart",
	})
	invalid := (*payments.InvalidError)(nil)
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "method", invalid.Fields[0].Field)
}

func TestTheRouterChooses(t *testing.T) {
	t.Parallel()
	var asked payments.RouteRequest
	m := newMall(t, payments.RouterFunc(func(_ context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
		asked = r
		return []payments.Choice{{Gateway: "other", Reason: "it is Friday", Cost: payments.IDR(500)}, {Gateway: "fake"}}, nil
	}))
	out := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca", PaymentToken: "t", Reference: "r-1"}, "other")
	require.Equal(t, "r-1", asked.Order.Reference)
	require.Equal(t, payments.IDR(29_000), asked.Order.Amount)
	require.True(t, asked.Token)
	require.Equal(t, start, asked.At)
	require.Len(t, asked.Candidates, 3)
	require.Equal(t, "BCA", asked.Candidates[2].Method.Name)
	require.Equal(t, "it is Friday", out.Session.Reason)
	require.Equal(t, payments.IDR(500), out.Session.Cost)
	require.Equal(t, []string{"other : it is Friday"}, m.routed(out.Payment))
	require.Equal(t, "https://shop.test/pay/notifications/other", m.other.asked[0].NotificationURL)
	m.tell(m.other, out.Session.Ref, "tx1", "settlement")
	m.status(out.Payment, payments.StatusSettled)

	// What is open stays where it is.
	again := m.buyFor(payments.CreateParams{Key: "k"}, "other")
	asked = payments.RouteRequest{}
	require.Equal(t, again.Session.Ref, m.buyFor(payments.CreateParams{Key: "k"}, "other").Session.Ref)
	require.Zero(t, asked.At, "nobody is asked")
}

func TestARouterThatChoosesWrongly(t *testing.T) {
	t.Parallel()
	for name, router := range map[string]payments.RouterFunc{
		"nobody": func(context.Context, payments.RouteRequest) ([]payments.Choice, error) { return nil, nil },
		"stranger": func(context.Context, payments.RouteRequest) ([]payments.Choice, error) {
			return []payments.Choice{{Gateway: "x"}}, nil
		},
		"error": func(context.Context, payments.RouteRequest) ([]payments.Choice, error) { return nil, errDown },
	} {
		m := newMall(t, router)
		out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Key: "k"})
		require.Error(t, err, name)
		require.Equal(t, payments.StatusCreated, out.Payment.Status, "it is stored, and can be begun again")
		require.Empty(t, out.Payment.Sessions)
	}
	_, err := payments.New(payments.Config{Gateways: []payments.Gateway{newFake()}, Router: strict{inOrder("x")}})
	require.ErrorContains(t, err, "payments: Config.Router: no rule for fake")
}

type strict struct{ payments.Router }

func (strict) Check(gateways []string) error { return fmt.Errorf("no rule for %s", gateways[0]) }

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

func TestExtrasOfSeveralGateways(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other", "third"))
	first := m.fake.answers(busyNow())
	second := m.other.answers(busyNow())
	m.buyFor(payments.CreateParams{Extra: payments.Extras{"fake": map[string]int{"a": 1}, "third": 3}}, "third")
	require.JSONEq(t, `{"a":1}`, string((*first)[0].Extra))
	require.Empty(t, (*second)[0].Extra)
	require.JSONEq(t, `3`, string(m.third.asked[0].Extra))
	m.buyFor(payments.CreateParams{Extra: map[string]int{"by": 1}}, "fake")
	require.JSONEq(t, `{"by":1}`, string((*first)[1].Extra))

	for _, give := range []func() error{
		func() error {
			_, err := m.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Extra: payments.Extras{"fazz": 1}})
			return err
		},
		func() error {
			_, err := m.pay.Attempt(t.Context(), "x", payments.AttemptParams{Extra: payments.Extras{"fazz": 1}})
			return err
		},
	} {
		invalid := (*payments.InvalidError)(nil)
		require.ErrorAs(t, give(), &invalid)
		require.Equal(t, "extra.fazz", invalid.Fields[0].Field)
	}
}

// Each method is listed once, as the gateway has it that would take it.
func TestMethodsOfSeveralGateways(t *testing.T) {
	t.Parallel()
	m := newMall(t, payments.RouterFunc(func(_ context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
		if r.Method == "qris" && r.Order.User.Tenant == "" {
			return nil, nil
		}
		last := r.Candidates[len(r.Candidates)-1]
		return []payments.Choice{{Gateway: last.Gateway, Cost: payments.IDR(700)}}, nil
	}))
	m.other.methods = []payments.MethodInfo{
		{Method: "cstore/alfamart", Name: "Alfa", Min: payments.IDR(1), Aliases: []payments.Method{"alfamart"}},
		{Method: "qris", Name: "QRIS", Min: payments.IDR(1)},
	}
	m.third.methods = []payments.MethodInfo{}
	listed := func(found []payments.MethodInfo, err error) (lines []string) {
		require.NoError(t, err)
		for _, x := range found {
			lines = append(lines, x.Gateway+" "+x.Name+" "+x.Surcharge.String())
		}
		return lines
	}
	require.Equal(t, []string{"fake BCA Rp700", "other Alfa Rp700"}, listed(m.pay.Methods(t.Context(), payments.IDR(29_000))))
	require.Equal(t, []string{"fake BCA Rp700", "other Alfa Rp700"}, listed(m.pay.Methods(t.Context(), payments.IDR(60_000))), "what is too much for one")
	require.Equal(t, []string{"other Alfa Rp700"}, listed(m.pay.Methods(t.Context(), payments.IDR(9_000))))
	require.Len(t, listed(m.pay.MethodsFor(t.Context(), payments.Order{Amount: payments.IDR(29_000), User: payments.EndUser{Tenant: "t"}})), 3)
	w := m.do("GET", "/methods?amount=29000", "", "")
	require.Contains(t, w.Body.String(), `"surcharge":{"amount":700,"currency":"IDR"}`)
	require.NotContains(t, w.Body.String(), "other")

	out := m.buyFor(payments.CreateParams{Method: "alfamart"}, "other")
	require.EqualValues(t, "alfamart", out.Session.Method, "by the name that it was asked for")
}

// The health of a gateway is what this process saw.
func TestHealth(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	health := func() payments.Health {
		h, err := m.pay.Health("fake")
		require.NoError(t, err)
		return h
	}
	fails := func(err error) {
		m.fake.answers(err)
		m.buyFor(payments.CreateParams{}, "other")
	}
	require.Zero(t, health())
	fails(lost())
	fails(lost())
	require.Equal(t, payments.Health{Failures: 2}, health())
	fails(lost())
	require.Equal(t, payments.Health{Failures: 3, AvoidUntil: start.Add(30 * time.Second), Why: "3 calls in a row failed"}, health())
	require.True(t, health().Down(start.Add(29*time.Second)))
	require.False(t, health().Down(start.Add(30*time.Second)))
	for range 10 {
		fails(lost())
	}
	require.Equal(t, start.Add(8*time.Minute), health().AvoidUntil, "longer, up to a bound")
	m.buyFor(payments.CreateParams{}, "fake")
	require.Zero(t, health(), "it works again")
	fails(down())
	require.Equal(t, "it does not answer in time", health().Why)
	fails(refusal("400"))
	require.Zero(t, health(), "a no is an answer")
	fails(&payments.GatewayError{Gateway: "fake", Op: "checkout", HTTPStatus: 429, Retry: true, RetryAfter: time.Minute})
	require.Equal(t, start.Add(time.Minute), health().AvoidUntil)

	_, err := m.pay.Health("nobody")
	require.ErrorIs(t, err, payments.ErrNotFound)
}

// Links and subscriptions are made where the host says.
func TestLinksOfSeveralGateways(t *testing.T) {
	t.Parallel()
	m := newMall(t, nil)
	link, err := m.pay.CreateLink(t.Context(), payments.LinkParams{ID: "a", Title: "Donation", Amount: payments.IDR(10_000), Gateway: "other"})
	require.NoError(t, err)
	require.Equal(t, "other", link.Gateway)
	require.Len(t, m.other.linked, 1)
	link, err = m.pay.CreateLink(t.Context(), payments.LinkParams{ID: "b", Title: "Donation", Amount: payments.IDR(10_000)})
	require.NoError(t, err)
	require.Equal(t, "fake", link.Gateway)
	_, err = m.pay.CreateLink(t.Context(), payments.LinkParams{ID: "c", Title: "Donation", Amount: payments.IDR(10_000), Gateway: "nobody"})
	invalid := (*payments.InvalidError)(nil)
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "gateway", invalid.Fields[0].Field)
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

// A payer who changes his mind for ever does not make the payment grow for ever.
func TestAPayerMayNotBeginForEver(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake"))
	p := m.buyFor(payments.CreateParams{}, "fake").Payment
	var err error
	for n := 0; err == nil; n++ {
		require.Less(t, n, 100)
		_, err = m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: []payments.Method{"bank_transfer/bca", "cstore/alfamart"}[n%2]})
	}
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Len(t, m.get(p.ID).Sessions, 50)
	m.tell(m.fake, string(p.ID)+"-50", "tx", "settlement")
	m.status(p, payments.StatusSettled)
}

// A method that nobody takes costs the payer nothing: what he has stays open.
func TestAMethodThatNobodyTakesClosesNothing(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake"))
	p := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca"}, "fake").Payment
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "pigeon"})
	invalid := (*payments.InvalidError)(nil)
	require.ErrorAs(t, err, &invalid)
	session, ok := m.get(p.ID).Session()
	require.True(t, ok)
	require.EqualValues(t, "bank_transfer/bca", session.Method)
	require.Empty(t, m.fake.canceled)
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

// A Router may be there for its fees alone.
func TestARouterForOneGateway(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) {
		c.Router = payments.RouterFunc(func(context.Context, payments.RouteRequest) ([]payments.Choice, error) {
			return []payments.Choice{{Gateway: "fake", Cost: payments.IDR(700)}}, nil
		})
	})
	found, err := s.pay.Methods(t.Context(), payments.IDR(29_000))
	require.NoError(t, err)
	require.Equal(t, payments.IDR(700), found[0].Surcharge)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	require.Equal(t, payments.IDR(700), p.Sessions[0].Cost)
	require.NotContains(t, s.kinds(p), payments.EventRouted, "there was no choice")
}

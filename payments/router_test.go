package payments_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

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
	m.buyFor(payments.CreateParams{Extra: map[string]any{"by_gateway": map[string]int{"fake": 1}, "x": 2}}, "fake")
	require.JSONEq(t, `{"by_gateway":{"fake":1},"x":2}`, string((*first)[2].Extra), "a gateway's own option of that name")

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

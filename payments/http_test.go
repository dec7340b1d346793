package payments_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	require.Equal(t, 200, w.Code, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

func TestAPayerSeesHisPaymentAndNoMore(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Prepare = func(_ *http.Request, p *payments.CreateParams) error {
			p.Metadata, p.Reference = map[string]string{"margin": "secret"}, "order-1"
			return nil
		}
	}))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	w := s.do("GET", "/payments/"+string(p.ID), "ana", "")
	got := decode[map[string]any](t, w)
	require.Equal(t, map[string]any{
		"payment_id": string(p.ID), "status": "pending", "reference": "order-1", "amount_text": "Rp29.000",
		"amount": map[string]any{"amount": 29_000.0, "currency": "IDR"}, "refunded": map[string]any{"amount": 0.0, "currency": "IDR"},
		"plan": map[string]any{"id": "pro", "key": "pro", "name": "Pro"},
		"url":  "https://gateway.test/pay/" + string(p.ID), "token": "tok-" + string(p.ID),
		"created_at": "2026-05-06T10:00:00Z", "expires_at": "2026-05-07T10:00:00Z",
	}, got)
	s.settle(p, "tx1")
	got = decode[map[string]any](t, s.do("GET", "/payments/"+string(p.ID), "ana", ""))
	require.Equal(t, "settled", got["status"])
	require.Equal(t, "bank_transfer/bca", got["method"])
	require.Equal(t, "2026-05-06T10:00:00Z", got["paid_at"])
	require.NotContains(t, got, "url", "it cannot be paid twice")
	require.NotContains(t, got, "token")
	require.NotContains(t, fmt.Sprint(got), "secret")
	require.NotContains(t, fmt.Sprint(got), "tx1")
	require.Equal(t, 200, s.do("HEAD", "/payments/"+string(p.ID), "ana", "").Code)
}

func TestSomebodyElsesPaymentIsNotThere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	other := payments.NewID()
	var bodies []string
	for _, id := range []string{
		string(p.ID), string(other), strings.ToUpper(string(p.ID)), string(p.ID) + "-1", "x", "%00", "..%2f" + string(p.ID),
		"{" + string(p.ID) + "}", "urn:uuid:" + string(p.ID),
	} {
		w := s.do("GET", "/payments/"+id, "budi", "")
		problem(t, w, 404, "not-found")
		bodies = append(bodies, w.Body.String())
	}
	for _, body := range bodies {
		require.Equal(t, bodies[0], body, "nothing tells whether it exists")
	}
	require.NotContains(t, bodies[0], string(p.ID))
	// The same, in another tenant, is somebody else.
	acme := newShop(t, with(func(c *payments.Config) {
		c.Store = s.store
		c.Identify = func(*http.Request) (payments.EndUser, error) { return payments.EndUser{ID: "ana", Tenant: "acme"}, nil }
	}))
	problem(t, acme.do("GET", "/payments/"+string(p.ID), "ana", ""), 404, "not-found")
	require.Empty(t, decode[payments.Page[payments.View]](t, acme.do("GET", "/payments", "ana", "")).Items)
	problem(t, s.do("GET", "/payments/"+string(p.ID), "", ""), 401, "unauthenticated")
	problem(t, s.do("GET", "/payments", "", ""), 401, "unauthenticated")

	_, err := s.pay.GetFor(t.Context(), budi, p.ID)
	require.ErrorIs(t, err, payments.ErrNotFound)
	_, err = s.pay.GetFor(t.Context(), ana, p.ID)
	require.NoError(t, err)
}

func TestThePayersHistoryIsPaged(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var want []payments.ID
	for range 7 {
		want = append([]payments.ID{s.buy("ana", `{"plan_id":"pro"}`).ID}, want...)
		s.buy("budi", `{"plan_id":"pro"}`)
	}
	var got []payments.ID
	next := ""
	for range 4 {
		page := decode[payments.Page[payments.View]](t, s.do("GET", "/payments?limit=2&cursor="+url.QueryEscape(next), "ana", ""))
		for _, v := range page.Items {
			got = append(got, v.ID)
		}
		next = page.Next
	}
	require.Empty(t, next)
	require.Equal(t, want, got, "newest first, each once, nobody else's")
	require.Len(t, decode[payments.Page[payments.View]](t, s.do("GET", "/payments", "ana", "")).Items, 7)
	w := s.do("GET", "/payments", "carl", "")
	require.JSONEq(t, `{"items":[]}`, w.Body.String(), "a list, not null")
	for _, limit := range []string{"0", "-1", "101", "x", "1e2", "9999999999999999999999"} {
		require.Equal(t, "limit", problem(t, s.do("GET", "/payments?limit="+limit, "ana", ""), 400, "invalid").Errors[0].Field)
	}
	require.Less(t, s.do("GET", "/payments?cursor=nonsense%00", "ana", "").Code, 500)
	for _, path := range []string{"/payments", "/payments/" + string(want[0])} {
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			w := s.do(method, path, "ana", "")
			problem(t, w, 405, "method-not-allowed")
			require.Equal(t, "GET", w.Header().Get("Allow"))
		}
	}
}

func TestWhoComesBackIsSentOnWhateverTheQuerySays(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	query := "?order_id=x&status_code=200&transaction_status=settlement&return_url=https://evil.test&payment_id=other&url=//evil.test"
	want := "https://shop.test/thanks?payment_id=" + string(p.ID)
	require.Equal(t, want, location(t, s.do("GET", "/return/"+string(p.ID)+query, "ana", "")))
	s.status(p, payments.StatusPending) // the query is not believed
	require.Equal(t, want, location(t, s.do("GET", "/return/"+string(p.ID)+query, "budi", "")))
	require.Equal(t, want, location(t, s.do("GET", "/return/"+string(p.ID)+query, "", "")), "cookies may not come along")

	asked := s.fake.count("status")
	s.do("GET", "/return/"+string(p.ID), "budi", "")
	s.do("GET", "/return/"+string(p.ID), "", "")
	require.Equal(t, asked, s.fake.count("status"), "strangers cannot make us ask")

	// It is the gateway that is asked, so the payer sees what is true.
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	require.Equal(t, want, location(t, s.do("GET", "/return/"+string(p.ID), "ana", "")))
	s.status(p, payments.StatusSettled)
	asked = s.fake.count("status")
	location(t, s.do("GET", "/return/"+string(p.ID), "ana", ""))
	require.Equal(t, asked, s.fake.count("status"), "what is settled is not asked about")

	for _, id := range []string{string(payments.NewID()), "x", "..%2f..", "%00"} {
		problem(t, s.do("GET", "/return/"+id, "ana", ""), 404, "not-found")
	}
	require.Equal(t, 405, s.do("POST", "/return/"+string(p.ID), "ana", "").Code)
}

func TestAGatewayThatIsDownDoesNotKeepThePayerWaiting(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{}, unreachable("500")
	}
	require.Contains(t, location(t, s.do("GET", "/return/"+string(p.ID), "ana", "")), "https://shop.test/thanks")
}

func TestTheReturnURLKeepsItsQuery(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ReturnURL: "https://shop.test/thanks?a=1&payment_id=x#end"})
	require.NoError(t, err)
	require.Equal(t, "https://shop.test/thanks?a=1&payment_id="+string(out.Payment.ID)+"#end",
		location(t, s.do("GET", "/return/"+string(out.Payment.ID), "", "")))
}

func TestWithoutAReturnURLThereIsAPlainPage(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.ReturnURLs = nil }))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	w := s.do("GET", "/return/"+string(p.ID), "ana", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "Waiting for your payment")
	require.Contains(t, w.Body.String(), "Rp29.000")
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	s.settle(p, "tx1")
	require.Contains(t, s.do("GET", "/return/"+string(p.ID), "ana", "").Body.String(), "Paid")
	w = s.do("GET", "/return/"+string(p.ID), "budi", "")
	require.Equal(t, 200, w.Code)
	for _, secret := range []string{"Rp", "Paid", "29"} {
		require.NotContains(t, strings.Split(w.Body.String(), "<body>")[1], secret, "a stranger learns nothing")
	}
}

func TestEveryStatusHasAPage(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"deny": "refused", "cancel": "canceled", "expire": "time to pay is over", "refund": "paid back",
		"chargeback": "paid back", "authorize": "Waiting", "challenge": "Waiting",
	} {
		s := newShop(t, with(func(c *payments.Config) { c.ReturnURLs = nil }))
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx1", word, 29_000)
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: word, Amount: 29_000})
		require.Contains(t, s.do("GET", "/return/"+string(p.ID), "ana", "").Body.String(), want, word)
	}
}

func TestTheHandlerWorksUnderAPrefix(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mux := http.NewServeMux()
	mux.Handle("/pay/", http.StripPrefix("/pay", s.pay.Handler()))
	s.web = mux
	w := s.do("POST", "/pay/checkout", "ana", `{"plan_id":"pro"}`)
	require.Equal(t, 201, w.Code, w.Body.String())
	p := s.only()
	require.Equal(t, 200, s.do("GET", "/pay/payments", "ana", "").Code)
	require.Equal(t, 200, s.do("GET", "/pay/payments/"+string(p.ID), "ana", "").Code)
	require.Equal(t, 303, s.do("GET", "/pay/return/"+string(p.ID), "ana", "").Code)
	require.Equal(t, 403, s.do("POST", "/pay/notifications/fake", "", `{}`).Code)
	problem(t, s.do("GET", "/pay/", "ana", ""), 404, "not-found")
	problem(t, s.do("GET", "/pay/other", "ana", ""), 404, "not-found")
	problem(t, s.do("GET", "/pay/payments/a/b", "ana", ""), 404, "not-found")
	for _, path := range []string{"/pay//evil.test/%2e%2e", "/pay//evil.test", "/pay/../evil.test"} {
		w := s.do("GET", path, "ana", "")
		u, err := url.Parse(w.Header().Get("Location"))
		require.NoError(t, err)
		require.Empty(t, u.Host, "never to another host")
	}
}

// Routers that know no path values.
func TestPartsOfTheHandlerWorkByThemselves(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	for _, path := range []string{"/my/payments/" + string(p.ID), "/" + string(p.ID), "/my/payments/" + string(p.ID) + "/"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("X-User", "ana")
		w := httptest.NewRecorder()
		s.pay.PaymentHandler().ServeHTTP(w, r)
		require.Equal(t, 200, w.Code, path)
		w = httptest.NewRecorder()
		s.pay.ReturnHandler().ServeHTTP(w, r)
		require.Equal(t, 303, w.Code, path)
	}
}

func TestWithoutIdentifyOnlyTheGatewaysRoutesAreThere(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Identify = nil }))
	p := s.open(ana, "pro")
	problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`), 404, "not-found")
	problem(t, s.do("GET", "/payments", "ana", ""), 404, "not-found")
	problem(t, s.do("GET", "/payments/"+string(p.ID), "ana", ""), 404, "not-found")
	require.Equal(t, 303, s.do("GET", "/return/"+string(p.ID), "ana", "").Code)
	require.Equal(t, 403, s.do("POST", "/notifications/fake", "", `{}`).Code)
	w := httptest.NewRecorder()
	s.pay.CheckoutHandler().ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(`{}`)))
	problem(t, w, 401, "unauthenticated")
}

func TestAStoreThatFailsIsABareError(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	store.set(nil, func() error { return errors.New("password=hunter2 refused") })
	for _, path := range []string{"/payments/" + string(p.ID), "/return/" + string(p.ID)} {
		w := s.do("GET", path, "ana", "")
		problem(t, w, 500, "internal")
		require.NotContains(t, w.Body.String(), "hunter2")
	}
	require.Contains(t, s.logs.String(), "hunter2 refused")
}

package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

const formType = "application/x-www-form-urlencoded"

func TestACheckoutIsAnswered(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w := s.do("POST", "/checkout", "ana", `{"items":[{"id":"mug","quantity":2}],"method":"gopay","return_url":"https://shop.test/thanks/2"}`)
	require.Equal(t, 201, w.Code, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	id, _ := answer["payment_id"].(string)
	require.Equal(t, map[string]any{
		"payment_id": id, "status": "pending", "url": "https://gateway.test/pay/" + id, "token": "tok-" + id,
		"expires_at": "2026-05-07T10:00:00Z",
	}, answer)
	require.Equal(t, "https://shop.test/pay/payments/"+id, w.Header().Get("Location"))
	p := s.get(payments.ID(id))
	require.Equal(t, payments.EndUser{ID: "ana", Email: "ana@example.com"}, p.User)
	require.Equal(t, payments.IDR(170_000), p.Amount)
	require.EqualValues(t, "gopay", p.Sessions[0].Method)
	require.Equal(t, "https://shop.test/thanks/2", p.ReturnURL)
}

// Never a price, user, tenant, gateway or metadata: those are the server's.
func TestACheckoutTakesNoFieldThatIsTheServers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for field, body := range map[string]string{
		"price":      `{"plan_id":"pro","price":1}`,
		"amount":     `{"plan_id":"pro","amount":{"amount":1,"currency":"IDR"}}`,
		"user":       `{"plan_id":"pro","user":{"id":"budi"}}`,
		"user_id":    `{"plan_id":"pro","user_id":"budi"}`,
		"tenant":     `{"plan_id":"pro","tenant":"acme"}`,
		"gateway":    `{"plan_id":"pro","gateway":"other"}`,
		"metadata":   `{"plan_id":"pro","metadata":{"order_id":"1"}}`,
		"reference":  `{"plan_id":"pro","reference":"1"}`,
		"lines":      `{"lines":[{"id":"x","name":"X","price":{"amount":1,"currency":"IDR"},"quantity":1}]}`,
		"extra":      `{"plan_id":"pro","extra":{}}`,
		"expires_in": `{"plan_id":"pro","expires_in":1}`,
		"key":        `{"plan_id":"pro","key":"k"}`,
		"gift":       `{"plan_id":"pro","gift":true}`,
	} {
		p := problem(t, s.do("POST", "/checkout", "ana", body), 400, "invalid")
		require.Equal(t, []payments.FieldError{{Field: field, Message: "is not a field of this request"}}, p.Errors)
	}
	p := problem(t, s.do("POST", "/checkout", "ana", `{"items":[{"id":"mug","quantity":1,"price":1}]}`), 400, "invalid")
	require.Equal(t, "price", p.Errors[0].Field)
	// A form has only the fields that are read.
	w := s.do("POST", "/checkout", "ana", "plan_id=pro&price=1&user=budi&metadata=x", "Content-Type", formType)
	location(t, w)
	require.Zero(t, s.fake.count("status"))
	require.Equal(t, payments.IDR(29_000), s.only().Amount)
}

// only is the one payment there is.
func (s *shop) only() *payments.Payment {
	s.t.Helper()
	page, err := s.pay.Page(s.t.Context(), payments.PaymentQuery{})
	require.NoError(s.t, err)
	require.Len(s.t, page.Items, 1)
	return page.Items[0]
}

func TestACheckoutThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.Unlimited }))
	cases := []struct {
		name, body, media string
		status            int
		word, field       string
	}{
		{"no JSON", `{"plan_id"`, "application/json", 400, "invalid", "body"},
		{"nothing", ``, "application/json", 400, "invalid", "body"},
		{"a list", `[]`, "application/json", 400, "invalid", "body"},
		{"two", `{"plan_id":"pro"}{"plan_id":"pro"}`, "application/json", 400, "invalid", "body"},
		{"wrong type", `{"plan_id":7}`, "application/json", 400, "invalid", "plan_id"},
		{"wrong inner type", `{"items":[{"id":"mug","quantity":"2"}]}`, "application/json", 400, "invalid", "items.quantity"},
		{"a fraction", `{"items":[{"id":"mug","quantity":1.5}]}`, "application/json", 400, "invalid", "items.quantity"},
		{"too many", `{"items":[{"id":"mug","quantity":99999999999999999999}]}`, "application/json", 400, "invalid", "items.quantity"},
		{"null", `null`, "application/json", 400, "invalid", "plan_id"},
		{"no type", `{"plan_id":"pro"}`, "", 415, "media-type", ""},
		{"text", `{"plan_id":"pro"}`, "text/plain", 415, "media-type", ""},
		{"broken type", `{"plan_id":"pro"}`, "application/", 415, "media-type", ""},
		{"multipart", `x`, "multipart/form-data; boundary=x", 415, "media-type", ""},
		{"large", `{"plan_id":"` + strings.Repeat("x", 64<<10) + `"}`, "application/json", 413, "too-large", ""},
		{"broken form", "plan_id=%zz", formType, 400, "invalid", "body"},
		{"form without", "a=b", formType, 400, "invalid", "plan_id"},
		{"form quantity", "item_id=mug&quantity=x", formType, 400, "invalid", "quantity"},
		{"form quantity 0", "item_id=mug&quantity=0", formType, 400, "invalid", "items[0].quantity"},
		{"form return", "plan_id=pro&return_url=//evil.test", formType, 400, "invalid", "return_url"},
		{"binary method", "plan_id=pro&method=%00", formType, 400, "invalid", "method"},
		{"binary key", "plan_id=pro&idempotency_key=%ff", formType, 400, "invalid", "key"},
	}
	for _, c := range cases {
		p := problem(t, s.do("POST", "/checkout", "ana", c.body, "Content-Type", c.media), c.status, c.word)
		if c.field != "" {
			require.Len(t, p.Errors, 1, c.name)
			require.Equal(t, c.field, p.Errors[0].Field, c.name)
		}
	}
	r := httptest.NewRequest("POST", "/checkout", iotest.ErrReader(errors.New("reset")))
	r.Header.Set("X-User", "ana")
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, r)
	problem(t, w, 400, "invalid")

	page, err := s.pay.Page(t.Context(), payments.PaymentQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Equal(t, 201, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Content-Type", "application/json; charset=utf-8").Code)
}

func TestAFormEndsInARedirect(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	form := "item_id=mug&quantity=2&item_id=mug&idempotency_key=k1&return_url=https%3A%2F%2Fshop.test%2Fthanks"
	w := s.do("POST", "/checkout", "ana", form, "Content-Type", formType)
	p := s.only()
	require.Equal(t, "https://gateway.test/pay/"+string(p.ID), location(t, w))
	require.Equal(t, payments.IDR(255_000), p.Amount)
	// Sent twice, by an impatient finger: the same page.
	require.Equal(t, "https://gateway.test/pay/"+string(p.ID), location(t, s.do("POST", "/checkout", "ana", form, "Content-Type", formType)))
	require.Equal(t, 1, s.fake.count("checkout"))
	// A header goes before the form's field.
	w = s.do("POST", "/checkout", "ana", form, "Content-Type", formType, "Idempotency-Key", "k2")
	require.NotEqual(t, "https://gateway.test/pay/"+string(p.ID), location(t, w))
	// What is free leads to our own page.
	w = s.do("POST", "/checkout", "ana", "plan_id=free", "Content-Type", formType)
	require.Contains(t, location(t, w), "https://shop.test/pay/return/")
	// A person who sent a form gets a page, not JSON.
	w = s.do("POST", "/checkout", "ana", "plan_id=<script>", "Content-Type", formType, "Accept", "text/html,*/*")
	require.Equal(t, 400, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.NotContains(t, w.Body.String(), "<script>")
}

func TestAnIdempotencyKeyOverHTTP(t *testing.T) {
	t.Parallel()
	prepared := 0
	s := newShop(t, with(func(c *payments.Config) {
		c.Prepare = func(_ *http.Request, p *payments.CreateParams) error {
			prepared++
			p.Metadata = map[string]string{"n": strings.Repeat("x", prepared)} // differs each time
			p.Reference = "order-1"
			return nil
		}
	}))
	first := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	again := s.do("POST", "/checkout", "ana", ` { "plan_id" : "pro" } `, "Idempotency-Key", "k")
	require.Equal(t, 201, again.Code, "what Prepare adds is not the payer's request")
	require.Equal(t, first.Body.String(), again.Body.String())
	problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"pro","method":"gopay"}`, "Idempotency-Key", "k"), 422, "key-reused")
	require.Equal(t, 201, s.do("POST", "/checkout", "budi", `{"plan_id":"pro","method":"gopay"}`, "Idempotency-Key", "k").Code)
	require.Equal(t, 2, s.fake.count("checkout"))
	var id struct {
		PaymentID payments.ID `json:"payment_id"`
	}
	require.NoError(t, json.Unmarshal(first.Body.Bytes(), &id))
	require.Equal(t, "order-1", s.get(id.PaymentID).Reference)
	require.Equal(t, map[string]string{"n": "x"}, s.get(id.PaymentID).Metadata)
}

func TestWhileTheFirstRunsTheSecondIsToldSo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	gate := newBlocker()
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		gate.wait()
		return payments.CheckoutResult{RedirectURL: "https://gateway.test/x"}, nil
	}
	done := make(chan int, 1)
	go func() {
		done <- s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k").Code
	}()
	<-gate.entered
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	p := problem(t, w, 409, "in-progress")
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, s.only().ID, p.PaymentID)
	close(gate.release)
	require.Equal(t, 201, <-done)
	require.Equal(t, 201, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k").Code)
	require.Equal(t, 1, s.fake.count("checkout"))
}

func TestPrepareHasTheLastWord(t *testing.T) {
	t.Parallel()
	soldOut := errors.New("no")
	s := newShop(t, with(func(c *payments.Config) {
		c.Prepare = func(r *http.Request, p *payments.CreateParams) error {
			switch p.PlanID {
			case "sold-out":
				return payments.Invalid("plan_id", "is sold out")
			case "broken":
				return soldOut
			}
			p.Extra = map[string]string{"for": r.Header.Get("X-User")}
			return nil
		}
	}))
	require.Equal(t, "plan_id", problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"sold-out"}`), 400, "invalid").Errors[0].Field)
	problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"broken"}`), 500, "internal")
	asked := s.fake.answers()
	s.buy("ana", `{"plan_id":"pro"}`)
	require.JSONEq(t, `{"for":"ana"}`, string((*asked)[0].Extra))
}

// A page of another site can make the browser post a form with the user's
// cookies.
func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.ReturnURLs = append(c.ReturnURLs, "https://app.shop.test/done")
	}))
	post := func(host string, headers ...string) *httptest.ResponseRecorder {
		return s.do("POST", "http://"+host+"/checkout", "ana", "plan_id=pro",
			append([]string{"Content-Type", formType}, headers...)...)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"cross-site":              post("shop.test", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"),
		"cross-site, no origin":   post("shop.test", "Sec-Fetch-Site", "cross-site"),
		"a sister's page":         post("shop.test", "Sec-Fetch-Site", "same-site", "Origin", "https://blog.shop.test"),
		"an old browser":          post("shop.test", "Origin", "https://evil.test"),
		"an opaque origin":        post("shop.test", "Origin", "null"),
		"a look-alike":            post("shop.test", "Origin", "https://shop.test.evil.test"),
		"behind a proxy":          post("10.0.0.7:8080", "Origin", "https://evil.test"),
		"behind one, by fetch":    post("10.0.0.7:8080", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"),
		"with a forged forwarded": post("shop.test", "Origin", "https://evil.test", "X-Forwarded-Host", "evil.test"),
	} {
		require.Equal(t, 403, w.Code, name)
		problem(t, w, 403, "cross-origin")
	}
	page, err := s.pay.Page(t.Context(), payments.PaymentQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"same origin":             post("shop.test", "Sec-Fetch-Site", "same-origin", "Origin", "https://shop.test"),
		"by hand":                 post("shop.test", "Sec-Fetch-Site", "none"),
		"an old browser":          post("shop.test", "Origin", "https://shop.test"),
		"behind a proxy":          post("10.0.0.7:8080", "Origin", "https://shop.test"),
		"behind one, by fetch":    post("10.0.0.7:8080", "Sec-Fetch-Site", "same-origin", "Origin", "https://shop.test"),
		"the app's front end":     post("shop.test", "Sec-Fetch-Site", "same-site", "Origin", "https://app.shop.test"),
		"something not a browser": post("shop.test"),
	} {
		require.Equal(t, 303, w.Code, name)
	}
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
	problem(t, w, 403, "cross-origin")
}

func TestACheckoutNeedsAUserAndPost(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	problem(t, s.do("POST", "/checkout", "", `{"plan_id":"pro"}`), 401, "unauthenticated")
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE"} {
		w := s.do(method, "/checkout", "ana", `{"plan_id":"pro"}`)
		require.Equal(t, 405, w.Code, method)
		require.Equal(t, "POST", w.Header().Get("Allow"))
		// Mounted by itself it is no more lenient.
		w = httptest.NewRecorder()
		r := httptest.NewRequest(method, "/buy", strings.NewReader(`{"plan_id":"pro"}`))
		r.Header.Set("X-User", "ana")
		r.Header.Set("Content-Type", "application/json")
		s.pay.CheckoutHandler().ServeHTTP(w, r)
		require.Equal(t, 405, w.Code)
	}
	require.Zero(t, s.fake.count("checkout"))
	nameless := newShop(t, with(func(c *payments.Config) {
		c.Identify = func(*http.Request) (payments.EndUser, error) { return payments.EndUser{Email: "a@b.c"}, nil }
	}))
	problem(t, nameless.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`), 401, "unauthenticated")
	broken := newShop(t, with(func(c *payments.Config) {
		c.Identify = func(*http.Request) (payments.EndUser, error) {
			return payments.EndUser{}, errors.New("session store is down")
		}
	}))
	w := broken.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	problem(t, w, 500, "internal")
	require.NotContains(t, w.Body.String(), "session store")
	require.Contains(t, broken.logs.String(), "session store")
}

// One who asks again for what is paid is told where it stands.
func TestACheckoutOfWhatIsPaidNamesThePayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	p := s.only()
	s.settle(p, "tx1")
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	require.Equal(t, 201, w.Code)
	require.Contains(t, w.Body.String(), `{"payment_id":"`+string(p.ID)+`","status":"settled","url":"https://shop.test/pay/return/`)
	require.Equal(t, 1, s.fake.count("checkout"))
}

// A browser that leaves is not an error of ours.
func TestACheckoutWhoseCallerHasGoneIsNoFault(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, "POST", "/checkout", strings.NewReader(`{"plan_id":"pro"}`))
	r.Header.Set("X-User", "ana")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, r)
	require.GreaterOrEqual(t, w.Code, 400)
	require.NotContains(t, s.logs.String(), "level=ERROR")
}

package payments_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// FuzzCheckout sends bodies to the checkout as browsers and strangers might.
// It opens a payment at the catalogue's price, for the user who asked, that
// leads back to the shop; or it says which field is wrong. It never breaks.
func FuzzCheckout(f *testing.F) {
	const jsonType = "application/json"
	for _, body := range []string{
		`{"plan_id":"pro"}`, `{"plan_id":"free"}`, `{"items":[{"id":"mug","quantity":2}],"method":"gopay","return_url":"https://shop.test/thanks/2"}`,
		`{"plan_id":"pro","PLAN_ID":"free"}`, `{"plan_id":"pro","plan_id":"free"}`, `{"plan_id":"pro"} {}`, `{"plan_id":"pro","price":1}`, `[]`, `null`, ``,
		`{"items":[{"id":"mug","quantity":9223372036854775807}]}`, `{"items":[{"id":"mug","quantity":1e3}]}`, `{"items":[{"id":"mug","quantity":-1}]}`,
		`{"items":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, `{"plan_id":"\u0000"}`, "{\"plan_id\":\"\xff\"}", `{"method":"\u0007","plan_id":"pro"}`,
		`{"plan_id":"pro","return_url":"https://shop.test.evil.example/thanks"}`, `{"plan_id":"pro","return_url":"//evil.example\\shop.test/thanks"}`,
	} {
		f.Add(jsonType, "", []byte(body))
	}
	for _, form := range []string{
		"plan_id=pro", "item_id=mug&quantity=2&item_id=mug", "item_id=mug&quantity=x", "plan_id=pro&return_url=https://shop.test/thanks/%2e%2e/x", "%zz", ";", "plan_id=%00",
		"plan_id=pro&idempotency_key=%ff", "plan_id=pro&price=1&user=budi",
	} {
		f.Add(formType, "", []byte(form))
	}
	f.Add("text/plain", "k", []byte("plan_id=pro"))
	f.Add("application/json; charset", "k\x00", []byte(`{"plan_id":"pro"}`))
	f.Add(jsonType, strings.Repeat("k", 256), []byte(`{"plan_id":"pro"}`))
	f.Fuzz(func(t *testing.T, contentType, key string, body []byte) {
		s := newShop(t)
		send := func(user string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/checkout", strings.NewReader(string(body)))
			r.Header["Content-Type"], r.Header["Idempotency-Key"], r.Header["X-User"] = []string{contentType}, []string{key}, []string{user}
			w := httptest.NewRecorder()
			s.web.ServeHTTP(w, r)
			return w
		}
		w := send("ana")
		require.Less(t, w.Code, 500, w.Body.String())
		page, err := s.pay.Page(t.Context(), payments.PaymentQuery{})
		require.NoError(t, err)
		if w.Code >= 400 {
			require.Empty(t, page.Items, "what is refused leaves nothing")
			var p payments.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			if w.Code == http.StatusBadRequest {
				require.NotEmpty(t, p.Errors)
				require.NotEmpty(t, p.Errors[0].Field)
			}
			return
		}
		require.Len(t, page.Items, 1)
		p := page.Items[0]
		require.Equal(t, "ana", p.User.ID)
		price := int64(0)
		if p.Plan != nil {
			price = map[string]int64{"pro": 29_000, "free": 0}[p.Plan.ID]
		}
		for _, l := range p.Lines {
			require.Positive(t, l.Quantity)
			price += 85_000 * int64(l.Quantity)
		}
		require.Equal(t, payments.IDR(price), p.Amount)
		inTheShop(t, p.ReturnURL)
		require.True(t, strings.HasPrefix(p.ReturnURL, "https://shop.test/thanks"), p.ReturnURL)

		again, other := send("ana"), send("budi")
		require.Equal(t, w.Code, again.Code)
		require.Less(t, other.Code, 400)
		all, err := s.pay.Page(t.Context(), payments.PaymentQuery{UserID: "ana"})
		require.NoError(t, err)
		once := p.Key != "" || p.Plan != nil && p.Amount.IsZero()
		require.Equal(t, map[bool]int{true: 1, false: 2}[once], len(all.Items), "a key makes a repeat safe")
	})
}

// inTheShop requires that a browser, too, takes the URL for one of the shop.
func inTheShop(t *testing.T, raw string) {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	require.Equal(t, "https", u.Scheme, raw)
	require.Equal(t, "shop.test", u.Host, raw)
	require.Nil(t, u.User)
	require.False(t, strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }), "%q", raw)
	for part := range strings.SplitSeq(u.Path, "/") {
		require.NotEqual(t, "..", part)
	}
}

// FuzzGet asks for paths and queries of all kinds, as another user and as
// nobody: nothing breaks, nothing of somebody else's is shown, nobody is sent
// away from the shop.
func FuzzGet(f *testing.F) {
	for _, path := range []string{"/payments/ID", "/payments", "/return/ID", "/checkout", "/notifications/midtrans", "/", "//evil.example/", "/payments/../return/ID", "/return/\x00", "/return/ID/", "/payments/{id}"} {
		f.Add(path, "")
	}
	for _, query := range []string{
		"cursor=ID", "cursor=%00", "cursor=%ff", "cursor=~", "cursor=zzz&limit=100", "limit=0", "limit=101", "limit=1e1", "limit=-1", "limit=99999999999999999999", "limit=1&limit=2", "%zz", "a;b",
		"order_id=ID&status_code=200&transaction_status=settlement", "cursor=" + strings.Repeat("a", 5000),
	} {
		f.Add("/payments", query)
		f.Add("/return/ID", query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		path, query = strings.ReplaceAll(path, "ID", string(p.ID)), strings.ReplaceAll(query, "ID", string(p.ID))
		for _, user := range []string{"budi", ""} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = &url.URL{Path: path, RawQuery: query}
			r.RequestURI = ""
			if user != "" {
				r.Header.Set("X-User", user)
			}
			w := httptest.NewRecorder()
			s.web.ServeHTTP(w, r)
			require.Less(t, w.Code, 500, w.Body.String())
			require.NotContains(t, w.Body.String(), "29.000")
			require.NotContains(t, w.Body.String(), "tok-")
			if to := w.Header().Get("Location"); to != "" && strings.HasPrefix(path, "/return/") && w.Code == http.StatusSeeOther {
				inTheShop(t, to)
			}
		}
		stored, err := s.pay.Get(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, payments.StatusPending, stored.Status)
	})
}

// FuzzReturnURL: a URL that is allowed leads to the shop, also for a browser,
// and so does what is made of it for the payer who comes back.
func FuzzReturnURL(f *testing.F) {
	for _, s := range []string{
		"https://shop.test/thanks", "https://shop.test/thanks/2?a=b#c", "https://shop.test/thanks/", "https://shop.test/thanksgiving", "http://shop.test/thanks",
		"https://shop.test:443/thanks", "https://shop.test@evil.example/thanks", "https://shop.test\\@evil.example/thanks", "//shop.test/thanks", "/thanks",
		"https:/shop.test/thanks", "https:shop.test/thanks", "https://SHOP.test/thanks", "https://shop.test/thanks/../admin", "https://shop.test/thanks/%2e%2e/admin",
		"https://shop.test/thanks/%2E./x", "https://shop.test/thanks/..%2fadmin", "https://shop.test/thanks\t", "java\nscript:alert(1)", "https://shop.test/thanks?next=https://evil.example",
		"https://shop.test/thanks#https://evil.example", "https://shop.test/thanks/%5c..", "https://shop.test/thanks/\u2024\u2024/", "https://shop.test%00/thanks", " https://shop.test/thanks",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s := newShop(t)
		p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ReturnURL: raw})
		if err != nil {
			var invalid *payments.InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, "return_url", invalid.Fields[0].Field)
			return
		}
		inTheShop(t, p.ReturnURL)
		w := s.do(http.MethodGet, "/return/"+string(p.ID), "", "")
		require.Equal(t, http.StatusSeeOther, w.Code)
		inTheShop(t, w.Header().Get("Location"))
		require.True(t, strings.HasPrefix(w.Header().Get("Location"), "https://shop.test/thanks"))
	})
}

package payments_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// mounted are the patterns that Handler mounts, as its source has them, so
// that a new route without a row below fails.
func mounted(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "http.go", nil, 0)
	require.NoError(t, err)
	var patterns []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(f.Sel.Name, "Handle") && len(call.Args) == 2 {
			if l, ok := call.Args[0].(*ast.BasicLit); ok {
				pattern, err := strconv.Unquote(l.Value)
				require.NoError(t, err)
				patterns = append(patterns, pattern)
			}
		}
		return true
	})
	require.NotEmpty(t, patterns)
	return slices.Sorted(slices.Values(patterns))
}

// What somebody else gets on each route when he names ana's payment in every
// way the route has. Nothing of it may be in the answer, and nothing of it may
// change.
func TestNoRouteShowsOrChangesWhatIsSomebodyElses(t *testing.T) {
	t.Parallel()
	routes := map[string]func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder{
		"/checkout": func(s *shop, _ *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("POST", "/checkout", as, `{"plan_id":"free"}`, "Idempotency-Key", "anas-key")
		},
		"/payments": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("GET", "/payments?cursor="+string(payments.NewID())+"&user_id=ana&user=ana&id="+string(p.ID), as, "")
		},
		"/payments/{id}": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("GET", "/payments/"+string(p.ID), as, "")
		},
		"/return/{id}": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("GET", "/return/"+string(p.ID), as, "")
		},
		"/notifications/{gateway}": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("POST", "/notifications/fake", as, `{"Sign":"bad","Ref":"`+string(p.ID)+`","Tx":"tx1","Word":"settlement"}`)
		},
		"/methods": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("GET", "/methods?amount=29000&id="+string(p.ID), as, "")
		},
		"/": func(s *shop, p *payments.Payment, as string) *httptest.ResponseRecorder {
			return s.do("GET", "/"+string(p.ID), as, "")
		},
	}
	require.Equal(t, mounted(t), slices.Sorted(maps.Keys(routes)), "every route has a row here")

	for _, who := range []string{"budi", "", "ana of acme"} {
		for route, call := range routes {
			s := newShop(t, with(func(c *payments.Config) {
				c.ReturnURLs = nil // the page of our own
				c.Identify = func(r *http.Request) (payments.EndUser, error) {
					id, tenant, _ := strings.Cut(r.Header.Get("X-User"), " of ")
					if id == "" {
						return payments.EndUser{}, payments.ErrUnauthenticated
					}
					return payments.EndUser{ID: id, Tenant: tenant}, nil
				}
			}))
			out, err := s.pay.Checkout(t.Context(), payments.CreateParams{
				User: payments.EndUser{ID: "ana", Email: "ana@example.com"}, PlanID: "pro", Reference: "INV-1", Key: "anas-key",
			})
			require.NoError(t, err)
			p := out.Payment
			before, asked := s.get(p.ID), s.fake.count("status")

			w := call(s, p, who)
			seen := w.Body.String() + strings.Join(slices.Concat(slices.Collect(maps.Values(w.Header()))...), "\n")
			for _, secret := range []string{
				string(p.ID), "INV-1", "29000", "29.000", `"pro"`, "Pro", p.Sessions[0].Token, p.Sessions[0].RedirectURL, "example.com", "anas-key",
			} {
				require.NotContains(t, seen, secret, "%s as %q", route, who)
			}
			require.Equal(t, before, s.get(p.ID), "%s as %q", route, who)
			require.Equal(t, asked, s.fake.count("status"), "%s as %q asks nobody", route, who)
		}
	}
}

// A cursor is a place in a list, not a right: with somebody else's one sees
// one's own.
func TestSomebodyElsesCursorShowsOnesOwn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mine := s.buy("budi", `{"plan_id":"pro"}`)
	for range 3 {
		s.buy("ana", `{"plan_id":"pro"}`)
	}
	theirs := decode[payments.Page[payments.View]](t, s.do("GET", "/payments?limit=1", "ana", "")).Next
	require.NotEmpty(t, theirs)
	got := decode[payments.Page[payments.View]](t, s.do("GET", "/payments?cursor="+url.QueryEscape(theirs), "budi", ""))
	require.Len(t, got.Items, 1)
	require.Equal(t, mine.ID, got.Items[0].ID)
}

// An id tells when it was made. The rest is chance, so ids of others cannot be
// counted up to.
func TestIDsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	var ones, zeros [16]byte
	seen := map[string]bool{}
	for range 5000 {
		id := string(payments.NewID())
		require.Equal(t, byte('7'), id[14])
		var raw [16]byte
		for i, digits := 0, strings.ReplaceAll(id, "-", ""); i < 16; i++ {
			b, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
			require.NoError(t, err)
			raw[i] = byte(b)
			ones[i] |= raw[i]
			zeros[i] |= ^raw[i]
		}
		seen[string(raw[8:])] = true
	}
	require.Len(t, seen, 5000, "the random part alone is different each time")
	for i, all := range []byte{0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} { // 62 bits
		require.Equal(t, all, ones[8+i]&zeros[8+i]&all, "byte %d has bits that never change", 8+i)
	}
}

// What the request says about hosts and addresses never gets into an answer.
func TestLinksComeFromTheConfigAlone(t *testing.T) {
	t.Parallel()
	lies := []string{
		"X-Forwarded-Host", "evil.test", "X-Forwarded-Proto", "javascript", "X-Forwarded-Prefix", "//evil.test", "Forwarded", "host=evil.test",
		"X-Original-URL", "https://evil.test", "X-Rewrite-URL", "https://evil.test", "Referer", "https://evil.test/", "X-HTTP-Method-Override", "DELETE",
	}
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	for _, c := range []struct{ method, path, body, media string }{
		{"POST", "/checkout", `{"plan_id":"pro"}`, "application/json"},
		{"POST", "/checkout", `plan_id=free`, formType},
		{"GET", "/return/" + string(p.ID), "", ""},
		{"GET", "/payments/" + string(p.ID), "", ""},
		{"GET", "/payments", "", ""},
		{"GET", "/nothing", "", ""},
	} {
		w := s.do(c.method, "http://evil.test"+c.path, "ana", c.body, append([]string{"Content-Type", c.media}, lies...)...)
		require.NotContains(t, w.Body.String()+strings.Join(slices.Concat(slices.Collect(maps.Values(w.Header()))...), "\n"), "evil", c.path)
	}
}

// A value that a request chooses must not become a header of the answer, nor
// send the payer elsewhere.
func TestAReturnURLCannotLeadAstrayNorSplitTheAnswer(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.Unlimited }))
	for _, raw := range []string{
		"https://evil.test", "//evil.test", `\\evil.test`, "/\\evil.test", "https:evil.test", "https:/evil.test", "https:///evil.test",
		"javascript:alert(1)", "data:text/html,x", "https://shop.test@evil.test/thanks", "https://shop.test:443@evil.test/thanks",
		"https://shop.test.evil.test/thanks", "https://shop.test%2eevil.test/thanks", "https://evil.test/https://shop.test/thanks",
		"https://evil.test#https://shop.test/thanks", "https://evil.test?https://shop.test/thanks", "http://shop.test/thanks",
		"https://shop.test:8443/thanks", "https://shop.test/thanks/../admin", "https://shop.test/thanks/%2e%2e/admin", "https://shop.test/thanks/..%2fadmin",
		"https://shop.test/thanksgiving", "https://shop.test/THANKS", "https://shop.test\\@evil.test/thanks", "https://shop.test/thanks\\..\\admin",
		"https://shop.test/thanks/%5c..%5cadmin", "https://shop.test/thanks\r\nSet-Cookie: a=b", "https://shop.test/thanks/%0d%0aSet-Cookie:%20a=b",
		"https://shop.test/thanks\n", "\thttps://evil.test", " https://evil.test", "https://[::1]/thanks", "https://shop.test /thanks", "https://ſhop.test/thanks",
		"\x00https://shop.test/thanks", "https://shop.test/thanks\x00",
	} {
		w := s.do("POST", "/checkout", "ana", url.Values{"plan_id": {"pro"}, "return_url": {raw}}.Encode(), "Content-Type", formType)
		require.Equal(t, "return_url", problem(t, w, 400, "invalid").Errors[0].Field, "%q", raw)
	}
	for _, raw := range []string{
		"https://shop.test/thanks?next=%0d%0aSet-Cookie:%20a=b", "https://shop.test/thanks?next=//evil.test", "https://shop.test/thanks/a%20b",
		"https://shop.test/thanks#%0d%0aSet-Cookie:%20a=b", "https://shop.test/thanks/%E2%80%AE", "https://shop.test/thanks?%00",
	} {
		p := s.buy("ana", `{"plan_id":"pro","return_url":`+strconv.Quote(raw)+`}`)
		w := s.do("GET", "/return/"+string(p.ID), "ana", "")
		to, err := url.Parse(location(t, w))
		require.NoError(t, err)
		require.Equal(t, "https://shop.test", to.Scheme+"://"+to.Host)
		require.NotContains(t, w.Header(), "Set-Cookie")
		wire := &bytes.Buffer{}
		require.NoError(t, w.Result().Write(wire))
		require.NotContains(t, strings.ToLower(wire.String()), "\nset-cookie", "%q", raw)
	}
}

// What is compressed is not unpacked, so a bomb is as small as it looks.
func TestCompressedBodiesAreNotUnpacked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	pack := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.String()
	}
	body := pack(`{"plan_id":"pro"}`)
	problem(t, s.do("POST", "/checkout", "ana", body, "Content-Encoding", "gzip"), 400, "invalid")
	body = pack(`{"Sign":"good","Ref":"` + string(p.ID) + `","Tx":"tx1","Word":"pending"}`)
	problem(t, s.do("POST", "/notifications/fake", "", body, "Content-Encoding", "gzip"), 400, "malformed")
	bomb := pack(strings.Repeat(" ", 20<<20))
	require.Less(t, len(bomb), 64<<10)
	problem(t, s.do("POST", "/checkout", "ana", bomb, "Content-Encoding", "gzip"), 400, "invalid")
	problem(t, s.do("POST", "/notifications/fake", "", bomb, "Content-Encoding", "gzip"), 400, "malformed")
}

func TestADeeplyNestedCheckoutIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.Unlimited }))
	const most = 64<<10 - 20
	for _, body := range []string{
		strings.Repeat("[", most), strings.Repeat(`{"a":`, most/5), `{"items":` + strings.Repeat("[", most-20),
		strings.Repeat("[", most/2) + strings.Repeat("]", most/2), `{"items":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		`{"plan_id":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001),
	} {
		problem(t, s.do("POST", "/checkout", "ana", body), 400, "invalid")
	}
	page, err := s.pay.Page(t.Context(), payments.PaymentQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

// Two readers may disagree about a name that occurs twice. In a checkout
// nobody else reads the body: what was priced, stored and opened at the
// gateway is one and the same. (In a notification it is refused: there the
// signature is over one of the two. See the gateway's tests.)
func TestANameThatOccursTwiceIsReadOnce(t *testing.T) {
	t.Parallel()
	var prepared []payments.CreateParams
	s := newShop(t, with(func(c *payments.Config) {
		c.Prepare = func(_ *http.Request, p *payments.CreateParams) error {
			prepared = append(prepared, *p)
			return nil
		}
	}))
	asked := s.fake.answers()
	for i, body := range []string{`{"plan_id":"free","plan_id":"pro"}`, `{"plan_id":"free","PLAN_ID":"pro"}`} {
		p := s.buy("ana", body)
		require.Equal(t, "pro", p.Plan.ID)
		require.Equal(t, payments.IDR(29_000), p.Amount)
		require.Equal(t, "pro", prepared[i].PlanID)
		require.Equal(t, payments.IDR(29_000), (*asked)[i].Order.Amount)
	}
}

// What a request says is shown back to a person: a field's name, a message.
func TestPagesEscapeWhatARequestSays(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	name := `"><script>alert(1)</script>{{.}}<img src=x onerror=alert(1)>`
	raw, err := json.Marshal(map[string]string{name: "x"})
	require.NoError(t, err)
	w := s.do("POST", "/checkout", "ana", string(raw), "Accept", "text/html")
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "is not a field of this request")
	for _, bad := range []string{"<script", "<img", `">`} {
		require.NotContains(t, strings.Split(w.Body.String(), "<main>")[1], bad)
	}
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
	// As JSON it is no HTML either, for those who sniff.
	w = s.do("POST", "/checkout", "ana", string(raw))
	problem(t, w, 400, "invalid")
	require.NotContains(t, w.Body.String(), "<")
}

func TestEveryAnswerIsKeptFromCachesAndSniffers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	for _, w := range []*httptest.ResponseRecorder{
		s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`), s.do("POST", "/checkout", "ana", `{`), s.do("POST", "/checkout", "", `{}`),
		s.do("GET", "/payments", "ana", ""), s.do("GET", "/payments/"+string(p.ID), "ana", ""), s.do("GET", "/payments/x", "ana", ""),
		s.do("GET", "/payments/x", "ana", "", "Accept", "text/html"), s.do("GET", "/return/x", "", ""),
		s.do("POST", "/notifications/fake", "", `{}`), s.do("GET", "/", "", ""),
	} {
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), w.Body.String())
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), w.Body.String())
	}
	w := httptest.NewRecorder() // cut off
	s.web.ServeHTTP(w, httptest.NewRequest("POST", "/notifications/fake", http.MaxBytesReader(nil, http.NoBody, -1)))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
}

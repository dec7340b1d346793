package midtranstest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

func TestRetriesByAnswer(t *testing.T) {
	t.Parallel()
	for answer, retries := range map[int]int{
		200: 0, 201: 0, 204: 0, 301: 0, 302: 0, 303: 0, 400: 2, 401: 5, 403: 5, 404: 2, 429: 5, 500: 1, 502: 5, 503: 4, 504: 5,
	} {
		b := newBench(t)
		b.answer = answer
		b.order("order-1")
		b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
		var pauses []time.Duration
		sent := 0
		for last := b.clock.Now(); sent < 20; {
			answers, err := b.Deliver(t.Context())
			require.NoError(t, err)
			require.Len(t, answers, 1)
			sent++
			again := answers[0].Again
			if again.IsZero() {
				break
			}
			pauses = append(pauses, again.Sub(last))
			b.clock.Advance(again.Sub(last) - time.Second)
			early, err := b.Deliver(t.Context())
			require.NoError(t, err)
			require.Empty(t, early, "not before its time")
			b.clock.Advance(time.Second)
			last = b.clock.Now()
		}
		require.Equal(t, retries, sent-1, answer)
		all := []time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 90 * time.Minute, 210 * time.Minute}
		require.Equal(t, all[:retries], append([]time.Duration{}, pauses...))
	}
}

func TestRetrySettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithRetry(time.Second))
	b.answer = http.StatusServiceUnavailable
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
	require.Len(t, b.delivered(), 1)
	b.clock.Advance(time.Second)
	require.Len(t, b.delivered(), 1)
	b.clock.Advance(time.Hour)
	require.Empty(t, b.delivered())
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	for code, follows := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		got := ""
		mux := http.NewServeMux()
		mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", code) })
		mux.HandleFunc("/new", func(_ http.ResponseWriter, r *http.Request) { got = r.Method })
		mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", code) })
		shop := httptest.NewServer(mux)
		defer shop.Close()
		b := newBench(t)
		b.Notify(shop.URL+"/old", nil)
		b.order("order-1")
		b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
		answers, err := b.Deliver(t.Context())
		require.NoError(t, err)
		require.Zero(t, answers[0].Again, "%d is never tried again", code)
		if !follows {
			require.Empty(t, got, code)
			continue
		}
		require.Equal(t, http.MethodPost, got, code)
		require.Equal(t, http.StatusOK, answers[0].Status)

		b.Notify(shop.URL+"/circle", nil)
		b.ok(b.Resend("order-1", 1))
		answers, err = b.Deliver(t.Context())
		require.NoError(t, err)
		require.Contains(t, answers[0].Err, "more than 5 redirects")
	}
}

func TestSlowMerchant(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithNotificationTimeout(time.Millisecond))
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1<<16)
		for _, err := r.Body.Read(buf); err == nil; _, err = r.Body.Read(buf) {
			continue // a server notices a hang-up once the body is read
		}
		<-r.Context().Done()
	}))
	defer shop.Close()
	b.Notify(shop.URL, nil)
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
	answers, err := b.Deliver(t.Context())
	require.NoError(t, err)
	require.Zero(t, answers[0].Status)
	require.Equal(t, start.Add(2*time.Minute), answers[0].Again)
}

func TestWhereNotificationsGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for id, tc := range map[string]struct {
		header []string
		want   []string
	}{
		"order-1": {nil, []string{"/notifications"}},
		"order-2": {[]string{"X-Append-Notification", "http://shop.test/a, http://shop.test/b"}, []string{"/notifications", "/a", "/b"}},
		"order-3": {[]string{"X-Override-Notification", "http://shop.test/o"}, []string{"/o"}},
		"order-4": {[]string{"X-Override-Notification", "http://shop.test/o", "X-Append-Notification", "http://shop.test/a"}, []string{"/o"}},
		"order-5": {[]string{"X-Override-Notification", "http://shop.test/1,http://shop.test/2,http://shop.test/3,http://shop.test/4"}, []string{"/1", "/2", "/3"}},
	} {
		_, got := b.call(http.MethodPost, "/snap/v1/transactions", orderBody(id), tc.header...)
		require.NotEmpty(t, got.text("token"))
		b.ok(b.Pay(id, midtranstest.By("credit_card")))
		var paths []string
		for _, n := range b.delivered() {
			paths = append(paths, n.path)
		}
		require.Equal(t, tc.want, paths, id)
	}
}

func TestNobodyToNotify(t *testing.T) {
	t.Parallel()
	sim := midtranstest.New(midtranstest.WithKeys(serverKey, ""))
	resp, err := sim.Client().Do(mustRequest(t, sim.URL+"/snap/v1/transactions", orderBody("order-1")))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.NoError(t, sim.Pay("order-1"))
	require.Empty(t, sim.Take())
	require.Panics(t, func() { sim.Notify("shop.test/n", nil) })
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for kind, want := range map[simkit.Kind]string{
		simkit.Duplicate: "pending pending settlement settlement",
		simkit.Shuffle:   "settlement pending",
		simkit.Drop:      "",
		simkit.Forge:     "pending pending settlement settlement",
		simkit.Late:      "",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, midtranstest.WithScenario(simkit.Fault{Kind: kind, Count: -1, Delay: time.Hour}))
			b.order("order-1")
			b.ok(b.Pay("order-1"))
			b.handling = func(n *notice) {
				if kind == simkit.Forge && n.body.text("signature_key") != sha(n.body, serverKey) {
					n.body["transaction_id"] = "forged"
				}
			}
			notices := b.delivered()
			var words []string
			for _, n := range notices {
				words = append(words, n.body.text("transaction_status"))
			}
			require.Equal(t, want, join(words))
			if kind == simkit.Forge {
				require.Equal(t, "forged", notices[0].body.text("transaction_id"))
				require.NotEqual(t, "forged", notices[1].body.text("transaction_id"))
			}
			b.clock.Advance(time.Hour)
			if kind == simkit.Late {
				require.Equal(t, "pending settlement", b.words())
			}
		})
	}
}

func join(words []string) string {
	all := ""
	for i, w := range words {
		if i > 0 {
			all += " "
		}
		all += w
	}
	return all
}

func TestHealing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail(simkit.Fault{Kind: simkit.Down, Count: -1})
	status, got := b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-1"))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, messages(got)[0], "internal server error")
	status, got = b.call(http.MethodGet, "/v2/order-1/status", "")
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "500", got.text("status_code"))
	b.Heal()
	b.order("order-1")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.order("order-1")
	b.ok(b.Pay("order-1"))
	for _, tc := range []struct{ op, method, path, want string }{
		{"checkout", "POST", "/snap/v1/transactions", "not equal to the sum"},
		{"cancel", "POST", "/snap/v1/transactions/" + token + "/cancel", "on progress"},
		{"cancel", "POST", "/v2/order-1/cancel", "412"},
		{"expire", "POST", "/v2/order-1/expire", "412"},
		{"refund", "POST", "/v2/order-1/refund", "414"},
		{"direct_refund", "POST", "/v2/order-1/refund/online/direct", "202"},
		{"status", "GET", "/v2/order-1/status", "404"},
	} {
		b.Fail(simkit.Fault{Kind: simkit.Refused, Op: tc.op})
		_, got := b.call(tc.method, tc.path, "")
		if code := got.text("status_code"); code != "" {
			require.Equal(t, tc.want, code, tc.path)
		} else {
			require.Contains(t, messages(got)[0], tc.want)
		}
	}
	require.Equal(t, "settlement", b.transaction("order-1").Status)
	b.Fail(simkit.Fault{Kind: simkit.Throttled})
	status, got := b.call(http.MethodGet, "/v2/order-1/status", "")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, []string{"message"}, got.keys())
}

// Live: Run sends what becomes due, and the clock is nobody's but the test's.
func TestRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	arrived := make(chan string, 10)
	b.handling = func(n *notice) { arrived <- n.body.text("transaction_status") }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()

	b.order("order-1")
	b.ok(b.Choose("order-1"))
	require.Equal(t, "pending", <-arrived)
	for word := ""; word == ""; { // Run may not have begun to wait when the clock is moved
		b.clock.Advance(15 * time.Minute)
		select {
		case word = <-arrived:
			require.Equal(t, "expire", word)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	require.NoError(t, <-done)
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Deliver(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, b.delivered(), 2, "they are still to be sent")
}

// The merchant may call back while it handles a notification.
func TestMerchantAsksBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	asked := ""
	b.handling = func(n *notice) { asked = b.status(n.body.text("transaction_id")).text("transaction_status") }
	b.ok(b.Pay("order-1"))
	b.delivered()
	require.Equal(t, "settlement", asked)
	require.Len(t, b.Answers(), 2)
}

package fazztest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// signed reports whether a callback has the right signature.
func (n notice) signed() bool {
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write([]byte(n.raw))
	return n.header.Get("Xfers-Signature") == hex.EncodeToString(mac.Sum(nil))
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	require.Empty(t, b.delivered(), "nobody is told of a new one")
	b.ok(b.Process("INV-1"))
	require.Empty(t, b.delivered(), "nor of one on its way")
	for _, move := range []func(string) error{func(ref string) error { return b.Pay(ref) }, b.Complete} {
		b.ok(move("INV-1"))
		looked, err := b.Client().Do(b.request("GET", api+"/"+b.look("INV-1").at("data.id"), ""))
		require.NoError(t, err)
		want, err := io.ReadAll(looked.Body)
		require.NoError(t, err)
		got := b.delivered()
		require.Len(t, got, 1)
		require.Equal(t, string(want), got[0].raw, "the document of a look-up")
		require.True(t, got[0].signed())
		require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
		require.Equal(t, "/callbacks", got[0].path)
	}
	answers := b.Answers()
	require.Equal(t, "paid", answers[0].Sent.Word)
	require.Equal(t, "completed", answers[1].Sent.Word)
	require.Equal(t, "INV-1", answers[0].Sent.Ref)
	require.NotEqual(t, answers[0].Sent.ID, answers[1].Sent.ID)
}

func TestCallbacksAboutTheEnd(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		var opts []fazztest.Option
		if silent {
			opts = append(opts, fazztest.WithoutEndCallbacks())
		}
		b := newBench(t, opts...)
		for _, ref := range []string{"e", "c", "f", "p"} {
			b.pay(ref, byVA)
		}
		b.ok(b.Expire("e"))
		b.ok(b.Cancel("c"))
		b.ok(b.FailPayment("f", ""))
		b.ok(b.Pay("p"))
		b.ok(b.Complete("p"))
		want := "expired cancelled failed paid completed"
		if silent {
			want = "paid completed"
		}
		require.Equal(t, want, b.words())
		require.Equal(t, "expired", b.look("e").at("data.attributes.status"), "a look-up finds out")
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for answer, retries := range map[int]int{200: 0, 201: 20, 202: 20, 204: 20, 302: 20, 307: 20, 400: 20, 401: 20, 404: 20, 410: 20, 500: 20, 503: 20} {
		b := newBench(t)
		b.answer = answer
		b.pay("INV-1", byVA)
		b.ok(b.Pay("INV-1"))
		sent := 0
		for {
			answers, err := b.Deliver(t.Context())
			require.NoError(t, err)
			require.Len(t, answers, 1)
			sent++
			require.Equal(t, sent, answers[0].Sent.Tries)
			if answers[0].Again.IsZero() {
				break
			}
			require.Equal(t, b.clock.Now().Add(5*time.Minute), answers[0].Again)
			b.clock.Advance(5*time.Minute - time.Second)
			early, err := b.Deliver(t.Context())
			require.NoError(t, err)
			require.Empty(t, early, "not before its time")
			b.clock.Advance(time.Second)
		}
		require.Equal(t, retries, sent-1, answer)
		b.clock.Advance(time.Hour)
		require.Len(t, b.delivered(), sent, "and never again")
		ids := map[int64]bool{}
		for _, a := range b.Answers() {
			ids[a.Sent.ID] = true
		}
		require.Len(t, ids, 1, "every try is of the same callback")
	}
}

func TestRetrySettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithRetry(time.Second, time.Hour))
	b.answer = http.StatusServiceUnavailable
	b.pay("INV-1", byVA)
	b.ok(b.Pay("INV-1"))
	for _, pause := range []time.Duration{0, time.Second, time.Hour} {
		b.clock.Advance(pause)
		require.Len(t, b.delivered(), 1)
	}
	b.clock.Advance(24 * time.Hour)
	require.Empty(t, b.delivered())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	moved := false
	mux := http.NewServeMux()
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/new", func(http.ResponseWriter, *http.Request) { moved = true })
	b := newBench(t)
	b.Notify("http://shop.test/old", mux)
	b.pay("INV-1", byVA)
	b.ok(b.Pay("INV-1"))
	answers, err := b.Deliver(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, answers[0].Status)
	require.NotZero(t, answers[0].Again)
	require.False(t, moved)
}

func TestSlowMerchant(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithNotificationTimeout(time.Millisecond))
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices a hang-up once the body is read
		<-r.Context().Done()
	}))
	defer shop.Close()
	b.Notify(shop.URL, nil)
	b.pay("INV-1", byVA)
	b.ok(b.Pay("INV-1"))
	answers, err := b.Deliver(t.Context())
	require.NoError(t, err)
	require.Zero(t, answers[0].Status)
	require.Equal(t, start.Add(5*time.Minute), answers[0].Again)
}

func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sim := fazztest.New(fazztest.WithKeys(apiKey, secretKey, signingSecret))
	resp, err := sim.Client().Do(b.request("POST", api, body("INV-1", byVA)))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.NoError(t, sim.Pay("INV-1"))
	require.Empty(t, sim.Take())
	require.Panics(t, func() { sim.Notify("shop.test/n", nil) })
	require.Panics(t, func() { sim.Notify("http://%", nil) })
}

func TestNotificationURL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sim := fazztest.New(fazztest.WithKeys(apiKey, secretKey, signingSecret), fazztest.WithNotificationURL("http://shop.test/elsewhere"))
	_, err := sim.Client().Do(b.request("POST", api, body("INV-1", byVA)))
	require.NoError(t, err)
	require.NoError(t, sim.Pay("INV-1"))
	taken := sim.Take()
	require.Len(t, taken, 1)
	require.Equal(t, "http://shop.test/elsewhere", taken[0].URL)
	require.Empty(t, sim.Take())
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for kind, want := range map[simkit.Kind]struct{ at, later, signed string }{
		simkit.Duplicate: {"paid paid completed completed", "", "true true true true"},
		simkit.Shuffle:   {"completed paid", "", "true true"},
		simkit.Drop:      {"", "", ""},
		simkit.Forge:     {"paid paid completed completed", "", "false true false true"},
		simkit.Late:      {"", "paid completed", ""},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fazztest.WithScenario(simkit.Fault{Kind: kind, Count: -1, Delay: time.Hour}))
			b.pay("INV-1", byVA)
			b.ok(b.Pay("INV-1"))
			b.ok(b.Complete("INV-1"))
			var words, signed []string
			seen := map[string]bool{}
			for _, n := range b.delivered() {
				words = append(words, n.status())
				signed = append(signed, map[bool]string{true: "true", false: "false"}[n.signed()])
				require.Len(t, n.header.Get("Xfers-Signature"), 64)
				seen[n.body.at("data.id")+n.status()] = true
			}
			require.Equal(t, want.at, strings.Join(words, " "))
			require.Equal(t, want.signed, strings.Join(signed, " "))
			require.Len(t, seen, min(len(words), 2), "copies have the same payment and status")
			ids := map[int64]bool{}
			for _, a := range b.Answers() {
				ids[a.Sent.ID] = true
			}
			require.Len(t, ids, len(words), "and ids of their own")
			b.clock.Advance(time.Hour)
			require.Equal(t, want.later, b.words())
		})
	}
}

func TestFaultsByWord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, word := range []string{"paid", "expired", "cancelled", "failed"} {
		b.Fail(simkit.Fault{Kind: simkit.Drop, Op: word})
	}
	b.reach("p", "completed", byVA)
	b.reach("e", "expired", byVA)
	b.reach("c", "cancelled", byVA)
	b.reach("f", "failed", byVA)
	var words []string
	for _, a := range b.Answers() {
		words = append(words, a.Sent.Word)
	}
	require.Equal(t, []string{"completed"}, words)
}

func TestResendAndReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithoutEndCallbacks())
	b.pay("INV-1", byVA)
	b.ok(b.Pay("INV-1"))
	require.Equal(t, "paid", b.words())
	b.ok(b.Complete("INV-1"))
	require.Equal(t, "completed", b.words())
	b.ok(b.Resend("INV-1", 2))
	require.Equal(t, "completed completed", b.words(), "where it stands")
	b.ok(b.Replay(b.Answers()[0].Sent.ID))
	old := b.delivered()
	require.Len(t, old, 1)
	require.Equal(t, "paid", old[0].status(), "as it was")
	require.True(t, old[0].signed())
	require.ErrorContains(t, b.Replay(999), "no callback 999")
	require.ErrorContains(t, b.Resend("unknown", 1), "unknown")
	b.reach("INV-2", "expired", byVA)
	b.ok(b.Resend("INV-2", 1))
	require.Equal(t, "expired", b.words(), "when it is asked for")
}

// Live: Run sends what becomes due, and the clock is nobody's but the test's.
func TestRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	arrived := make(chan string, 10)
	b.handling = func(n notice) { arrived <- n.status() }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()

	b.pay("INV-1", byVA)
	b.pay("INV-2", byVA)
	b.ok(b.Pay("INV-1"))
	require.Equal(t, "paid", <-arrived)
	b.ok(b.Resend("INV-1", 1))
	require.Equal(t, "paid", <-arrived)
	for word := ""; word == ""; { // Run may not have begun to wait when the clock is moved
		b.clock.Advance(24 * time.Hour)
		select {
		case word = <-arrived:
			require.Equal(t, "expired", word)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	require.NoError(t, <-done)
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	b.ok(b.Pay("INV-1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Deliver(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "paid", b.words(), "it is still to be sent")
}

// The merchant may call back while it handles a callback.
func TestMerchantAsksBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	asked := ""
	b.handling = func(notice) { asked = b.look("INV-1").at("data.attributes.status") }
	b.ok(b.Pay("INV-1"))
	b.delivered()
	require.Equal(t, "paid", asked)
}

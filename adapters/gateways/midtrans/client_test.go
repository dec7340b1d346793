package midtrans

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// each calls everything that calls Midtrans.
func each(ctx context.Context, g *Gateway) map[string]error {
	_, checkoutErr := g.Checkout(ctx, checkout())
	_, statusErr := g.Status(ctx, byTransaction)
	return map[string]error{
		"checkout": checkoutErr, "status": statusErr, "cancel": g.Cancel(ctx, byTransaction),
		"session": g.Cancel(ctx, byOrder), "expire": g.Expire(ctx, byTransaction),
		"refund": g.Refund(ctx, byTransaction, payments.RefundRequest{Key: "rk", Amount: payments.IDR(1)}),
	}
}

// inTurn answers with one handler after the other, then with the last.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(int(n.Add(1)), len(handlers))-1](w, r)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func busy(retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"message":"API rate limit exceeded"}`)
	}
}

func TestReadsAreRepeated(t *testing.T) {
	t.Parallel()
	found := answers(200, statusBody("settlement", "200"))
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		ok     bool
		calls  int
		pauses []time.Duration
	}{
		"trouble once":         {inTurn(answers(500, `{}`), found), true, 2, []time.Duration{gatewaykit.FirstPause}},
		"trouble in the body":  {inTurn(answers(200, `{"status_code":"500"}`), found), true, 2, []time.Duration{gatewaykit.FirstPause}},
		"hung up twice":        {inTurn(hangUp, hangUp, found), true, 3, []time.Duration{gatewaykit.FirstPause, 4 * gatewaykit.FirstPause}},
		"trouble for long":     {inTurn(answers(503, ``), answers(503, ``), answers(503, ``), found), false, 3, []time.Duration{gatewaykit.FirstPause, 4 * gatewaykit.FirstPause}},
		"busy":                 {inTurn(busy("2"), found), true, 2, []time.Duration{2 * time.Second}},
		"busy, but no time":    {inTurn(busy("soon"), found), true, 2, []time.Duration{gatewaykit.FirstPause}},
		"busy for long":        {inTurn(busy("60"), found), false, 1, nil},
		"not found":            {answers(200, `{"status_code":"404"}`), false, 1, nil},
		"wrong key":            {answers(401, `{}`), false, 1, nil},
		"an answer of no form": {answers(200, `<html>`), false, 1, nil},
	} {
		f := serve(t, c.handle)
		_, err := f.Status(context.Background(), byTransaction)
		require.Equal(t, c.ok, err == nil, "%s: %v", name, err)
		require.Equal(t, c.calls, f.count(), name)
		require.Equal(t, c.pauses, f.pauses, name)
	}
	f := serve(t, busy("60"))
	_, err := f.Status(context.Background(), byTransaction)
	require.Equal(t, time.Minute, requireGatewayError(t, err).RetryAfter)
	_, err = f.Checkout(context.Background(), checkout())
	require.Equal(t, time.Minute, requireGatewayError(t, err).RetryAfter)
}

func TestDeadlineLimitsRepeats(t *testing.T) {
	t.Parallel()
	f := serve(t, inTurn(busy("4"), answers(200, statusBody("pending", "201"))))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, err := f.Status(ctx, byTransaction)
	require.Equal(t, 4*time.Second, requireGatewayError(t, err).RetryAfter)
	require.Equal(t, 1, f.count())
	require.Empty(t, f.pauses)
}

// TestChangesAreSentOnce: if the connection breaks, nobody knows what became
// of the request.
func TestChangesAreSentOnce(t *testing.T) {
	t.Parallel()
	cutShort := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"token":`)
		panic(http.ErrAbortHandler)
	}
	for _, handle := range []http.HandlerFunc{hangUp, cutShort} {
		f := serve(t, handle, func(c *Config) {
			// Idle connections let net/http itself repeat what carries an
			// Idempotency-Key; here each call has its own.
			c.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		})
		for op, err := range each(context.Background(), f.Gateway) {
			e := requireGatewayError(t, err)
			require.True(t, e.Retry, op)
			require.Equal(t, op != "status", errors.Is(err, payments.ErrOutcomeUnknown), op)
		}
		require.Equal(t, 5+gatewaykit.MaxTries, f.count(), "five changes, and a look-up with its repeats")
	}
}

// TestNothingSent: what never left may be tried again, and is not unknown.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	f := serve(t, hangUp, func(c *Config) { c.SnapURL, c.CoreURL = gone.URL, gone.URL })
	for op, err := range each(context.Background(), f.Gateway) {
		require.True(t, requireGatewayError(t, err).Retry, op)
		require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, op)
		require.NotContains(t, err.Error(), "66e4fa55", "URLs hold tokens")
	}
	require.Len(t, f.pauses, 6*(gatewaykit.MaxTries-1))

	// A server that may not be trusted with the key.
	tls := httptest.NewUnstartedServer(answers(201, created))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	f = serve(t, hangUp, func(c *Config) { c.SnapURL, c.HTTPClient = tls.URL, nil })
	_, err := f.Checkout(context.Background(), checkout())
	require.True(t, requireGatewayError(t, err).Retry)
	require.NotErrorIs(t, err, payments.ErrOutcomeUnknown)

	// Dialling failed, but only after the request had been written once: a
	// transport that repeats by itself does that.
	f = serve(t, hangUp, func(c *Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		})}
	})
	_, err = f.Checkout(context.Background(), checkout())
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Equal(t, 1, f.count())
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTimeoutAndCancellation(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	f := serve(t, hang, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	for op, err := range each(context.Background(), f.Gateway) {
		require.True(t, requireGatewayError(t, err).Retry, op)
		require.ErrorIs(t, err, context.DeadlineExceeded, op)
		require.Equal(t, op != "status", errors.Is(err, payments.ErrOutcomeUnknown), op)
	}
	require.LessOrEqual(t, f.count(), 6, "what is slow is not asked again") // less, where a call is over before it is there

	entered := make(chan struct{})
	f = serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		hang(w, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-entered
		cancel()
	}()
	_, err := f.Checkout(ctx, checkout())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)

	calls := f.count()
	for op, err := range each(ctx, f.Gateway) { // ended before it began
		require.ErrorIs(t, err, context.Canceled, op)
		require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, op)
	}
	require.Equal(t, calls, f.count())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/"+testKey, status)
		}, func(c *Config) {
			c.HTTPClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
		})
		for op, err := range each(context.Background(), f.Gateway) {
			e := requireGatewayError(t, err)
			require.Equal(t, status, e.HTTPStatus, op)
			require.True(t, e.Retry, op)
		}
	}
	require.Zero(t, followed.Load())
}

func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, err := io.WriteString(w, `{"token":"x","y":"`)
		for chunk := strings.Repeat("y", 64<<10); err == nil; {
			_, err = io.WriteString(w, chunk) // fails once the client has had enough
		}
	})
	for op, err := range each(context.Background(), f.Gateway) {
		e := requireGatewayError(t, err)
		require.Equal(t, http.StatusCreated, e.HTTPStatus, op)
		require.Equal(t, op != "status", errors.Is(err, payments.ErrOutcomeUnknown), op)
	}
}

func TestLongWordsAreCut(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(400, `{"status_code":"`+strings.Repeat("4", 1000)+`","error_messages":["`+strings.Repeat(`é\n`, 5000)+`"]}`))
	_, err := f.Checkout(context.Background(), checkout())
	e := requireGatewayError(t, err)
	require.Less(t, len(e.Error()), 1000)
	require.NotContains(t, e.Error(), "\n")
}

// TestNothingSecretGetsOut runs every failure against a server and a
// transport that say the key wherever they can. Log lines are checked by
// serve.
func TestNothingSecretGetsOut(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte(testKey + ":"))
	said := fmt.Sprintf("key %s, header Basic %s", testKey, basic)
	bodies := []string{said, `{"` + testKey + `":"` + said + `"}`}
	for _, code := range []string{"200", "201", "202", "400", "401", "404", "406", "407", "409", "412", "414", "429", "500", testKey} {
		bodies = append(bodies, fmt.Sprintf(
			`{"status_code":%q,"status_message":[%q],"error_messages":[%q],"message":%q,"validation_messages":%q}`, code, said, said, said, said))
	}
	word := strings.NewReplacer("ORDER-101", testKey, "gopay", testKey, "settlement", testKey, "abc", testKey)
	bodies = append(bodies, word.Replace(statusBody("settlement", "200")),
		strings.Replace(statusBody("settlement", "200"), "100000.00", testKey, 1))
	ctx := context.Background()
	for _, body := range bodies {
		for _, status := range []int{200, 202, 302, 400, 401, 404, 429, 500} {
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", said)
				w.Header().Set("Location", "https://"+testKey+".test")
				answers(status, body)(w, r)
			})
			for _, err := range each(ctx, f.Gateway) {
				requireNoSecret(t, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
			o, _ := f.Status(ctx, byTransaction)
			requireNoSecret(t, string(o.Raw))
			n, err := f.ReadNotification(payments.RawNotification{Body: []byte(body)})
			require.Error(t, err)
			requireNoSecret(t, err.Error()+string(n.Raw))
			n, err = f.ReadNotification(payments.RawNotification{Body: []byte(body), Verified: true})
			requireNoSecret(t, fmt.Sprint(err)+string(n.Raw))
		}
	}
	f := serve(t, hangUp, func(c *Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s %s: %v: %s", r.Method, r.URL, r.Header, said)
		})}
	})
	for _, err := range each(ctx, f.Gateway) {
		requireNoSecret(t, fmt.Sprintf("%v %+v %#v", err, err, err))
		for ; err != nil; err = errors.Unwrap(err) {
			requireNoSecret(t, err.Error())
		}
	}
}

package midtrans

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// client makes the calls of one merchant account. Its policy:
//
//   - What only reads is tried up to three times, on connection errors, 5xx
//     and 429. What changes something is sent again only if nothing was sent:
//     the caller knows how to find out what became of it. (net/http itself
//     may repeat what has an Idempotency-Key on a connection that had been
//     idle too long. Midtrans then answers both alike.)
//   - Redirects are not followed. Each call carries the server key.
//   - No error or log line holds the server key or a URL; URLs hold tokens.
type client struct {
	gateway   string
	http      http.Client
	timeout   time.Duration
	serverKey string
	scrub     func(string) string
	log       *slog.Logger
	// wait pauses between tries; tests replace it.
	wait func(ctx context.Context, d time.Duration) error
}

const (
	maxTries   = 3
	firstPause = 200 * time.Millisecond
	// maxPause: if Midtrans asks for a longer one, the caller had better wait.
	maxPause = 5 * time.Second
)

func newClient(c Config) *client {
	h := *c.HTTPClient
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{
		gateway: c.Name, http: h, timeout: c.Timeout, serverKey: c.ServerKey,
		scrub: scrubber(append([]string{c.ServerKey}, c.OldServerKeys...)), log: c.Logger, wait: wait,
	}
}

// scrubber removes keys from foreign text, also in their encoded form.
func scrubber(keys []string) func(string) string {
	var pairs []string
	for _, key := range keys {
		if key != "" {
			pairs = append(pairs, key, removed, base64.StdEncoding.EncodeToString([]byte(key+":")), removed)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(text string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(text, pairs[i]) { // hardly ever, and a Replacer copies what it leaves as it is
				return replacer.Replace(text)
			}
		}
		return text
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// request is one call to Midtrans.
type request struct {
	op     string // names it in errors and logs
	method string
	url    string
	header map[string]string
	body   any // sent as JSON; nil for none
	// secret is what the body holds that no error or log line may repeat.
	secret string
}

// hide removes from foreign text what must not be repeated of r.
func (c *client) hide(r request, text string) string {
	if text = c.scrub(text); r.secret != "" {
		text = strings.ReplaceAll(text, r.secret, removed)
	}
	return text
}

func (r request) readsOnly() bool { return r.method == http.MethodGet }

// answer is what came back, whole.
type answer struct {
	status     int // HTTP
	retryAfter time.Duration
	fields     object // nil if the body is not a JSON object
}

// do sends r, again where that is safe. Its error is a *payments.GatewayError:
// no answer came back.
func (c *client) do(ctx context.Context, r request) (answer, error) {
	body, err := marshalBody(r.body)
	if err != nil {
		return answer{}, &payments.GatewayError{Gateway: c.gateway, Op: r.op, Err: err}
	}
	for try := 1; ; try++ {
		start := time.Now()
		a, err := c.once(ctx, r, body)
		c.log.DebugContext(ctx, "midtrans call", "gateway", c.gateway, "op", r.op, "try", try,
			"status", a.status, "code", shorten(c.hide(r, a.code()), maxCode), "took", time.Since(start), "error", err)
		pause, again := c.again(ctx, r, a, err, try)
		if !again {
			return a, err
		}
		c.log.WarnContext(ctx, "midtrans call is repeated", "gateway", c.gateway, "op", r.op, "try", try,
			"status", a.status, "pause", pause, "error", err)
		if c.wait(ctx, pause) != nil {
			return a, err
		}
	}
}

func marshalBody(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return data, nil
}

// again reports whether the call may and should be repeated, and when.
func (c *client) again(ctx context.Context, r request, a answer, err error, try int) (time.Duration, bool) {
	if try == maxTries || ctx.Err() != nil {
		return 0, false
	}
	switch {
	case err != nil:
		nothingSent := !errors.Is(err, payments.ErrOutcomeUnknown)
		if errors.Is(err, context.DeadlineExceeded) || !(nothingSent || r.readsOnly()) {
			return 0, false
		}
	case !r.readsOnly() || !a.isTransient():
		return 0, false
	}
	pause := max(firstPause<<(2*(try-1)), a.retryAfter)
	if deadline, ok := ctx.Deadline(); ok && pause >= time.Until(deadline) {
		return 0, false
	}
	return pause, pause <= maxPause
}

// once sends r one time.
func (c *client) once(ctx context.Context, r request, body []byte) (answer, error) {
	var written atomic.Bool
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	hr, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), r.method, r.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, c.lost(r, err, true)
	}
	hr.SetBasicAuth(c.serverKey, "")
	hr.Header.Set("Accept", "application/json")
	hr.Header.Set("Content-Type", "application/json")
	hr.Header.Set("User-Agent", "Lunas")
	for name, value := range r.header {
		hr.Header.Set(name, value)
	}
	if err := ctx.Err(); err != nil {
		return answer{}, c.lost(r, err, true)
	}
	resp, err := c.http.Do(hr)
	if err != nil {
		return answer{}, c.lost(r, err, !written.Load() && neverConnected(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{}, c.lost(r, err, false)
	}
	fields, err := readBody(data)
	if err != nil {
		fields = nil
	}
	return answer{status: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After")), fields: fields}, nil
}

// neverConnected reports whether err proves that no connection came about.
// A lack of proof counts as sent.
func neverConnected(err error) bool {
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	return (errors.As(err, &op) && op.Op == "dial") || errors.As(err, &certificate)
}

// lost is the error of a call without an answer. Of the cause it keeps the
// scrubbed text, and what callers branch on.
func (c *client) lost(r request, err error, nothingSent bool) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	cause := errors.New(shorten(c.hide(r, err.Error()), maxMessage))
	for _, sentinel := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, sentinel) {
			cause = sentinel
		}
	}
	if n := net.Error(nil); errors.As(err, &n) && n.Timeout() {
		cause = context.DeadlineExceeded
	}
	e := &payments.GatewayError{Gateway: c.gateway, Op: r.op, Retry: true, Err: fmt.Errorf("no answer: %w", cause)}
	if !r.readsOnly() && !nothingSent {
		e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
	}
	return e
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at).Round(time.Second), 0)
	}
	return 0
}

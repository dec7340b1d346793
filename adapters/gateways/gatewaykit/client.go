package gatewaykit

import (
	"bytes"
	"context"
	"crypto/tls"
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

// Policy is how a [Client] calls. Everything but Code is required.
type Policy struct {
	// Gateway names the account in errors and logs.
	Gateway string
	HTTP    *http.Client
	// Timeout limits each try.
	Timeout time.Duration
	// Prepare puts the keys and other headers on a request.
	Prepare func(*http.Request)
	// Scrub removes the keys from foreign text: see [Scrubber].
	Scrub func(string) string
	// Code is the gateway's own code of an answer, for the log; it may be nil.
	Code func(Answer) string
	// Transient reports trouble that may be over shortly.
	Transient func(Answer) bool
	Log       *slog.Logger
}

// Client makes the calls of one merchant account:
//
//   - What only reads is tried up to three times, on connection errors and
//     what is Transient. What changes something is sent again only if nothing
//     was sent: the caller knows how to find out what became of it. (net/http
//     itself may repeat what has an Idempotency-Key on a connection that had
//     been idle too long.)
//   - Redirects are not followed. Each call carries the keys.
//   - No error or log line holds a key or a URL; URLs hold tokens.
type Client struct {
	Policy
	// Wait pauses between tries; tests replace it.
	Wait func(ctx context.Context, d time.Duration) error
}

const (
	// MaxTries is how often a call is made at most.
	MaxTries = 3
	// FirstPause is before the second try; the next one is four times as long.
	FirstPause = 200 * time.Millisecond
	// MaxPause: if the gateway asks for a longer one, the caller had better wait.
	MaxPause = 5 * time.Second
)

// NewClient returns a client. It does no I/O.
func NewClient(p Policy) *Client {
	h := *p.HTTP
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.HTTP = &h
	return &Client{Policy: p, Wait: wait}
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

// Call is one call to a gateway, in JSON. Header comes after Policy.Prepare, and
// replaces what that has set.
type Call struct {
	Op     string // names it in errors and logs
	Method string
	URL    string
	Header map[string]string
	Body   any // sent as JSON; nil for none
	// Secret is what the body holds that no error or log line may repeat.
	Secret string
}

// ReadsOnly reports that the call changes nothing: that it is a GET. A look-up
// by another method is treated as a change.
func (r Call) ReadsOnly() bool { return r.Method == http.MethodGet }

// Hide removes from foreign text what must not be repeated of r. A gateway's own
// words go through it, and through [Shorten], before they stand in an error.
func (c *Client) Hide(r Call, text string) string {
	if text = c.Scrub(text); r.Secret != "" {
		text = strings.ReplaceAll(text, r.Secret, Removed)
	}
	return text
}

// Answer is what came back, whole.
type Answer struct {
	Status     int // HTTP
	RetryAfter time.Duration
	Fields     Object // nil if the body is not a JSON object
}

// Do sends r, again where that is safe. Its error is a *payments.GatewayError:
// no answer came back. It wraps payments.ErrOutcomeUnknown if r may have taken
// effect all the same. An answer of whatever status is no error: the caller
// makes one of it, and of one that changes something and has failed with 5xx, or
// has no Fields, nobody knows the outcome either.
func (c *Client) Do(ctx context.Context, r Call) (Answer, error) {
	body, err := marshalBody(r.Body)
	if err != nil {
		return Answer{}, &payments.GatewayError{Gateway: c.Gateway, Op: r.Op, Err: err}
	}
	for try := 1; ; try++ {
		start := time.Now()
		a, err := c.once(ctx, r, body)
		c.Log.DebugContext(ctx, "gateway call", "gateway", c.Gateway, "op", r.Op, "try", try,
			"status", a.Status, "code", c.code(r, a), "took", time.Since(start), "error", err)
		pause, again := c.again(ctx, r, a, err, try)
		if !again {
			return a, err
		}
		c.Log.WarnContext(ctx, "gateway call is repeated", "gateway", c.Gateway, "op", r.Op, "try", try,
			"status", a.Status, "pause", pause, "error", err)
		if c.Wait(ctx, pause) != nil {
			return a, err
		}
	}
}

func (c *Client) code(r Call, a Answer) string {
	if c.Code == nil {
		return ""
	}
	return Shorten(c.Hide(r, c.Code(a)), MaxCode)
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
func (c *Client) again(ctx context.Context, r Call, a Answer, err error, try int) (time.Duration, bool) {
	if try == MaxTries || ctx.Err() != nil {
		return 0, false
	}
	switch {
	case err != nil:
		nothingSent := !errors.Is(err, payments.ErrOutcomeUnknown)
		if errors.Is(err, context.DeadlineExceeded) || !(nothingSent || r.ReadsOnly()) {
			return 0, false
		}
	case !r.ReadsOnly() || !c.Transient(a):
		return 0, false
	}
	pause := max(FirstPause<<(2*(try-1)), a.RetryAfter)
	if deadline, ok := ctx.Deadline(); ok && pause >= time.Until(deadline) {
		return 0, false
	}
	return pause, pause <= MaxPause
}

// once sends r one time.
func (c *Client) once(ctx context.Context, r Call, body []byte) (Answer, error) {
	var written atomic.Bool
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	hr, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, c.lost(r, err, true)
	}
	hr.Header.Set("Accept", "application/json")
	hr.Header.Set("Content-Type", "application/json")
	hr.Header.Set("User-Agent", "Lunas")
	c.Prepare(hr)
	for name, value := range r.Header {
		hr.Header.Set(name, value)
	}
	if err := ctx.Err(); err != nil {
		return Answer{}, c.lost(r, err, true)
	}
	resp, err := c.HTTP.Do(hr)
	if err != nil {
		return Answer{}, c.lost(r, err, !written.Load() && neverConnected(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return Answer{}, c.lost(r, err, false)
	}
	fields, err := ReadBody(data)
	if err != nil {
		fields = nil
	}
	return Answer{Status: resp.StatusCode, RetryAfter: RetryAfter(resp.Header.Get("Retry-After")), Fields: fields}, nil
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
func (c *Client) lost(r Call, err error, nothingSent bool) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	cause := errors.New(Shorten(c.Hide(r, err.Error()), MaxMessage))
	for _, sentinel := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, sentinel) {
			cause = sentinel
		}
	}
	if n := net.Error(nil); errors.As(err, &n) && n.Timeout() {
		cause = context.DeadlineExceeded
	}
	e := &payments.GatewayError{Gateway: c.Gateway, Op: r.Op, Retry: true, Err: fmt.Errorf("no answer: %w", cause)}
	if !r.ReadsOnly() && !nothingSent {
		e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
	}
	return e
}

// RetryAfter reads the header of that name: seconds or a date.
func RetryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at).Round(time.Second), 0)
	}
	return 0
}

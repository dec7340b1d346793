package simkit

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
)

// Transport takes requests to the hosts that it has a handler for straight
// to that handler, and all others to Next. So a simulator and the app under
// test can talk without a socket. It is safe for concurrent use.
type Transport struct {
	// Next is http.DefaultTransport if nil.
	Next http.RoundTripper

	mu       sync.Mutex
	handlers map[string]http.Handler
}

// Handle lets h serve all of the host of rawURL; nil takes the handler away.
func (t *Transport) Handle(rawURL string, h http.Handler) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("handle %q: %w", rawURL, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.handlers == nil {
		t.handlers = map[string]http.Handler{}
	}
	t.handlers[hostOf(u)] = h
	return nil
}

func hostOf(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// RoundTrip implements http.RoundTripper. A handler that panics is a
// connection that broke.
func (t *Transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	t.mu.Lock()
	h := t.handlers[hostOf(r.URL)]
	t.mu.Unlock()
	if h == nil {
		next := t.Next
		if next == nil {
			next = http.DefaultTransport
		}
		return next.RoundTrip(r)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		switch p := recover(); {
		case p == nil:
		case r.Context().Err() != nil:
			resp, err = nil, r.Context().Err()
		case p == http.ErrAbortHandler: //nolint:errorlint // what was panicked with, not an error that was returned
			resp, err = nil, errors.New("connection closed by the handler")
		default:
			resp, err = nil, fmt.Errorf("handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	rec := record(h, asReceived(r))
	body := rec.body.Bytes()
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", rec.code, http.StatusText(rec.code)),
		StatusCode: rec.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.sent, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(string(body))), Request: r,
	}, nil
}

// asReceived is a client's request as a server would see it.
func asReceived(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.URL.Scheme, in.URL.Host, in.URL.User = "", "", nil
	if in.URL.Path == "" {
		in.URL.Path = "/"
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

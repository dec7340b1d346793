package fazztest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// Server is a simulated Fazz. It is safe for concurrent use.
type Server struct {
	// URL is where the simulator is seen from, without a slash at the end.
	// The API is at /api/v4 below it.
	URL string

	clock         payments.Clock
	apiKey        string
	secretKey     string
	signingSecret string
	file          simkit.StateFile
	retryAfter    []time.Duration
	timeout       time.Duration
	settleAfter   time.Duration // below zero: never by itself
	strict        bool          // about a referenceId that is used twice
	endCallbacks  bool          // about payments that end unpaid
	faults        simkit.Faults
	queue         *simkit.Queue
	merchants     *simkit.Transport // to the merchant
	handler       http.Handler
	host          simkit.Host
	woken         chan struct{} // something new may be due

	mu        sync.Mutex
	notifyURL string
	state     state
}

// NewServer starts a simulator on a loopback port. Close it when done. Like
// httptest.NewServer, it panics if it cannot start.
func NewServer(opts ...Option) *Server {
	var host simkit.Host
	url, err := host.Listen()
	if err != nil {
		panic(fmt.Sprintf("fazztest: %v", err))
	}
	s := newServer(slices.Concat(opts, []Option{WithURL(url)}))
	s.host = host
	s.host.Serve(s.handler)
	return s
}

// New makes a simulator that does not listen, for mounting [Server.Handler]
// in a mux. [Server.Client] reaches it without a socket. It panics if its
// state file cannot be read.
func New(opts ...Option) *Server {
	s := newServer(opts)
	if err := s.host.Mount(s.URL, s.handler); err != nil {
		panic(fmt.Sprintf("fazztest: %v", err))
	}
	return s
}

func newServer(opts []Option) *Server {
	s := &Server{
		URL:           "http://fazz.test",
		clock:         simkit.SystemClock{},
		apiKey:        "test_simulated",
		secretKey:     "test_secret_simulated",
		signingSecret: "ss_simulated0001",
		retryAfter:    slices.Repeat([]time.Duration{5 * time.Minute}, 20),
		timeout:       15 * time.Second,
		settleAfter:   -1,
		endCallbacks:  true,
		woken:         make(chan struct{}, 1),
	}
	for _, opt := range opts {
		opt(s)
	}
	s.URL = strings.TrimRight(s.URL, "/")
	s.merchants = &simkit.Transport{Next: http.DefaultTransport.(*http.Transport).Clone()}
	s.queue = &simkit.Queue{
		Clock: s.clock, Retry: s.retry, Faults: &s.faults, Forged: forged,
		Client: &http.Client{Transport: s.merchants, Timeout: s.timeout, CheckRedirect: stay},
	}
	if err := s.load(); err != nil {
		panic(fmt.Sprintf("fazztest: %v", err))
	}
	s.handler = s.routes()
	return s
}

// Close stops listening and ends all calls. One that does not listen need
// not be closed.
func (s *Server) Close() {
	s.host.Close()
	s.merchants.Next.(*http.Transport).CloseIdleConnections()
}

// Client returns a client that reaches the simulator at its URL.
func (s *Server) Client() *http.Client { return s.host.Client }

// Config is ready for the gateway of package fazz.
func (s *Server) Config() fazz.Config {
	return fazz.Config{
		APIKey: s.apiKey, SecretKey: s.secretKey, SigningSecret: s.signingSecret,
		BaseURL: s.URL + apiPath, HTTPClient: s.host.Client,
	}
}

// Handler serves the API, the payer's page and, at its root, a dashboard. It
// expects paths without the prefix that [WithURL] may have: mount it behind
// http.StripPrefix.
func (s *Server) Handler() http.Handler { return s.handler }

// Fail orders something to go wrong with the next call or callback. Calls are
// named "checkout" (of a new payment), "status" (of one payment, by its id or
// by its referenceId), "list" (any other list), and by their action "cancel",
// "receive_payment" and "settle". Callbacks are named by the status that they
// tell: "paid", "completed", "expired", "cancelled" and "failed".
func (s *Server) Fail(f simkit.Fault) { s.faults.Add(f) }

// Heal calls off all that was ordered to go wrong.
func (s *Server) Heal() { s.faults.Clear() }

// change runs fn on the state as of now, and keeps what it changed.
func (s *Server) change(fn func(now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	s.advance(now)
	return errors.Join(fn(now), s.save())
}

// wake makes Run look again.
func (s *Server) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // it will look anyway
	}
}

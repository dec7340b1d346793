package midtranstest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// Server is a simulated Midtrans. It is safe for concurrent use.
type Server struct {
	// URL is where the simulator is seen from, without a slash at the end.
	// Both of Midtrans's hosts are there: /snap/… and /v2/….
	URL string

	clock      payments.Clock
	serverKey  string
	clientKey  string
	file       simkit.StateFile
	retryAfter []time.Duration
	timeout    time.Duration
	faults     simkit.Faults
	queue      *simkit.Queue
	merchants  *simkit.Transport // to the merchant
	handler    http.Handler
	host       simkit.Host
	woken      chan struct{} // something new may be due

	mu        sync.Mutex
	notifyURL string
	// recurringURL and accountURL are notifyURL if empty.
	recurringURL, accountURL string
	chargeNotices            bool
	state                    state
}

// NewServer starts a simulator on a loopback port. Close it when done. Like
// httptest.NewServer, it panics if it cannot start.
func NewServer(opts ...Option) *Server {
	var host simkit.Host
	url, err := host.Listen()
	if err != nil {
		panic(fmt.Sprintf("midtranstest: %v", err))
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
		panic(fmt.Sprintf("midtranstest: %v", err))
	}
	return s
}

func newServer(opts []Option) *Server {
	s := &Server{
		URL:        "http://midtrans.test",
		clock:      simkit.SystemClock{},
		serverKey:  "SB-Mid-server-simulated",
		clientKey:  "SB-Mid-client-simulated",
		retryAfter: []time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 90 * time.Minute, 210 * time.Minute},
		timeout:    15 * time.Second,
		woken:      make(chan struct{}, 1),
	}
	for _, opt := range opts {
		opt(s)
	}
	s.URL = strings.TrimRight(s.URL, "/")
	// Midtrans calls merchants with TLS 1.2 at most.
	s.merchants = &simkit.Transport{Next: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}}}
	s.queue = &simkit.Queue{
		Clock: s.clock, Retry: s.retry, Faults: &s.faults, Forged: forged,
		Client: &http.Client{Transport: s.merchants, Timeout: s.timeout, CheckRedirect: redirect},
	}
	if err := s.load(); err != nil {
		panic(fmt.Sprintf("midtranstest: %v", err))
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

// Config is ready for midtrans.Snap.
func (s *Server) Config() midtrans.Config {
	return midtrans.Config{
		ServerKey: s.serverKey, ClientKey: s.clientKey,
		SnapURL: s.URL, CoreURL: s.URL, HTTPClient: s.host.Client,
	}
}

// Handler serves the API, the payer's page and, at its root, a dashboard. It
// expects paths without the prefix that [WithURL] may have: mount it behind
// http.StripPrefix.
func (s *Server) Handler() http.Handler { return s.handler }

// Fail orders something to go wrong with the next call or notification. Calls
// are named "checkout", "status", "approve", "deny", "cancel" (of a page, too),
// "expire", "refund" and "direct_refund"; those of links "create_link",
// "get_link" and "delete_link"; of linked accounts "link_account",
// "get_account" and "unlink_account"; and of subscriptions
// "create_subscription", "get_subscription", "update_subscription",
// "disable_subscription", "enable_subscription" and "cancel_subscription".
// Notifications are named by the status of their transaction, or
// "subscription.create", "subscription.charge", "account_linked" and
// "account_unlinked".
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

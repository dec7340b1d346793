// Package kopitest is a simulator of Kopipay, the provider that toygateway is a
// gateway for: the wire protocol, the rules by which a charge moves from state
// to state, and signed notifications. It shares no code with the gateway, so
// one mistake cannot agree with itself, and does not import testing.
package kopitest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

const (
	// URL is where the simulator answers, to clients with its Transport.
	URL = "https://kopipay.test"
	// APIKey and SigningSecret are the account's.
	APIKey        = "kopi_live_4f1c9a7be2"
	SigningSecret = "beans_93d0c6f58a1e"
	// dashboardURL is where notifications go if a charge names no other place.
	dashboardURL = "http://shop.test/notifications"
)

// Server is a simulated Kopipay with one account. It is safe for concurrent
// use.
type Server struct {
	// Faults are what is to go wrong.
	Faults simkit.Faults
	// Transport takes calls to URL to the simulator. Let it take notifications
	// to the shop, too.
	Transport simkit.Transport

	clock payments.Clock
	queue simkit.Queue

	mu      sync.Mutex
	charges map[string]*charge // by reference
}

// charge is one charge. Its JSON is what Kopipay answers and sends.
type charge struct {
	ID        string    `json:"charge"`
	Reference string    `json:"reference"`
	Channel   string    `json:"channel"`
	State     string    `json:"state"`
	Sen       int64     `json:"amount_sen"`
	MadeAt    int64     `json:"made_at"`
	ChangedAt int64     `json:"changed_at"`
	EndsAt    int64     `json:"ends_at"`
	QR        string    `json:"qr_text,omitempty"`
	Account   string    `json:"account,omitempty"`
	ViewToken string    `json:"view_token"`
	Returns   []giveOut `json:"returns"`

	callback string
}

// giveOut is money that went back.
type giveOut struct {
	ID  string `json:"return"`
	Key string `json:"key"`
	Sen int64  `json:"amount_sen"`
}

// New returns a simulator whose time is the clock's.
func New(clock payments.Clock) *Server {
	s := &Server{clock: clock, charges: map[string]*charge{}}
	s.queue = simkit.Queue{
		Clock: clock, Client: s.Client(), Faults: &s.Faults,
		// Five times, each after twice the pause of the one before.
		Retry: func(status, tries int) (time.Duration, bool) {
			return time.Minute << tries, status/100 != 2 && tries < 5
		},
		Forged: func(n simkit.Sent) simkit.Sent {
			n.Header = n.Header.Clone()
			n.Header.Set("Kopipay-Signature", sign("a stranger's", n.Header.Get("Kopipay-Time"), n.Body))
			return n
		},
	}
	if err := s.Transport.Handle(URL, s.handler()); err != nil {
		panic(err) // URL is a constant
	}
	return s
}

// Client is what calls the simulator, and whatever else Transport has.
func (s *Server) Client() *http.Client { return &http.Client{Transport: &s.Transport} }

// Take returns the notifications on their way, and keeps them from being sent.
func (s *Server) Take() []simkit.Sent {
	s.lapse()
	return s.queue.Take()
}

// Deliver sends what is due.
func (s *Server) Deliver(ctx context.Context) ([]simkit.Answer, error) {
	s.lapse()
	return s.queue.Deliver(ctx)
}

// lapse ends what has waited for too long. It is called wherever time may have
// passed, so no goroutine is needed for it.
func (s *Server) lapse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.charges {
		if c.State == "waiting" && s.clock.Now().Unix() >= c.EndsAt {
			s.turn(c, "lapsed")
		}
	}
}

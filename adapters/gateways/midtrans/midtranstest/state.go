package midtranstest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// state is all that a simulator must not forget.
type state struct {
	Orders []*Order `json:"orders"` // in the order of creation
	Links  []*link  `json:"links,omitempty"`
	// Accounts are linked GoPay accounts.
	Accounts []*account `json:"accounts,omitempty"`
	// Subscriptions are in the order of creation.
	Subscriptions []*subscription `json:"subscriptions,omitempty"`
	// Counter numbers virtual accounts, payment codes and refunds.
	Counter int64            `json:"counter"`
	Replies map[string]reply `json:"replies,omitempty"` // by Idempotency-Key
	// Tokens stand for test cards.
	Tokens  map[string]*cardToken `json:"tokens,omitempty"`
	Waiting []simkit.Sent         `json:"waiting,omitempty"` // as of the last save

	orders   map[string]*Order
	links    map[string]*link // by the link's own order id
	accounts map[string]*account
	// subscriptions are by id.
	subscriptions map[string]*subscription
	pages         map[string]*Page
	transactions  map[string]*Transaction
	// nextAt is no later than what the clock brings next; zero: nothing.
	nextAt time.Time
}

// load reads the state file, if there is one.
func (s *Server) load() error {
	s.state = state{
		Replies: map[string]reply{}, Tokens: map[string]*cardToken{}, orders: map[string]*Order{}, links: map[string]*link{},
		pages: map[string]*Page{}, transactions: map[string]*Transaction{}, accounts: map[string]*account{},
		subscriptions: map[string]*subscription{},
	}
	if err := s.file.Load(&s.state); err != nil {
		return err
	}
	for _, l := range s.state.Links {
		parsed, err := parseLink(l.Request)
		if err != nil {
			return s.file.Wrong(fmt.Errorf("payment link %q: %w", l.OrderID, err))
		}
		l.parsed, s.state.links[l.OrderID] = parsed, l
	}
	for _, a := range s.state.Accounts {
		s.state.accounts[a.ID] = a
	}
	for _, sub := range s.state.Subscriptions {
		s.state.subscriptions[sub.ID] = sub
		s.expectAt(sub.nextAt())
	}
	for _, o := range s.state.Orders {
		s.state.orders[o.ID] = o
		for _, p := range o.Pages {
			if err := json.Unmarshal(p.Request, &p.parsed); err != nil {
				return s.file.Wrong(fmt.Errorf("page of order %q: %w", o.ID, err))
			}
			s.state.pages[p.Token] = p
			if p.link = s.state.links[p.LinkOrderID]; p.link != nil { // it has one page
				p.link.tries = append(p.link.tries, o)
			}
		}
		for _, t := range o.Transactions {
			s.state.transactions[t.ID] = t
			s.expect(t)
		}
	}
	s.queue.Restore(s.state.Waiting)
	return nil
}

// save writes the state file, if there is one and something has changed.
func (s *Server) save() error {
	if s.file.Path != "" {
		s.state.Waiting = s.queue.Waiting()
	}
	return s.file.Save(s.state)
}

// next returns the next number of the counter.
func (s *Server) next() int64 {
	s.state.Counter++
	return s.state.Counter
}

// find returns the transaction of that id, or the latest of that order id.
func (s *Server) find(id string) *Transaction {
	if t := s.state.transactions[id]; t != nil {
		return t
	}
	if o := s.state.orders[id]; o != nil {
		if t := o.last(); t != nil && !channelNamed(t.Channel).byID {
			return t
		}
	}
	return nil
}

// Orders returns copies of all orders, in the order in which their first
// page was made.
func (s *Server) Orders() []Order {
	var all []Order
	// Nothing is refused, and a state that cannot be saved is for the caller
	// that changes it to hear of.
	_ = s.change(func(time.Time) error {
		for _, o := range s.state.Orders {
			all = append(all, o.clone())
		}
		return nil
	})
	return all
}

// Order returns a copy of the order with that order_id.
func (s *Server) Order(id string) (Order, bool) {
	var found Order
	var ok bool
	_ = s.change(func(time.Time) error {
		if o := s.state.orders[id]; o != nil {
			found, ok = o.clone(), true
		}
		return nil
	})
	return found, ok
}

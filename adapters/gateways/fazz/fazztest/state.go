package fazztest

import (
	"fmt"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// state is all that a simulator must not forget.
type state struct {
	Payments []*Payment `json:"payments"` // in the order of creation
	// Counter numbers virtual accounts and payment codes.
	Counter int64         `json:"counter"`
	Waiting []simkit.Sent `json:"waiting,omitempty"` // as of the last save

	byID  map[string]*Payment
	byRef map[string]*Payment // the newest
	// nextAt is no later than what the clock brings next; zero: nothing.
	nextAt time.Time
}

// load reads the state file, if there is one.
func (s *Server) load() error {
	s.state = state{byID: map[string]*Payment{}, byRef: map[string]*Payment{}}
	var kept state
	if err := s.file.Load(&kept); err != nil {
		return err
	}
	s.state.Counter = kept.Counter
	for i, p := range kept.Payments {
		if p == nil || p.channel() == nil {
			return s.file.Wrong(fmt.Errorf("payment %d is none", i))
		}
		s.add(p)
		s.expect(p)
	}
	s.queue.Restore(kept.Waiting)
	return nil
}

// add puts a payment into the state.
func (s *Server) add(p *Payment) {
	p.seq = len(s.state.Payments)
	s.state.Payments = append(s.state.Payments, p)
	s.state.byID[p.ID], s.state.byRef[p.ReferenceID] = p, p
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

// Payments returns copies of all payments, in the order of their creation.
func (s *Server) Payments() []Payment {
	var all []Payment
	// Nothing is refused, and a state that cannot be saved is for the caller
	// that changes it to hear of.
	_ = s.change(func(time.Time) error {
		for _, p := range s.state.Payments {
			all = append(all, *p)
		}
		return nil
	})
	return all
}

// Payment returns a copy of the payment with that referenceId.
func (s *Server) Payment(ref string) (Payment, bool) {
	var found Payment
	var ok bool
	_ = s.change(func(time.Time) error {
		if p := s.state.byRef[ref]; p != nil {
			found, ok = *p, true
		}
		return nil
	})
	return found, ok
}

// Status returns the status of the payment with that referenceId, in Fazz's
// word, or "" if there is none.
func (s *Server) Status(ref string) string {
	p, _ := s.Payment(ref)
	return p.Status
}

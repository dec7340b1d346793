package fazztest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	// saved is what the file holds.
	saved []byte
}

// load reads the state file, if there is one.
func (s *Server) load() error {
	s.state = state{byID: map[string]*Payment{}, byRef: map[string]*Payment{}}
	if s.stateFile == "" {
		return nil
	}
	data, err := os.ReadFile(s.stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	var kept state
	if err := json.Unmarshal(data, &kept); err != nil {
		return fmt.Errorf("read state file %s: %w", s.stateFile, err)
	}
	s.state.Counter = kept.Counter
	for i, p := range kept.Payments {
		if p == nil || p.channel() == nil {
			return fmt.Errorf("read state file %s: payment %d is none", s.stateFile, i)
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
	if s.stateFile == "" {
		return nil
	}
	s.state.Waiting = s.queue.Waiting()
	data, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if bytes.Equal(data, s.state.saved) {
		return nil
	}
	if err := simkit.WriteFile(s.stateFile, data); err != nil {
		return err
	}
	s.state.saved = data
	return nil
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

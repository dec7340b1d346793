package kopitest

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// from are the states that each state can follow.
var from = map[string][]string{
	"checking":   {"waiting"},
	"received":   {"waiting", "checking"},
	"rejected":   {"waiting", "checking"},
	"lapsed":     {"waiting"},
	"withdrawn":  {"waiting"},
	"taken_back": {"received"},
	"disputed":   {"received"},
}

// Move lets a charge come into a state, as the payer, the bank or Kopipay's
// dashboard would bring it there.
func (s *Server) Move(reference, state string) error {
	s.lapse()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.charges[reference]
	if c == nil {
		return fmt.Errorf("kopitest: there is no charge %q", reference)
	}
	return s.move(c, state)
}

// Pay lets the payer pay in full.
func (s *Server) Pay(reference string) error { return s.Move(reference, "received") }

// Return sends money back, as from the dashboard; zero sen for all that is left.
func (s *Server) Return(reference string, sen int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.charges[reference]
	if c == nil {
		return fmt.Errorf("kopitest: there is no charge %q", reference)
	}
	if sen == 0 {
		sen = c.left()
	}
	return s.giveBack(c, fmt.Sprintf("dashboard-%d", len(c.Returns)), sen)
}

// State is that of a charge; empty if there is none.
func (s *Server) State(reference string) string {
	s.lapse()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.charges[reference]; c != nil {
		return c.State
	}
	return ""
}

// problem is a refusal in Kopipay's form.
type problem struct {
	status       int
	word, detail string
}

func (p problem) Error() string { return "kopitest: " + p.word + ": " + p.detail }

func (s *Server) move(c *charge, state string) error {
	if c.State == state {
		return nil // a repeat is as good as the first time
	}
	if !slices.Contains(from[state], c.State) {
		return problem{http.StatusConflict, "wrong_state", "the charge is " + c.State}
	}
	s.turn(c, state)
	return nil
}

// turn brings a charge into a state, and tells the shop.
func (s *Server) turn(c *charge, state string) {
	c.State, c.ChangedAt = state, s.clock.Now().Unix()
	s.notify(c)
}

func (c *charge) left() int64 {
	left := c.Sen
	for _, r := range c.Returns {
		left -= r.Sen
	}
	return left
}

// giveBack is a return. Keys are kept for ever.
func (s *Server) giveBack(c *charge, key string, sen int64) error {
	known := slices.IndexFunc(c.Returns, func(r giveOut) bool { return r.Key == key })
	switch {
	case known >= 0 && c.Returns[known].Sen == sen:
		return nil
	case known >= 0:
		return problem{http.StatusConflict, "key_used", "the key was used for another amount"}
	case c.State != "received":
		return problem{http.StatusConflict, "wrong_state", "the charge is " + c.State}
	case sen < 1 || sen > c.left():
		return problem{http.StatusUnprocessableEntity, "amount", "more than is left"}
	}
	c.Returns = append(c.Returns, giveOut{ID: fmt.Sprintf("rt_%s_%d", c.ID, len(c.Returns)+1), Key: key, Sen: sen})
	if c.left() == 0 {
		c.State = "returned"
	}
	s.turn(c, c.State)
	return nil
}

// notify puts a signed notification into the queue.
func (s *Server) notify(c *charge) {
	body, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers
	}
	now := s.clock.Now()
	at := strconv.FormatInt(now.Unix(), 10)
	s.queue.Add(simkit.Sent{
		Ref: c.Reference, Word: c.State, URL: c.callback, Body: body, Due: now,
		Header: http.Header{
			"Content-Type": {"application/json"}, "Kopipay-Time": {at},
			"Kopipay-Signature": {sign(SigningSecret, at, body)},
		},
	})
}

func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha512.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.%s", at, body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

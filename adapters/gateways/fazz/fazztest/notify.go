package fazztest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

const signatureHeader = "Xfers-Signature"

// Notify sets the merchant's callback URL, as the dashboard would. With h,
// callbacks to that URL's host go straight into h, without a socket: h sees
// the path of the URL. It panics if the URL is none.
func (s *Server) Notify(notifyURL string, h http.Handler) {
	u, err := url.Parse(notifyURL)
	if err != nil || u.Host == "" {
		panic(fmt.Sprintf("fazztest: %q is not a URL to send callbacks to", notifyURL))
	}
	if err := s.merchants.Handle(notifyURL, h); err != nil {
		panic(fmt.Sprintf("fazztest: %v", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notifyURL = notifyURL
}

// notify puts what a payment is now into the queue, signed: the very document
// that a look-up would give.
func (s *Server) notify(p *Payment, at time.Time) {
	if s.notifyURL == "" {
		return
	}
	body := encode(document{s.resource(p)})
	s.queue.Add(simkit.Sent{
		Ref: p.ReferenceID, Word: p.Status, URL: s.notifyURL, Body: body, Due: at,
		Header: http.Header{
			"Content-Type": {"application/json"}, signatureHeader: {signature(s.signingSecret, body)},
		},
	})
	s.wake()
}

// forged is a copy that somebody signed who does not know the secret.
func forged(sent simkit.Sent) simkit.Sent {
	sent.Header = sent.Header.Clone()
	sent.Header.Set(signatureHeader, signature("ss_"+random(), sent.Body))
	return sent
}

// retry is Fazz's rule for callbacks that were not taken: only 200 takes one.
func (s *Server) retry(status, tries int) (time.Duration, bool) {
	if status == http.StatusOK || tries > len(s.retryAfter) {
		return 0, false
	}
	return s.retryAfter[tries-1], true
}

// stay follows no redirect: it is an answer that is not 200.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Deliver sends the callbacks that are due by the clock, one after the other,
// waits for the answers and returns them. What is refused will be due again
// after the pauses of [WithRetry]. It ends early, with an error, only when ctx
// ends or the state cannot be saved.
func (s *Server) Deliver(ctx context.Context) ([]simkit.Answer, error) {
	nothing := func(time.Time) error { return nil }
	if err := s.change(nothing); err != nil { // what the clock has brought
		return nil, err
	}
	answers, err := s.queue.Deliver(ctx)
	if len(answers) > 0 {
		err = errors.Join(err, s.change(nothing)) // what is left to be sent
	}
	return answers, err
}

// Run does what the clock brings and sends callbacks as they become due, until
// ctx ends; then it returns nil. It returns an error if the state cannot be
// saved.
func (s *Server) Run(ctx context.Context) error {
	return simkit.Loop(ctx, s.clock, s.woken, s.nextDue, s.Deliver)
}

// nextDue is when the clock brings something or a callback is to be sent;
// zero: never.
func (s *Server) nextDue() time.Time {
	s.mu.Lock()
	at := s.state.nextAt
	s.mu.Unlock()
	if q := s.queue.NextDue(); at.IsZero() || (!q.IsZero() && q.Before(at)) {
		return q
	}
	return at
}

// Take empties the queue of callbacks and returns what was in it, for the
// caller to shuffle, repeat, change or lose.
func (s *Server) Take() []simkit.Sent {
	var taken []simkit.Sent
	// A state file that cannot be written is the next change's error: what was
	// taken is out of the queue all the same.
	_ = s.change(func(time.Time) error { taken = s.queue.Take(); return nil })
	return taken
}

// Answers returns the merchant's latest answers to callbacks, oldest first.
func (s *Server) Answers() []simkit.Answer { return s.queue.Answers() }

// Replay sends a callback once more, word for word as it was: the one of that
// [simkit.Sent.ID] among [Server.Answers]. Whoever has seen it could do the
// same, as its signature covers no time.
func (s *Server) Replay(id int64) error {
	found := false
	if err := s.change(func(now time.Time) error { found = s.queue.Replay(id, now); return nil }); err != nil {
		return err
	}
	if found {
		s.wake()
		return nil
	}
	return fmt.Errorf("fazztest: no callback %d was sent", id)
}

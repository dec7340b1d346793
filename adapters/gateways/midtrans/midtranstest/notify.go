package midtranstest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// Notify sets the merchant's notification URL, as the dashboard would. With
// h, notifications to that URL's host go straight into h, without a socket:
// h sees the path of the URL. It panics if the URL is none.
func (s *Server) Notify(notifyURL string, h http.Handler) {
	u, err := url.Parse(notifyURL)
	if err != nil || u.Host == "" {
		panic(fmt.Sprintf("midtranstest: %q is not a URL to send notifications to", notifyURL))
	}
	if err := s.merchants.Handle(notifyURL, h); err != nil {
		panic(fmt.Sprintf("midtranstest: %v", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notifyURL = notifyURL
}

// notify puts what a transaction is now into the queue, signed, once for
// each of the merchant's URLs.
func (s *Server) notify(t *Transaction, at time.Time) {
	body := s.body(t, noticeCode(t), "midtrans payment notification")
	page := s.state.pages[t.Token]
	if page.SubscriptionID != "" && s.chargeNotices {
		body["subscription_id"] = page.SubscriptionID
	}
	sign(body, s.serverKey)
	sent := simkit.Sent{
		Ref: t.OrderID, Word: t.Status, Body: encode(body), Due: at, Header: noticeHeader(),
	}
	urls := page.OverrideURLs
	if len(urls) == 0 {
		if s.notifyURL != "" {
			urls = []string{s.notifyURL}
		}
		urls = append(urls, page.AppendURLs...)
	}
	for _, u := range urls {
		sent.URL = u
		s.queue.Add(sent)
	}
	s.wake()
}

func noticeHeader() http.Header {
	return http.Header{"User-Agent": {"Veritrans"}, "Accept": {"application/json"}, "Content-Type": {"application/json"}}
}

// tell puts a notification about something else than a transaction into the
// queue, for the URL or, if that is empty, the ordinary one.
func (s *Server) tell(url string, sent simkit.Sent) {
	if sent.URL = cmp.Or(url, s.notifyURL); sent.URL == "" {
		return
	}
	sent.Header = noticeHeader()
	s.queue.Add(sent)
	s.wake()
}

// noticeCode is the status_code of notifications. That of an API answer may
// differ.
func noticeCode(t *Transaction) string {
	switch {
	case t.Status == "pending", t.challenged():
		return "201"
	case t.dead():
		return "202"
	}
	return "200"
}

// retry is Midtrans's rule for notifications that were not taken. The pauses
// are those of the server.
func (s *Server) retry(status, tries int) (time.Duration, bool) {
	most := len(s.retryAfter)
	switch {
	case status >= 200 && status < 300, status == 301, status == 302, status == 303:
		most = 0
	case status == 400, status == 404:
		most = min(most, 2)
	case status == 500:
		most = min(most, 1)
	case status == 503:
		most = min(most, 4)
	}
	if tries > most {
		return 0, false
	}
	return s.retryAfter[tries-1], true
}

// redirect follows 307 and 308, five times at most, and nothing else.
func redirect(r *http.Request, via []*http.Request) error {
	if code := r.Response.StatusCode; code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
		return http.ErrUseLastResponse
	}
	if len(via) > 5 {
		return errors.New("more than 5 redirects")
	}
	return nil
}

// Deliver sends the notifications that are due by the clock, one after the
// other, waits for the answers and returns them. What is refused will be due
// again after the pauses of Midtrans's rule. It ends early, with an error,
// only when ctx ends or the state cannot be saved.
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

// Run does what the clock brings and sends notifications as they become due,
// until ctx ends; then it returns nil. It returns an error if the state
// cannot be saved.
func (s *Server) Run(ctx context.Context) error {
	return simkit.Loop(ctx, s.clock, s.woken, s.nextDue, s.Deliver)
}

// nextDue is when the clock brings something or a notification is to be
// sent; zero: never.
func (s *Server) nextDue() time.Time {
	s.mu.Lock()
	at := s.state.nextAt
	s.mu.Unlock()
	if q := s.queue.NextDue(); at.IsZero() || (!q.IsZero() && q.Before(at)) {
		return q
	}
	return at
}

// Take empties the queue of notifications and returns what was in it, for
// the caller to shuffle, repeat, change or lose.
func (s *Server) Take() []simkit.Sent {
	var taken []simkit.Sent
	// A state file that cannot be written is the next change's error: what was
	// taken is out of the queue all the same.
	_ = s.change(func(time.Time) error { taken = s.queue.Take(); return nil })
	return taken
}

// Answers returns the merchant's latest answers to notifications, oldest
// first.
func (s *Server) Answers() []simkit.Answer { return s.queue.Answers() }

// Replay sends a notification once more, word for word as it was: the one of
// that [simkit.Sent.ID] among [Server.Answers]. Whoever has seen it could do
// the same.
func (s *Server) Replay(id int64) error {
	found := false
	if err := s.change(func(now time.Time) error { found = s.queue.Replay(id, now); return nil }); err != nil {
		return err
	}
	if found {
		s.wake()
		return nil
	}
	return fmt.Errorf("midtranstest: no notification %d was sent", id)
}

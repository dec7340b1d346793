package payments

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// notificationRetry is how long a gateway is asked to wait before it sends a
// notification again.
const notificationRetry = 2 * time.Minute

// NotificationHandler takes the notifications of one gateway. It panics if
// there is none of that name: it is a mistake of the program.
//
// The answer makes the gateway send again exactly when that can help: 200 for
// what is durably applied, known or parked; 4xx for what no retry can heal;
// 503 when the store or the gateway could not be asked.
func (s *Service) NotificationHandler(gateway string) http.Handler {
	if _, err := s.gateway(gateway); err != nil {
		panic(fmt.Sprintf("payments: NotificationHandler: there is no gateway %q", gateway))
	}
	return s.only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		s.serveNotification(w, r, gateway)
	})
}

func (s *Service) serveNotification(w http.ResponseWriter, r *http.Request, name string) {
	g, err := s.gateway(name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body, err := readBody(w, r)
	if errors.Is(err, errTooLarge) {
		// Not even its beginning is kept: only the gateway could take the secrets out.
		m := Message{ID: NewID(), Gateway: name, Op: "notification", Note: "larger than 64 KiB", At: s.now()}
		if _, err := s.reject(r.Context(), m, VerdictMalformed); err != nil {
			s.sendAgain(w, r, err)
			return
		}
		s.fail(w, r, errTooLarge)
		return
	}
	if err != nil { // cut off on the way, or too slow: the gateway will notice, too
		if s.traces.allow(s.now()) {
			s.log.WarnContext(r.Context(), "notification did not come in whole", "gateway", name, "error", err)
		}
		s.sendAgain(w, r, nil)
		return
	}
	verdict, err := s.receive(r.Context(), g, RawNotification{Header: r.Header, Body: body})
	switch {
	case err != nil:
		s.sendAgain(w, r, err)
	case verdict == VerdictUnconfirmed || verdict == VerdictUnasked:
		s.sendAgain(w, r, nil)
	case verdict == VerdictForged:
		s.fail(w, r, ErrForged)
	case verdict == VerdictMalformed:
		s.fail(w, r, ErrMalformed)
	default:
		s.writeJSON(w, r, http.StatusOK, map[string]Verdict{"verdict": verdict})
	}
}

// sendAgain asks the gateway to send the notification once more.
func (s *Service) sendAgain(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.log.ErrorContext(r.Context(), "notification could not be taken; the gateway is asked to send it again",
			"path", r.URL.Path, "error", err)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(notificationRetry/time.Second)))
	s.writeProblem(w, r, Problem{Type: "urn:lunas:problem:send-again", Title: "Send it again", Status: http.StatusServiceUnavailable})
}

package payments

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// maxBody caps the bodies of requests, and bodyTimeout how long one may take
// to come in: a client that sends a byte now and then must not hold a handler,
// and what the host bounds by it, for ever.
const (
	maxBody     = 64 << 10
	bodyTimeout = 10 * time.Second
)

// readBody reads a body. errTooLarge comes without one.
//
// What is compressed is not unpacked: nobody who has business here compresses,
// and a bomb stays as small as it came.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	lift := limitRead(w, r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, errTooLarge
	}
	if err != nil {
		// The deadline stays: net/http would wait for the rest of the body
		// before it answers.
		return nil, err
	}
	lift()
	return body, nil
}

// limitRead sets the connection a deadline and returns what lifts it: left in
// place, it would end the request's context while the handler works. A host
// that has bounded reads itself, by Server.ReadTimeout, is left alone, as its
// deadline may be the earlier one; so is a ResponseWriter that cannot do it.
func limitRead(w http.ResponseWriter, r *http.Request) (lift func()) {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if ok && server.ReadTimeout > 0 {
		return func() {}
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) != nil { // the clock of sockets, not the Config's
		return func() {}
	}
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}

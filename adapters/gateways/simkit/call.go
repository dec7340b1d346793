package simkit

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/lunaspay/lunas/payments"
)

// Wrap makes the faults of calls happen to h, the handler of calls named op.
// Down, Throttled and Refused are answered by fail, in the gateway's own form.
// Silent, LostSilent and Slow wait in it, so a simulator's lock is for h to take,
// not for what is around the Wrap.
func (f *Faults) Wrap(op string, clock payments.Clock, fail func(http.ResponseWriter, Kind), h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fault, ok := f.take(op, callKinds...)
		if !ok {
			h(w, r)
			return
		}
		switch fault.Kind {
		case Down, Throttled, Refused:
			fault.met()
			fail(w, fault.Kind)
		case Broken:
			fault.met()
			panic(http.ErrAbortHandler)
		case Silent:
			fault.met()
			untilGivenUp(r)
		case Lost:
			answer := record(h, r)
			fault.met()
			breakOff(w, answer)
		case LostSilent:
			record(h, r)
			fault.met()
			untilGivenUp(r)
		case Slow:
			over := clock.After(fault.Delay)
			fault.met()
			select {
			case <-over:
				h(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// breakOff sends half of an answer. Half, not none: when a kept-alive
// connection closes without a byte, Go's client may silently call again.
func breakOff(w http.ResponseWriter, answer *recorder) {
	w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()+1))
	w.WriteHeader(answer.code)
	_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// untilGivenUp waits until the caller hangs up.
func untilGivenUp(r *http.Request) {
	// A server notices that its client has gone only once the body is read.
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// record runs h and keeps its answer.
func record(h http.Handler, r *http.Request) *recorder {
	rec := &recorder{header: http.Header{}, code: http.StatusOK}
	h.ServeHTTP(rec, r)
	rec.WriteHeader(http.StatusOK)
	return rec
}

// recorder is a ResponseWriter that keeps what is written.
type recorder struct {
	header http.Header // as the handler sees it
	sent   http.Header // as it was when the status was written
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(code int) {
	if r.sent == nil {
		r.code, r.sent = code, r.header.Clone()
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// Flush does nothing: everything is kept.
func (r *recorder) Flush() { r.WriteHeader(http.StatusOK) }

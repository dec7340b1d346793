package fazztest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

const (
	apiPath = "/api/v4"
	// maxBody is what a request may hold.
	maxBody = 1 << 20
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, end := range []string{"", "/{$}"} { // clients write both
		mux.HandleFunc(apiPath+"/payments"+end, s.paymentsCall)
		mux.HandleFunc(apiPath+"/payments/{id}"+end, s.paymentCall)
		mux.HandleFunc(apiPath+"/payments/{id}/tasks"+end, s.tasksCall)
	}
	mux.HandleFunc(apiPath+"/", s.serve("", func(*http.Request, []byte) reply {
		return refuse(problem{notFound, "no such resource"})
	}))

	// A form that another site sends is not the person's at the page.
	own := http.NewCrossOriginProtection()
	mux.HandleFunc("GET /pay/{id}", s.showPage)
	mux.Handle("POST /pay/{id}", own.Handler(http.HandlerFunc(s.usePage)))
	mux.HandleFunc("GET /qr/{file}", s.showPicture)
	mux.HandleFunc("GET /style.css", showStyle)
	mux.HandleFunc("GET /{$}", s.showDashboard)
	mux.Handle("POST /{$}", own.Handler(http.HandlerFunc(s.useDashboard)))
	return mux
}

// paymentsCall is the collection: a new payment, or a list.
func (s *Server) paymentsCall(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		s.serve("checkout", s.create)(w, r)
	case http.MethodGet:
		op := "list"
		if r.URL.Query().Has("filter[referenceId]") { // how a lost payment is found
			op = "status"
		}
		s.serve(op, s.list)(w, r)
	default:
		wrongMethod("GET, POST").write(w)
	}
}

// paymentCall is one payment.
func (s *Server) paymentCall(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		wrongMethod("GET").write(w)
		return
	}
	s.serve("status", s.lookUp)(w, r)
}

// tasksCall is what is to be done with a payment. Only the body says what, so
// it is read before the faults are asked.
func (s *Server) tasksCall(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wrongMethod("POST").write(w)
		return
	}
	body, ok := read(w, r)
	if !ok {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	t, _ := parseTask(body) // what is wrong with it is told later
	s.serve(t.Data.Attributes.Action, s.task)(w, r)
}

// reply is an answer of the API.
type reply struct {
	status int
	body   any
	header [2]string
}

func (a reply) write(w http.ResponseWriter) {
	if a.header[0] != "" {
		w.Header().Set(a.header[0], a.header[1])
	}
	w.Header().Set("Content-Type", "application/vnd.api+json")
	w.WriteHeader(a.status)
	_, _ = w.Write(encode(a.body)) // a caller that has gone cannot be told
}

// serve reads a call and answers it, with the faults of op.
func (s *Server) serve(op string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	return s.faults.Wrap(op, s.clock, faulty, func(w http.ResponseWriter, r *http.Request) {
		if !s.authorized(r) {
			refuse(problem{accessDenied, "check the API key and the secret key"}).write(w)
			return
		}
		if r.Method == http.MethodPost && !isJSON(r.Header.Get("Content-Type")) {
			a := refuse(problem{invalid, "Content-Type must be application/vnd.api+json or application/json"})
			a.status = http.StatusUnsupportedMediaType
			a.write(w)
			return
		}
		if body, ok := read(w, r); ok {
			h(r, body).write(w)
		}
	})
}

// read reads the body; if it cannot, it has answered.
func read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		a := refuse(problem{invalid, "the request is too large"})
		a.status = http.StatusRequestEntityTooLarge
		a.write(w)
		return nil, false
	} else if err != nil {
		panic(http.ErrAbortHandler) // the caller has gone
	}
	return body, true
}

// authorized reports whether the call has both keys. It takes the same time
// whatever is wrong.
func (s *Server) authorized(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return equal(user, s.apiKey)&equal(password, s.secretKey) == 1
}

func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/vnd.api+json" || kind == "application/json")
}

// act runs do on the payment of the call's id, and answers that it is unknown
// if it is, or that the state cannot be saved.
func (s *Server) act(r *http.Request, do func(p *Payment, now time.Time) reply) reply {
	return s.answer(func(now time.Time) reply {
		p := s.state.byID[r.PathValue("id")]
		if p == nil {
			return refuse(problem{notFound, "no such payment"})
		}
		return do(p, now)
	})
}

// answer runs do on the state, and answers that it cannot be saved if so: what
// may be forgotten is not confirmed.
func (s *Server) answer(do func(now time.Time) reply) reply {
	var a reply
	err := s.change(func(now time.Time) error {
		a = do(now)
		return nil
	})
	if err != nil {
		return refuse(problem{internal, err.Error()})
	}
	return a
}

func (s *Server) lookUp(r *http.Request, _ []byte) reply {
	return s.act(r, func(p *Payment, _ time.Time) reply {
		return reply{status: http.StatusOK, body: document{s.resource(p)}}
	})
}

// faulty is the answer of a fault.
func faulty(w http.ResponseWriter, k simkit.Kind) {
	a := refuse(problem{internal, "simulated fault"})
	switch k {
	case simkit.Throttled:
		a = refuse(problem{unavailable, "too many requests"})
		a.status, a.header = http.StatusTooManyRequests, [2]string{"Retry-After", "1"}
	case simkit.Refused:
		a = refuse(problem{invalid, "simulated refusal"})
	}
	a.write(w)
}

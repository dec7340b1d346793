package midtranstest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// maxBody is what a request may hold.
const maxBody = 1 << 20

// routes are both of Midtrans's hosts on one address.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/snap/v1/transactions", s.snapCall("checkout", s.createPage))
	mux.HandleFunc("/snap/v1/transactions/{token}/cancel", s.snapCall("cancel", s.cancelPage))

	mux.HandleFunc("/v2/{id}/status", s.coreCall("status", http.MethodGet, s.status))
	mux.HandleFunc("/v2/{id}/approve", s.coreCall("approve", http.MethodPost, s.action(s.approve)))
	mux.HandleFunc("/v2/{id}/deny", s.coreCall("deny", http.MethodPost, s.action(s.deny)))
	mux.HandleFunc("/v2/{id}/cancel", s.coreCall("cancel", http.MethodPost, s.action(s.cancel)))
	mux.HandleFunc("/v2/{id}/expire", s.coreCall("expire", http.MethodPost, s.action(s.expire)))
	mux.HandleFunc("/v2/{id}/refund", s.coreCall("refund", http.MethodPost, s.action(s.refundCall(false))))
	mux.HandleFunc("/v2/{id}/refund/online/direct", s.coreCall("direct_refund", http.MethodPost, s.action(s.refundCall(true))))
	mux.HandleFunc("/v2/", noRoute)

	mux.HandleFunc("GET /snap/v4/redirection/{token}", s.showPage)
	mux.HandleFunc("POST /snap/v4/redirection/{token}", s.usePage)
	mux.HandleFunc("GET /{$}", s.showDashboard)
	mux.HandleFunc("POST /{$}", s.useDashboard)
	return apart(mux)
}

// apart keeps the two hosts apart for clients that still call them by name:
// a path of the one is not found at the other.
func apart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		snap := strings.HasPrefix(r.URL.Path, "/snap/")
		if strings.HasSuffix(r.Host, ".midtrans.com") && strings.HasPrefix(r.Host, "api.") == snap {
			noRoute(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// reply is an answer of the API. Successful ones may be kept for their
// Idempotency-Key.
type reply struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
	// At is when it was given, in Unix seconds.
	At int64 `json:"at,omitempty"`
	// success: it tells that an action took effect.
	success bool
}

func answer(status int, body map[string]any) reply {
	return reply{Status: status, Body: encode(body)}
}

func (a reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // a caller that has gone cannot be told
}

// snapError is Snap's form: an HTTP status that means it, and messages.
func snapError(status int, messages ...string) reply {
	return answer(status, map[string]any{"error_messages": messages})
}

// coreError is the Core API's form: the code is in the body, and the HTTP
// status mostly 200.
func coreError(status int, code, message string) reply {
	return answer(status, map[string]any{"status_code": code, "status_message": message, "id": uuid.NewString()})
}

var throttled = answer(http.StatusTooManyRequests, map[string]any{"message": "API rate limit exceeded"})

// call reads a request and answers it, with the faults of op.
func (s *Server) call(op, method string, fail func(simkit.Kind) reply, unauthorized, wrongMethod reply, h func(*http.Request, []byte) reply) http.HandlerFunc {
	serve := func(w http.ResponseWriter, r *http.Request) {
		key, _, _ := r.BasicAuth()
		if key != s.serverKey {
			unauthorized.write(w)
			return
		}
		if r.Method != method {
			wrongMethod.write(w)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
			return
		} else if err != nil {
			panic(http.ErrAbortHandler) // the caller has gone
		}
		h(r, body).write(w)
	}
	return s.faults.Wrap(op, s.clock, func(w http.ResponseWriter, k simkit.Kind) { fail(k).write(w) }, serve)
}

// snapCall is a POST to Snap.
func (s *Server) snapCall(op string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	fail := func(k simkit.Kind) reply {
		switch {
		case k == simkit.Throttled:
			return throttled
		case k == simkit.Refused && op == "cancel":
			return snapError(http.StatusBadRequest, "Transaction is on progress")
		case k == simkit.Refused:
			return snapError(http.StatusBadRequest, "transaction_details.gross_amount is not equal to the sum of item_details")
		}
		return snapInternal
	}
	unauthorized := snapError(http.StatusUnauthorized,
		"Access denied due to unauthorized transaction, please check client or server key",
		"Visit https://snap-docs.midtrans.com/#request-headers for more details")
	return s.call(op, http.MethodPost, fail, unauthorized, snapError(http.StatusMethodNotAllowed, "HTTP method is not allowed"), h)
}

var snapInternal = snapError(http.StatusInternalServerError,
	"Sorry, we encountered internal server error. We will fix this soon.")

// coreCall is a call of the Core API.
func (s *Server) coreCall(op, method string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	fail := func(k simkit.Kind) reply {
		switch {
		case k == simkit.Throttled:
			return throttled
		case k == simkit.Refused && op == "refund":
			return refundAmountRefused()
		case k == simkit.Refused && op == "direct_refund":
			return coreError(http.StatusOK, "202", "Refund denied by the bank")
		case k == simkit.Refused && op == "status":
			return notFound()
		case k == simkit.Refused:
			return wrongState()
		}
		return coreInternal()
	}
	unauthorized := coreError(http.StatusUnauthorized, "401", "Transaction cannot be authorized with the current client/server key.")
	return s.call(op, method, fail, unauthorized, coreError(http.StatusMethodNotAllowed, "405", "HTTP method is not allowed"), h)
}

func notFound() reply { return coreError(http.StatusOK, "404", "Transaction doesn't exist.") }

func wrongState() reply {
	return coreError(http.StatusOK, "412", "Transaction status cannot be updated.")
}

func refundAmountRefused() reply {
	return coreError(http.StatusOK, "414", "Refund request is rejected due to invalid amount")
}

func coreInternal() reply {
	return coreError(http.StatusInternalServerError, "500", "Sorry. Our system is recovering from unexpected issues. Please retry.")
}

// noRoute answers a path that does not exist, e.g. one with a slash too many
// from an order_id.
func noRoute(w http.ResponseWriter, r *http.Request) {
	answer(http.StatusNotFound, map[string]any{
		"status": http.StatusNotFound, "error": "Not Found", "message": "Not Found", "path": r.URL.Path,
	}).write(w)
}

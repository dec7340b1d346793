package midtranstest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

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

	mux.HandleFunc("/v1/payment-links", s.linkCall("create_link", http.MethodPost, s.createLink))
	mux.HandleFunc("/v1/payment-links/{id}", s.oneLink())

	mux.HandleFunc("/v1/subscriptions", s.subscriptionCall("create_subscription", http.MethodPost, s.createSubscription))
	mux.HandleFunc("/v1/subscriptions/{id}", s.oneSubscription())
	for verb, do := range map[string]func(*subscription, []byte, time.Time) reply{
		"disable": s.disableSubscription, "enable": s.enableSubscription, "cancel": s.cancelSubscription,
	} {
		mux.HandleFunc("/v1/subscriptions/{id}/"+verb, s.subscriptionCall(verb+"_subscription", http.MethodPost, s.aboutSubscription(do)))
	}

	mux.HandleFunc("/v2/{id}/status", s.coreCall("status", http.MethodGet, s.status))
	mux.HandleFunc("/v2/{id}/approve", s.coreCall("approve", http.MethodPost, s.action(s.approve)))
	mux.HandleFunc("/v2/{id}/deny", s.coreCall("deny", http.MethodPost, s.action(s.deny)))
	mux.HandleFunc("/v2/{id}/cancel", s.coreCall("cancel", http.MethodPost, s.action(s.cancel)))
	mux.HandleFunc("/v2/{id}/expire", s.coreCall("expire", http.MethodPost, s.action(s.expire)))
	mux.HandleFunc("/v2/{id}/refund", s.coreCall("refund", http.MethodPost, s.action(s.refundCall(false))))
	mux.HandleFunc("/v2/{id}/refund/online/direct", s.coreCall("direct_refund", http.MethodPost, s.action(s.refundCall(true))))
	mux.HandleFunc("/v2/{id}/status/b2b", s.coreCall("status", http.MethodGet, s.multiStatus))
	mux.HandleFunc("/v2/charge", s.coreCall("charge", http.MethodPost, s.chargeCall))
	mux.HandleFunc("/v2/capture", s.coreCall("capture", http.MethodPost, s.captureCall))
	mux.HandleFunc("/v2/token", s.coreCall("token", http.MethodGet, s.tokenCall))
	mux.HandleFunc("/v2/card/register", s.coreCall("register", http.MethodGet, s.registerCall))
	mux.HandleFunc("/v2/pay/account", s.accountCall("link_account", http.MethodPost, s.createAccount))
	mux.HandleFunc("/v2/pay/account/{id}", s.accountCall("get_account", http.MethodGet, s.aboutAccount(s.accountAnswer)))
	mux.HandleFunc("/v2/pay/account/{id}/unbind", s.accountCall("unlink_account", http.MethodPost, s.aboutAccount(s.unbind)))
	for _, way := range []string{wayWeb, wayApp} {
		mux.HandleFunc("GET /v2/pay/account/{id}/"+way, s.accountPage(way))
		mux.HandleFunc("POST /v2/pay/account/{id}/"+way, s.accountPage(way))
	}
	mux.HandleFunc("/v1/bins/{bin}", s.bins)
	for _, kind := range []string{"3ds", "deeplink", "akulaku", "oms", "klikpay", "klikbca", "cimb-clicks", "danamon", "bri"} {
		mux.HandleFunc("GET /v2/"+kind+"/redirect/{id}", s.toPage)
	}
	mux.HandleFunc("GET /v2/qris/{id}/qr-code", s.qrPicture)
	mux.HandleFunc("GET /v2/gopay/{id}/qr-code", s.qrPicture)
	mux.HandleFunc("/v2/", noRoute)
	// This one cannot stand beside /v2/{id}/status in a mux.
	points := http.NewServeMux()
	points.HandleFunc("/v2/point_inquiry/{id}", s.coreCall("points", http.MethodGet, s.pointsCall))

	mux.HandleFunc("GET /snap/v4/redirection/{token}", s.showPage)
	mux.HandleFunc("POST /snap/v4/redirection/{token}", s.usePage)
	mux.HandleFunc("GET /payment-links/{id}", s.linkPage)
	mux.HandleFunc("POST /payment-links/{id}", s.linkPage)
	mux.HandleFunc("GET /{$}", s.showDashboard)
	mux.HandleFunc("POST /{$}", s.useDashboard)
	return apart(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/point_inquiry/") {
			points.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// apart keeps the two hosts apart for clients that still call them by name:
// a path of the one is not found at the other.
func apart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		snap := strings.HasPrefix(r.URL.Path, "/snap/") || strings.HasPrefix(r.URL.Path, "/payment-links/")
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
	// Life is how long it is kept; zero: as long as most are.
	Life time.Duration `json:"life,omitempty"`
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
		if !s.allowed(op, r) {
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

// allowed reports whether the call has the key that it needs: browsers have
// only the client key.
func (s *Server) allowed(op string, r *http.Request) bool {
	key, _, _ := r.BasicAuth()
	switch op {
	case "token", "register":
		return r.URL.Query().Get("client_key") == s.clientKey
	case "bins":
		return key == s.serverKey || key == s.clientKey
	}
	return key == s.serverKey
}

// bins tells a stranger so in plain text, unlike all other calls.
func (s *Server) bins(w http.ResponseWriter, r *http.Request) {
	if !s.allowed("bins", r) {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	s.coreCall("bins", http.MethodGet, s.binCall)(w, r)
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
	return s.call(op, method, fail, coreUnauthorized(), coreWrongMethod(), h)
}

func coreUnauthorized() reply {
	return coreError(http.StatusUnauthorized, "401", "Transaction cannot be authorized with the current client/server key.")
}

func coreWrongMethod() reply {
	return coreError(http.StatusMethodNotAllowed, "405", "HTTP method is not allowed")
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

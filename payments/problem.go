package payments

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error answer in the form of RFC 9457.
type Problem struct {
	// Type is stable: branch on it. "urn:lunas:problem:" and a word.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Errors names the fields of a request that was refused.
	Errors []FieldError `json:"errors,omitempty"`
	// PaymentID is set when a payment was stored all the same.
	PaymentID ID `json:"payment_id,omitempty"`
	// RetryAfter, in whole seconds, also goes into the header.
	RetryAfter time.Duration `json:"-"`
}

// problems maps errors to answers; the first match counts.
var problems = []struct {
	err   error
	word  string
	title string
	code  int
	retry time.Duration
}{
	{ErrUnauthenticated, "unauthenticated", "Sign in first", http.StatusUnauthorized, 0},
	{errPlanRequired, "plan-required", "This needs a plan that you do not have", http.StatusPaymentRequired, 0},
	{ErrNotFound, "not-found", "There is no such thing", http.StatusNotFound, 0},
	{ErrKeyReused, "key-reused", "This key was used for a different request", http.StatusUnprocessableEntity, 0},
	{ErrInProgress, "in-progress", "The same request is still running", http.StatusConflict, 2 * time.Second},
	{ErrOutcomeUnknown, "outcome-unknown", "The payment provider has not answered yet", http.StatusServiceUnavailable, 30 * time.Second},
	{ErrUnsupported, "unsupported", "The payment provider cannot do this", http.StatusUnprocessableEntity, 0},
	{ErrWrongState, "wrong-state", "The payment is not in a state that allows this", http.StatusConflict, 0},
	{errCrossOrigin, "cross-origin", "Requests from other sites are refused", http.StatusForbidden, 0},
	{errMethod, "method-not-allowed", "This address does not take such requests", http.StatusMethodNotAllowed, 0},
	{errTooLarge, "too-large", "The request is too large", http.StatusRequestEntityTooLarge, 0},
	{errMediaType, "media-type", "Send JSON or a form", http.StatusUnsupportedMediaType, 0},
	{ErrForged, "forged", "The signature does not match", http.StatusForbidden, 0},
	{ErrMalformed, "malformed", "The message cannot be read", http.StatusBadRequest, 0},
}

var (
	errCrossOrigin = errors.New("payments: cross-origin request")
	errMethod      = errors.New("payments: method not allowed")
	errTooLarge    = errors.New("payments: request too large")
	errMediaType   = errors.New("payments: unsupported media type")
)

// ProblemOf says how to answer err over HTTP, for hosts with routes of their
// own. What it does not know is a bare 500: the error's text could tell a
// stranger too much.
func ProblemOf(err error) Problem {
	make := func(word, title string, code int) Problem {
		return Problem{Type: "urn:lunas:problem:" + word, Title: title, Status: code}
	}
	if invalid := (*InvalidError)(nil); errors.As(err, &invalid) {
		p := make("invalid", "The request cannot be accepted", http.StatusBadRequest)
		p.Errors, p.Detail = invalid.Fields, invalid.Error()
		return p
	}
	if limited := (*LimitError)(nil); errors.As(err, &limited) {
		p := make("rate-limited", "That was too often; try again shortly", http.StatusTooManyRequests)
		p.RetryAfter = max((limited.RetryAfter + time.Second - 1).Truncate(time.Second), time.Second)
		return p
	}
	for _, known := range problems {
		if errors.Is(err, known.err) {
			p := make(known.word, known.title, known.code)
			p.RetryAfter = known.retry
			return p
		}
	}
	if answer := (*GatewayError)(nil); errors.As(err, &answer) {
		p := make("gateway", "The payment provider refused", http.StatusBadGateway)
		if answer.Retry {
			p.Title, p.Status, p.RetryAfter = "The payment provider is busy", http.StatusServiceUnavailable, max(answer.RetryAfter, 5*time.Second)
		}
		return p
	}
	return make("internal", "Something went wrong", http.StatusInternalServerError)
}

// fail answers with a problem. Faults that are ours are logged.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.failFor(w, r, err, "")
}

func (s *Service) failFor(w http.ResponseWriter, r *http.Request, err error, payment ID) {
	p := ProblemOf(err)
	p.PaymentID = payment
	if p.Status >= 500 && r.Context().Err() == nil { // else the caller has gone
		s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.RetryAfter/time.Second)))
	}
	if s.cfg.WriteProblem != nil {
		w.Header().Set("Cache-Control", "no-store")
		s.cfg.WriteProblem(w, r, p)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.writePage(w, p.Status, page{Title: p.Title, Text: problemText(p)})
		return
	}
	s.writeProblem(w, r, p)
}

// problemText is what a person needs to know of it.
func problemText(p Problem) string {
	var parts []string
	for _, f := range p.Errors {
		parts = append(parts, f.Field+" "+f.Message)
	}
	return strings.Join(parts, "; ")
}

func (s *Service) writeProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	s.write(w, r, "application/problem+json", p.Status, p)
}

func (s *Service) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	s.write(w, r, "application/json", status, body)
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, media string, status int, body any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.WarnContext(r.Context(), "answer could not be sent", "path", r.URL.Path, "error", err)
	}
}

// page is a plain page for people whom the host has no page for.
type page struct {
	Title, Text, Back string
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{{.Title}}</title>
<style>body{font:17px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c2430;display:grid;min-height:100vh;place-items:center}
main{background:#fff;border-radius:14px;padding:2.5rem 2rem;max-width:26rem;margin:1rem;box-shadow:0 1px 3px #0002;text-align:center}
h1{font-size:1.4rem;margin:0 0 .5rem}p{margin:.5rem 0;color:#556}a{color:#0b63ce}</style></head>
<body><main><h1>{{.Title}}</h1>{{with .Text}}<p>{{.}}</p>{{end}}{{with .Back}}<p><a href="{{.}}">Continue</a></p>{{end}}</main></body></html>
`))

func (s *Service) writePage(w http.ResponseWriter, status int, p page) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		s.log.Warn("page could not be sent", "error", err)
	}
}

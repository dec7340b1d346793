package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestEveryErrorHasItsProblem(t *testing.T) {
	t.Parallel()
	gateway := func(e payments.GatewayError) error { e.Gateway, e.Message = "fake", "their words"; return &e }
	for _, c := range []struct {
		err    error
		status int
		word   string
		retry  time.Duration
	}{
		{payments.ErrUnauthenticated, 401, "unauthenticated", 0},
		{payments.ErrNotFound, 404, "not-found", 0},
		{payments.ErrKeyReused, 422, "key-reused", 0},
		{payments.ErrInProgress, 409, "in-progress", 2 * time.Second},
		{payments.ErrOutcomeUnknown, 503, "outcome-unknown", 30 * time.Second},
		{payments.ErrUnsupported, 422, "unsupported", 0},
		{payments.ErrWrongState, 409, "wrong-state", 0},
		{payments.ErrForged, 403, "forged", 0},
		{payments.ErrMalformed, 400, "malformed", 0},
		{payments.Invalid("f", "is wrong"), 400, "invalid", 0},
		{errors.New("secret"), 500, "internal", 0},
		{context.DeadlineExceeded, 500, "internal", 0},
		{gateway(payments.GatewayError{}), 502, "gateway", 0},
		{gateway(payments.GatewayError{Retry: true}), 503, "gateway", 5 * time.Second},
		{gateway(payments.GatewayError{Retry: true, RetryAfter: time.Minute}), 503, "gateway", time.Minute},
		{gateway(payments.GatewayError{Retry: true, Err: payments.ErrOutcomeUnknown}), 503, "outcome-unknown", 30 * time.Second},
		{gateway(payments.GatewayError{Err: payments.ErrWrongState}), 409, "wrong-state", 0},
	} {
		p := payments.ProblemOf(fmt.Errorf("doing something: %w", c.err))
		require.Equal(t, c.status, p.Status, c.err)
		require.Equal(t, "urn:lunas:problem:"+c.word, p.Type, c.err)
		require.Equal(t, c.retry, p.RetryAfter, c.err)
		require.NotEmpty(t, p.Title)
		raw, err := json.Marshal(p)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "secret")
		require.NotContains(t, string(raw), "their words")
	}
	require.Equal(t, []payments.FieldError{{Field: "f", Message: "is wrong"}}, payments.ProblemOf(payments.Invalid("f", "is wrong")).Errors)
}

func TestAHostCanWriteProblemsItsOwnWay(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.WriteProblem = func(w http.ResponseWriter, _ *http.Request, p payments.Problem) {
			w.WriteHeader(p.Status)
			fmt.Fprintf(w, "oops: %s %s", p.Title, p.PaymentID)
		}
	}))
	w := s.do("GET", "/payments/x", "ana", "")
	require.Equal(t, 404, w.Code)
	require.Equal(t, "oops: There is no such thing ", w.Body.String())
	s.fake.answers(errTimeout)
	w = s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "30", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), string(s.only().ID))
}

func TestAProblemIsAPageForPeople(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w := s.do("GET", "/payments/x", "ana", "", "Accept", "text/html,application/xhtml+xml")
	require.Equal(t, 404, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.Contains(t, w.Body.String(), "There is no such thing")
}

func TestOnlyThoseWithThePlanAreLetThrough(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.open(ana, "pro")
	s.web = s.pay.RequirePlan("pro")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, ok := payments.EntitlementFrom(r.Context())
		fmt.Fprintf(w, "%v %v %s", ok, e.OK, e.Until.Format(time.DateOnly))
	}))
	problem(t, s.do("GET", "/", "", ""), 401, "unauthenticated")
	problem(t, s.do("GET", "/", "ana", ""), 402, "plan-required")
	s.web = s.pay.Handler()
	s.settle(p, "tx1")
	s.web = s.pay.RequirePlan("pro")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, ok := payments.EntitlementFrom(r.Context())
		fmt.Fprintf(w, "%v %v %s", ok, e.OK, e.Until.Format(time.DateOnly))
	}))
	w := s.do("GET", "/", "ana", "")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "true true 2026-06-06", w.Body.String())
	problem(t, s.do("GET", "/", "budi", ""), 402, "plan-required")
	s.clock.Advance(31 * day)
	problem(t, s.do("GET", "/", "ana", ""), 402, "plan-required")
	_, ok := payments.EntitlementFrom(t.Context())
	require.False(t, ok)
}

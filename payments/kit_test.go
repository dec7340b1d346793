package payments_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

var (
	ana  = payments.EndUser{ID: "ana"}
	budi = payments.EndUser{ID: "budi"}
)

// blocker holds a call of the gateway until the test lets it go.
type blocker struct{ entered, release chan struct{} }

func newBlocker() blocker {
	return blocker{entered: make(chan struct{}), release: make(chan struct{})}
}

func (b blocker) wait() {
	close(b.entered)
	<-b.release
}

// readOnly is a fake gateway that can neither cancel, expire nor refund.
type readOnly struct{ g *fakeGateway }

func (r readOnly) Name() string { return r.g.Name() }
func (r readOnly) Checkout(ctx context.Context, c payments.CheckoutRequest) (payments.CheckoutResult, error) {
	return r.g.Checkout(ctx, c)
}
func (r readOnly) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	return r.g.ReadNotification(raw)
}
func (r readOnly) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	return r.g.Status(ctx, a)
}

// mute is a fake gateway that cannot even be asked.
type mute struct{ payments.Gateway }

// flakyStore is a store whose calls fail when the test says so.
type flakyStore struct {
	payments.Store

	mu     sync.Mutex
	update func() error
	get    func() error
	lost   func() error // of an Update that was committed
	leases int
}

func (s *flakyStore) fails(which *func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *which == nil {
		return nil
	}
	return (*which)()
}

func (s *flakyStore) set(update, get func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update, s.get = update, get
}

func (s *flakyStore) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if err := s.fails(&s.update); err != nil {
		return nil, err
	}
	p, err := s.Store.Update(ctx, ref, fn)
	if err == nil {
		if err := s.fails(&s.lost); err != nil {
			return nil, err
		}
	}
	return p, err
}

func (s *flakyStore) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	if err := s.fails(&s.get); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, ref)
}

// LeasePayments counts: a timer that is due again as soon as it has fired
// would keep Drain for ever.
func (s *flakyStore) LeasePayments(ctx context.Context, l payments.Lease) ([]*payments.Payment, error) {
	s.mu.Lock()
	s.leases++
	s.mu.Unlock()
	return s.Store.LeasePayments(ctx, l)
}

// withFlaky puts a flakyStore in front of the shop's store.
func withFlaky(into **flakyStore) func(*payments.Config) {
	return func(c *payments.Config) {
		*into = &flakyStore{Store: c.Store}
		c.Store = *into
	}
}

// with lets a test change the Config.
func with(change func(*payments.Config)) func(*payments.Config) { return change }

// get reads a payment.
func (s *shop) get(id payments.ID) *payments.Payment {
	s.t.Helper()
	p, err := s.pay.Get(s.t.Context(), id)
	require.NoError(s.t, err)
	return p
}

// history is a payment's events, which must be numbered without a gap.
func (s *shop) history(p *payments.Payment) []payments.Event {
	s.t.Helper()
	var all []payments.Event
	for e, err := range s.pay.Events(s.t.Context(), p.ID) {
		require.NoError(s.t, err)
		all = append(all, e)
		require.Equal(s.t, len(all), e.Seq, "events are numbered without a gap")
	}
	return all
}

// kinds are those of a payment's events, without "payment.created".
func (s *shop) kinds(p *payments.Payment) []payments.EventKind {
	s.t.Helper()
	var kinds []payments.EventKind
	for _, e := range s.history(p) {
		if e.Kind != payments.EventCreated {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// told counts a payment's events of a kind.
func (s *shop) told(p *payments.Payment, kind payments.EventKind) int {
	s.t.Helper()
	n := 0
	for _, k := range s.kinds(p) {
		if k == kind {
			n++
		}
	}
	return n
}

// open creates a payment of the user and opens it at the gateway, without
// HTTP.
func (s *shop) open(user payments.EndUser, planID string) *payments.Payment {
	s.t.Helper()
	out, err := s.pay.Checkout(s.t.Context(), payments.CreateParams{User: user, PlanID: planID})
	require.NoError(s.t, err)
	return out.Payment
}

// problem reads an error answer, which must be a problem document.
func problem(t testing.TB, w *httptest.ResponseRecorder, status int, word string) payments.Problem {
	t.Helper()
	var p payments.Problem
	require.Equal(t, status, w.Code, w.Body.String())
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), w.Body.String())
	require.Equal(t, "urn:lunas:problem:"+word, p.Type)
	require.Equal(t, status, p.Status)
	require.NotEmpty(t, p.Title)
	return p
}

// fields are the names of the fields that an error refuses.
func fields(t testing.TB, err error) []string {
	t.Helper()
	var invalid *payments.InvalidError
	require.ErrorAs(t, err, &invalid)
	var names []string
	for _, f := range invalid.Fields {
		names = append(names, f.Field)
	}
	return names
}

// location is where an answer sends the browser.
func location(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	return w.Header().Get("Location")
}

// unreachable is a gateway's failure to answer a question.
func unreachable(code string) error {
	return &payments.GatewayError{Gateway: "fake", Op: "status", Code: code, Retry: code != "401"}
}

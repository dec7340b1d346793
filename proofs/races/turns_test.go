package races

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// A race is run in one of two ways. Free: all racers start at one moment, and
// the machine decides. Dealt: they take their steps one at a time, in an order
// that is drawn by lot. A step is a call of the store or of the gateway; what
// is between two steps touches nothing that is shared. So a dealt race meets
// interleavings that a machine would take days to come across, and does not
// depend on its speed; and a free one meets what is inside the steps.

// turns deals the steps of the racers.
type turns struct {
	mu      sync.Mutex
	racing  int // those that have not arrived
	waiting []chan struct{}
}

type turnsKey struct{}

// step waits for the turn of whoever runs under ctx. In free races, and
// outside of races, it does nothing.
func step(ctx context.Context) {
	t, ok := ctx.Value(turnsKey{}).(*turns)
	if !ok {
		return
	}
	mine := make(chan struct{})
	t.mu.Lock()
	t.waiting = append(t.waiting, mine)
	t.deal()
	t.mu.Unlock()
	select {
	case <-mine:
	case <-ctx.Done():
	}
}

func dealt(ctx context.Context) bool { return ctx.Value(turnsKey{}) != nil }

// arrive takes a racer out.
func (t *turns) arrive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.racing--
	t.deal()
}

// deal lets one go on, when all wait. The caller holds the lock.
func (t *turns) deal() {
	if len(t.waiting) == 0 || len(t.waiting) < t.racing {
		return
	}
	i := rand.IntN(len(t.waiting))
	close(t.waiting[i])
	t.waiting[i] = t.waiting[len(t.waiting)-1]
	t.waiting = t.waiting[:len(t.waiting)-1]
}

// race calls all racers at once and returns when they have arrived.
func (r *round) race(racers ...func(ctx context.Context)) {
	r.t.Helper()
	ctx := r.ctx
	if r.unsure {
		ctx = context.WithValue(ctx, unsureKey{}, true)
	}
	cards := &turns{racing: len(racers)}
	if r.dealt {
		ctx = context.WithValue(ctx, turnsKey{}, cards)
	}
	// They start at one moment, or a little apart: by time, or by steps.
	spread, lead := time.Duration(rand.IntN(4))*time.Millisecond, rand.IntN(6)
	gate := make(chan struct{})
	var group sync.WaitGroup
	for _, racer := range racers {
		group.Go(func() {
			defer cards.arrive()
			<-gate
			if spread > 0 && !r.dealt {
				<-time.After(rand.N(spread))
			}
			for range 1 + rand.IntN(1+lead) {
				step(ctx)
			}
			racer(ctx)
		})
	}
	close(gate)
	group.Wait()
	if err := r.ctx.Err(); err != nil {
		r.wrong("the race took too long: %v", err)
	}
}

// several racers of a kind.
func several(n int, racer func(ctx context.Context, i int)) []func(context.Context) {
	var all []func(context.Context)
	for i := range n {
		all = append(all, func(ctx context.Context) { racer(ctx, i) })
	}
	return all
}

// stepping is a store whose calls are steps. Those of racers who are to be
// unsure fail now and then.
type stepping struct{ payments.Store }

type unsureKey struct{}

// errUnsure: the database went away; whether before or after the commit, the
// caller cannot know.
var errUnsure = errors.New("connection lost")

func (s *stepping) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	step(ctx)
	fate := 2
	if ctx.Value(unsureKey{}) != nil {
		fate = rand.IntN(20)
	}
	if fate == 0 {
		return nil, errUnsure
	}
	p, err := s.Store.Update(ctx, ref, fn)
	if fate == 1 && err == nil {
		return nil, errUnsure
	}
	return p, err
}

func (s *stepping) Get(ctx context.Context, ref payments.Ref) (*payments.Payment, error) {
	step(ctx)
	return s.Store.Get(ctx, ref)
}

func (s *stepping) LeasePayments(ctx context.Context, l payments.Lease) ([]*payments.Payment, error) {
	step(ctx)
	return s.Store.LeasePayments(ctx, l)
}

func (s *stepping) LeaseDeliveries(ctx context.Context, l payments.DeliveryLease) ([]payments.Delivery, error) {
	step(ctx)
	return s.Store.LeaseDeliveries(ctx, l)
}

func (s *stepping) Finish(ctx context.Context, outcomes []payments.Outcome) ([]payments.ID, error) {
	step(ctx)
	return s.Store.Finish(ctx, outcomes)
}

func (s *stepping) Deliveries(ctx context.Context, q payments.DeliveryQuery) (payments.Page[payments.Delivery], error) {
	step(ctx)
	return s.Store.Deliveries(ctx, q)
}

func (s *stepping) Messages(ctx context.Context, q payments.MessageQuery) (payments.Page[payments.Message], error) {
	step(ctx)
	return s.Store.Messages(ctx, q)
}

func (s *stepping) Claims(ctx context.Context, q payments.ClaimQuery) (payments.Page[payments.Claim], error) {
	step(ctx)
	return s.Store.Claims(ctx, q)
}

// wire is the way to the gateway: its calls are steps, and counted.
type wire struct {
	next http.RoundTripper
	seen func(*http.Request)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	step(r.Context())
	w.seen(r)
	return w.next.RoundTrip(r)
}

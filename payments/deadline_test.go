package payments_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// timed notes how long each call to the gateway was given.
type timed struct {
	*fakeGateway
	mu    *sync.Mutex
	given map[string]time.Duration
}

func (g timed) saw(ctx context.Context, op string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	end, ok := ctx.Deadline()
	if !ok {
		g.given[op] = 0
		return
	}
	g.given[op] = time.Until(end)
}

func (g timed) Checkout(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	g.saw(ctx, "checkout")
	return g.fakeGateway.Checkout(ctx, r)
}

func (g timed) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	g.saw(ctx, "status")
	return g.fakeGateway.Status(ctx, a)
}

func (g timed) Cancel(ctx context.Context, a payments.AttemptRef) error {
	g.saw(ctx, "cancel")
	return g.fakeGateway.Cancel(ctx, a)
}

func (g timed) Expire(ctx context.Context, a payments.AttemptRef) error {
	g.saw(ctx, "expire")
	return g.fakeGateway.Expire(ctx, a)
}

func (g timed) Refund(ctx context.Context, a payments.AttemptRef, r payments.RefundRequest) error {
	g.saw(ctx, "refund")
	return g.fakeGateway.Refund(ctx, a, r)
}

// A gateway that hangs must not hang whoever calls it.
func TestEveryCallToAGatewayHasAnEnd(t *testing.T) {
	t.Parallel()
	given := map[string]time.Duration{}
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{timed{c.Gateways[0].(*fakeGateway), &sync.Mutex{}, given}}
	}))
	p := s.paid()
	require.LessOrEqual(t, given["status"], 4*time.Second, "gateways wait five seconds for our answer")
	_, err := s.refund(p, "r1", 0)
	require.NoError(t, err)
	q := s.begun("pending")
	_, err = s.pay.Cancel(t.Context(), q.ID, "")
	require.NoError(t, err)
	s.begun("pending")
	delete(given, "status")
	s.clock.Advance(2 * day)
	s.drain()
	for _, op := range []string{"checkout", "status", "cancel", "expire", "refund"} {
		require.Positive(t, given[op], op)
		require.LessOrEqual(t, given[op], 30*time.Second, op)
	}
}

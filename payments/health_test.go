package payments_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The health of a gateway is what this process saw.
func TestHealth(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	health := func() payments.Health {
		h, err := m.pay.Health("fake")
		require.NoError(t, err)
		return h
	}
	fails := func(err error) {
		m.fake.answers(err)
		m.buyFor(payments.CreateParams{}, "other")
	}
	require.Zero(t, health())
	fails(lost())
	fails(lost())
	require.Equal(t, payments.Health{Failures: 2}, health())
	fails(lost())
	require.Equal(t, payments.Health{Failures: 3, AvoidUntil: start.Add(30 * time.Second), Why: "3 calls in a row failed"}, health())
	require.True(t, health().Down(start.Add(29*time.Second)))
	require.False(t, health().Down(start.Add(30*time.Second)))
	for range 10 {
		fails(lost())
	}
	require.Equal(t, start.Add(8*time.Minute), health().AvoidUntil, "longer, up to a bound")
	m.buyFor(payments.CreateParams{}, "fake")
	require.Zero(t, health(), "it works again")
	fails(down())
	require.Equal(t, "it does not answer in time", health().Why)
	fails(refusal("400"))
	require.Zero(t, health(), "a no is an answer")
	fails(&payments.GatewayError{Gateway: "fake", Op: "checkout", HTTPStatus: 429, Retry: true, RetryAfter: time.Minute})
	require.Equal(t, start.Add(time.Minute), health().AvoidUntil)

	_, err := m.pay.Health("nobody")
	require.ErrorIs(t, err, payments.ErrNotFound)
}

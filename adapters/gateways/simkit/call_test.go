package simkit

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments/paymentstest"
)

// bench is a server whose one call can fail, and a count of its effects.
type bench struct {
	*httptest.Server
	faults  Faults
	clock   *paymentstest.Clock
	effects atomic.Int64
}

func newBench(t *testing.T) *bench {
	b := &bench{clock: paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))}
	fail := func(w http.ResponseWriter, k Kind) { http.Error(w, string(k), http.StatusServiceUnavailable) }
	b.Server = httptest.NewServer(b.faults.Wrap("buy", b.clock, fail, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.effects.Add(1)
		_, _ = w.Write(append([]byte("bought "), body...))
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *bench) buy(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL, strings.NewReader("a mug"))
	if err != nil {
		return "", err
	}
	req.Header.Set("Idempotency-Key", "k-1") // lets Go's client call again by itself
	resp, err := b.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestCallFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]struct {
		effects int64
		answer  string
	}{
		Down: {0, "down\n"}, Throttled: {0, "throttled\n"}, Refused: {0, "refused\n"}, Lost: {1, ""},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			_, err := b.buy(t.Context()) // the connection is kept alive
			require.NoError(t, err)
			b.faults.Add(Fault{Kind: kind})
			answer, err := b.buy(t.Context())
			if want.answer == "" {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, want.answer, answer)
			}
			require.Equal(t, 1+want.effects, b.effects.Load(), "effects")
			answer, err = b.buy(t.Context())
			require.NoError(t, err)
			require.Equal(t, "bought a mug", answer)
		})
	}
}

func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.faults.Add(Fault{Kind: Broken, Count: -1})
	_, err := b.buy(t.Context())
	require.Error(t, err)
	require.Zero(t, b.effects.Load())
}

func TestSilence(t *testing.T) {
	t.Parallel()
	for kind, effects := range map[Kind]int64{Silent: 0, LostSilent: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ctx, cancel := context.WithCancel(t.Context())
			b.faults.Add(Fault{Kind: kind, Met: cancel})
			_, err := b.buy(ctx)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, effects, b.effects.Load())
		})
	}
}

func TestSlowness(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.faults.Add(Fault{Kind: Slow, Delay: time.Hour, Met: func() {
		require.Zero(t, b.effects.Load())
		b.clock.Advance(time.Hour)
	}})
	answer, err := b.buy(t.Context())
	require.NoError(t, err)
	require.Equal(t, "bought a mug", answer)
}

package payments

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *buckets) size() int { return len(b.recent) + len(b.past) }

// Guests whom the host gives a new id each time must not fill the memory.
func TestALimitForgetsThoseWhoseBurstIsWholeAgain(t *testing.T) {
	t.Parallel()
	b := &buckets{every: time.Second, whole: 5 * time.Second, most: 1000}
	now := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	most := 0
	for i := range 10_000 {
		require.NoError(t, b.allow(t.Context(), EndUser{ID: fmt.Sprint("guest-", i)}, now.Add(time.Duration(i)*100*time.Millisecond)))
		most = max(most, b.size())
	}
	require.LessOrEqual(t, most, 100, "those of ten seconds")
}

func TestALimitForgetsRatherThanGrow(t *testing.T) {
	t.Parallel()
	b := &buckets{every: time.Second, whole: 5 * time.Second, most: 1000}
	now := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	for i := range 10_000 { // all at once
		require.NoError(t, b.allow(t.Context(), EndUser{ID: fmt.Sprint("guest-", i)}, now))
		require.LessOrEqual(t, b.size(), 2000)
	}
	// It has not forgotten those of just now.
	for range 4 {
		require.NoError(t, b.allow(t.Context(), EndUser{ID: "guest-9999"}, now))
	}
	require.Error(t, b.allow(t.Context(), EndUser{ID: "guest-9999"}, now))
}

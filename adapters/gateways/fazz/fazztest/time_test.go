package fazztest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

func TestPaymentsExpire(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		how, expiredAt string
		life           time.Duration
	}{
		"va": {byVA, "", 24 * time.Hour}, "retail": {byRetail, "", 24 * time.Hour}, "qris": {byQRIS, "", 24 * time.Hour},
		"wallet": {byShopee, "", 15 * time.Minute}, "asked for": {byVA, `"expiredAt":"2026-05-06T10:30:00+07:00"`, 30 * time.Minute},
		"a fraction": {byVA, `"expiredAt":"2026-05-06T10:30:00.9+07:00"`, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			more := []string{`"x":1`}
			if tc.expiredAt != "" {
				more = append(more, tc.expiredAt)
			}
			b.pay("INV-1", tc.how, more...)
			b.clock.Advance(tc.life - time.Nanosecond)
			require.Equal(t, "pending", b.look("INV-1").at("data.attributes.status"))
			require.Empty(t, b.words())
			b.clock.Advance(time.Nanosecond)
			require.Equal(t, "expired", b.look("INV-1").at("data.attributes.status"))
			require.Equal(t, "expired", b.words())
			require.ErrorContains(t, b.Pay("INV-1"), "it is expired")
			b.ok(b.Pay("INV-1", fazztest.Late()))
			require.Equal(t, "paid", b.words())
		})
	}
}

// What is on its way, or over, does not expire.
func TestOnlyPendingPaymentsExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, status := range everyStatus {
		b.reach(status, status, byVA)
	}
	b.clock.Advance(365 * 24 * time.Hour)
	require.Equal(t, "expired", b.words())
	for _, status := range everyStatus[1:] {
		require.Equal(t, status, b.Status(status))
	}
	require.Equal(t, "expired", b.Status("pending"))
}

func TestSettleAfter(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithSettleAfter(time.Hour))
	b.pay("INV-1", byVA)
	b.clock.Advance(10 * time.Minute)
	b.ok(b.Pay("INV-1"))
	b.clock.Advance(time.Hour - time.Nanosecond)
	require.Equal(t, "paid", b.words())
	require.Equal(t, "paid", b.Status("INV-1"))
	b.clock.Advance(time.Nanosecond)
	require.Equal(t, "completed", b.words())
	require.ErrorContains(t, b.Complete("INV-1"), "it is completed")

	atOnce := newBench(t, fazztest.WithSettleAfter(0))
	atOnce.pay("INV-1", byVA)
	atOnce.ok(atOnce.Pay("INV-1"))
	require.Equal(t, "paid completed", atOnce.words())
}

// What the clock brings comes in the order of time, however long nobody
// looked.
func TestTimeIsCaughtUpInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithSettleAfter(time.Hour))
	b.pay("day", byVA)       // expires after 24 h
	b.pay("quarter", byOVO)  // after 15 min
	b.pay("paid", byQRIS)    // completes after 1 h
	b.pay("day-2", byRetail) // with the first
	b.ok(b.Pay("paid"))
	b.delivered()
	b.clock.Advance(100 * time.Hour)
	var order []string
	for _, n := range b.delivered() {
		order = append(order, n.body.at("data.attributes.referenceId"))
	}
	require.Equal(t, "quarter paid day day-2", strings.Join(order, " "))
}

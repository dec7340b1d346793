package midtranstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

func TestTransactionsExpire(t *testing.T) {
	t.Parallel()
	for method, life := range map[string]time.Duration{
		"gopay": 15 * time.Minute, "shopeepay": 15 * time.Minute, "other_qris": 15 * time.Minute, "bca_va": 24 * time.Hour,
		"permata_va": 24 * time.Hour, "echannel": 24 * time.Hour, "indomaret": 24 * time.Hour, "alfamart": 24 * time.Hour,
		"credit_card": 10 * time.Minute,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.order("order-1", `"page_expiry":{"unit":"days","duration":7}`)
			b.ok(b.Choose("order-1", midtranstest.By(method)))
			b.delivered()
			b.clock.Advance(life - time.Second)
			require.Equal(t, "201", b.status("order-1").text("status_code"))
			require.Empty(t, b.delivered())
			b.clock.Advance(time.Second)
			notices := b.delivered()
			require.Len(t, notices, 1)
			require.Equal(t, "expire", notices[0].body.text("transaction_status"))
			require.Equal(t, "202", notices[0].body.text("status_code"))
			require.Equal(t, "407", b.status("order-1").text("status_code"), "the look-up has another code")
			require.ErrorContains(t, b.Cancel("order-1"), "expire")
			b.ok(b.Pay("order-1")) // a new try on the same page
		})
	}
}

func TestExpiryOfTheOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		more      string
		page, pay time.Duration // after the start; the payer chooses after an hour
	}{
		"none":             {`"custom_field1":"x"`, 24 * time.Hour, 25 * time.Hour},
		"from the choice":  {`"expiry":{"unit":"hours","duration":3}`, 3 * time.Hour, 4 * time.Hour},
		"from a start":     {`"expiry":{"unit":"minute","duration":150,"start_time":"2026-05-06 10:00:00 +0700"}`, 150 * time.Minute, 150 * time.Minute},
		"the page's own":   {`"page_expiry":{"unit":"hour","duration":2},"expiry":{"unit":"hour","duration":3}`, 2 * time.Hour, 4 * time.Hour},
		"a week is all":    {`"expiry":{"unit":"day","duration":30}`, 7 * 24 * time.Hour, 30*24*time.Hour + time.Hour},
		"start elsewhere":  {`"expiry":{"unit":"minute","duration":150,"start_time":"2026-05-06 03:00:00 +0000"}`, 150 * time.Minute, 150 * time.Minute},
		"already too late": {`"expiry":{"unit":"minute","duration":1,"start_time":"2026-05-05 10:00:00 +0700"}`, -24*time.Hour + time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.order("order-1", tc.more)
			o, _ := b.Order("order-1")
			require.Equal(t, start.Add(tc.page), o.Pages[0].ExpiresAt.UTC())
			b.clock.Advance(time.Hour)
			if tc.pay == 0 {
				require.ErrorContains(t, b.Pay("order-1"), "closed")
				return
			}
			b.ok(b.Choose("order-1", midtranstest.By("bca_va")))
			require.Equal(t, start.Add(tc.pay), b.transaction("order-1").ExpiresAt.UTC())
		})
	}
}

func TestPagesExpireInSilence(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.order("order-2")
	b.ok(b.Expire("order-2"))
	b.clock.Advance(30 * 24 * time.Hour)
	require.Empty(t, b.delivered())
	require.ErrorContains(t, b.Pay("order-1"), "closed")
	require.ErrorContains(t, b.Pay("order-2"), "closed")
	require.Equal(t, "404", b.status("order-1").text("status_code"))
}

func TestCardsSettleTheNextDay(t *testing.T) {
	t.Parallel()
	wib := time.FixedZone("WIB", 7*60*60)
	for paid, settled := range map[time.Time]time.Time{
		time.Date(2026, 5, 6, 10, 0, 0, 0, wib):    time.Date(2026, 5, 7, 16, 0, 0, 0, wib),
		time.Date(2026, 5, 6, 23, 59, 59, 0, wib):  time.Date(2026, 5, 7, 16, 0, 0, 0, wib),
		time.Date(2026, 5, 7, 0, 0, 0, 0, wib):     time.Date(2026, 5, 8, 16, 0, 0, 0, wib),
		time.Date(2026, 12, 31, 17, 30, 0, 0, wib): time.Date(2027, 1, 1, 16, 0, 0, 0, wib),
	} {
		b := newBench(t)
		b.clock.Advance(paid.Sub(b.clock.Now()))
		b.order("order-1")
		b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
		require.Equal(t, "capture", b.words())
		b.clock.Advance(settled.Sub(paid) - time.Second)
		require.Empty(t, b.words())
		b.clock.Advance(time.Second)
		notices := b.delivered()
		require.Len(t, notices, 1)
		require.Equal(t, "settlement", notices[0].body.text("transaction_status"))
		require.Equal(t, settled.Format("2006-01-02 15:04:05"), notices[0].body.text("settlement_time"))
	}
}

func TestChallengesEndUndecided(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, id := range []string{"order-1", "order-2", "order-3"} {
		b.order(id)
		b.ok(b.Challenge(id))
	}
	b.ok(b.Approve("order-2"))
	b.ok(b.Deny("order-3"))
	b.delivered()
	b.clock.Advance(30*time.Hour - time.Second)
	require.Empty(t, b.delivered())
	b.clock.Advance(time.Second) // the next day at 16:00
	told := map[string]string{}
	for _, n := range b.delivered() {
		told[n.body.text("order_id")] = n.body.text("transaction_status")
	}
	require.Equal(t, map[string]string{"order-1": "cancel", "order-2": "settlement"}, told)
}

func TestAuthorizationsAreGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1", `"credit_card":{"type":"authorize"}`)
	b.ok(b.Pay("order-1", midtranstest.By("credit_card")))
	require.Equal(t, "authorize", b.words())
	b.clock.Advance(8*24*time.Hour - time.Second)
	require.Empty(t, b.words())
	b.clock.Advance(time.Second)
	require.Equal(t, "expire", b.words())
}

// What the clock brings comes in the order of time, however long nobody
// looked.
func TestTimeIsCaughtUpInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Choose("order-1", midtranstest.By("bca_va"))) // expires after 24 h
	b.order("order-2")
	b.ok(b.Pay("order-2", midtranstest.By("credit_card"))) // settles after 30 h
	b.order("order-3")
	b.ok(b.Choose("order-3")) // expires after 15 min
	b.order("order-4")
	b.ok(b.Pay("order-4"))
	b.ok(b.RefundFromDashboard("order-4", 0)) // confirmed after a minute
	b.delivered()
	b.clock.Advance(100 * time.Hour)
	var order []string
	for _, n := range b.delivered() {
		order = append(order, n.body.text("order_id"))
	}
	require.Equal(t, []string{"order-4", "order-3", "order-1", "order-2"}, order)
}

package midtranstest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDashboardOfSubscriptionsAndAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, html := b.visit(b.URL+"/", nil)
	require.NotContains(t, html, "Subscriptions")
	require.NotContains(t, html, "GoPay accounts")
	use := func(id, verb string) string {
		t.Helper()
		status, html := b.visit(b.URL+"/", form("order", id, "do", verb))
		require.Equal(t, http.StatusOK, status)
		return html
	}

	id := b.subscribe(b.saved(good), object{"name": "PRO"}, retries(1))
	_, html = b.visit(b.URL+"/", nil)
	require.Contains(t, html, "next 6 June 2026, 10.00 WIB")
	require.Contains(t, use(id, "charge_now"), "charged 1")
	require.Equal(t, "1 capture 200 active", b.told())
	_, html = b.visit(b.URL+"/", nil)
	require.Contains(t, html, "next 6 July 2026, 10.00 WIB", "the later ones are due when they were")
	require.Contains(t, use(id, "fail_token"), "to fail: 411")
	use(id, "fail_denied")
	require.Contains(t, use(id, "charge_now"), "retry 6 May 2026, 12.00 WIB")
	require.NotContains(t, use(id, "charge_now"), `value="charge_now"`, "it has ended")
	require.Equal(t, "2 411 active, 2 deny 202 inactive", b.told())
	require.Contains(t, use(id, "charge_now"), "not charged any more", "the reason is shown")
	use(id, "fail_trouble")

	account := b.ask("81212345678").text("account_id")
	require.Contains(t, use(account, "link"), "Rp1.000.000")
	token := b.purse(account)
	use(account, "tokens")
	require.NotEqual(t, token, b.purse(account))
	require.Contains(t, use(account, "empty"), "Rp0")
	require.Contains(t, use(account, "unlink"), "DISABLED")
	require.Len(t, b.delivered(), 2)
	require.Contains(t, use(b.ask("81212345678").text("account_id"), "decline"), "DISABLED")
}

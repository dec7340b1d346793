package midtranstest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

func every(interval int, unit string, most any, start string) object {
	schedule := object{"interval": interval, "interval_unit": unit, "max_interval": most}
	if start != "" {
		schedule["start_time"] = start
	}
	return object{"schedule": schedule}
}

func retries(most int) object {
	return object{"retry_schedule": object{"interval": 2, "interval_unit": "hour", "max_interval": most}}
}

const good = "4811111111111114"

func TestSubscriptionIsCharged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.subscribe(b.saved(good), every(1, "month", 2, ""), object{"metadata": object{"plan": "pro"}})
	b.until("2026-06-06 09:59")
	require.Empty(t, b.delivered())
	b.until("2026-06-06 10:00")
	notices := b.delivered()
	require.Len(t, notices, 1)
	body := notices[0].body
	require.NotContains(t, body, "signature_key")
	require.Equal(t, "subscription.charge", body.text("event_name"))
	transactionID := body.in("transaction").text("transaction_id")
	require.Equal(t, object{
		"transaction_status": "capture", "transaction_id": transactionID, "status_code": "200",
		"channel_response_code": "0", "channel_response_message": "Approved",
	}, body.in("transaction"))
	sub := body.in("subscription")
	require.Equal(t, "active 17000 G000000001", sub.text("status")+" "+sub.text("amount")+" "+sub.text("merchant_id"))
	require.Equal(t, object{
		"interval": 1.0, "interval_unit": "month", "current_interval": 1.0,
		"start_time": "2026-05-06T03:00:00.000000Z", "next_execution_at": "2026-07-06T03:00:00.000000Z",
	}, sub.in("schedule"))

	found := b.status(transactionID)
	require.Regexp(t, `^MONTHLY[0-9a-f]{32}$`, found.text("order_id"))
	require.Equal(t, "capture 200 17000.00", found.text("transaction_status")+" "+found.text("status_code")+" "+found.text("gross_amount"))
	require.Equal(t, object{"plan": "pro"}, found.in("metadata"))
	require.Equal(t, found, b.status(found.text("order_id")))
	got := b.subscription(id)
	require.Equal(t, []any{transactionID}, got["transaction_ids"])
	require.Equal(t, "2026-06-06 10:00:00", got.in("schedule").text("previous_execution_at"))

	// A capture settles as others do, and can be refunded.
	b.until("2026-06-07 16:00")
	require.Equal(t, "settlement", b.words())
	b.act(transactionID, "refund", `{"refund_key":"r","amount":1000}`)
	require.Equal(t, "partial_refund", b.words())
	b.until("2026-06-08 16:00")
	b.delivered()

	b.until("2026-07-06 10:00")
	require.Equal(t, "2 capture 200 inactive", b.told())
	got = b.subscription(id)
	require.Equal(t, "inactive", got.text("status"))
	require.Len(t, got["transaction_ids"], 2)
	require.NotContains(t, got.in("schedule"), "next_execution_at")
	b.until("2027-07-06 10:00")
	require.Len(t, b.delivered(), 1, "only the settlement")
	status, refused := b.call(http.MethodPost, subscriptionPath+"/"+id+"/enable", "")
	require.Equal(t, http.StatusBadRequest, status, refused)
	require.ErrorContains(t, b.ChargeNow(id), "not charged any more")
}

// Each month has the charge on the day that it began on, or on its last.
func TestScheduleOfSubscriptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schedule object
		want     []string
	}{
		"months": {every(1, "month", nil, "2026-08-31 10:00:00 +0700"), []string{
			"2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"}},
		"quarters": {every(3, "month", nil, "2026-05-30 10:00:00 +0700"), []string{"2026-05-30", "2026-08-30", "2026-11-30", "2027-02-28", "2027-05-30"}},
		"a leap":   {every(12, "month", nil, "2027-02-28 10:00:00 +0700"), []string{"2027-02-28", "2028-02-28"}},
		"weeks":    {every(2, "week", nil, ""), []string{"2026-05-20", "2026-06-03", "2026-06-17"}},
		"days":     {every(10, "day", nil, ""), []string{"2026-05-16", "2026-05-26", "2026-06-05"}},
		"once":     {every(1, "day", 0, ""), []string{"2026-05-07"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			id := b.subscribe(b.saved(good), c.schedule)
			for i, day := range c.want {
				require.Equal(t, day+" 10:00:00", b.subscription(id).in("schedule").text("next_execution_at"), i)
				b.until(day + " 10:00")
				require.EqualValues(t, i+1, b.subscription(id).in("schedule")["current_interval"])
			}
		})
	}
}

// What was due while nobody looked happens in its order, at its time.
func TestSubscriptionsCatchUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.subscribe(b.saved(good), every(1, "day", 3, ""))
	b.clock.Advance(30 * 24 * time.Hour)
	var words, days []string
	for _, sent := range b.Take() {
		words, days = append(words, sent.Word), append(days, sent.Due.In(time.FixedZone("", 7*60*60)).Format("02"))
	}
	require.Equal(t, []string{"subscription.charge", "subscription.charge", "settlement", "subscription.charge", "settlement", "settlement"}, words)
	require.Equal(t, []string{"07", "08", "08", "09", "09", "10"}, days)
}

func TestChargesThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		token   string
		n       int
		code    string
		retries int
		want    string
	}{
		"no retry":         {good, 1, "411", 0, "1 411 inactive"},
		"second try":       {good, 1, "411", 3, "1 411 active, 1 capture 200 active"},
		"none left":        {good, 9, "411", 2, "1 411 active, 1 411 active, 1 411 inactive"},
		"trouble":          {good, 1, "500", 1, "1 500 active, 1 capture 200 active"},
		"bank":             {good, 2, "deny", 2, "1 deny 202 active, 1 deny 202 active, 1 capture 200 active"},
		"a bad card":       {"4911111111111113", 0, "deny", 1, "1 deny 202 active, 1 deny 202 inactive"},
		"challenged":       {"4511111111111117", 0, "deny", 1, "1 capture 201 active"},
		"a token is dummy": {"", 0, "411", 1, "1 411 active, 1 411 inactive"},
	} {
		token := "dummy"
		if c.token != "" {
			token = b.saved(c.token)
		}
		id := b.subscribe(token, every(1, "day", nil, ""), retries(c.retries))
		b.ok(b.FailCharges(id, c.n, c.code))
		b.clock.Advance(24 * time.Hour)
		told := b.told()
		for range 4 {
			b.clock.Advance(2 * time.Hour)
			if more := b.told(); more != "" && more != "<nil>" {
				told += ", " + more
			}
		}
		require.Equal(t, c.want, told, name)
		b.call(http.MethodPost, subscriptionPath+"/"+id+"/cancel", "")
		b.clock.Advance(48 * time.Hour)
		b.delivered()
	}
}

func TestWhatIsToldOfAFailure(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.subscribe("dummy", object{"name": "by-name"}, retries(1))
	b.until("2026-06-06 10:00")
	notices := b.delivered()
	require.Len(t, notices, 1)
	require.Equal(t, object{"status_message": "Token id is missing, invalid, or timed out", "status_code": "411"}, notices[0].body.in("transaction"))
	require.Equal(t, []any{}, b.subscription(id)["transaction_ids"])

	b.ok(b.FailCharges("by-name", 1, "500"))
	b.ok(b.ChargeNow("by-name"))
	notices = b.delivered()
	require.Equal(t, "500", notices[0].body.in("transaction").text("status_code"))
	require.Equal(t, "inactive", notices[0].body.in("subscription").text("status"))
	require.Empty(t, b.Orders())
}

func TestSubscriptionByGoPay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	account, token := b.linked("81212345678")
	b.Take()
	gopay := object{"payment_type": "gopay", "gopay": object{"account_id": account}}
	id := b.subscribe(token, gopay, every(1, "day", nil, ""), retries(3))
	require.Equal(t, object{"account_id": account}, b.subscription(id).in("gopay"))
	b.clock.Advance(24 * time.Hour)
	notices := b.delivered()
	require.Len(t, notices, 1)
	transaction := notices[0].body.in("transaction")
	require.Equal(t, object{"transaction_status": "settlement", "transaction_id": transaction.text("transaction_id"), "status_code": "200"}, transaction)
	require.Equal(t, object{"account_id": account}, notices[0].body.in("subscription").in("gopay"))
	require.Equal(t, "settlement gopay", b.status(transaction.text("transaction_id")).text("transaction_status")+" "+b.status(transaction.text("transaction_id")).text("payment_type"))

	b.ok(b.SetBalance(account, 1))
	b.clock.Advance(24 * time.Hour)
	require.Equal(t, "2 deny 202 active", b.told())
	b.ok(b.SetBalance(account, 1_000_000))
	b.clock.Advance(2 * time.Hour)
	require.Equal(t, "2 settlement 200 active", b.told())
	b.ok(b.FailCharges(id, 1, "deny"))
	b.ok(b.ChargeNow(id))
	require.Equal(t, "3 deny 202 active", b.told())

	// A token that was changed is put in by an update.
	b.ok(b.ChangeTokens(account))
	b.ok(b.ChargeNow(id))
	require.Equal(t, "3 411 active", b.told())
	status, _ := b.call(http.MethodPatch, subscriptionPath+"/"+id, subscriptionBody(b.purse(account), gopay, every(1, "day", nil, "")))
	require.Equal(t, http.StatusOK, status)
	b.ok(b.ChargeNow(id))
	require.Equal(t, "3 settlement 200 active", b.told())
	b.ok(b.UnlinkAccount(account))
	b.ok(b.ChargeNow(id))
	notices = b.delivered()
	require.Len(t, notices, 2)
	require.Equal(t, "DISABLED 411", notices[0].body.text("account_status")+" "+notices[1].body.in("transaction").text("status_code"))
	status, got := b.call(http.MethodPost, subscriptionPath, subscriptionBody(token, gopay))
	require.Equal(t, http.StatusBadRequest, status, got)
}

func TestSubscriptionIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.subscribe(b.saved(good), every(1, "day", nil, ""), retries(3))
	do := func(verb string) {
		t.Helper()
		status, got := b.call(http.MethodPost, subscriptionPath+"/"+id+"/"+verb, "null")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, object{"status_message": "Subscription is updated."}, got)
	}
	do("enable") // it is
	b.ok(b.FailCharges(id, 1, "411"))
	b.clock.Advance(24 * time.Hour)
	require.Equal(t, "1 411 active", b.told())
	do("disable")
	require.Equal(t, "inactive", b.subscription(id).text("status"))
	b.clock.Advance(2 * time.Hour)
	require.Equal(t, "1 capture 200 inactive", b.told(), "the retry ran on")
	b.until("2026-05-10 12:00")
	require.Equal(t, "settlement", b.words())
	do("enable")
	require.Equal(t, "2026-05-11 10:00:00", b.subscription(id).in("schedule").text("next_execution_at"), "what was missed is not made up for")
	b.ok(b.FailCharges(id, 1, "deny"))
	b.until("2026-05-11 10:00")
	require.Equal(t, "2 deny 202 active", b.told())
	do("cancel")
	b.until("2026-06-11 10:00")
	require.Empty(t, b.delivered(), "no retry either")
	require.Equal(t, "inactive", b.subscription(id).text("status"))
}

func TestSubscriptionIsUpdated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.subscribe("dummy", every(1, "month", nil, ""))
	path := subscriptionPath + "/" + id
	for _, c := range []struct {
		change object
		want   string
	}{
		{object{"amount": nil}, "subscription.amount is required"},
		{object{"currency": nil}, "subscription.currency is required"},
		{object{"token": nil}, "subscription.token is required"},
		{object{"name": "a b"}, "subscription.name contains characters other than letters, digits, - _ ~ ."},
		{object{"payment_type": "gopay"}, "subscription.payment_type cannot be changed"},
		{every(0, "month", nil, ""), "subscription.schedule.interval must be between 1 and 1000"},
		{object{"schedule": object{"next_execution_at": "2026-05-01 10:00:00 +0700"}}, "subscription.schedule.next_execution_at must be after the current time"},
	} {
		status, got := b.call(http.MethodPatch, path, subscriptionBody("dummy", c.change))
		require.Equal(t, http.StatusBadRequest, status, c.want)
		require.Equal(t, []any{c.want}, got["validation_messages"])
	}
	status, _ := b.call(http.MethodPatch, path, "null")
	require.Equal(t, http.StatusBadRequest, status)

	token := b.saved(good)
	status, got := b.call(http.MethodPatch, path, subscriptionBody(token, object{"name": "NEW", "amount": 20000}, every(2, "day", 1, "")))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, object{"status_message": "Subscription is updated."}, got)
	got = b.subscription(id)
	require.Equal(t, "NEW 20000 "+token, got.text("name")+" "+got.text("amount")+" "+got.text("token"))
	require.Equal(t, object{
		"interval": 2.0, "interval_unit": "month", "current_interval": 0.0,
		"start_time": "2026-05-06 10:00:00", "next_execution_at": "2026-06-06 10:00:00",
	}, got.in("schedule"), "only the interval changes")
	b.until("2026-06-06 10:00")
	require.Equal(t, "2026-08-06 10:00:00", b.subscription(id).in("schedule").text("next_execution_at"))

	b.call(http.MethodPost, path+"/disable", "")
	b.call(http.MethodPatch, path, subscriptionBody(token, object{"schedule": object{"next_execution_at": "2026-06-20 08:00:00 +0700"}}))
	require.Equal(t, "active", b.subscription(id).text("status"))
	b.delivered()
	b.until("2026-06-20 08:00")
	require.Contains(t, b.told(), "2 capture 200 active")
	require.Equal(t, "2026-08-20 08:00:00", b.subscription(id).in("schedule").text("next_execution_at"))
}

func TestChargesToldTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithChargeNotifications(), midtranstest.WithRecurringURL("http://shop.test/recurring"))
	id := b.subscribe(b.saved(good), every(1, "day", 1, ""))
	b.clock.Advance(24 * time.Hour)
	notices := b.delivered()
	require.Len(t, notices, 2)
	require.Equal(t, "/recurring /notifications", notices[0].path+" "+notices[1].path)
	require.Equal(t, "capture "+id, notices[1].body.text("transaction_status")+" "+notices[1].body.text("subscription_id"))
	require.NotEmpty(t, notices[1].body.text("signature_key"))
	b.clock.Advance(48 * time.Hour)
	require.Equal(t, id, b.delivered()[0].body.text("subscription_id"))
}

// A stranger can send what is not signed: it is of no transaction that there
// is.
func TestForgedRecurringNotifications(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithScenario(simkit.Fault{Kind: simkit.Forge, Count: 2}))
	_, made := b.call(http.MethodPost, subscriptionPath, subscriptionBody(b.saved(good)))
	require.NotEqual(t, made.text("id"), b.delivered()[0].body.text("id"))
	b.ok(b.ChargeNow(made.text("id")))
	notices := b.delivered()
	require.Len(t, notices, 2)
	require.Equal(t, "404", b.status(notices[0].body.in("transaction").text("transaction_id")).text("status_code"))
	require.Equal(t, "200", b.status(notices[1].body.in("transaction").text("transaction_id")).text("status_code"))
	require.NotEqual(t, made.text("id"), notices[0].body.in("subscription").text("id"))
}

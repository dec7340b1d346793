package midtranstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

const subscriptionPath = "/v1/subscriptions"

// subscriptionBody is a request for 17,000 rupiah a month. changes are fields
// that replace its own; nil leaves one out.
func subscriptionBody(token string, changes ...object) string {
	body := object{
		"name": "MONTHLY", "amount": "17000", "currency": "IDR", "payment_type": "credit_card", "token": token,
		"schedule": object{"interval": 1, "interval_unit": "month", "max_interval": 12},
	}
	for _, change := range changes {
		maps.Copy(body, change)
	}
	maps.DeleteFunc(body, func(_ string, value any) bool { return value == nil })
	raw, _ := json.Marshal(body)
	return string(raw)
}

// saved is the token of a saved card.
func (b *bench) saved(number string) string {
	b.t.Helper()
	status, got := b.call(http.MethodGet, "/v2/card/register?client_key=SB-Mid-client-test&card_number="+number+"&card_exp_month=12&card_exp_year=2099&card_cvv=123", "")
	require.Equal(b.t, http.StatusOK, status)
	require.NotEmpty(b.t, got.text("saved_token_id"), got)
	return got.text("saved_token_id")
}

// subscribe makes a subscription and returns its id. What is told of its
// creation is dropped.
func (b *bench) subscribe(token string, changes ...object) string {
	b.t.Helper()
	status, got := b.call(http.MethodPost, subscriptionPath, subscriptionBody(token, changes...))
	require.Equal(b.t, http.StatusOK, status, got)
	require.Len(b.t, b.Take(), 1)
	return got.text("id")
}

func (b *bench) subscription(id string) object {
	b.t.Helper()
	status, got := b.call(http.MethodGet, subscriptionPath+"/"+id, "")
	require.Equal(b.t, http.StatusOK, status, got)
	return got
}

func (o object) in(key string) object { part, _ := o[key].(map[string]any); return part }

// told are the recurring notifications in short: the interval, the status of
// the transaction and its code, the status of the subscription.
func (b *bench) told() string {
	b.t.Helper()
	var all []string
	for _, n := range b.delivered() {
		transaction, sub := n.body.in("transaction"), n.body.in("subscription")
		all = append(all, strings.Join(strings.Fields(fmt.Sprint(
			sub.in("schedule")["current_interval"], " ", transaction.text("transaction_status"), " ", transaction.text("status_code"), " ", sub.text("status"))), " "))
	}
	return strings.Join(all, ", ")
}

// until advances to a time in Jakarta, "2026-06-06 10:00".
func (b *bench) until(at string) {
	b.t.Helper()
	to, err := time.Parse("2006-01-02 15:04 -0700", at+" +0700")
	require.NoError(b.t, err)
	b.clock.Advance(to.Sub(b.clock.Now()))
}

func TestSubscriptionIsMade(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithRecurringURL("http://shop.test/recurring"))
	token := b.saved("4811111111111114")
	status, got := b.call(http.MethodPost, subscriptionPath, subscriptionBody(token, object{
		"schedule":         object{"interval": 1, "interval_unit": "month", "max_interval": 12, "start_time": "2026-06-01 07:25:01 +0700"},
		"retry_schedule":   object{"interval": 1, "interval_unit": "day", "max_interval": 3},
		"metadata":         object{"plan": "pro"},
		"customer_details": object{"first_name": "Sari"},
	}))
	require.Equal(t, http.StatusOK, status, got)
	id := got.text("id")
	require.Len(t, id, 36)
	require.Equal(t, object{
		"id": id, "name": "MONTHLY", "amount": "17000", "currency": "IDR", "created_at": "2026-05-06 10:00:00", "status": "active",
		"schedule": map[string]any{
			"interval": 1.0, "current_interval": 0.0, "max_interval": 12.0, "interval_unit": "month",
			"start_time": "2026-06-01 07:25:01", "next_execution_at": "2026-06-01 07:25:01",
		},
		"retry_schedule": map[string]any{"interval": 1.0, "interval_unit": "day", "max_interval": 3.0},
		"token":          token, "payment_type": "credit_card", "transaction_ids": []any{}, "metadata": map[string]any{"plan": "pro"},
		"customer_details": map[string]any{"first_name": "Sari"},
	}, got)
	require.Equal(t, got, b.subscription(id))

	notices := b.delivered()
	require.Len(t, notices, 1)
	require.Equal(t, "/recurring", notices[0].path)
	require.Equal(t, object{
		"id": id, "name": "MONTHLY", "amount": "17000", "currency": "IDR", "status": "active", "token": token, "payment_type": "credit_card",
		"schedule": map[string]any{
			"interval": 1.0, "current_interval": 0.0, "interval_unit": "month",
			"start_time": "2026-06-01T00:25:01.000000Z", "next_execution_at": "2026-06-01T00:25:01.000000Z",
		},
		"merchant_id": "G000000001", "metadata": map[string]any{"plan": "pro"}, "customer_details": map[string]any{"first_name": "Sari"},
	}, notices[0].body)

	// Without a start: one interval from now. The amount may be a number.
	endless := object{"interval": 2, "interval_unit": "week"}
	got = b.subscription(b.subscribe("dummy", object{"amount": 14000, "schedule": endless}))
	require.Equal(t, "14000", got.text("amount"))
	require.Equal(t, "2026-05-20 10:00:00", got.in("schedule").text("next_execution_at"))
	require.Equal(t, "2026-05-06 10:00:00", got.in("schedule").text("start_time"))
	require.NotContains(t, got.in("schedule"), "max_interval")
}

func TestSubscriptionRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	schedule := func(change object) object {
		all := object{"interval": 1, "interval_unit": "month"}
		maps.Copy(all, change)
		return object{"schedule": all}
	}
	retry := func(interval, unit, most any) object {
		return object{"retry_schedule": object{"interval": interval, "interval_unit": unit, "max_interval": most}}
	}
	for _, c := range []struct {
		change object
		want   string
	}{
		{object{"name": nil}, "subscription.name is required"},
		{object{"name": ""}, "subscription.name is required"},
		{object{"name": strings.Repeat("x", 41)}, "subscription.name too long"},
		{object{"name": "a b"}, "subscription.name contains characters other than letters, digits, - _ ~ ."},
		{object{"amount": nil}, "subscription.amount is required"},
		{object{"amount": "17000.00"}, "subscription.amount must be a number without decimals"},
		{object{"amount": 17000.5}, "subscription.amount must be a number without decimals"},
		{object{"amount": "-1"}, "subscription.amount must be a number without decimals"},
		{object{"amount": true}, "subscription.amount must be a number without decimals"},
		{object{"amount": "0"}, "subscription.amount must be greater than 0"},
		{object{"currency": nil}, "subscription.currency is required"},
		{object{"currency": "USD"}, "subscription.currency must be IDR"},
		{object{"payment_type": nil}, "subscription.payment_type is required"},
		{object{"payment_type": "ovo"}, "subscription.payment_type must be credit_card or gopay"},
		{object{"token": nil}, "subscription.token is required"},
		{object{"token": ""}, "subscription.token is required"},
		{object{"payment_type": "gopay"}, "subscription.gopay.account_id is required"},
		{object{"payment_type": "gopay", "gopay": object{"account_id": "x"}}, "subscription.gopay.account_id is not an enabled account"},
		{object{"schedule": nil}, "subscription.schedule is required"},
		{schedule(object{"interval": 0}), "subscription.schedule.interval must be between 1 and 1000"},
		{schedule(object{"interval": nil}), "subscription.schedule.interval is required"},
		{schedule(object{"interval": "1"}), "subscription.schedule.interval is not a number"},
		{schedule(object{"interval_unit": "year"}), "subscription.schedule.interval_unit must be day, week or month"},
		{schedule(object{"max_interval": -1}), "subscription.schedule.max_interval must be greater than or equal to 0"},
		{schedule(object{"start_time": "tomorrow"}), "subscription.schedule.start_time format must be yyyy-MM-dd HH:mm:ss Z"},
		{schedule(object{"start_time": "2026-05-06 10:00:00 +0700"}), "subscription.schedule.start_time must be after the current time"},
		{retry(0, "day", 1), "subscription.retry_schedule.interval must be between 1 and 1000"},
		{retry(1, "week", 1), "subscription.retry_schedule.interval_unit must be minute, hour or day"},
		{retry(1, "day", 4), "subscription.retry_schedule.max_interval must be between 0 and 3"},
		{object{"metadata": object{"x": strings.Repeat("x", 1024)}}, "subscription.metadata too long"},
		{object{"metadata": "x"}, "subscription.metadata is not an object"},
		{object{"customer_details": "x"}, "customer_details is not an object"},
	} {
		status, got := b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy", c.change))
		require.Equal(t, http.StatusBadRequest, status, c.want)
		require.Equal(t, object{"status_message": "Invalid parameter.", "validation_messages": []any{c.want}}, got)
	}
	for _, body := range []string{``, `null`, `[]`, `{`} {
		status, got := b.call(http.MethodPost, subscriptionPath, body)
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, []any{"Invalid JSON data provided."}, got["validation_messages"])
	}
	require.Empty(t, b.Take())
}

func TestSubscriptionCallsThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.subscribe("dummy")
	calls := map[string][2]string{
		"create_subscription": {http.MethodPost, ""}, "get_subscription": {http.MethodGet, "/" + id}, "update_subscription": {http.MethodPatch, "/" + id},
		"disable_subscription": {http.MethodPost, "/" + id + "/disable"}, "enable_subscription": {http.MethodPost, "/" + id + "/enable"},
		"cancel_subscription": {http.MethodPost, "/" + id + "/cancel"},
	}
	for op, c := range calls {
		status, got := b.call(c[0], subscriptionPath+c[1], "", "Authorization", "Basic eDo=")
		require.Equal(t, http.StatusUnauthorized, status, op)
		require.NotEmpty(t, got.text("error_messages"))
		b.Fail(simkit.Fault{Kind: simkit.Down, Op: op})
		status, got = b.call(c[0], subscriptionPath+c[1], "")
		require.Equal(t, http.StatusInternalServerError, status, op)
		require.Equal(t, object{"status_message": "Sorry, our system is recovering from unexpected issues. Please retry."}, got)
		b.Fail(simkit.Fault{Kind: simkit.Throttled, Op: op})
		status, _ = b.call(c[0], subscriptionPath+c[1], "")
		require.Equal(t, http.StatusTooManyRequests, status, op)
		want := http.StatusNotFound
		if op == "create_subscription" {
			want = http.StatusBadRequest
		}
		b.Fail(simkit.Fault{Kind: simkit.Refused, Op: op})
		status, _ = b.call(c[0], subscriptionPath+c[1], "")
		require.Equal(t, want, status, op)
		if op != "create_subscription" {
			status, got = b.call(c[0], subscriptionPath+strings.Replace(c[1], id, "unknown", 1), subscriptionBody("dummy"))
			require.Equal(t, http.StatusNotFound, status, op)
			require.Equal(t, object{"status_message": "Subscription doesn't exist."}, got)
		}
	}
	status, _ := b.call(http.MethodDelete, subscriptionPath+"/"+id, "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	require.Equal(t, "active", b.subscription(id).text("status"), "nothing happened")
	require.ErrorContains(t, b.ChargeNow("unknown"), "no subscription")
	require.ErrorContains(t, b.FailCharges(id, 1, "200"), "do not fail")
}

func TestSubscriptionIsMadeOnceForItsKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, first := b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy"), "Idempotency-Key", "k")
	_, again := b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy", object{"amount": "1"}), "Idempotency-Key", "k")
	require.Equal(t, first, again)
	status, _ := b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy", object{"amount": "x"}), "Idempotency-Key", "k")
	require.Equal(t, http.StatusBadRequest, status, "the body is looked at first")
	b.clock.Advance(3*time.Minute - time.Second)
	_, again = b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy"), "Idempotency-Key", "k")
	require.Equal(t, first, again)
	b.clock.Advance(time.Second)
	_, again = b.call(http.MethodPost, subscriptionPath, subscriptionBody("dummy"), "Idempotency-Key", "k")
	require.NotEqual(t, first, again)
	require.Len(t, b.Take(), 2)
}

func TestSubscriptionsInTheStateFile(t *testing.T) {
	t.Parallel()
	file := midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json"))
	first := newBench(t, file)
	id := first.subscribe(first.saved("4811111111111114"), object{"retry_schedule": object{"interval": 1, "interval_unit": "day", "max_interval": 1}})
	first.ok(first.FailCharges(id, 1, "411"))
	want := first.subscription(id)

	second := newBench(t, file)
	require.Equal(t, want, second.subscription(id))
	second.until("2026-06-06 10:00")
	require.Equal(t, "1 411 active", second.told())
	third := newBench(t, file)
	third.until("2026-07-06 10:00")
	require.Equal(t, "1 capture 200 active, settlement, 2 capture 200 active", strings.Replace(third.told(), "<nil>", "settlement", 1))
}

package midtrans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

const (
	subscriptionID  = "26f5dfbc-9d0f-4b4b-8b4b-0e2a7c4d1f11"
	subscriptionRef = "sub0196a7b2"
	chargeToken     = "481111-1114-tok-secret"
	updated         = `{"status_message":"Subscription is updated."}`
)

func subscriptionRequest() payments.SubscriptionRequest {
	return payments.SubscriptionRequest{
		Ref: subscriptionRef, Method: "credit_card", PaymentToken: chargeToken, Amount: payments.IDR(14_000), Every: payments.Monthly,
		StartAt: at("2026-05-01T23:30:20Z"), User: payments.EndUser{ID: "ana", Name: "Ana", Email: "ana@example.com", Phone: "+628123"},
	}
}

func answerOf(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/answers/" + name + ".json")
	require.NoError(t, err)
	return string(body)
}

func TestCreateSubscription(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, answerOf(t, "subscription_created")))
	var keys []string
	for range 2 { // asked again, it asks for the very same
		got, err := f.CreateSubscription(t.Context(), subscriptionRequest())
		require.NoError(t, err)
		require.Equal(t, payments.SubscriptionState{
			ID: subscriptionID, Ref: subscriptionRef, Active: true, NextAt: at("2021-10-10T00:25:01Z"),
		}, got)
		call := f.last(t)
		require.Equal(t, "POST /api/v1/subscriptions", call.Method+" "+call.URL.Path)
		user, _, _ := call.BasicAuth()
		require.Equal(t, testKey, user)
		keys = append(keys, call.Header.Get("Idempotency-Key"))
		require.JSONEq(t, `{
			"name":"sub0196a7b2","amount":"14000","currency":"IDR","payment_type":"credit_card","token":"`+chargeToken+`",
			"schedule":{"interval":1,"interval_unit":"month","start_time":"2026-05-02 06:30:20 +0700"},
			"metadata":{"ref":"sub0196a7b2"},
			"customer_details":{"first_name":"Ana","email":"ana@example.com","phone":"+628123"}
		}`, call.body)
	}
	require.Len(t, keys[0], 32)
	require.Equal(t, keys[0], keys[1])
	require.NotEqual(t, idempotencyKey("charge", subscriptionRef), keys[0])
	r := subscriptionRequest()
	r.Ref = "another"
	_, err := f.CreateSubscription(t.Context(), r)
	require.NoError(t, err)
	require.NotEqual(t, keys[0], f.last(t).Header.Get("Idempotency-Key"))
}

func TestCreateSubscriptionReachesEverything(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, answerOf(t, "subscription_created")))
	r := subscriptionRequest()
	r.Method, r.User, r.Every = "gopay", payments.EndUser{}, payments.Period{Days: 7}
	r.Extra = json.RawMessage(`{"account_id":"` + accountID + `","max_interval":0,"metadata":{"plan":"pro"},
		"retry_schedule":{"interval":2,"interval_unit":"hour","max_interval":3}}`)
	_, err := f.CreateSubscription(t.Context(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"name":"sub0196a7b2","amount":"14000","currency":"IDR","payment_type":"gopay","token":"`+chargeToken+`",
		"schedule":{"interval":7,"interval_unit":"day","max_interval":0,"start_time":"2026-05-02 06:30:20 +0700"},
		"retry_schedule":{"interval":2,"interval_unit":"hour","max_interval":3},
		"metadata":{"ref":"sub0196a7b2","plan":"pro"},"gopay":{"account_id":"`+accountID+`"}
	}`, f.last(t).body)

	for every, want := range map[payments.Period]string{
		{Years: 1}: `"interval":12,"interval_unit":"month"`, {Years: 1, Months: 6}: `"interval":18,"interval_unit":"month"`,
		{Months: 3}: `"interval":3,"interval_unit":"month"`, {Days: 30}: `"interval":30,"interval_unit":"day"`,
	} {
		r := subscriptionRequest()
		r.Every, r.Extra = every, json.RawMessage(`{"metadata":null}`)
		_, err := f.CreateSubscription(t.Context(), r)
		require.NoError(t, err)
		require.Contains(t, f.last(t).body, want)
		require.Contains(t, f.last(t).body, `"metadata":{"ref":"sub0196a7b2"}`)
	}
}

func TestSubscriptionsAreRefusedBeforeTheCall(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, answerOf(t, "subscription_created")))
	extra := func(s string) func(*payments.SubscriptionRequest) {
		return func(r *payments.SubscriptionRequest) { r.Extra = json.RawMessage(s) }
	}
	every := func(p payments.Period) func(*payments.SubscriptionRequest) {
		return func(r *payments.SubscriptionRequest) { r.Every = p }
	}
	for _, c := range []struct {
		field  string
		change func(*payments.SubscriptionRequest)
		update bool // refused there, too
	}{
		{"ref", func(r *payments.SubscriptionRequest) { r.Ref = "" }, true},
		{"ref", func(r *payments.SubscriptionRequest) { r.Ref = strings.Repeat("x", 16) }, true},
		{"ref", func(r *payments.SubscriptionRequest) { r.Ref = "Sub" }, true},
		{"ref", func(r *payments.SubscriptionRequest) { r.Ref = "a-b" }, true},
		{"payment_token", func(r *payments.SubscriptionRequest) { r.PaymentToken = "" }, true},
		{"amount.amount", func(r *payments.SubscriptionRequest) { r.Amount = payments.IDR(0) }, true},
		{"amount.currency", func(r *payments.SubscriptionRequest) { r.Amount.Currency = "USD" }, true},
		{"method", func(r *payments.SubscriptionRequest) { r.Method = "" }, false},
		{"method", func(r *payments.SubscriptionRequest) { r.Method = "qris" }, false},
		{"start_at", func(r *payments.SubscriptionRequest) { r.StartAt = at("0001-01-01T00:00:00Z") }, false},
		{"start_at", func(r *payments.SubscriptionRequest) { r.StartAt = at("9000-01-01T00:00:00Z") }, false},
		{"every", every(payments.Lifetime), false},
		{"every", every(payments.Period{Months: 1, Days: 1}), false},
		{"every", every(payments.Period{Years: 1, Days: 1}), false},
		{"every", every(payments.Period{Years: 1, Months: -12}), false},
		{"every", every(payments.Period{Months: -1}), false},
		{"every", every(payments.Period{Days: -1}), false},
		{"extra.account_id", func(r *payments.SubscriptionRequest) { r.Method = "gopay" }, false},
		{"extra.account_id", extra(`{"account_id":"a"}`), false},
		{"extra.retry_schedule.interval", extra(`{"retry_schedule":{"interval":0,"interval_unit":"day","max_interval":1}}`), false},
		{"extra.retry_schedule.interval_unit", extra(`{"retry_schedule":{"interval":1,"interval_unit":"week","max_interval":1}}`), false},
		{"extra.retry_schedule.max_interval", extra(`{"retry_schedule":{"interval":1,"interval_unit":"day","max_interval":4}}`), false},
		{"extra.retry_schedule.max_interval", extra(`{"retry_schedule":{"interval":1,"interval_unit":"day","max_interval":-1}}`), false},
		{"extra.max_interval", extra(`{"max_interval":-1}`), false},
		{"extra.metadata", extra(`{"metadata":[]}`), false},
		{"extra.metadata", extra(`{"metadata":{"x":"` + strings.Repeat("x", 1_000) + `"}}`), false},
		{"extra.metadata.ref", extra(`{"metadata":{"ref":"mine"}}`), false},
		{"extra.token", extra(`{"token":"x"}`), false},
		{"extra", extra(`[]`), false},
	} {
		r := subscriptionRequest()
		c.change(&r)
		_, err := f.CreateSubscription(t.Context(), r)
		requireInvalid(t, err, c.field)
		require.NotContains(t, err.Error(), chargeToken)
		if c.update {
			requireInvalid(t, f.UpdateSubscription(t.Context(), subscriptionID, r), c.field)
		}
	}
	for _, id := range []string{"", ".", "..", "a/b", "a b", "a\n", strings.Repeat("x", 51)} {
		for op, err := range everyCallBut(f.Gateway, id) {
			requireInvalid(t, err, "subscription_id")
			require.NotEmpty(t, op)
		}
	}
	require.Zero(t, f.count())
}

// everyCallBut creation, and what it came to.
func everyCallBut(g *Gateway, id string) map[string]error {
	ctx := context.Background()
	_, err := g.Subscription(ctx, id)
	return map[string]error{
		"get subscription": err, "update subscription": g.UpdateSubscription(ctx, id, subscriptionRequest()),
		"pause subscription": g.PauseSubscription(ctx, id), "resume subscription": g.ResumeSubscription(ctx, id),
		"cancel subscription": g.CancelSubscription(ctx, id),
	}
}

func everyCall(g *Gateway) map[string]error {
	all := everyCallBut(g, subscriptionID)
	_, all["create subscription"] = g.CreateSubscription(context.Background(), subscriptionRequest())
	return all
}

func TestSubscriptionFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		http           int
		body           string
		is             error
		retry, unknown bool // of what changes something
		says           string
	}{
		"wrong key":          {401, `{"status_message":"Transaction cannot be authorized with the current client/server key."}`, errKey, false, false, "cannot be authorized"},
		"validation":         {400, answerOf(t, "subscription_invalid"), nil, false, false, "parameter.; subscription.amount is required"},
		"validation, by SDK": {400, `{"status_message":"Invalid parameter.","validation_message":["name is too long"]}`, nil, false, false, "parameter.; name"},
		"what a code denies": {200, `{"status_code":"400","status_message":"no","id":"` + subscriptionID + `","name":"sub0196a7b2"}`, nil, false, false, "no"},
		"rate limit":         {429, `{"message":"API rate limit exceeded"}`, nil, true, false, "rate limit"},
		"trouble":            {500, `{"status_message":"Sorry, our system is recovering from unexpected issues. Please retry."}`, nil, true, true, "recovering"},
		"still running":      {202, `{}`, nil, true, true, "still running"},
		"empty":              {200, ``, nil, true, true, "not one of Midtrans's"},
		"an empty object":    {200, `{}`, nil, true, true, "not one of Midtrans's"},
		"page":               {200, `<html>`, nil, true, true, "not one of Midtrans's"},
		"page of a proxy":    {404, `<html>`, nil, true, true, "not one of Midtrans's"},
		"moved":              {301, ``, nil, true, true, "redirects"},
		// A refusal that repeats what was sent does not show the token.
		"an echo": {400, `{"status_message":"token ` + chargeToken + ` ` + testKey + ` is unknown"}`, nil, false, false, "token [removed] [removed] is unknown"},
	} {
		f := serve(t, answers(c.http, c.body))
		for op, err := range everyCall(f.Gateway) {
			e := requireGatewayError(t, err)
			require.Equal(t, op, e.Op, name)
			require.Equal(t, c.http, e.HTTPStatus, name)
			require.Equal(t, c.retry, e.Retry, "%s: %s", name, op)
			require.Equal(t, c.unknown && op != "get subscription", errors.Is(err, payments.ErrOutcomeUnknown), "%s: %s", name, op)
			require.NotErrorIs(t, err, payments.ErrNotFound, name)
			if c.is != nil {
				require.ErrorIs(t, err, c.is, name)
			}
			if sent := op == "create subscription" || op == "update subscription"; sent || name != "an echo" {
				require.ErrorContains(t, err, c.says, name)
				require.NotContains(t, fmt.Sprintf("%v %+v", err, e), chargeToken)
			}
		}
	}
}

func TestSubscriptionNotFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		http int
		body string
	}{{404, answerOf(t, "subscription_unknown")}, {404, `{}`}, {200, `{"status_code":"404","status_message":"none"}`}} {
		f := serve(t, answers(c.http, c.body))
		for op, err := range everyCallBut(f.Gateway, subscriptionID) {
			require.ErrorIs(t, err, payments.ErrNotFound, op)
			require.False(t, requireGatewayError(t, err).Retry)
		}
		require.Equal(t, 5, f.count(), "nothing is asked twice")
	}
	f := serve(t, answers(200, `{"status_code":"404","status_message":"no such account"}`))
	_, err := f.CreateSubscription(t.Context(), subscriptionRequest())
	require.NotErrorIs(t, err, payments.ErrNotFound, "it may be the account")
}

// What was sent and never answered may have been done.
func TestSubscriptionWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	for op, err := range everyCall(f.Gateway) {
		require.True(t, requireGatewayError(t, err).Retry, op)
		require.Equal(t, op != "get subscription", errors.Is(err, payments.ErrOutcomeUnknown), op)
	}
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	const form = `{"id":"` + subscriptionID + `","name":"sub0196a7b2","status":"active","token":"` + chargeToken + `",
		"schedule":{"current_interval":2,"next_execution_at":"2022-11-26 16:59:00"},"transaction_ids":["t-1","t-2"]}`
	full := payments.SubscriptionState{
		ID: subscriptionID, Ref: subscriptionRef, Active: true, Charges: 2, NextAt: at("2022-11-26T09:59:00Z"), TransactionIDs: []string{"t-1", "t-2"},
	}
	with := func(change func(*payments.SubscriptionState)) payments.SubscriptionState {
		s := full
		change(&s)
		return s
	}
	for _, c := range []struct {
		old, new string
		want     payments.SubscriptionState
	}{
		{"", "", full},
		{`2022-11-26 16:59:00`, `2022-11-26T09:59:00.000000Z`, full},
		{`2022-11-26 16:59:00`, `2022-11-26T16:59:00.000000`, full},
		{`2022-11-26 16:59:00`, `2022-11-26 16:59:00 +0700`, full},
		{`:2,`, `:"2",`, full},
		{`:2,`, `:-2,`, with(func(s *payments.SubscriptionState) { s.Charges = 0 })},
		{`:2,`, `:99999999999,`, with(func(s *payments.SubscriptionState) { s.Charges = 0 })},
		{`"transaction_ids"`, `"transaction_id"`, full},
		{`"transaction_ids":["t-1","t-2"]`, `"transaction_ids":[],"transaction_id":"t-1"`, with(func(s *payments.SubscriptionState) { s.TransactionIDs = []string{"t-1"} })},
		{`["t-1","t-2"]`, `["t-1","t 2",""]`, with(func(s *payments.SubscriptionState) { s.TransactionIDs = []string{"t-1"} })},
		{`["t-1","t-2"]`, `null`, with(func(s *payments.SubscriptionState) { s.TransactionIDs = nil })},
		{`active`, `inactive`, with(func(s *payments.SubscriptionState) { s.Active = false })},
		{`"sub0196a7b2"`, `7`, with(func(s *payments.SubscriptionState) { s.Ref = "7" })},
		{`"schedule"`, `"other"`, with(func(s *payments.SubscriptionState) { s.Charges, s.NextAt = 0, payments.SubscriptionState{}.NextAt })},
	} {
		f := serve(t, answers(http.StatusOK, strings.Replace(form, c.old, c.new, 1)))
		got, err := f.Subscription(t.Context(), subscriptionID)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%s: %s", c.old, c.new)
		require.Equal(t, "GET /api/v1/subscriptions/"+subscriptionID, f.last(t).Method+" "+f.last(t).URL.Path)
		require.Empty(t, f.last(t).body)
	}
	for _, odd := range []string{strings.Replace(form, "26f5", "27f5", 1), strings.Replace(form, `"status"`, `"state"`, 1)} {
		_, err := serve(t, answers(http.StatusOK, odd)).Subscription(t.Context(), subscriptionID)
		require.True(t, requireGatewayError(t, err).Retry, "another's, or without a word on whether it is active")
	}
}

func TestChangeSubscription(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(http.StatusOK, updated))
	sent := func(call string) {
		t.Helper()
		require.Equal(t, call, f.last(t).Method+" "+strings.TrimPrefix(f.last(t).URL.Path, "/api/v1/subscriptions/"+subscriptionID))
		require.NotContains(t, f.last(t).Header, "Idempotency-Key", "a second pause is not the first")
	}
	r := subscriptionRequest()
	r.Amount, r.PaymentToken, r.Every, r.Method = payments.IDR(20_000), "new", payments.Period{}, ""
	require.NoError(t, f.UpdateSubscription(t.Context(), subscriptionID, r))
	sent("PATCH ")
	require.JSONEq(t, `{"name":"sub0196a7b2","amount":"20000","currency":"IDR","token":"new"}`, f.last(t).body)
	require.NoError(t, f.PauseSubscription(t.Context(), subscriptionID))
	sent("POST /disable")
	require.Empty(t, f.last(t).body)
	require.NoError(t, f.ResumeSubscription(t.Context(), subscriptionID))
	sent("POST /enable")
	require.NoError(t, f.CancelSubscription(t.Context(), subscriptionID))
	sent("POST /cancel")
	f = serve(t, answers(http.StatusOK, answerOf(t, "subscription_created")))
	require.NoError(t, f.PauseSubscription(t.Context(), subscriptionID), "the whole of it says as much")
}

func TestSubscriptionsOfABrokenGateway(t *testing.T) {
	t.Parallel()
	for op, err := range everyCall(Snap(Config{})) {
		require.Equal(t, op, requireGatewayError(t, err).Op)
		require.ErrorContains(t, err, "ServerKey is empty")
	}
}

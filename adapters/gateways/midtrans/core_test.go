package midtrans

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

var (
	byTransaction = payments.AttemptRef{Ref: "ORDER-101", TransactionID: "57d5293c-e65f-4a29-95e4-5959c3fa335b", Method: "gopay"}
	byOrder       = payments.AttemptRef{Ref: "ORDER-101", Token: "66e4fa55"}
)

func statusBody(word, code string) string {
	return `{"status_code":"` + code + `","status_message":"Success, transaction is found","transaction_id":"57d5293c-e65f-4a29-95e4-5959c3fa335b",` +
		`"order_id":"ORDER-101","gross_amount":"100000.00","payment_type":"gopay","transaction_time":"2021-06-23 11:27:20",` +
		`"transaction_status":"` + word + `","fraud_status":"accept","signature_key":"abc"}`
}

func TestStatus(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, c := range []struct {
		word, code string
		want       []payments.Fact
	}{
		{"pending", "201", facts(payments.FactPending)},
		{"settlement", "200", facts(payments.FactPaid, payments.FactFunds)},
		{"deny", "202", facts(payments.FactDenied)},
		{"expire", "407", facts(payments.FactExpired)},
		{"partial_refund", "200", facts(payments.FactPartlyRefunded, payments.FactRefundUnknown)},
		{"on_hold", "200", nil},
	} {
		f := serve(t, answers(200, statusBody(c.word, c.code)))
		o, err := f.Status(ctx, byTransaction)
		require.NoError(t, err, c.word)
		require.Equal(t, c.want, o.Facts, c.word)
		require.Equal(t, "ORDER-101", o.Ref)
		require.Equal(t, byTransaction.TransactionID, o.TransactionID)
		require.Contains(t, string(o.Raw), `"signature_key":"[removed]"`)
		call := f.last(t)
		require.Equal(t, "GET /api/v2/57d5293c-e65f-4a29-95e4-5959c3fa335b/status", call.Method+" "+call.URL.Path)
		require.Empty(t, call.body)
		require.NotContains(t, call.Header, "Idempotency-Key")
		require.NotContains(t, call.Header, "Transaction-Source")
	}
	f := serve(t, answers(200, statusBody("pending", "201")))
	_, err := f.Status(ctx, byOrder)
	require.NoError(t, err)
	require.Equal(t, "/api/v2/ORDER-101/status", f.last(t).URL.Path)
}

// TestStatusOfDANA: the order id of the answer is the transaction's own.
func TestStatusOfDANA(t *testing.T) {
	t.Parallel()
	const id = "A120250123494119o1P1fiYNhZID"
	body := strings.NewReplacer("57d5293c-e65f-4a29-95e4-5959c3fa335b", id, "ORDER-101", id).Replace(statusBody("PENDING", "200"))
	f := serve(t, answers(200, body))
	o, err := f.Status(context.Background(), payments.AttemptRef{Ref: "ORDER-101", TransactionID: id, Method: "dana"})
	require.NoError(t, err)
	require.Equal(t, id, o.Ref)
	require.Equal(t, id, o.TransactionID)
	require.Equal(t, facts(payments.FactPending), o.Facts)
	require.Equal(t, "SNAP_API", f.last(t).Header.Get("Transaction-Source"))
}

func TestStatusFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		http  int
		body  string
		is    error
		retry bool
	}{
		"no transaction":          {200, `{"status_code":"404","status_message":"Transaction doesn't exist.","id":"x"}`, payments.ErrNotFound, false},
		"no transaction, number":  {200, `{"status_code":404,"status_message":"Transaction doesn't exist."}`, payments.ErrNotFound, false},
		"no transaction, HTTP":    {404, `{"status_code":"404","status_message":"Transaction doesn't exist."}`, payments.ErrNotFound, false},
		"wrong key":               {401, `{"status_code":"401","status_message":"Transaction cannot be authorized with the current client/server key."}`, errKey, false},
		"wrong key, in the body":  {200, `{"status_code":"401","status_message":"x"}`, errKey, false},
		"wrong key, text":         {401, `Unauthorized`, errKey, false},
		"no such route":           {404, `{"timestamp":"2024-05-17T06:24:01.223+0000","status":404,"error":"Not Found","message":"Not Found","path":"/v2/a/b/status"}`, nil, false},
		"page of a wrong host":    {404, `<html>`, nil, true},
		"forbidden by a firewall": {403, `<html>`, nil, true},
		"trouble":                 {500, `{"status_code":"500","status_message":"x"}`, nil, true},
		"trouble in the body":     {200, `{"status_code":"502","status_message":"x"}`, nil, true},
		"rate limit":              {429, `{"message":"API rate limit exceeded"}`, nil, true},
		"still running":           {202, ``, nil, true},
		"empty":                   {200, ``, nil, true},
		"not JSON":                {200, `hello`, nil, true},
		"list":                    {200, `[]`, nil, true},
		"twice the same":          {200, `{"status_code":"200","status_code":"200"}`, nil, true},
		"no word":                 {200, strings.Replace(statusBody("pending", "201"), "transaction_status", "x", 1), errNoStatus, true},
		"no transaction id":       {200, strings.Replace(statusBody("pending", "201"), "transaction_id", "x", 1), errTransactionID, true},
		"no amount":               {200, strings.Replace(statusBody("pending", "201"), "gross_amount", "x", 1), errAmount, true},
		"too deep":                {200, strings.TrimSuffix(statusBody("pending", "201"), "}") + `,"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "}", nil, true},
	} {
		f := serve(t, answers(c.http, c.body))
		o, err := f.Status(context.Background(), byTransaction)
		e := requireGatewayError(t, err)
		require.Equal(t, "status", e.Op, name)
		require.Equal(t, c.retry, e.Retry, name)
		require.Equal(t, c.is == payments.ErrNotFound, errors.Is(err, payments.ErrNotFound), name)
		require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		require.Empty(t, o, name)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
	}
}

func TestCancelAndExpire(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := serve(t, answers(200, `{"status_code":"200","status_message":"Success, transaction is canceled","transaction_status":"cancel"}`))
	require.NoError(t, f.Cancel(ctx, byTransaction))
	first := f.last(t)
	require.Equal(t, "POST /api/v2/57d5293c-e65f-4a29-95e4-5959c3fa335b/cancel", first.Method+" "+first.URL.Path)
	key := first.Header.Get("Idempotency-Key")
	require.Regexp(t, `^[0-9a-f]{32}$`, key)
	require.NoError(t, f.Cancel(ctx, byTransaction))
	require.Equal(t, key, f.last(t).Header.Get("Idempotency-Key"), "the same operation again")
	require.NoError(t, f.Expire(ctx, byTransaction))
	require.NotEqual(t, key, f.last(t).Header.Get("Idempotency-Key"), "keys are global over operations")

	require.NoError(t, f.Cancel(ctx, payments.AttemptRef{Ref: "ORDER-101"}))
	require.Equal(t, "/api/v2/ORDER-101/cancel", f.last(t).URL.Path)
	require.NotContains(t, f.last(t).Header, "Idempotency-Key")

	f = serve(t, answers(200, `{"status_code":"407","status_message":"Success, transaction is expired","transaction_status":"expire"}`))
	require.NoError(t, f.Expire(ctx, byTransaction))
	require.Equal(t, "/api/v2/57d5293c-e65f-4a29-95e4-5959c3fa335b/expire", f.last(t).URL.Path)
	require.ErrorIs(t, f.Cancel(ctx, byTransaction), payments.ErrWrongState, "expired before")

	calls := f.count()
	require.ErrorIs(t, f.Expire(ctx, payments.AttemptRef{TransactionID: "A1", Method: "dana"}), payments.ErrUnsupported)
	for _, nothing := range []payments.AttemptRef{{}, {Ref: "."}, {TransactionID: ".."}} {
		requireInvalid(t, f.Cancel(ctx, nothing), "ref")
		requireInvalid(t, f.Expire(ctx, nothing), "ref")
		_, err := f.Status(ctx, nothing)
		requireInvalid(t, err, "ref")
	}
	require.Equal(t, calls, f.count())
	require.Error(t, f.Cancel(ctx, payments.AttemptRef{TransactionID: "a/../b?c#d"}))
	require.Equal(t, "/api/v2/a%2F..%2Fb%3Fc%23d/cancel", f.last(t).URL.EscapedPath())
}

// TestChangesThatFail goes for all three changes of a transaction.
func TestChangesThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		http    int
		body    string
		is      error
		retry   bool
		unknown bool
	}{
		"wrong state":         {200, `{"status_code":"412","status_message":"Transaction status cannot be updated."}`, payments.ErrWrongState, false, false},
		"no transaction":      {200, `{"status_code":"404","status_message":"Transaction doesn't exist."}`, payments.ErrNotFound, false, false},
		"wrong key":           {401, `{"status_code":"401","status_message":"x"}`, errKey, false, false},
		"refused":             {200, `{"status_code":"202","status_message":"Refund denied by the bank"}`, nil, false, false},
		"invalid":             {400, `{"status_code":"400","status_message":"x","validation_messages":["y"]}`, nil, false, false},
		"too many":            {200, `{"status_code":"409","status_message":"x"}`, nil, true, false},
		"rate limit":          {429, `{"message":"API rate limit exceeded"}`, nil, true, false},
		"trouble":             {500, `{"status_code":"500"}`, nil, true, true},
		"trouble in the body": {200, `{"status_code":"503"}`, nil, true, true},
		"gateway page":        {502, `<html>Bad Gateway</html>`, nil, true, true},
		"still running":       {202, `{"status_code":"202"}`, nil, true, true},
		"redirect":            {302, ``, nil, true, true},
		"not JSON":            {200, `ok`, nil, true, true},
		"empty":               {200, ``, nil, true, true},
		"no code":             {200, `{}`, nil, true, true},
		"a proxy's 407":       {407, `{"message":"Proxy Authentication Required"}`, nil, false, false},
		"firewall":            {403, `<html>`, nil, true, true},
	} {
		f := serve(t, answers(c.http, c.body))
		for op, err := range map[string]error{
			"cancel": f.Cancel(context.Background(), byTransaction),
			"expire": f.Expire(context.Background(), byTransaction),
			"refund": f.Refund(context.Background(), byTransaction, payments.RefundRequest{Key: "rk", Amount: payments.IDR(1)}),
		} {
			e := requireGatewayError(t, err)
			require.Equal(t, op, e.Op)
			require.Equal(t, c.http, e.HTTPStatus, name)
			require.Equal(t, c.retry, e.Retry, name)
			if c.is != nil {
				require.ErrorIs(t, err, c.is, name)
			}
			if c.unknown {
				require.ErrorIs(t, err, payments.ErrOutcomeUnknown, name)
			} else {
				require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, name)
			}
		}
		require.Equal(t, 3, f.count(), "%s: what changes something is sent once", name)
	}
}

func TestCancelSession(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := serve(t, answers(200, `{"canceled_at":"2025-06-03T13:09:39.776Z"}`))
	require.NoError(t, f.Cancel(ctx, byOrder))
	require.Equal(t, "POST /app/snap/v1/transactions/66e4fa55/cancel", f.last(t).Method+" "+f.last(t).URL.Path)
	for _, status := range []int{200, 400, 404, 412} {
		require.NoError(t, serve(t, answers(status, `{"error_messages":["token already canceled"]}`)).Cancel(ctx, byOrder))
		for message, want := range map[string]error{
			"Transaction is on progress": payments.ErrWrongState, "token not found": payments.ErrNotFound,
		} {
			err := serve(t, answers(status, `{"error_messages":["`+message+`"]}`)).Cancel(ctx, byOrder)
			require.ErrorIs(t, err, want)
			require.NotErrorIs(t, err, payments.ErrOutcomeUnknown)
			require.False(t, requireGatewayError(t, err).Retry)
		}
	}
	for body, status := range map[string]int{`{}`: 200, `<html>`: 404, `{"error_messages":["token not found"]}`: 500} {
		err := serve(t, answers(status, body)).Cancel(ctx, byOrder)
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown, body)
		require.NotContains(t, err.Error(), byOrder.Token)
	}
	err := serve(t, answers(401, `{"error_messages":["token not found"]}`)).Cancel(ctx, byOrder)
	require.ErrorIs(t, err, errKey)
	require.NotErrorIs(t, err, payments.ErrNotFound)
}

func TestRefund(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const done = `{"status_code":"200","status_message":"Success, refund request is approved","transaction_status":"partial_refund","refund_chargeback_id":202502070943231234}`
	f := serve(t, answers(200, done))
	r := payments.RefundRequest{Key: "refund_1-A", Amount: payments.IDR(5_000), Reason: "broken\n" + strings.Repeat("é", 300)}
	require.NoError(t, f.Refund(ctx, byTransaction, r))
	call := f.last(t)
	require.Equal(t, "POST /api/v2/57d5293c-e65f-4a29-95e4-5959c3fa335b/refund", call.Method+" "+call.URL.Path)
	require.JSONEq(t, `{"refund_key":"refund_1-A","amount":5000,"reason":"broken `+strings.Repeat("é", 248)+`"}`, call.body)
	key := call.Header.Get("Idempotency-Key")
	require.Regexp(t, `^[0-9a-f]{32}$`, key)
	require.NoError(t, f.Refund(ctx, byTransaction, r))
	require.Equal(t, key, f.last(t).Header.Get("Idempotency-Key"))
	r.Key = "refund_2"
	require.NoError(t, f.Refund(ctx, byOrder, r))
	require.NotEqual(t, key, f.last(t).Header.Get("Idempotency-Key"))
	require.Equal(t, "/api/v2/ORDER-101/refund", f.last(t).URL.Path)

	for body, want := range map[string]struct{ ok, retry bool }{
		`{"status_code":"406","status_message":"Duplicate refund ID"}`:                                  {ok: true},
		`{"status_code":"414","status_message":"Refund request is rejected due to invalid amount"}`:     {},
		`{"status_code":"414","status_message":"Insufficient merchant balance"}`:                        {retry: true},
		`{"status_code":"414","status_message":"Saldo tidak cukup"}`:                                    {retry: true},
		`{"status_code":"202","status_message":"Refund denied by the bank","refund_amount":"0.00"}`:     {},
		`{"status_code":"412","status_message":"Merchant cannot modify the status of the transaction"}`: {},
	} {
		err := serve(t, answers(200, body)).Refund(ctx, byTransaction, r)
		if want.ok {
			require.NoError(t, err, body)
			continue
		}
		require.Equal(t, want.retry, requireGatewayError(t, err).Retry, body)
		require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, body)
	}

	calls := f.count()
	for _, key := range []string{"", "a b", "a.b", "a/b", "é", strings.Repeat("x", 256)} {
		requireInvalid(t, f.Refund(ctx, byTransaction, payments.RefundRequest{Key: key, Amount: payments.IDR(1)}), "key")
	}
	for _, amount := range []payments.Money{{}, payments.IDR(0), payments.IDR(-1), {Amount: 1, Currency: "USD"}} {
		requireInvalid(t, f.Refund(ctx, byTransaction, payments.RefundRequest{Key: "k", Amount: amount}), "amount")
	}
	require.Equal(t, calls, f.count())
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	a := payments.AttemptRef{Ref: "ORDER-101", TransactionID: byTransaction.TransactionID, Method: "credit_card"}
	for op, call := range map[string]func(*fixture) error{
		"approve": func(f *fixture) error { return f.Approve(t.Context(), a) },
		"deny":    func(f *fixture) error { return f.Deny(t.Context(), a) },
		"capture": func(f *fixture) error { return f.Capture(t.Context(), a, payments.IDR(55_000)) },
	} {
		f := serve(t, answers(200, statusBody("capture", "200")))
		require.NoError(t, call(f), op)
		sent := f.last(t)
		path, body := "/api/v2/"+a.TransactionID+"/"+op, ""
		if op == "capture" {
			path, body = "/api/v2/capture", `{"gross_amount":55000,"transaction_id":"`+a.TransactionID+`"}`
		}
		require.Equal(t, "POST "+path, sent.Method+" "+sent.URL.Path)
		require.Equal(t, body, sent.body)
		require.NotEmpty(t, sent.Header.Get("Idempotency-Key"))

		f = serve(t, answers(200, `{"status_code":"412","status_message":"Transaction status cannot be updated."}`))
		require.ErrorIs(t, call(f), payments.ErrWrongState)
		f = serve(t, answers(200, `{"status_code":"404","status_message":"Transaction doesn't exist."}`))
		require.ErrorIs(t, call(f), payments.ErrNotFound)
		f = serve(t, answers(500, ``))
		require.ErrorIs(t, call(f), payments.ErrOutcomeUnknown)
		f = serve(t, answers(200, statusBody("deny", "202"))) // the bank's no
		require.False(t, requireGatewayError(t, call(f)).Retry)
	}
	f := serve(t, answers(500, ``))
	requireInvalid(t, f.Capture(t.Context(), payments.AttemptRef{Ref: "ORDER-101"}, payments.IDR(1)), "transaction_id")
	requireInvalid(t, f.Capture(t.Context(), a, payments.IDR(0)), "amount")
	require.Zero(t, f.count())
}

// What cannot be done by a method is refused before anybody is called.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(500, ``))
	va := payments.AttemptRef{Ref: "ORDER-101", TransactionID: byTransaction.TransactionID, Method: "bank_transfer/bca"}
	require.ErrorIs(t, f.Refund(t.Context(), va, payments.RefundRequest{Key: "k", Amount: payments.IDR(1)}), payments.ErrUnsupported)
	dana := va
	dana.Method = "dana"
	require.ErrorIs(t, f.Expire(t.Context(), dana), payments.ErrUnsupported)
	require.Zero(t, f.count())
	require.Equal(t, payments.Capabilities{Cancel: true, Expire: true}, f.Capabilities("bca_va"))
	require.Zero(t, f.Capabilities("barter"))

	seen := map[payments.Method]bool{}
	for _, m := range SnapAndCore(Config{ServerKey: testKey}).Methods() {
		require.False(t, seen[m.Method], m.Method)
		seen[m.Method] = true
		require.NotEmpty(t, m.Name)
		require.NotEmpty(t, m.Kind)
		require.Positive(t, m.ExpirySeconds)
		require.True(t, m.Min.Amount >= 1 && (m.Max.IsZero() || m.Max.Amount > m.Min.Amount))
	}
	require.True(t, seen["bank_transfer/bsi"])
	for _, m := range Core(Config{ServerKey: testKey}).Methods() {
		require.NotEqual(t, payments.Method("bank_transfer/bsi"), m.Method)
	}
}

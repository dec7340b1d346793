package midtrans

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// FuzzInjectedNotification puts text into a genuinely signed notification, as
// somebody could who has seen one: in front of its members or behind them.
// Either it is refused, or what it says of order, transaction, status and
// amount is what Midtrans wrote, to us as to any other reader.
func FuzzInjectedNotification(f *testing.F) {
	for _, s := range []string{
		``, `"order_id":"ORDER-102"`, `"Order_Id":"ORDER-102"`, `"\u006frder_id":"ORDER-102"`, `"transaction_status":"refund"`,
		`"tran\u017faction_status":"refund"`, `"transaction_id":"x"`, `"gross_amount":1`, `"gross_amount":100000.00`, `"x":"` + "\xff" + `"`,
		`"x":"\u0000"`, `"status_code":200`, `"metadata":{"extra_info":{"gross_amount_info":{"original_amount":"1"}}}`, `"x":1}{"y":1`,
		`"x":1e400`, `"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50), `"transaction_status ":"refund"`, `"payment_type":"qris"`,
		`"currency":"USD"`, `"CURRENCY":"USD"`, `"fraud_status":"deny"`, `"":{"":{}}`, "\"x\":1,\n\t\"y\":2", `"refunds":[{"refund_key":"a","refund_amount":"1"}]`,
		`"event_name":"subscription.charge"`, `"subscription":{"id":"s"}`, `"id":"s","schedule":{}`,
	} {
		f.Add(s, "")
		f.Add("", s)
	}
	g := Snap(Config{ServerKey: testKey})
	body := settlement()
	delete(body, "fraud_status") // which is for the fuzzer to add
	members := strings.Trim(string(sign(f, body, testKey)), "{}")
	genuine, err := g.ReadNotification(payments.RawNotification{Body: []byte("{" + members + "}")})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, before, behind string) {
		if before != "" {
			before += ","
		}
		if behind != "" {
			behind = "," + behind
		}
		text := []byte("{" + before + members + behind + "}")
		n, err := g.ReadNotification(payments.RawNotification{Body: text})
		requireNoSecret(t, string(n.Raw))
		if err != nil {
			require.True(t, errors.Is(err, payments.ErrMalformed) || errors.Is(err, payments.ErrForged), "%v", err)
			require.Less(t, len(err.Error()), 200)
			return
		}
		require.Equal(t, genuine.Ref, n.Ref)
		require.Equal(t, genuine.TransactionID, n.TransactionID)
		require.True(t, strings.HasPrefix(n.RawStatus, "settlement"), n.RawStatus)
		require.LessOrEqual(t, n.Amount.Amount, genuine.Amount.Amount, "a fee may only be taken off")
		require.False(t, n.Proof == payments.ProofWhole)

		// Another reader of JSON takes the last of equal names, and does not
		// mind capitals.
		var other struct {
			OrderID       string          `json:"order_id"`
			TransactionID string          `json:"transaction_id"`
			Status        string          `json:"transaction_status"`
			Gross         json.RawMessage `json:"gross_amount"`
		}
		require.NoError(t, json.Unmarshal(text, &other))
		require.Equal(t, genuine.Ref, other.OrderID)
		require.Equal(t, genuine.TransactionID, other.TransactionID)
		require.Equal(t, "settlement", other.Status)
		require.Equal(t, `"100000.00"`, string(other.Gross))
	})
}

// wire answers every call with the same bytes, without a socket.
type wire struct {
	status     int
	retryAfter string
	body       []byte
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: w.status, Header: http.Header{"Retry-After": {w.retryAfter}}, Body: io.NopCloser(strings.NewReader(string(w.body))), Request: r,
	}, nil
}

// FuzzAnswers: whatever Midtrans, or what stands in its place, answers to a
// call: it is a success that the answer states, or an error fit for a log.
func FuzzAnswers(f *testing.F) {
	for _, pattern := range []string{"testdata/*.json", "testdata/answers/*.json", "testdata/recurring/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(f, err)
			for _, status := range []int{200, 201, 400} {
				f.Add(status, "", body)
			}
		}
	}
	for status, body := range map[int]string{
		202: `{"status_code":"202"}`, 307: ``, 401: `{"error_messages":"Access denied"}`, 404: `{"status":404}`, 429: `{"message":"API rate limit exceeded"}`,
		500: `<html>`, 503: `{"status_code":"503","status_message":"` + testKey + `\n\u001b[31m"}`, 200: `{"status_code":200,"transaction_status":"pending"}`,
	} {
		f.Add(status, "3", []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte) {
		if status < 200 || status > 999 {
			return // net/http lets no other pass
		}
		g := Snap(Config{ServerKey: testKey, HTTPClient: &http.Client{Transport: wire{status, retryAfter, body}}})
		g.client.Wait = func(context.Context, time.Duration) error { return context.Canceled }
		ref := payments.AttemptRef{Ref: "ORDER-101", TransactionID: "57d5293c", Amount: payments.IDR(100_000)}

		checkout, err := g.Checkout(t.Context(), payments.CheckoutRequest{Ref: "ORDER-101", Order: payments.Order{Amount: payments.IDR(100_000)}})
		fitForALog(t, err)
		require.True(t, err != nil || checkout.Token != "", "no token, no success")

		o, err := g.Status(t.Context(), ref)
		fitForALog(t, err)
		if err == nil {
			require.NotEmpty(t, o.TransactionID)
			require.True(t, json.Valid(o.Raw))
			requireNoSecret(t, string(o.Raw))
			require.GreaterOrEqual(t, o.Amount.Amount, int64(0))
			for _, fact := range o.Facts {
				require.GreaterOrEqual(t, fact.Amount.Amount, int64(0))
				require.True(t, utf8.ValidString(fact.Text+fact.Key+fact.ID), "databases take nothing else")
				require.False(t, strings.ContainsFunc(fact.Text+fact.Key+fact.ID, unicode.IsControl))
			}
		}
		for op, call := range map[string]func() error{
			"refund": func() error {
				return g.Refund(t.Context(), ref, payments.RefundRequest{Key: "rk-1", Amount: payments.IDR(1)})
			},
			"pause": func() error { return g.PauseSubscription(t.Context(), "s") },
			"subscribe": func() error {
				made, err := g.CreateSubscription(t.Context(), subscriptionRequest())
				require.Equal(t, err == nil, isSubscriptionID(made.ID))
				return err
			},
			"cancel":  func() error { return g.Cancel(t.Context(), ref) },
			"expire":  func() error { return g.Expire(t.Context(), ref) },
			"session": func() error { return g.Cancel(t.Context(), payments.AttemptRef{Ref: "ORDER-101", Token: "t"}) },
		} {
			err := call()
			fitForALog(t, err)
			if err == nil {
				require.Less(t, status, 500, op)
				require.True(t, json.Valid(body), op)
			}
		}
	})
}

// fitForALog: a failed call is a GatewayError, of one line and bounded, that
// shows no key.
func fitForALog(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e := requireGatewayError(t, err)
	require.Less(t, len(err.Error()), 3000)
	require.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
	require.True(t, utf8.ValidString(err.Error()))
	require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
}

// FuzzTexts: times are plausible or none; what is kept of foreign text is
// short and clean; a name of a way to pay is one that we can show.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{
		"2021-06-23 11:27:20", "2025-02-10 11:26:21 +0700", "2026-05-06T10:00:00Z", "2026-05-06T10:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59",
		"2021-02-30 00:00:00", "", "now", "\x00", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "99999999999999999999", "\u202e\n\x1b[0m",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at := parseTime(s)
		if !at.IsZero() {
			require.True(t, at.Year() >= 1999 && at.Year() <= 2201, "%s", at)
			require.Equal(t, time.UTC, at.Location())
			require.Equal(t, at, parseTime(at.Format(time.RFC3339Nano)), "what was read reads the same")
		}
		require.GreaterOrEqual(t, gatewaykit.RetryAfter(s), time.Duration(0))
		short := gatewaykit.Shorten(s, 20)
		require.LessOrEqual(t, utf8.RuneCountInString(short), 20)
		require.False(t, strings.ContainsFunc(short, unicode.IsControl))
		require.Equal(t, short, gatewaykit.Shorten(short, 20))
		if utf8.ValidString(s) {
			quoted, err := json.Marshal(s)
			require.NoError(t, err)
			method := string(methodOf(object{{Name: "payment_type", Value: string(quoted)}, {Name: "store", Value: string(quoted)}}))
			require.False(t, strings.ContainsFunc(method, unicode.IsControl))
			require.LessOrEqual(t, utf8.RuneCountInString(method), 64)
		}
	})
}

package midtrans

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// TestRecurringSamples reads each kind of notification of a subscription.
func TestRecurringSamples(t *testing.T) {
	t.Parallel()
	const charge = "57d5293c-e65f-4a29-95e4-5959c3fa335b"
	told := func(interval int, transaction, failure string) payments.SubscriptionNotice {
		return payments.SubscriptionNotice{ID: subscriptionID, Ref: subscriptionRef, Interval: interval, TransactionID: transaction, Failure: failure}
	}
	want := map[string]payments.SubscriptionNotice{
		"created":               told(0, "", ""),
		"charge_card":           told(1, charge, ""),
		"charge_gopay":          told(2, charge, ""),
		"charge_token_411":      told(3, "", "411: Token id is missing, invalid, or timed out"),
		"charge_trouble_500":    told(4, "", "500: Sorry. Our system is recovering from unexpected issues. Please retry."),
		"charge_denied_by_bank": told(5, charge, ""), // what became of it, a look-up says
	}
	files, err := filepath.Glob("testdata/recurring/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(want), "each sample has its expectation")
	g := Snap(Config{ServerKey: testKey, TrustNotifications: true})
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			n, err := g.ReadNotification(payments.RawNotification{Body: body})
			require.NoError(t, err, "there is no signature to check")
			require.Equal(t, want[name], *n.Subscription)
			require.Equal(t, payments.ProofPartial, n.Proof, "nobody vouches for it")
			require.Contains(t, string(n.Raw), `"token":"[removed]"`)
			for _, secret := range []string{chargeToken, "c2VjcmV0LW9mLWEtd2FsbGV0"} {
				require.NotContains(t, string(n.Raw), secret)
			}
			again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
			require.NoError(t, err)
			require.Equal(t, n, again, "a kept message reads the same")
			n.Raw, n.Subscription = nil, nil
			require.Equal(t, payments.Notification{}, n, "it tells of no payment")
		})
	}
}

func TestSubscriptionNotices(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	long := strings.Repeat("x", 400)
	for body, want := range map[string]payments.SubscriptionNotice{
		`{"event_name":"subscription.charge","subscription":{"id":"s"},"transaction":{}}`:                                    {ID: "s", Failure: "no charge was made"},
		`{"event_name":"subscription.charge","subscription":{"id":"s"}}`:                                                     {ID: "s", Failure: "no charge was made"},
		`{"event_name":"Subscription.Charge","subscription":{"id":"s"},"transaction":[]}`:                                    {ID: "s", Failure: "no charge was made"},
		`{"event_name":"subscription.disable","subscription":{"id":"s","schedule":{"current_interval":"7"}}}`:                {ID: "s", Interval: 7},
		`{"event_name":"subscription.enable","id":"s","name":"n"}`:                                                           {ID: "s", Ref: "n"},
		`{"subscription":{"id":7,"schedule":{"current_interval":-1}}}`:                                                       {ID: "7"},
		`{"id":"s","schedule":{},"order_id":null}`:                                                                           {ID: "s"},
		`{"subscription":{"id":"s","name":"` + long + `"}}`:                                                                  {ID: "s", Ref: long[:40]},
		`{"subscription":{"id":"s"},"transaction":{"status_code":411}}`:                                                      {ID: "s", Failure: "411"},
		`{"subscription":{"id":"s"},"transaction":{"transaction_id":"","status_message":"no"}}`:                              {ID: "s", Failure: "no"},
		`{"subscription":{"id":"s"},"transaction":{"channel_response_code":"51","channel_response_message":"No\nfunds"}}`:    {ID: "s", Failure: "51: No funds"},
		`{"subscription":{"id":"s"},"transaction":{"status_code":"202","status_message":"no","channel_response_code":"51"}}`: {ID: "s", Failure: "202: no; 51"},
		`{"subscription":{"id":"s"},"transaction":{"status_message":"` + long + `"}}`:                                        {ID: "s", Failure: long[:300]},
		`{"subscription":{"id":"s"},"transaction":{"status_message":"` + testKey + ` is yours"}}`:                            {ID: "s", Failure: "[removed] is yours"},
		`{"account_id":"a","event_name":"subscription.charge","subscription":{"id":"s"},"transaction":{"transaction_id":1}}`: {ID: "s", TransactionID: "1"},
	} {
		n, err := g.ReadNotification(payments.RawNotification{Body: []byte(body)})
		require.NoError(t, err, body)
		require.NotNil(t, n.Subscription, body)
		require.Equal(t, want, *n.Subscription, body)
		require.Empty(t, n.Ref+n.TransactionID)
		require.Empty(t, n.Facts)
		require.Nil(t, n.Notice)
		requireNoSecret(t, string(n.Raw))
	}
	for _, body := range []string{
		`{"event_name":"subscription.charge"}`, `{"event_name":"subscription.charge","subscription":"s"}`,
		`{"event_name":"subscription.charge","subscription":{}}`, `{"subscription":{"id":""}}`, `{"subscription":{"id":"../x"}}`,
		`{"subscription":{"id":".."}}`, `{"subscription":{"id":"` + long + `"}}`, `{"subscription":{"id":{}}}`, `{"id":"a b","schedule":{}}`,
		`{"subscription":{"id":"s"},"transaction":{"transaction_id":"a b"}}`,
		// These are about no subscription, and name no order.
		`{"id":"s"}`, `{"schedule":{}}`, `{"id":"s","schedule":{},"transaction_id":"t"}`, `{"event_name":"refund","id":"s"}`, `{"subscription":[]}`,
	} {
		n, err := g.ReadNotification(payments.RawNotification{Body: []byte(body)})
		require.ErrorIs(t, err, payments.ErrMalformed, body)
		require.Nil(t, n.Subscription, body)
		require.NotEmpty(t, n.Raw, "for the trace")
	}
}

// What names an order stays what it was, and is signed, whatever is added.
func TestAPaymentOfASubscriptionIsAPayment(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	for _, more := range []map[string]any{
		{"subscription_id": subscriptionID}, {"event_name": "subscription.charge"}, {"subscription": map[string]any{"id": subscriptionID}},
		{"id": subscriptionID, "schedule": map[string]any{}},
	} {
		body := settlement()
		for name, value := range more {
			body[name] = value
		}
		genuine := sign(t, body, testKey)
		n, err := g.ReadNotification(payments.RawNotification{Body: genuine})
		require.NoError(t, err)
		require.Nil(t, n.Subscription)
		require.Equal(t, "ORDER-101", n.Ref)
		require.Equal(t, facts(payments.FactPaid, payments.FactFunds), n.Facts)

		forged := bytes.Replace(genuine, []byte(`"ORDER-101"`), []byte(`"ORDER-102"`), 1)
		n, err = g.ReadNotification(payments.RawNotification{Body: forged})
		require.ErrorIs(t, err, payments.ErrForged)
		require.Nil(t, n.Subscription)
		require.True(t, json.Valid(n.Raw))
	}
}

package midtrans

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func accountNotice(id string) payments.RawNotification {
	return payments.RawNotification{Body: []byte(`{"account_id":"` + id + `","merchant_id":"M099098","payment_type":"gopay",
		"signature_key":"00","status_code":"200","account_status":"ENABLED","status_message":"Midtrans account_linked notification"}`)}
}

// Nothing of the message is believed but which account it names.
func TestNoticeOfALinkedAccount(t *testing.T) {
	t.Parallel()
	var told []GoPayAccount
	failing := errors.New("the host is busy")
	var answer error
	listen := func(c *Config) {
		c.OnGoPayAccount = func(_ context.Context, a GoPayAccount) error { told = append(told, a); return answer }
	}
	f := serve(t, answers(200, `{"status_code":"204","account_id":"`+accountID+`","account_status":"DISABLED"}`), listen)
	n, err := f.ReadNotification(accountNotice(accountID))
	require.NoError(t, err)
	require.Empty(t, n.Ref)
	require.NotContains(t, string(n.Raw), `"00"`, "the signature is not kept")
	require.Zero(t, f.count(), "reading does no I/O")
	require.NoError(t, n.Notice(t.Context()))
	require.Equal(t, []GoPayAccount{{ID: accountID, Status: AccountDisabled}}, told)
	answer = failing
	require.ErrorIs(t, n.Notice(t.Context()), failing)

	f = serve(t, answers(200, `{"status_code":"404","status_message":"Account not found"}`), listen)
	n, err = f.ReadNotification(accountNotice("made-up"))
	require.NoError(t, err)
	require.NoError(t, n.Notice(t.Context()), "somebody made it up")
	require.Len(t, told, 2)

	f = serve(t, answers(500, ""), listen)
	n, err = f.ReadNotification(accountNotice(accountID))
	require.NoError(t, err)
	require.Error(t, n.Notice(t.Context()), "to be sent again")

	f = serve(t, answers(500, "")) // nobody listens
	n, err = f.ReadNotification(accountNotice(accountID))
	require.NoError(t, err)
	require.NoError(t, n.Notice(t.Context()))
	require.Zero(t, f.count())
}

// The token of a saved card is not covered by the signature: it comes from a
// look-up, and is told to the host alone.
func TestNoticeOfASavedCard(t *testing.T) {
	t.Parallel()
	var told []SavedCard
	listen := func(c *Config) {
		c.OnSavedCard = func(_ context.Context, card SavedCard) error { told = append(told, card); return nil }
	}
	saved := func(token string) map[string]any {
		body := settlement()
		body["payment_type"], body["masked_card"], body["saved_token_id"] = "credit_card", "48111111-1114", token
		body["saved_token_id_expired_at"] = "2027-11-30 07:00:00"
		return body
	}
	f := serve(t, answers(200, string(sign(t, saved("481111real1114"), testKey))), listen)
	n, err := f.ReadNotification(payments.RawNotification{Body: sign(t, saved("481111forged1114"), testKey)})
	require.NoError(t, err)
	require.NotContains(t, string(n.Raw), "forged")
	require.NoError(t, n.Notice(t.Context()))
	require.Len(t, told, 1)
	require.Equal(t, "481111real1114", told[0].Token)
	require.Equal(t, "ORDER-101 48111111-1114 2027-11-30T00:00:00Z", told[0].OrderID+" "+told[0].Masked+" "+told[0].ExpiresAt.UTC().Format("2006-01-02T15:04:05Z07:00"))
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		require.NotContains(t, fmt.Sprintf(verb, told[0]), "real")
	}

	// Another order's answer, none, trouble, and a listener that is not there.
	other := saved("x")
	other["order_id"] = "ORDER-102"
	for _, c := range []struct {
		status int
		body   string
		again  bool
	}{
		{200, string(sign(t, other, testKey)), false},
		{200, string(sign(t, settlement(), testKey)), false},
		{200, `{"status_code":"404","status_message":"Transaction doesn't exist."}`, false},
		{500, ``, true},
	} {
		f = serve(t, answers(c.status, c.body), listen)
		n, err = f.ReadNotification(payments.RawNotification{Body: sign(t, saved("x"), testKey)})
		require.NoError(t, err)
		err = n.Notice(t.Context())
		require.Equal(t, c.again, err != nil, c.body)
	}
	require.Len(t, told, 1)
	f = serve(t, answers(500, ""))
	n, err = f.ReadNotification(payments.RawNotification{Body: sign(t, saved("x"), testKey)})
	require.NoError(t, err)
	require.Nil(t, n.Notice)

	// A charge without 3-D Secure tells it at once.
	f = serve(t, answers(200, charged("capture", "200", `"payment_type":"credit_card","masked_card":"48111111-1114","saved_token_id":"481111now1114"`)), listen)
	f.products = coreCharges
	r := chargeRequest("credit_card", `{"credit_card":{"save_token_id":true}}`)
	r.PaymentToken = "t"
	got, err := f.Checkout(t.Context(), r)
	require.NoError(t, err)
	require.NotContains(t, string(got.Observation.Raw), "481111now1114")
	require.Equal(t, "481111now1114", told[1].Token)
}

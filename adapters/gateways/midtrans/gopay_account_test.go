package midtrans

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

const accountID = "02c0fc2b-ce98-4bd9-8b6f-7a1b4f6e0a01"

func TestLinkGoPay(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(201, `{"status_code":"201","payment_type":"gopay","account_id":"`+accountID+`","account_status":"PENDING",
		"actions":[{"name":"activation-deeplink","url":"app-1"},{"name":"activation-link-url","url":"https://link"},3],
		"metadata":{"reference_id":"r"}}`))
	link := GoPayLink{PhoneNumber: "81212345678", CountryCode: "62", ReturnURL: "https://shop.example/linked"}
	got, err := f.LinkGoPay(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, GoPayAccount{ID: accountID, Status: AccountPending, ActivationURL: "https://link", ActivationApp: "app-1"}, got)
	require.Equal(t, "POST /api/v2/pay/account", f.last(t).Method+" "+f.last(t).URL.Path)
	require.JSONEq(t, `{"payment_type":"gopay","gopay_partner":{"phone_number":"81212345678","country_code":"62","redirect_url":"https://shop.example/linked"}}`, f.last(t).body)
	require.Empty(t, f.last(t).Header.Get("Idempotency-Key"))

	f = serve(t, answers(200, `{"status_code":"202","payment_type":"gopay","account_status":"DISABLED",
		"channel_response_code":"105","channel_response_message":"User Not Found"}`))
	_, err = f.LinkGoPay(t.Context(), link)
	e := requireGatewayError(t, err)
	require.Equal(t, "105 User Not Found", e.Code+" "+e.Message)
	require.False(t, e.Retry)

	f = serve(t, answers(500, ""))
	_, err = f.LinkGoPay(t.Context(), link)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	for field, bad := range map[string]GoPayLink{
		"phone_number": {PhoneNumber: "+62812", CountryCode: "62"},
		"country_code": {PhoneNumber: "81212345678", CountryCode: "+62"},
		"return_url":   {PhoneNumber: "81212345678", CountryCode: "62", ReturnURL: "javascript:x"},
	} {
		_, err := f.LinkGoPay(t.Context(), bad)
		requireInvalid(t, err, field)
	}
}

func TestGoPayAccount(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(200, `{"status_code":"200","account_id":"`+accountID+`","account_status":"ENABLED","metadata":{"payment_options":[
		{"name":"GOPAY_WALLET","active":true,"balance":{"value":"1000000.00","currency":"IDR"},"token":"c2VjcmV0"},
		{"name":"PAY_LATER","active":false,"token":"bGF0ZXI="}]}}`))
	got, err := f.GoPayAccount(t.Context(), accountID)
	require.NoError(t, err)
	require.Equal(t, AccountEnabled, got.Status)
	require.Equal(t, []GoPayOption{
		{Name: "GOPAY_WALLET", Active: true, Balance: payments.IDR(1_000_000), Token: "c2VjcmV0"},
		{Name: "PAY_LATER", Token: "bGF0ZXI="},
	}, got.Options)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, got), "c2VjcmV0")
	}
	require.Equal(t, "GET /api/v2/pay/account/"+accountID, f.last(t).Method+" "+f.last(t).URL.Path)

	f = serve(t, answers(200, `{"status_code":"404","status_message":"Account not found"}`))
	_, err = f.GoPayAccount(t.Context(), accountID)
	require.ErrorIs(t, err, payments.ErrNotFound)
	_, err = f.GoPayAccount(t.Context(), "..")
	requireInvalid(t, err, "account_id")
}

func TestUnlinkGoPay(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(200, `{"status_code":"204","account_id":"`+accountID+`","account_status":"DISABLED","channel_response_code":"0"}`))
	require.NoError(t, f.UnlinkGoPay(t.Context(), accountID))
	require.Equal(t, "POST /api/v2/pay/account/"+accountID+"/unbind", f.last(t).Method+" "+f.last(t).URL.Path)
	f = serve(t, answers(200, `{"status_code":"412","status_message":"Account status cannot be updated."}`))
	require.ErrorIs(t, f.UnlinkGoPay(t.Context(), accountID), payments.ErrWrongState)
	f = serve(t, answers(200, `{"status_code":"202","account_id":"`+accountID+`","channel_response_code":"1001","channel_response_message":"Caller authentication error."}`))
	require.Equal(t, "1001", requireGatewayError(t, f.UnlinkGoPay(t.Context(), accountID)).Code)
}

// A linked account is charged at once, or asks for its owner's PIN.
func TestChargeOfALinkedAccount(t *testing.T) {
	t.Parallel()
	extra := `{"gopay":{"account_id":"` + accountID + `","recurring":true}}`
	f := serve(t, answers(200, charged("settlement", "200", `"payment_type":"gopay"`)))
	f.products = coreCharges
	r := chargeRequest("gopay", extra)
	r.PaymentToken = "c2VjcmV0"
	got, err := f.Checkout(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, payments.FactPaid, got.Observation.Facts[0].Kind)
	var body struct{ GoPay json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(f.last(t).body), &body))
	require.JSONEq(t, `{"account_id":"`+accountID+`","payment_option_token":"c2VjcmV0","recurring":true,"callback_url":"https://shop.example/back"}`, string(body.GoPay))

	f = serve(t, answers(200, charged("pending", "201", `"payment_type":"gopay","actions":[
		{"name":"verification-link-url","url":"https://pin"},{"name":"verification-link-app","url":"gojek://pin"}]`)))
	f.products = coreCharges
	got, err = f.Checkout(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "https://pin", got.RedirectURL)
	require.Equal(t, "gojek://pin", got.Observation.Instructions.Deeplink)

	f = serve(t, answers(200, `{"status_code":"404","status_message":"Transaction doesn't exist.","id":"1"}`))
	f.products = coreCharges
	_, err = f.Checkout(t.Context(), chargeRequest("gopay", extra))
	requireInvalid(t, err, "payment_token")
}

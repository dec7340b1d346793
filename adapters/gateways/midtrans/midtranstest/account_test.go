package midtranstest_test

import (
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

const accountPath = "/v2/pay/account"

func accountBody(phone string) string {
	return fmt.Sprintf(`{"payment_type":"gopay","gopay_partner":{"phone_number":%q,"country_code":"62","redirect_url":"https://shop.example/linked"}}`, phone)
}

// ask asks a payer to link an account, and returns the answer.
func (b *bench) ask(phone string) object {
	b.t.Helper()
	status, got := b.call(http.MethodPost, accountPath, accountBody(phone))
	require.Equal(b.t, http.StatusOK, status, got)
	return got
}

// linked is the id of a linked account, and the token of its wallet.
func (b *bench) linked(phone string) (id, token string) {
	b.t.Helper()
	id = b.ask(phone).text("account_id")
	b.ok(b.LinkAccount(id))
	return id, b.purse(id)
}

// account is the look-up of an account.
func (b *bench) account(id string) object {
	b.t.Helper()
	status, got := b.call(http.MethodGet, accountPath+"/"+id, "")
	require.Equal(b.t, http.StatusOK, status)
	return got
}

// purse is the token of the first payment option of an account.
func (b *bench) purse(id string) string {
	b.t.Helper()
	metadata, _ := b.account(id)["metadata"].(map[string]any)
	options, _ := metadata["payment_options"].([]any)
	require.Len(b.t, options, 2)
	return object(options[0].(map[string]any)).text("token")
}

func TestLinkAnAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.ask("81212345678")
	id := got.text("account_id")
	require.Equal(t, "201 PENDING gopay", got.text("status_code")+" "+got.text("account_status")+" "+got.text("payment_type"))
	var names []string
	for _, action := range got["actions"].([]any) {
		names = append(names, object(action.(map[string]any)).text("name"))
	}
	require.Equal(t, "activation-deeplink activation-link-url activation-link-app", strings.Join(names, " "))
	require.Equal(t, got, b.account(id))
	require.Empty(t, b.delivered())

	b.ok(b.LinkAccount(id))
	notices := b.delivered()
	require.Len(t, notices, 1)
	sum := sha512.Sum512([]byte(id + "ENABLED" + "200" + serverKey))
	require.Equal(t, object{
		"account_id": id, "merchant_id": "G000000001", "payment_type": "gopay", "status_code": "200", "account_status": "ENABLED",
		"status_message": "Midtrans account_linked notification", "signature_key": hex.EncodeToString(sum[:]),
	}, notices[0].body)
	got = b.account(id)
	require.Equal(t, "200 ENABLED", got.text("status_code")+" "+got.text("account_status"))
	require.NotContains(t, got, "actions")
	wallet := got["metadata"].(map[string]any)["payment_options"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{
		"name": "GOPAY_WALLET", "active": true, "balance": map[string]any{"value": "1000000.00", "currency": "IDR"},
		"metadata": map[string]any{}, "token": wallet["token"],
	}, wallet)

	got = b.act("pay/account/"+id, "unbind", "")
	require.Equal(t, object{
		"status_code": "204", "payment_type": "gopay", "account_id": id, "account_status": "DISABLED", "channel_response_code": "0",
		"channel_response_message": "Process service request successfully.",
	}, got)
	require.Equal(t, "DISABLED", b.delivered()[0].body.text("account_status"))
	require.Equal(t, "204 DISABLED", b.account(id).text("status_code")+" "+b.account(id).text("account_status"))
	require.Equal(t, "412", b.act("pay/account/"+id, "unbind", "").text("status_code"))
}

func TestAccountsThatAreNotLinked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for phone, want := range map[string]string{"123450001": "105 User Not Found", "123450002": "108 Wallet is Blocked"} {
		got := b.ask(phone)
		require.Equal(t, "202 "+want, got.text("status_code")+" "+got.text("channel_response_code")+" "+got.text("channel_response_message"))
		require.NotContains(t, got, "account_id")
	}
	waits := b.ask("81212345678").text("account_id")
	require.Equal(t, "412", b.act("pay/account/"+waits, "unbind", "").text("status_code"))
	require.ErrorContains(t, b.UnlinkAccount(waits), "PENDING")
	b.clock.Advance(15 * time.Minute)
	require.Equal(t, "202 EXPIRED", b.account(waits).text("status_code")+" "+b.account(waits).text("account_status"))
	require.ErrorContains(t, b.LinkAccount(waits), "EXPIRED")

	declined := b.ask("81212345678").text("account_id")
	b.ok(b.DeclineAccount(declined))
	require.Equal(t, "DISABLED", b.account(declined).text("account_status"))
	require.ErrorContains(t, b.LinkAccount("nobody"), "no account")
	require.Equal(t, "404", b.account("nobody").text("status_code"))
	require.Equal(t, "404", b.act("pay/account/nobody", "unbind", "").text("status_code"))
	require.Empty(t, b.delivered())

	for body, want := range map[string]string{
		`{}`:                       "payment_type is required",
		`{"payment_type":"ovo"}`:   "payment_type is not supported",
		`{"payment_type":"gopay"}`: "gopay_partner is required",
		`{"payment_type":"gopay","gopay_partner":{"country_code":"62"}}`: "gopay_partner.phone_number is required",
		accountBody("+62812"):           "gopay_partner.phone_number must be numeric",
		accountBody("1234567890123456"): "gopay_partner.phone_number too long",
	} {
		status, got := b.call(http.MethodPost, accountPath, body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Contains(t, got["validation_messages"], want, body)
	}
	for _, body := range []string{``, `null`, `[]`} {
		_, got := b.call(http.MethodPost, accountPath, body)
		require.Equal(t, "413", got.text("status_code"), body)
	}
}

func TestFaultsOfAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, _ := b.linked("81212345678")
	path := accountPath + "/" + id
	for op, c := range map[string]struct{ method, path, code string }{
		"link_account": {http.MethodPost, accountPath, "202"}, "get_account": {http.MethodGet, path, "404"},
		"unlink_account": {http.MethodPost, path + "/unbind", "202"},
	} {
		b.Fail(simkit.Fault{Kind: simkit.Refused, Op: op})
		_, got := b.call(c.method, c.path, accountBody("81212345678"))
		require.Equal(t, c.code, got.text("status_code"), op)
		b.Fail(simkit.Fault{Kind: simkit.Down, Op: op})
		status, _ := b.call(c.method, c.path, "")
		require.Equal(t, http.StatusInternalServerError, status, op)
		b.Fail(simkit.Fault{Kind: simkit.Throttled, Op: op})
		status, _ = b.call(c.method, c.path, "")
		require.Equal(t, http.StatusTooManyRequests, status, op)
	}
	status, got := b.call(http.MethodGet, path, "", "Authorization", "Basic eDo=")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "401", got.text("status_code"))
	status, _ = b.call(http.MethodPut, path, "")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	require.Len(t, b.Take(), 1)

	b.Fail(simkit.Fault{Kind: simkit.Forge, Op: "account_unlinked"})
	b.ok(b.UnlinkAccount(id))
	notices := b.delivered()
	require.Len(t, notices, 2)
	require.NotEqual(t, notices[1].body.text("signature_key"), notices[0].body.text("signature_key"))
}

func TestPageOfALinkedAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	page := func(id, way string) string { return b.URL + accountPath + "/" + id + "/" + way }
	first := b.ask("81212345678").text("account_id")
	status, html := b.visit(page(first, "link"), nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, html, "62812")
	require.NotContains(t, html, "<script")
	status, html = b.visit(page(first, "link"), nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, html, "opened before")
	status, _ = b.visit(page(first, "deeplink"), nil)
	require.Equal(t, http.StatusOK, status, "the app's link is another one")
	status, html = b.visit(page(first, "link"), form("do", "agree"))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, html, "GoPay is linked")
	require.Contains(t, html, "https://shop.example/linked")
	require.Len(t, b.delivered(), 1)
	status, _ = b.visit(page(first, "link"), form("do", "decline"))
	require.Equal(t, http.StatusGone, status)
	require.Equal(t, "ENABLED", b.account(first).text("account_status"), "it was decided")

	second := b.ask("81212345678").text("account_id")
	_, html = b.visit(page(second, "link"), form("do", "decline"))
	require.Contains(t, html, "GoPay is not linked")
	third := b.ask("81212345678").text("account_id")
	b.clock.Advance(15 * time.Minute)
	_, html = b.visit(page(third, "link"), nil)
	require.Contains(t, html, "Time is up")
	status, _ = b.visit(page("nobody", "link"), nil)
	require.Equal(t, http.StatusNotFound, status)
}

func chargeOf(id, account, token, amount string, more ...string) string {
	return fmt.Sprintf(`{"payment_type":"gopay","transaction_details":{"order_id":%q,"gross_amount":%s},"gopay":{"account_id":%q,"payment_option_token":%q%s}}`,
		id, amount, account, token, strings.Join(more, ""))
}

func TestChargeOfALinkedAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, token := b.linked("81212345678")
	b.delivered()
	charge := func(body string) object {
		b.t.Helper()
		_, got := b.call(http.MethodPost, "/v2/charge", body)
		return got
	}

	got := charge(chargeOf("small", id, token, "99999"))
	require.Equal(t, "200 settlement Success, GoPay transaction is successful", got.text("status_code")+" "+got.text("transaction_status")+" "+got.text("status_message"))
	require.NotContains(t, got, "actions")
	require.Equal(t, "settlement", b.words())
	got = charge(chargeOf("large", id, token, "100000"))
	require.Equal(t, "201 pending", got.text("status_code")+" "+got.text("transaction_status"))
	action := object(got["actions"].([]any)[0].(map[string]any))
	require.Equal(t, "verification-link-url", action.text("name"))
	_, html := b.visit(action.text("url"), nil)
	require.Contains(t, html, "Confirm in GoPay")
	b.ok(b.Pay("large"))
	require.Equal(t, "pending settlement", b.words())
	got = charge(chargeOf("too-much", id, token, "1000001"))
	require.Equal(t, "202 deny 201", got.text("status_code")+" "+got.text("transaction_status")+" "+got.text("channel_response_code"))

	got = charge(chargeOf("held", id, token, "50000", `,"pre_auth":true`))
	require.Equal(t, "200 authorize", got.text("status_code")+" "+got.text("transaction_status"))
	_, refused := b.call(http.MethodPost, "/v2/capture", `{"transaction_id":"`+got.text("transaction_id")+`","gross_amount":1000}`)
	require.Equal(t, "400", refused.text("status_code"), "all of it or nothing")
	_, captured := b.call(http.MethodPost, "/v2/capture", `{"transaction_id":"`+got.text("transaction_id")+`","gross_amount":50000}`)
	require.Equal(t, "200 capture", captured.text("status_code")+" "+captured.text("transaction_status"))
	charge(chargeOf("forgotten", id, token, "50000", `,"pre_auth":true`))
	b.clock.Advance(15 * time.Minute)
	require.Equal(t, "407", b.status("forgotten").text("status_code"))

	b.ok(b.ChangeTokens(id))
	require.Equal(t, "411", charge(chargeOf("o", id, token, "1000")).text("status_code"), "an old token")
	require.Equal(t, "404", charge(chargeOf("o", "nobody", token, "1000")).text("status_code"))
	require.Equal(t, "400", charge(chargeOf("o", "", token, "1000")).text("status_code"))
	require.Equal(t, "400", charge(chargeOf("o", id, "", "1000")).text("status_code"))
	b.ok(b.SetBalance(id, 999))
	require.Equal(t, "202", charge(chargeOf("o", id, b.purse(id), "1000")).text("status_code"))
	token = b.purse(id)
	b.ok(b.UnlinkAccount(id))
	require.Equal(t, "404", charge(chargeOf("o", id, token, "1000")).text("status_code"))
	poor, token := b.linked("8242014881")
	require.Equal(t, "202", charge(chargeOf("poor", poor, token, "1")).text("status_code"))
}

// The gateway of package midtrans links, reads and unlinks accounts here.
func TestGatewayLinksAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithAccountURL("http://shop.test/accounts"))
	g := midtrans.Snap(b.Config())
	made, err := g.LinkGoPay(t.Context(), midtrans.GoPayLink{PhoneNumber: "81212345678", CountryCode: "62"})
	require.NoError(t, err)
	require.Equal(t, midtrans.AccountPending, made.Status)
	_, html := b.visit(made.ActivationURL, form("do", "agree"))
	require.Contains(t, html, "GoPay is linked")
	require.Equal(t, "/accounts", b.delivered()[0].path)
	got, err := g.GoPayAccount(t.Context(), made.ID)
	require.NoError(t, err)
	require.True(t, got.Options[0].Active)
	require.NoError(t, g.UnlinkGoPay(t.Context(), made.ID))
	_, err = g.LinkGoPay(t.Context(), midtrans.GoPayLink{PhoneNumber: "123450001", CountryCode: "62"})
	require.ErrorContains(t, err, "User Not Found")
}

func TestAccountsInTheStateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "midtrans.json")
	file := midtranstest.WithStateFile(path)
	first := newBench(t, file)
	id, token := first.linked("81212345678")
	waits := first.ask("81212345678").text("account_id")
	second := newBench(t, file)
	require.Equal(t, token, second.purse(id))
	second.ok(second.LinkAccount(waits))
	require.Len(t, second.delivered(), 2)
}

package midtrans

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

func read(g *Gateway, body []byte) (payments.Notification, error) {
	return g.ReadNotification(payments.RawNotification{Body: body})
}

// TestPublishedSignatures pins the signatures that Midtrans and others have
// published, so that a mistake in our own signing cannot agree with itself.
func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ order, code, amount, key, signature string }{
		{"1111", "200", "100000.00", "askvnoibnosifnboseofinbofinfgbiufglnbfg", "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e2375d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231"},
		{"ORDER-sandbox-0001", "200", "150000.00", testKey, "d65b4adf15335095fe1bfafe24964d48009dcc2989393e13570b0c9852ea60df0040b1a9646b9c9ef9433317f77acc8e387c59998dc20f5bd93fff93d23672e4"},
		{"ORDER-sandbox-0003", "202", "50000.00", testKey, "a51d1bd2aa8b1dca9228f3827cd641b6dadf52ebb9ed40fb45db6a06dbb33de7cde8e80caa93dfb5e6beeaaf44f698dc7f6f56edd46556eddaa2a774ff7692c6"},
	} {
		body := settlement()
		body["order_id"], body["status_code"], body["gross_amount"] = v.order, v.code, v.amount
		body["signature_key"] = v.signature
		data, err := json.Marshal(body)
		require.NoError(t, err)
		_, err = read(Snap(Config{ServerKey: v.key}), data)
		require.NoError(t, err, v.order)

		_, err = read(Snap(Config{ServerKey: v.key + "x", OldServerKeys: []string{"other", v.key}}), data)
		require.NoError(t, err, "%s under an old key", v.order)
		_, err = read(Snap(Config{ServerKey: v.key + "x"}), data)
		require.ErrorIs(t, err, payments.ErrForged, v.order)

		body["signature_key"] = strings.ToUpper(v.signature)
		data, err = json.Marshal(body)
		require.NoError(t, err)
		_, err = read(Snap(Config{ServerKey: v.key}), data)
		require.NoError(t, err, "%s in capitals", v.order)
	}
}

func TestForged(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	for name, change := range map[string]func(map[string]any){
		"none":             func(b map[string]any) { delete(b, "signature_key") },
		"null":             func(b map[string]any) { b["signature_key"] = nil },
		"empty":            func(b map[string]any) { b["signature_key"] = "" },
		"number":           func(b map[string]any) { b["signature_key"] = 12 },
		"not hex":          func(b map[string]any) { b["signature_key"] = strings.Repeat("z", 128) },
		"short":            func(b map[string]any) { b["signature_key"] = b["signature_key"].(string)[:126] },
		"long":             func(b map[string]any) { b["signature_key"] = b["signature_key"].(string) + "00" },
		"other order":      func(b map[string]any) { b["order_id"] = "ORDER-102" },
		"other amount":     func(b map[string]any) { b["gross_amount"] = "100001.00" },
		"other code":       func(b map[string]any) { b["status_code"] = "201" },
		"amount reworded":  func(b map[string]any) { b["gross_amount"] = "100000.0" },
		"amount unrounded": func(b map[string]any) { b["gross_amount"] = "100000" },
	} {
		body := settlement()
		sign(t, body, testKey)
		change(body)
		data, err := json.Marshal(body)
		require.NoError(t, err)
		n, err := read(g, data)
		require.ErrorIs(t, err, payments.ErrForged, name)
		require.NotEmpty(t, n.Ref, name)
		require.True(t, json.Valid(n.Raw), name)
		require.Empty(t, n.Facts, name)
	}
}

// TestSignatureCannotBeDealtOut: signed are three texts without separators.
func TestSignatureCannotBeDealtOut(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	body := settlement()
	body["order_id"], body["gross_amount"] = "ORDER-1", "205000.00"
	sign(t, body, testKey)
	for _, deal := range [][3]string{
		{"ORDER-", "120", "0205000.00"}, {"ORDER-1200", "205", "000.00"}, {"ORDER-12002", "050", "00.00"},
		{"ORDER-120020", "500", "0.00x"}, {"ORDER-", "1200", "205000.00"}, {"ORDER-12", "00", "205000.00"},
		{"ORDER-1200205000.", "", "00"},
	} {
		body["order_id"], body["status_code"], body["gross_amount"] = deal[0], deal[1], deal[2]
		data, err := json.Marshal(body)
		require.NoError(t, err)
		_, err = read(g, data)
		require.Error(t, err, "%v", deal)
	}
}

func TestNumbersInPlaceOfTexts(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	for name, c := range map[string]struct {
		signed map[string]any
		sent   map[string]any
	}{
		"as written":         {map[string]any{"gross_amount": "100000"}, map[string]any{"gross_amount": json.Number("100000")}},
		"with two decimals":  {map[string]any{}, map[string]any{"gross_amount": json.Number("100000"), "status_code": json.Number("200")}},
		"one decimal more":   {map[string]any{}, map[string]any{"gross_amount": json.Number("100000.0")}},
		"already so written": {map[string]any{}, map[string]any{"gross_amount": json.Number("100000.00")}},
		"order number":       {map[string]any{"order_id": "1459499971"}, map[string]any{"order_id": json.Number("1459499971")}},
	} {
		body := settlement()
		for k, v := range c.signed {
			body[k] = v
		}
		sign(t, body, testKey)
		for k, v := range c.sent {
			body[k] = v
		}
		data, err := json.Marshal(body)
		require.NoError(t, err)
		n, err := read(g, data)
		require.NoError(t, err, name)
		require.Equal(t, payments.IDR(100_000), n.Amount, name)
		require.NotEmpty(t, n.Ref, name)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	with := func(k string, v any) string {
		body := settlement()
		body[k] = v
		return string(sign(t, body, testKey))
	}
	without := func(k string) string {
		body := settlement()
		delete(body, k)
		return string(sign(t, body, testKey))
	}
	good := string(sign(t, settlement(), testKey))
	inside := func(more string) string { return strings.TrimSuffix(good, "}") + "," + more + "}" }
	for name, body := range map[string]string{
		"empty": "", "blank": " \n", "text": "hello", "form": "order_id=1&status_code=200", "html": "<html></html>",
		"null": "null", "number": "1", "string": `"x"`, "array": "[" + good + "]", "cut": good[:len(good)-2],
		"trailing object": good + good, "trailing text": good + " x", "trailing brace": good + "}",
		"comma": strings.TrimSuffix(good, "}") + ",}", "byte order mark": "\ufeff" + good,
		"not UTF-8":       inside(`"x":"` + "\xff" + `"`),
		"too large":       inside(`"x":"` + strings.Repeat("x", gatewaykit.MaxBody) + `"`),
		"nested":          inside(`"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)),
		"nested objects":  inside(`"x":` + strings.Repeat(`{"x":`, 40) + "1" + strings.Repeat("}", 40)),
		"nested abyss":    inside(`"x":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)),
		"key twice":       inside(`"order_id":"ORDER-102"`),
		"same key twice":  inside(`"order_id":"ORDER-101"`),
		"escaped key":     inside(`"\u006frder_id":"ORDER-102"`),
		"key in capitals": inside(`"Order_ID":"ORDER-102"`),
		"long s":          inside(`"tran\u017faction_status":"refund"`),
		"Kelvin sign":     inside(`"signature_\u212aey":"00"`),
		"unsigned twice":  inside(`"transaction_status":"refund"`),
		"unknown twice":   inside(`"x":1,"x":2`),
		"no order":        without("order_id"), "empty order": with("order_id", ""), "null order": with("order_id", nil),
		"order is a list": with("order_id", []string{"ORDER-101"}), "order is an object": with("order_id", map[string]any{"a": 1}),
		"order is true": with("order_id", true), "control character": with("order_id", "ORDER\x00101"),
		"line break": with("order_id", "ORDER-101\n"), "long order": with("order_id", strings.Repeat("x", 200)),
		"no transaction": without("transaction_id"), "long transaction": with("transaction_id", strings.Repeat("x", 100)),
		"no status": without("transaction_status"), "status is a list": with("transaction_status", []string{"settlement"}),
		"no code": without("status_code"), "long code": with("status_code", "2000"), "code is a word": with("status_code", "two"),
		"no amount": without("gross_amount"), "amount is a word": with("gross_amount", "much"), "negative": with("gross_amount", "-1.00"),
		"fraction": with("gross_amount", "1.50"), "exponent": with("gross_amount", "1e5"), "leading zero": with("gross_amount", "0100000.00"),
		"out of range": with("gross_amount", "99999999999999999999.00"), "unknown currency": with("currency", "XYZ"),
	} {
		n, err := read(g, []byte(body))
		require.ErrorIs(t, err, payments.ErrMalformed, name)
		require.NotErrorIs(t, err, payments.ErrForged, name)
		require.Empty(t, n.Facts, name)
		require.Less(t, len(err.Error()), 200, name)
	}
	_, err := read(g, []byte(good))
	require.NoError(t, err)
	for name, more := range map[string]string{
		"nested twice": `"metadata":{"a":1,"a":2,"A":3}`, "unknown": `"order-id":"ORDER-102"`,
		"spaced": ` "x" : [ 1 , { "y" : null } ] `, "escaped text": `"x":"\u0000<&>\ud83d\ude00"`,
	} {
		n, err := read(g, []byte(inside(more)))
		require.NoError(t, err, name)
		require.Equal(t, "ORDER-101", n.Ref, name)
		require.True(t, json.Valid(n.Raw), name)
	}
}

// TestEscapes: what is signed is the text that is meant, however it is
// written.
func TestEscapes(t *testing.T) {
	t.Parallel()
	good := string(sign(t, settlement(), testKey))
	n, err := read(Snap(Config{ServerKey: testKey}), []byte(strings.NewReplacer(
		`"order_id":"ORDER-101"`, `"\u006Frder_id" : "\u004fRDER-101"`, `"200"`, `"\u0032\u0030\u0030"`,
	).Replace(good)))
	require.NoError(t, err)
	require.Equal(t, "ORDER-101", n.Ref)
}

func TestProofAndReplay(t *testing.T) {
	t.Parallel()
	body := settlement()
	body["saved_token_id"] = "48111111JMUIocDPQoVTfKUhpNKX1114"
	body["metadata"] = map[string]any{"list": []any{map[string]any{"token": "tok-1", "note": "key " + testKey, testKey: 1}}}
	data := sign(t, body, testKey)
	n, err := read(Snap(Config{ServerKey: testKey}), data)
	require.NoError(t, err)
	require.Equal(t, payments.ProofPartial, n.Proof)
	requireNoSecret(t, string(n.Raw))
	for _, secret := range []string{"48111111JMUI", "tok-1", body["signature_key"].(string)} {
		require.NotContains(t, string(n.Raw), secret)
	}

	trusting := Snap(Config{ServerKey: testKey, TrustNotifications: true})
	n, err = read(trusting, data)
	require.NoError(t, err)
	require.Equal(t, payments.ProofWhole, n.Proof)

	_, err = read(trusting, n.Raw)
	require.ErrorIs(t, err, payments.ErrForged)
	again, err := trusting.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
	require.NoError(t, err)
	require.Equal(t, n, again)
	_, err = trusting.ReadNotification(payments.RawNotification{Body: []byte(`{"order_id":"x"}`), Verified: true})
	require.ErrorIs(t, err, payments.ErrMalformed, "only the signature is skipped")
}

func TestDashboardTest(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey})
	body := settlement()
	body["order_id"] = "payment_notif_test_G141532850_c4e9"
	delete(body, "transaction_id")
	n, err := read(g, sign(t, body, testKey))
	require.NoError(t, err)
	require.True(t, n.Test)
	body["order_id"] = "x_payment_notif_test_"
	_, err = read(g, sign(t, body, testKey))
	require.ErrorIs(t, err, payments.ErrMalformed, "all others need a transaction")
}

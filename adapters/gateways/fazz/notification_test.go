package fazz

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// TestSignatureVector pins the one way to sign: the secret as it is shown, the
// body as it is sent, lower-case hexadecimal digits.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	const body = `{"data":{"id":"contract_1","type":"payment"}}`
	const signature = "57d41aada42c2e2a2ce12b8c5f5305502e6eed469b82ec26653a3101e5a4d3bc"
	require.Equal(t, signature, sign(testSigning, body))
	g := New(testConfig())
	n, err := read(g, body, signature)
	require.ErrorIs(t, err, payments.ErrMalformed, "genuine, and without a reference")
	require.NotErrorIs(t, err, payments.ErrForged)
	require.JSONEq(t, body, string(n.Raw))
	_, err = read(g, body+"\n", signature)
	require.ErrorIs(t, err, payments.ErrForged, "every byte is signed")
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	body := paymentBody("paid")
	good, old, other := sign(testSigning, body), sign(oldSigning, body), sign("ss_other", body)
	for name, c := range map[string]struct {
		header http.Header
		ok     bool
	}{
		"one":                        {http.Header{"Xfers-Signature": {good}}, true},
		"the other name":             {http.Header{"X-Xfers-Signature": {good}}, true},
		"the old secret":             {http.Header{"Xfers-Signature": {old}}, true},
		"both names, the same":       {http.Header{"Xfers-Signature": {good}, "X-Xfers-Signature": {good}}, true},
		"twice the same":             {http.Header{"Xfers-Signature": {good, good}}, true},
		"upper case":                 {http.Header{"Xfers-Signature": {strings.ToUpper(good)}}, true},
		"twice, upper and lower":     {http.Header{"Xfers-Signature": {good, strings.ToUpper(good)}}, true},
		"none":                       {http.Header{}, false},
		"no header at all":           {nil, false},
		"empty":                      {http.Header{"Xfers-Signature": {""}}, false},
		"empty beside a good one":    {http.Header{"Xfers-Signature": {good, ""}}, false},
		"another secret":             {http.Header{"Xfers-Signature": {other}}, false},
		"another before a good one":  {http.Header{"Xfers-Signature": {other, good}}, false},
		"another behind a good one":  {http.Header{"Xfers-Signature": {good, other}}, false},
		"another by the other name":  {http.Header{"Xfers-Signature": {good}, "X-Xfers-Signature": {other}}, false},
		"good ones of two secrets":   {http.Header{"Xfers-Signature": {good, old}}, false},
		"joined by a comma":          {http.Header{"Xfers-Signature": {good + ", " + good}}, false},
		"half":                       {http.Header{"Xfers-Signature": {good[:32]}}, false},
		"one digit more":             {http.Header{"Xfers-Signature": {good + "0"}}, false},
		"not hexadecimal":            {http.Header{"Xfers-Signature": {"z" + good[1:]}}, false},
		"named as an algorithm does": {http.Header{"Xfers-Signature": {"sha256=" + good}}, false},
		"another header":             {http.Header{"X-Signature": {good}}, false},
	} {
		n, err := g.ReadNotification(payments.RawNotification{Header: c.header, Body: []byte(body)})
		if c.ok {
			require.NoError(t, err, name)
			require.Equal(t, "INV-1", n.Ref, name)
			continue
		}
		require.ErrorIs(t, err, payments.ErrForged, name)
		require.Empty(t, n, "%s: nothing of what is not signed is read", name)
	}
	for i := range len(body) {
		changed := []byte(body)
		changed[i] ^= 1
		_, err := read(g, string(changed), good)
		require.ErrorIs(t, err, payments.ErrForged)
	}
	set := http.Header{}
	set.Set("xfers-signature", good)
	_, err := g.ReadNotification(payments.RawNotification{Header: set, Body: []byte(body)})
	require.NoError(t, err)
}

func TestReadNotification(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	body := sample(t, "paid_callback")
	n, err := read(g, body, sign(testSigning, body))
	require.NoError(t, err)
	require.JSONEq(t, body, string(n.Raw))
	raw := n.Raw
	n.Raw = nil
	require.Equal(t, payments.Notification{Observation: payments.Observation{
		Ref: "ORDER_0001", TransactionID: contract, Method: "cstore/alfamart", RawStatus: "paid",
		Amount: payments.IDR(100_000), ExpiresAt: time.Date(2020, 10, 20, 2, 12, 48, 0, time.UTC),
		BegunAt: time.Date(2020, 10, 19, 2, 12, 48, 0, time.UTC),
		Facts: []payments.Fact{
			{Kind: payments.FactPaid, Amount: payments.IDR(100_000)},
			{Kind: payments.FactFee, Amount: payments.IDR(4400), Text: "fees"},
		},
	}}, n)
	require.Equal(t, payments.ProofPartial, n.Proof)

	again, err := g.ReadNotification(payments.RawNotification{Body: raw, Verified: true})
	require.NoError(t, err)
	again.Raw = nil
	require.Equal(t, n, again, "what is kept reads the same")
	_, err = g.ReadNotification(payments.RawNotification{Body: raw})
	require.ErrorIs(t, err, payments.ErrForged, "and is no proof")

	trusting := testConfig()
	trusting.TrustNotifications = true
	n, err = read(New(trusting), body, sign(testSigning, body))
	require.NoError(t, err)
	require.Equal(t, payments.ProofWhole, n.Proof)
}

func TestUnknownWordIsKept(t *testing.T) {
	t.Parallel()
	body := paymentBody("ON_hold")
	n, err := read(New(testConfig()), body, sign(testSigning, body))
	require.NoError(t, err)
	require.Empty(t, n.Facts)
	require.True(t, n.Attention)
	require.Equal(t, "on_hold", n.RawStatus)
	require.Equal(t, "INV-1", n.Ref)
}

// TestOtherResources: genuine, kept, and no payment changes.
func TestOtherResources(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	for _, typ := range []string{"disbursement", "payment_link", "payment_links"} {
		body := change(t, paymentBody("completed"), "data.type", typ)
		n, err := read(g, body, sign(testSigning, body))
		require.NoError(t, err, typ)
		require.NotNil(t, n.Notice, typ)
		require.NoError(t, n.Notice(context.Background()))
		require.JSONEq(t, body, string(n.Raw))
		n.Notice, n.Raw = nil, nil
		require.Empty(t, n, "%s: nothing to route it by", typ)
		_, err = read(g, body, sign("ss_other", body))
		require.ErrorIs(t, err, payments.ErrForged, typ)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	good := paymentBody("paid")
	twice := func(old, more string) string { return strings.Replace(good, old, more+","+old, 1) }
	for name, body := range map[string]string{
		"empty":                    "",
		"not JSON":                 "hello",
		"list":                     "[]",
		"two values":               good + "{}",
		"no data":                  `{}`,
		"data is a list":           `{"data":[]}`,
		"not UTF-8":                strings.Replace(good, "TOKO", "TO\xffKO", 1),
		"another type":             change(t, good, "data.type", "payout"),
		"no type":                  change(t, good, "data.type", nil),
		"no id":                    change(t, good, "data.id", nil),
		"an id with a blank":       change(t, good, "data.id", "a b"),
		"a long id":                change(t, good, "data.id", strings.Repeat("a", maxID+1)),
		"no attributes":            change(t, good, "data.attributes", nil),
		"no reference":             change(t, good, "data.attributes.referenceId", nil),
		"a blank reference":        change(t, good, "data.attributes.referenceId", "  "),
		"a line in the reference":  change(t, good, "data.attributes.referenceId", "a\nb"),
		"no status":                change(t, good, "data.attributes.status", nil),
		"a status that is no text": change(t, good, "data.attributes.status", []int{1}),
		"no amount":                change(t, good, "data.attributes.amount", nil),
		"a fraction":               change(t, good, "data.attributes.amount", "150000.5"),
		"a negative amount":        change(t, good, "data.attributes.amount", "-1.0"),
		"a currency of nobody's":   change(t, good, "data.attributes.currency", "XYZ"),
		"data twice":               `{"data":{},` + good[1:],
		"id twice":                 twice(`"id":"`+contract, `"id":"contract_1"`),
		"id twice, in capitals":    twice(`"id":"`+contract, `"ID":"contract_1"`),
		"status twice":             twice(`"status"`, `"status":"pending"`),
		"status twice, escaped":    twice(`"status"`, `"\u0073tatus":"pending"`),
		"type twice, deep":         twice(`"type":"virtual`, `"type":"qris"`),
		"account twice":            twice(`"accountNo"`, `"accountNo":"1"`),
		"too deep":                 change(t, good, "data.x", deep(40)),
		"too large":                strings.Replace(good, "TOKO", strings.Repeat("x", maxNotification), 1),
	} {
		n, err := read(g, body, sign(testSigning, body))
		require.ErrorIs(t, err, payments.ErrMalformed, name)
		require.NotErrorIs(t, err, payments.ErrForged, name)
		require.Empty(t, n.Facts, name)
		requireNoSecret(t, err.Error())
	}
}

func deep(n int) any {
	if n == 0 {
		return 1
	}
	return []any{deep(n - 1)}
}

func TestNothingSecretIsKept(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	body := change(t, paymentBody("failed"), "data.attributes.description", "by "+testKey+" and "+testSigning)
	body = change(t, body, "data.attributes.failureReason", "key "+testAPIKey+" is bad")
	body = change(t, body, "signature", "abcd")
	n, err := read(g, body, sign(testSigning, body))
	require.NoError(t, err)
	requireNoSecret(t, string(n.Raw)+n.RawStatus)
	require.NotContains(t, string(n.Raw), "abcd")
	require.Contains(t, string(n.Raw), "8848123456789012", "the payer is shown it")
	require.Equal(t, "failed: key [removed] is bad", n.RawStatus)
	again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
	require.NoError(t, err)
	require.Equal(t, n, again)
}

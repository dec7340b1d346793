package toygateway_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/examples/toygateway"
	"github.com/lunaspay/lunas/payments"
)

// sample is a notification as Kopipay's documentation would print it.
const sample = `{"charge":"kp_1","reference":"order-1","channel":"qr","state":"received","amount_sen":2900000,` +
	`"made_at":1778036400,"changed_at":1778036460,"ends_at":1778037300,"view_token":"view_1","returns":[]}`

// Long enough to occur nowhere else: what is kept is searched for secrets.
const newSecret, oldSecret = "beans_of_2026", "beans_of_2025"

func gateway(t testing.TB) *toygateway.Gateway {
	t.Helper()
	g, err := toygateway.New(toygateway.Config{
		APIKey: "kopi_key_1", SigningSecret: newSecret, OldSigningSecrets: []string{oldSecret}, BaseURL: "https://kopipay.test",
	})
	require.NoError(t, err)
	return g
}

// signed is a notification with its signature, by code of its own: the
// documentation's "HMAC-SHA512 of time, dot, body, in base64".
func signed(secret, body string) payments.RawNotification {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte("1778036460." + body))
	h := http.Header{}
	h.Set("Kopipay-Time", "1778036460")
	h.Set("Kopipay-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return payments.RawNotification{Header: h, Body: []byte(body)}
}

func TestASignatureCoversTimeAndBody(t *testing.T) {
	g := gateway(t)
	for _, secret := range []string{newSecret, oldSecret} {
		n, err := g.ReadNotification(signed(secret, sample))
		require.NoError(t, err, secret)
		require.Equal(t, "order-1", n.Ref)
		require.Equal(t, payments.IDR(29_000), n.Amount)
		require.Equal(t, payments.Method("qris"), n.Method)
		require.Equal(t, time.Unix(1778036460, 0).UTC(), n.GatewayAt)
		require.Equal(t, time.Unix(1778036400, 0).UTC(), n.BegunAt)
		require.Nil(t, n.Instructions, "it is paid")
	}
	forged := map[string]func(*payments.RawNotification){
		"another secret":   func(r *payments.RawNotification) { *r = signed("newer", sample) },
		"no secret":        func(r *payments.RawNotification) { *r = signed("", sample) },
		"another time":     func(r *payments.RawNotification) { r.Header.Set("Kopipay-Time", "1778036461") },
		"no time":          func(r *payments.RawNotification) { r.Header.Del("Kopipay-Time") },
		"another body":     func(r *payments.RawNotification) { r.Body = []byte(strings.Replace(sample, "kp_1", "kp_2", 1)) },
		"a space more":     func(r *payments.RawNotification) { r.Body = append(r.Body, ' ') },
		"no signature":     func(r *payments.RawNotification) { r.Header.Del("Kopipay-Signature") },
		"no header at all": func(r *payments.RawNotification) { r.Header = nil },
		"half a signature": func(r *payments.RawNotification) { respell(r, func(s string) string { return s[:44] }) },
		// The same bytes to a decoder that is not strict.
		"a line break in it": func(r *payments.RawNotification) { respell(r, func(s string) string { return s[:4] + "\n" + s[4:] }) },
		"spare bits set": func(r *payments.RawNotification) {
			respell(r, func(s string) string { return s[:85] + string(s[85]+1) + "==" })
		},
	}
	for name, change := range forged {
		raw := signed(newSecret, sample)
		change(&raw)
		n, err := g.ReadNotification(raw)
		require.ErrorIs(t, err, payments.ErrForged, name)
		require.Equal(t, "order-1", n.Ref, "the trace")
		require.NotContains(t, string(n.Raw), "view_1", "the trace")
		require.Empty(t, n.Facts, name)
	}
}

func respell(r *payments.RawNotification, change func(string) string) {
	r.Header.Set("Kopipay-Signature", change(r.Header.Get("Kopipay-Signature")))
}

func TestWhatIsReadOfACharge(t *testing.T) {
	g := gateway(t)
	read := func(from, to string) (payments.Notification, error) {
		return g.ReadNotification(signed(newSecret, strings.Replace(sample, from, to, 1)))
	}
	n, err := read("received", "roasting")
	require.NoError(t, err)
	require.Empty(t, n.Facts, "an unknown word is no fact")
	require.True(t, n.Attention)
	require.Equal(t, "roasting", n.RawStatus)

	n, err = read(`"channel":"qr"`, `"channel":"pigeon"`)
	require.NoError(t, err)
	require.Equal(t, payments.Method("pigeon"), n.Method)

	n, err = read(`"returns":[]`, `"returns":[{"return":"rt_1","key":"k","amount_sen":100}]`)
	require.NoError(t, err)
	require.Contains(t, n.Facts, payments.Fact{Kind: payments.FactRefund, Key: "k", ID: "rt_1", Amount: payments.IDR(1)})
	require.NotContains(t, string(n.Raw), "view_1")

	n, err = read("received", "taken_back")
	require.NoError(t, err)
	require.Contains(t, n.Facts, payments.Fact{Kind: payments.FactReversible}, "denied after paid is then no riddle")

	n, err = read("1778037300", "99999999999999")
	require.NoError(t, err)
	require.Zero(t, n.ExpiresAt, "a time that cannot be is none")

	for _, change := range [][2]string{
		{"2900000", "2900050"}, {"2900000", "-100"}, {"2900000", "0"}, {"2900000", `"2900000"`}, {"2900000", "29e5"}, {"2900000", "9223372036854775808"},
		{`"order-1"`, `"../order-1"`}, {`"kp_1"`, `"kp 1"`}, {`"received"`, `null`},
		{`"returns":[]`, `"returns":[{"return":"rt_1","key":"k","amount_sen":150}]`},
		{`"returns":[]`, `"returns":[{"key":"k","key":"l","return":"rt_1","amount_sen":100}]`},
	} {
		_, err := read(change[0], change[1])
		require.ErrorIs(t, err, payments.ErrMalformed, change[1])
	}
}

// FuzzReadNotification: whatever is signed, it does not panic, and what is kept
// of it can be read again and tells the same.
func FuzzReadNotification(f *testing.F) {
	f.Add(sample)
	f.Add(strings.Replace(sample, `"returns":[]`, `"returns":[{"return":"rt_1","key":"k","amount_sen":100}]`, 1))
	g := gateway(f)
	f.Fuzz(func(t *testing.T, body string) {
		n, err := g.ReadNotification(signed(newSecret, body))
		if err != nil {
			require.ErrorIs(t, err, payments.ErrMalformed)
			return
		}
		again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}

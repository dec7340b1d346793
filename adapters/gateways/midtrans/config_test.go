package midtrans

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	g := Snap(Config{ServerKey: testKey, ClientKey: "SB-Mid-client-test"})
	require.NoError(t, g.Check())
	require.Equal(t, "midtrans", g.Name())
	require.Equal(t, "SB-Mid-client-test", g.ClientKey())
	require.Equal(t, "https://app.sandbox.midtrans.com/snap/snap.js", g.ScriptURL())
	require.Equal(t, "https://api.sandbox.midtrans.com", g.config.CoreURL)
	require.Equal(t, 15*time.Second, g.client.Timeout)

	g = Snap(Config{ServerKey: "Mid-server-x", Production: true, Name: "shop-2"})
	require.NoError(t, g.Check())
	require.Equal(t, "shop-2", g.Name())
	require.Equal(t, "https://app.midtrans.com/snap/snap.js", g.ScriptURL())
	require.Equal(t, "https://api.midtrans.com", g.config.CoreURL)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		says   string // empty: fine
	}{
		"no key":                {Config{}, "ServerKey is empty"},
		"line break in the key": {Config{ServerKey: testKey + "\n"}, "ServerKey holds a blank"},
		"colon in the key":      {Config{ServerKey: testKey + ":"}, "ServerKey holds a blank"},
		"client key":            {Config{ServerKey: "SB-Mid-client-test"}, "holds a client key"},
		"sandbox key live":      {Config{ServerKey: testKey, Production: true}, "sandbox key"},
		"old sandbox key live":  {Config{ServerKey: "Mid-server-x", OldServerKeys: []string{testKey}, Production: true}, "OldServerKeys[0] is a sandbox key"},
		"empty old key":         {Config{ServerKey: testKey, OldServerKeys: []string{"SB-Mid-server-old", ""}}, "OldServerKeys[1] is empty"},
		"new sandbox key":       {Config{ServerKey: "Mid-server-x", ClientKey: "Mid-client-x"}, ""},
		"old form of keys":      {Config{ServerKey: "VT-server-x", ClientKey: "VT-client-x"}, ""},
		"mixed pair":            {Config{ServerKey: "Mid-server-x", ClientKey: "SB-Mid-client-x"}, "different environments"},
		"server key shown":      {Config{ServerKey: testKey, ClientKey: testKey}, "ClientKey holds a server key"},
		"name":                  {Config{ServerKey: testKey, Name: "My Shop"}, "Name must be"},
		"no URL":                {Config{ServerKey: testKey, SnapURL: "app.midtrans.com"}, "SnapURL is not"},
		"file URL":              {Config{ServerKey: testKey, CoreURL: "file:///etc"}, "CoreURL is not"},
		"broken URL":            {Config{ServerKey: testKey, CoreURL: "https://%zz"}, "CoreURL is not"},
		"URL with a user":       {Config{ServerKey: testKey, CoreURL: "https://" + testKey + "@api.test"}, "CoreURL must have no user"},
		"URL with a query":      {Config{ServerKey: testKey, CoreURL: "https://api.test?a=b"}, "CoreURL must have no user"},
		"plain http live":       {Config{ServerKey: "Mid-server-x", Production: true, SnapURL: "http://proxy.test"}, "SnapURL must be https"},
		"plain http at home":    {Config{ServerKey: "Mid-server-x", Production: true, SnapURL: "http://127.0.0.1:8080"}, ""},
		"plain http simulator":  {Config{ServerKey: testKey, SnapURL: "http://simulator:8080/x/", CoreURL: "http://[::1]:80"}, ""},
		"negative timeout":      {Config{ServerKey: testKey, Timeout: -1}, "Timeout is negative"},
	} {
		err := Snap(c.config).Check()
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, "midtrans: Config.", name)
		require.ErrorContains(t, err, c.says, name)
		requireNoSecret(t, err.Error())
		require.NotContains(t, err.Error(), "\n", name)
	}
}

// TestBrokenConfig: a host that ignores Check gets errors, and nobody can
// sign with the key that is missing.
func TestBrokenConfig(t *testing.T) {
	t.Parallel()
	g := Snap(Config{})
	ctx, a := context.Background(), payments.AttemptRef{Ref: "ORDER-101"}
	_, err := g.Checkout(ctx, checkout())
	require.ErrorContains(t, err, "ServerKey is empty")
	_, err = g.Status(ctx, a)
	require.ErrorContains(t, err, "ServerKey is empty")
	require.ErrorContains(t, g.Cancel(ctx, a), "ServerKey is empty")
	require.ErrorContains(t, g.Cancel(ctx, payments.AttemptRef{Token: "x"}), "ServerKey is empty")
	require.ErrorContains(t, g.Expire(ctx, a), "ServerKey is empty")
	require.ErrorContains(t, g.Refund(ctx, a, payments.RefundRequest{Key: "k", Amount: payments.IDR(1)}), "ServerKey is empty")
	_, err = read(g, sign(t, settlement(), ""))
	require.ErrorIs(t, err, payments.ErrForged)
}

func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c := Config{ServerKey: testKey, OldServerKeys: []string{testKey}}
	g := Snap(c)
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(leak.Watch(t, &logged), nil))
	log.Info("x", "config", c, "pointer", &c, "gateway", g)
	slog.New(slog.NewJSONHandler(leak.Watch(t, &logged), nil)).Info("x", "config", c, "gateway", g)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{c, &c, g, *g, struct{ C Config }{c}} {
			fmt.Fprintf(&logged, verb+"\n", v)
		}
	}
	requireNoSecret(t, logged.String())
	require.NotContains(t, logged.String(), fmt.Sprintf("%x", testKey))
	require.Contains(t, strings.ToLower(logged.String()), "midtrans.gateway(midtrans)")
}

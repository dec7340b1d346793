package fazz

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	require.NoError(t, g.Check())
	require.Equal(t, "fazz", g.Name())
	require.Equal(t, "https://sandbox-id.xfers.com/api/v4", g.client.base)
	require.Equal(t, 15*time.Second, g.client.Timeout)

	g = New(Config{APIKey: "live_a", SecretKey: "live_b", SigningSecret: "ss_c", Production: true, Name: "fazz-2"})
	require.NoError(t, g.Check())
	require.Equal(t, "fazz-2", g.Name())
	require.Equal(t, "https://id.xfers.com/api/v4", g.client.base)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	live := func(c *Config) { c.APIKey, c.Production = "live_a", true }
	for says, change := range map[string]func(*Config){
		"":                               func(*Config) {},
		"APIKey is empty":                func(c *Config) { c.APIKey = "" },
		"SecretKey is empty":             func(c *Config) { c.SecretKey = "" },
		"SigningSecret is empty":         func(c *Config) { c.SigningSecret = "" },
		"OldSigningSecrets[1] is empty":  func(c *Config) { c.OldSigningSecrets = []string{"ss_a", ""} },
		"SecretKey holds a blank":        func(c *Config) { c.SecretKey += "\n" },
		"APIKey holds a colon":           func(c *Config) { c.APIKey += ":x" },
		"APIKey is of the other":         func(c *Config) { c.Production = true },
		"SecretKey is of the other":      func(c *Config) { c.SecretKey = "live_x" },
		"Name must be":                   func(c *Config) { c.Name = "My Shop" },
		"DisplayName must be":            func(c *Config) { c.DisplayName = "TOKO!" },
		"DisplayName must be at most 20": func(c *Config) { c.DisplayName = strings.Repeat("x", 21) },
		"Timeout is negative":            func(c *Config) { c.Timeout = -1 },
		"BaseURL is not":                 func(c *Config) { c.BaseURL = "id.xfers.com" },
		"BaseURL must have no user":      func(c *Config) { c.BaseURL = "https://" + testKey + "@a.example" },
		"BaseURL must be https":          func(c *Config) { live(c); c.BaseURL = "http://proxy.example" },
	} {
		c := testConfig()
		change(&c)
		err := New(c).Check()
		if says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "fazz: Config.")
		require.ErrorContains(t, err, says)
		requireNoSecret(t, err.Error())
		require.NotContains(t, err.Error(), "\n")
	}
	c := testConfig()
	live(&c)
	c.BaseURL = "http://127.0.0.1:8080/"
	require.NoError(t, New(c).Check())
}

// TestBrokenConfig: a host that ignores Check gets errors, and nobody can sign
// with the secret that is missing.
func TestBrokenConfig(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.SigningSecret = ""
	g := New(c)
	ctx := context.Background()
	_, err := g.Checkout(ctx, wanted("qris"))
	require.ErrorContains(t, err, "SigningSecret is empty")
	_, err = g.Status(ctx, byID)
	require.ErrorContains(t, err, "SigningSecret is empty")
	require.ErrorContains(t, g.Cancel(ctx, byID), "SigningSecret is empty")
	_, err = g.List(ctx, ListParams{})
	require.ErrorContains(t, err, "SigningSecret is empty")
	_, err = read(g, paymentBody("paid"), sign("", paymentBody("paid")))
	require.ErrorIs(t, err, payments.ErrForged)
}

func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c := testConfig()
	g := New(c)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(leak.Watch(t, &logged), nil)).Info("x", "config", c, "pointer", &c, "gateway", g)
	slog.New(slog.NewJSONHandler(leak.Watch(t, &logged), nil)).Info("x", "config", c, "gateway", g)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{c, &c, g, *g, struct{ C Config }{c}} {
			fmt.Fprintf(&logged, verb+"\n", v)
		}
	}
	requireNoSecret(t, logged.String())
	require.NotContains(t, logged.String(), fmt.Sprintf("%x", testKey))
	require.Contains(t, logged.String(), "fazz.Gateway(fazz)")
}

// TestKeysStayHere: what Fazz says may repeat them, in whichever answer.
func TestKeysStayHere(t *testing.T) {
	t.Parallel()
	said := `{"errors":[{"code":"` + testKey + `","title":"` + testAPIKey + `","detail":"` + testSigning + ` ` + oldSigning + `"}]}`
	for _, status := range []int{200, 400, 401, 404, 429, 500} {
		f := serve(t, answers(status, said))
		ctx := context.Background()
		_, err := f.Checkout(ctx, wanted("qris"))
		_ = requireGatewayError(t, err)
		_, err = f.Status(ctx, byID)
		_ = requireGatewayError(t, err)
		_ = requireGatewayError(t, f.Cancel(ctx, byID))
	}
	f := serve(t, answers(http.StatusOK, strings.Replace(paymentBody("pending"), "TOKO", "TOKO "+testKey, 1)))
	o, err := f.Status(context.Background(), byID)
	require.NoError(t, err)
	requireNoSecret(t, string(o.Raw))
}

package toygateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/examples/toygateway"
	"github.com/lunaspay/lunas/payments"
)

// answering is a gateway whose provider always answers the same.
func answering(t *testing.T, status int, body string) *toygateway.Gateway {
	t.Helper()
	var transport simkit.Transport
	require.NoError(t, transport.Handle("https://kopipay.test", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})))
	g, err := toygateway.New(toygateway.Config{
		APIKey: "kopi_key", SigningSecret: "s", BaseURL: "https://kopipay.test", HTTPClient: &http.Client{Transport: &transport},
	})
	require.NoError(t, err)
	return g
}

func request() payments.CheckoutRequest {
	return payments.CheckoutRequest{Ref: "order-1", Method: "qris", Order: payments.Order{Amount: payments.IDR(29_000)}}
}

// An error page of a proxy on the way is not Kopipay's no.
func TestAProxyDecidesNothing(t *testing.T) {
	for _, status := range []int{302, 403, 404, 409} {
		g := answering(t, status, "<html>not here</html>")
		_, err := g.Status(t.Context(), payments.AttemptRef{Ref: "order-1"})
		require.Error(t, err)
		require.NotErrorIs(t, err, payments.ErrNotFound, status)
		_, err = g.Checkout(t.Context(), request())
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown, status)
	}
	_, err := answering(t, 404, `{"problem":"no_such_route"}`).Status(t.Context(), payments.AttemptRef{Ref: "order-1"})
	require.NotErrorIs(t, err, payments.ErrNotFound, "404 has other reasons")
}

// An answer that is not about what was asked for must not be believed.
func TestAnAnswerIsComparedWithTheQuestion(t *testing.T) {
	ctx := context.Background()
	_, err := answering(t, 200, sample).Status(ctx, payments.AttemptRef{Ref: "order-2"})
	require.Error(t, err)
	_, err = answering(t, 200, sample).Status(ctx, payments.AttemptRef{Ref: "order-1", TransactionID: "kp_2"})
	require.ErrorIs(t, err, payments.ErrNotFound)

	pending := strings.Replace(sample, "received", "waiting", 1)
	_, err = answering(t, 200, pending).Checkout(ctx, request())
	require.NoError(t, err)
	_, err = answering(t, 200, strings.Replace(pending, "order-1", "order-2", 1)).Checkout(ctx, request())
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	for _, other := range []string{
		strings.Replace(pending, "2900000", "100", 1), strings.Replace(pending, `"qr"`, `"account_bca"`, 1),
		strings.Replace(pending, "waiting", "checking", 1),
	} {
		_, err = answering(t, 200, other).Checkout(ctx, request())
		require.ErrorIs(t, err, payments.ErrWrongState)
	}
}

// What of an order the suite never asks for, as it is sent.
func TestWhatIsAskedFor(t *testing.T) {
	var transport simkit.Transport
	var body string
	require.NoError(t, transport.Handle("https://kopipay.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		body = string(sent)
		_, _ = io.WriteString(w, strings.Replace(sample, "received", "waiting", 1))
	})))
	g, err := toygateway.New(toygateway.Config{
		APIKey: "kopi_key", SigningSecret: "beans", BaseURL: "https://kopipay.test", HTTPClient: &http.Client{Transport: &transport},
	})
	require.NoError(t, err)
	r := request()
	r.Method = "qr" // an alias
	r.NotificationURL, r.ExpiresAt, r.Extra = "https://shop.test/n", time.Unix(1778037300, 0), json.RawMessage(`{"note":"One mug"}`)
	out, err := g.Checkout(t.Context(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{"reference":"order-1","amount_sen":2900000,"channel":"qr","note":"One mug",
		"callback_url":"https://shop.test/n","ends_at":1778037300}`, body)
	require.Equal(t, payments.Method("qris"), out.Observation.Method)
	require.Equal(t, time.Unix(1778037300, 0).UTC(), out.Observation.ExpiresAt)
}

func TestAnErrorRepeatsNoKey(t *testing.T) {
	g := answering(t, 401, `{"problem":"key","detail":"no account has Bearer kopi_key"}`)
	_, err := g.Checkout(t.Context(), request())
	require.ErrorContains(t, err, "[removed]")
	require.NotContains(t, err.Error(), "kopi_key")
}

func TestNotNowTellsWhen(t *testing.T) {
	_, err := answering(t, 429, `{"problem":"too_often"}`).Checkout(t.Context(), request())
	var e *payments.GatewayError
	require.ErrorAs(t, err, &e)
	require.True(t, e.Retry)
	require.Equal(t, 7*time.Second, e.RetryAfter)
	require.Equal(t, "too_often", e.Code)
	require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, "it was not made")
}

func TestInputIsCheckedBeforeACall(t *testing.T) {
	g := answering(t, 500, "")
	for field, change := range map[string]func(*payments.CheckoutRequest){
		"method":     func(r *payments.CheckoutRequest) { r.Method = "" },
		"amount":     func(r *payments.CheckoutRequest) { r.Order.Amount.Amount = 1 << 62 },
		"ref":        func(r *payments.CheckoutRequest) { r.Ref = "../1" },
		"extra.nota": func(r *payments.CheckoutRequest) { r.Extra = json.RawMessage(`{"nota":"x"}`) },
		"extra.note": func(r *payments.CheckoutRequest) {
			r.Extra = json.RawMessage(`{"note":"` + strings.Repeat("x", 61) + `"}`)
		},
	} {
		r := request()
		change(&r)
		_, err := g.Checkout(t.Context(), r)
		var invalid *payments.InvalidError
		require.ErrorAs(t, err, &invalid, field)
		require.Equal(t, field, invalid.Fields[0].Field)
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := toygateway.Config{APIKey: "k", SigningSecret: "s", BaseURL: "https://kopipay.test"}
	for name, change := range map[string]func(*toygateway.Config){
		"no key":        func(c *toygateway.Config) { c.APIKey = "" },
		"no secret":     func(c *toygateway.Config) { c.SigningSecret = "" },
		"an empty one":  func(c *toygateway.Config) { c.OldSigningSecrets = []string{""} },
		"no URL":        func(c *toygateway.Config) { c.BaseURL = "kopipay.test" },
		"a name's case": func(c *toygateway.Config) { c.Name = "Kopi" },
	} {
		c := good
		change(&c)
		_, err := toygateway.New(c)
		require.Error(t, err, name)
	}
}

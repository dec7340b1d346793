package fazz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

func seeds(f *testing.F, add func(body string)) {
	for _, name := range []string{"paid_callback", "pending_answer"} {
		add(sample(f, name))
	}
	for word := range words {
		add(paymentBody(word))
	}
	for _, s := range []string{
		``, `{}`, `{"data":null}`, `{"data":[]}`, `{"data":{"id":"a","type":"payment","attributes":{"amount":1e9}}}`,
		paymentBody("ON_HOLD " + testKey), change(f, paymentBody("failed"), "data.attributes.message", "\x00 "+testSigning),
		change(f, paymentBody("paid"), "data.type", "disbursement"), change(f, paymentBody("paid"), "data.attributes.fees", "0.5"),
		listBody(f, paymentBody("paid"), paymentBody("pending")), failure("005"), failure("010"), failure(testKey),
		`{"errors":[1,{"code":5}]}`, `{"errors":{}}`, "{\"\xff\":1}", `{"data":{"id":"\ud800"}}`, strings.Repeat(`{"data":`, 50),
	} {
		add(s)
	}
}

// FuzzReadNotification: nothing unsigned gets through, nothing secret is kept,
// and what is kept reads the same again.
func FuzzReadNotification(f *testing.F) {
	seeds(f, func(body string) { f.Add([]byte(body), sign(testSigning, body)) })
	f.Add([]byte(paymentBody("paid")), strings.Repeat("0", 64))
	g := New(testConfig())
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		got, err := read(g, string(body), signature)
		genuine := strings.EqualFold(signature, sign(testSigning, string(body))) || strings.EqualFold(signature, sign(oldSigning, string(body)))
		if !genuine {
			require.Error(t, err, "nobody can guess a signature")
			require.False(t, errors.Is(err, payments.ErrForged) && len(got.Raw) > 0)
		}

		n, err := g.ReadNotification(payments.RawNotification{Body: body, Verified: true})
		signed, signedErr := read(g, string(body), sign(testSigning, string(body)))
		if len(body) <= maxNotification {
			require.Equal(t, err == nil, signedErr == nil, "a signature adds nothing to what is read")
			require.Equal(t, n.Observation, signed.Observation)
		}
		requireNoSecret(t, string(n.Raw)+n.RawStatus)
		require.True(t, utf8.ValidString(n.Ref))
		if err != nil {
			require.ErrorIs(t, err, payments.ErrMalformed)
			requireNoSecret(t, err.Error())
			return
		}
		require.True(t, json.Valid(n.Raw))
		if n.Notice != nil {
			require.Empty(t, n.Ref+n.TransactionID)
			require.Empty(t, n.Facts)
			return
		}
		require.True(t, gatewaykit.IsID(n.TransactionID, maxID))
		require.NotEmpty(t, n.Ref)
		for _, fact := range n.Facts {
			require.GreaterOrEqual(t, fact.Amount.Amount, int64(0))
		}
		if bytes.Contains(n.Raw, []byte(gatewaykit.Removed)) {
			return // an id may have held a key
		}
		again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}

// roundTripper answers without a network.
type roundTripper func(*http.Request) *http.Response

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzAnswers: whatever is answered, no call panics or shows a secret, and each
// fails as calls must or tells about what was asked for.
func FuzzAnswers(f *testing.F) {
	seeds(f, func(body string) {
		for _, status := range []int{200, 201, 400, 404, 500} {
			f.Add(status, []byte(body))
		}
	})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 999 {
			return
		}
		c := testConfig()
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) *http.Response {
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(body))}
		})}
		g := New(c)
		g.client.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		ctx := context.Background()
		check := func(o payments.Observation, err error) {
			requireNoSecret(t, string(o.Raw)+o.RawStatus)
			if err == nil {
				return
			}
			require.Empty(t, o)
			_ = requireGatewayError(t, err)
		}
		o, err := g.Status(ctx, byID)
		check(o, err)
		require.True(t, err != nil || o.TransactionID == contract)
		o, err = g.Status(ctx, payments.AttemptRef{Ref: "INV-1"})
		check(o, err)
		require.True(t, err != nil || o.Ref == "INV-1")
		for _, repeat := range []bool{false, true} {
			r := wanted("bank_transfer/bni")
			r.Repeat = repeat
			got, err := g.Checkout(ctx, r)
			check(got.Observation, err)
			if err == nil {
				require.Equal(t, payments.IDR(150_000), got.Observation.Amount)
				require.Equal(t, payments.Method("bank_transfer/bni"), got.Observation.Method)
				require.NotContains(t, kinds(got.Observation.Facts), payments.FactPaid)
			}
		}
		check(payments.Observation{}, g.Cancel(ctx, byID))
		page, err := g.List(ctx, ListParams{})
		check(payments.Observation{}, err)
		for _, item := range page.Items {
			check(item.Observation, nil)
		}
	})
}

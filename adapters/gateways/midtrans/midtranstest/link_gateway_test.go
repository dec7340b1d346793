package midtranstest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

func notification(raw string) payments.RawNotification {
	return payments.RawNotification{Body: []byte(raw)}
}

// at is the HTTP status of a GET at one of Midtrans's hosts.
func (b *bench) at(host, path string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	r.SetBasicAuth(serverKey, "")
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w.Code
}

func linkRequest() payments.LinkRequest {
	return payments.LinkRequest{
		Ref: "concert-05", Title: "Concert", Amount: payments.IDR(190_000), UsageLimit: 2,
		Lines:     []payments.Line{{Item: payments.Item{ID: "tix", Name: "Day 1", Price: payments.IDR(95_000)}, Quantity: 2}},
		CreatedAt: start, ExpiresAt: start.Add(30 * 24 * time.Hour), ReturnURL: "https://shop.example/thanks",
		Extra: json.RawMessage(`{"payment_link_id":"concert","enabled_payments":["gopay","bca_va"],"custom_field2":"2",
			"customer_details":{"first_name":"J","email":"j@example.com","phone":"0811"}}`),
	}
}

// The gateway of package midtrans makes, reads and deletes links here.
func TestGatewayMakesLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := midtrans.Snap(b.Config())
	ctx := t.Context()
	page, err := g.CreateLink(ctx, linkRequest())
	require.NoError(t, err)
	require.Equal(t, b.URL+"/payment-links/concert", page)
	want := payments.LinkPage{URL: page, Amount: payments.IDR(190_000), UsageLimit: 2, ExpiresAt: start.Add(30 * 24 * time.Hour)}
	got, err := g.Link(ctx, "concert-05")
	require.NoError(t, err)
	require.True(t, want.ExpiresAt.Equal(got.ExpiresAt), got.ExpiresAt)
	got.ExpiresAt = want.ExpiresAt
	require.Equal(t, want, got)

	again, err := g.CreateLink(ctx, linkRequest())
	require.NoError(t, err, "asked again, it is found")
	require.Equal(t, page, again)
	other := linkRequest()
	other.Amount, other.Lines = payments.IDR(190_001), nil
	_, err = g.CreateLink(ctx, other)
	require.ErrorIs(t, err, payments.ErrWrongState)
	other.Ref = "concert-06"
	_, err = g.CreateLink(ctx, other)
	var invalid *payments.InvalidError
	require.ErrorAs(t, err, &invalid, "the name is another link's")

	ref, err := b.PayLink("concert-05", midtranstest.By("bca_va"))
	require.NoError(t, err)
	for i, n := range b.delivered() {
		told, err := g.ReadNotification(notification(n.raw))
		require.NoError(t, err)
		require.Equal(t, ref, told.Ref)
		require.Equal(t, payments.IDR(190_000), told.Amount)
		require.Equal(t, "concert-05", n.body.text("custom_field1"), i)
	}
	got, err = g.Link(ctx, "concert-05")
	require.NoError(t, err)
	require.Equal(t, 1, got.Usage)

	require.NoError(t, g.DeleteLink(ctx, "concert-05"))
	require.ErrorIs(t, g.DeleteLink(ctx, "concert-05"), payments.ErrNotFound)
	_, err = g.Link(ctx, "concert-05")
	require.ErrorIs(t, err, payments.ErrNotFound)
}

// The call took effect, and its answer was lost.
func TestGatewayFindsALinkWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := midtrans.Snap(b.Config())
	b.Fail(simkit.Fault{Kind: simkit.Lost, Op: "create_link"})
	_, err := g.CreateLink(t.Context(), linkRequest())
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	page, err := g.CreateLink(t.Context(), linkRequest())
	require.NoError(t, err)
	status, _ := b.visit(page, nil)
	require.Equal(t, http.StatusOK, status)
}

func TestGatewayMakesLinksOfAnyAmount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := midtrans.Snap(b.Config())
	_, err := g.CreateLink(t.Context(), payments.LinkRequest{Ref: "tips", UsageLimit: 9, Min: payments.IDR(5_000), Max: payments.IDR(50_000)})
	require.NoError(t, err)
	ref, err := b.PayLink("tips", midtranstest.Amount("7000.00"))
	require.NoError(t, err)
	require.Equal(t, "7000.00", b.transaction(ref).Gross)
	page, err := g.Link(t.Context(), "tips")
	require.NoError(t, err)
	require.True(t, page.ExpiresAt.IsZero())
}

func TestGatewayWithAWrongKeyMakesNoLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	config := b.Config()
	config.ServerKey = "SB-Mid-server-of-a-stranger"
	_, err := midtrans.Snap(config).CreateLink(t.Context(), linkRequest())
	var refusal *payments.GatewayError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, http.StatusUnauthorized, refusal.HTTPStatus)
	require.False(t, refusal.Retry)
}

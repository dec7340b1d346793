package fazz

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestList(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := serve(t, answers(200, listBody(t, paymentBody("completed"), change(t, paymentBody("pending"), "data.id", "contract_2"))))
	page, err := f.List(ctx, ListParams{})
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api/v4/payments?page%5Bnumber%5D=1&page%5Bsize%5D=10"}, f.lines())
	require.Len(t, page.Items, 2)
	require.False(t, page.More)
	first := page.Items[0]
	require.Equal(t, words["completed"], first.Facts)
	require.Equal(t, payments.IDR(4400), first.Fees)
	require.Equal(t, payments.IDR(150_000), first.Amount)
	require.Equal(t, time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), first.BegunAt)
	require.Equal(t, payments.IDR(4400), page.Items[1].Fees, "also of what is not paid")
	require.JSONEq(t, paymentBody("completed"), string(first.Raw))

	page, err = f.List(ctx, ListParams{
		Page: 3, Size: 2, Sort: "-createdAt", Status: "completed", Reference: "INV-1",
		CreatedAfter: testNow, CreatedBefore: testNow.Add(time.Hour),
	})
	require.NoError(t, err)
	require.Equal(t, "/api/v4/payments?filter%5BcreatedAfter%5D=2026-01-01T10%3A00%3A00%2B07%3A00"+
		"&filter%5BcreatedBefore%5D=2026-01-01T11%3A00%3A00%2B07%3A00&filter%5BreferenceId%5D=INV-1&filter%5Bstatus%5D=completed"+
		"&page%5Bnumber%5D=3&page%5Bsize%5D=2&sort=-createdAt", f.last(t).URL.RequestURI())
	require.Len(t, page.Items, 1, "what was not asked for is left out")
	require.True(t, page.More, "the page was full all the same")
	page, err = f.List(ctx, ListParams{Size: 2, Reference: "INV-2"})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.True(t, page.More)
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(200, `{"data":[]}`))
	for _, size := range []int{1, 1000} {
		page, err := f.List(context.Background(), ListParams{Size: size})
		require.NoError(t, err)
		require.False(t, page.More)
	}
	calls := len(f.lines())
	for field, p := range map[string]ListParams{
		"page": {Page: -1}, "size": {Size: 1001}, "sort": {Sort: "a,b"}, "status": {Status: "a b"}, "reference": {Reference: "a\nb"},
		"created_before": {CreatedAfter: testNow, CreatedBefore: testNow},
	} {
		_, err := f.List(context.Background(), p)
		require.Error(t, err, field)
		requireInvalid(t, err, field)
	}
	_, err := f.List(context.Background(), ListParams{Page: -1, Size: -1})
	requireInvalid(t, err, "page", "size")
	require.Len(t, f.lines(), calls)
}

func TestListFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]reply{
		"one is unreadable": {200, listBody(t, paymentBody("paid"), change(t, paymentBody("paid"), "data.attributes.amount", "1.5"))},
		"no list":           {200, paymentBody("paid")},
		"list of nulls":     {200, `{"data":[null]}`},
		"trouble":           {500, ""},
		"wrong key":         {401, failure("002")},
	} {
		_, err := serve(t, answers(c.status, c.body)).List(context.Background(), ListParams{})
		require.Error(t, err, name)
		require.Equal(t, "list", requireGatewayError(t, err).Op)
	}
	_, err := serve(t, answers(200, listBody(t, slices.Repeat([]string{change(t, paymentBody("paid"), "data.type", "x")}, 2)...))).
		List(context.Background(), ListParams{})
	require.ErrorContains(t, err, "payment 1 of the page")
	require.ErrorIs(t, err, errNotPayment)

	// The keys go nowhere else.
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://other.example/", http.StatusFound)
	})
	_, err = f.List(context.Background(), ListParams{})
	require.Equal(t, 302, requireGatewayError(t, err).HTTPStatus)
}

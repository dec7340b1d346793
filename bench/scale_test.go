package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

func TestSmallScaleRun(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec { return scaled(500, 2_500, true) }
	dsn := needPostgres(t)
	lines, err := runJSON(t, plan, "-rounds", "1", "-postgres", dsn)
	require.NoError(t, err)
	require.Len(t, lines, 7)
	require.Contains(t, toText(t, lines[0]), "a shop of 2500 payments: ")
	for i, name := range []string{"B1/64", "history", "claiming"} {
		require.Equal(t, "scale/pg/2500/"+name, lines[1+2*i]["run"])
		require.Equal(t, "lunas at 500", lines[2+2*i]["contender"])
	}
	for _, line := range lines[1:] {
		require.Equal(t, true, line["correct"])
		require.Positive(t, line["ratio"])
	}
}

// A copy is a payment like any other: the store reads it whole, and finds it
// by its name, its buyer and its message.
func TestFilledShop(t *testing.T) {
	t.Parallel()
	b := &bench{pool: 4, places: map[string]place{postgres: {postgres, needPostgres(t)}}, say: t.Logf}
	t.Cleanup(func() { require.NoError(t, b.closeShops(context.WithoutCancel(t.Context()))) })
	s, err := b.shop(t.Context(), 300, true)
	require.NoError(t, err)
	store, closeDB, err := (&lunas{s.setup(b)}).open(t.Context())
	require.NoError(t, err)
	defer closeDB()
	requireCopy(t, store)

	again, err := b.shop(t.Context(), 300, false)
	require.NoError(t, err)
	require.Equal(t, s.name, again.name, "it is there")
	again, err = b.shop(t.Context(), 300, true)
	require.NoError(t, err)
	require.NotEqual(t, s.name, again.name)
}

func requireCopy(t *testing.T, store *gormstore.Store) {
	t.Helper()
	const id = payments.ID("01900000-0000-7000-8000-000000000200")
	p, err := store.Get(t.Context(), payments.ByGatewayRef("midtrans", string(id)))
	require.NoError(t, err)
	require.Equal(t, id, p.ID)
	require.Equal(t, payments.StatusSettled, p.Status)
	require.Equal(t, "buyer-2", p.User.ID)
	require.Equal(t, "buyer-2@shop.example", p.User.Email)
	require.Equal(t, payments.IDR(price), p.Totals.In)

	events, err := store.Events(t.Context(), payments.EventQuery{PaymentID: id})
	require.NoError(t, err)
	require.Len(t, events.Items, p.LastSeq)
	messages, err := store.Messages(t.Context(), payments.MessageQuery{PaymentID: id})
	require.NoError(t, err)
	require.Len(t, messages.Items, 1)
	require.Contains(t, string(messages.Items[0].Raw), `"order_id":"`+string(id)+`"`)
	deliveries, err := store.Deliveries(t.Context(), payments.DeliveryQuery{PaymentID: id})
	require.NoError(t, err)
	require.Len(t, deliveries.Items, 1)
	require.Equal(t, payments.DeliveryDone, deliveries.Items[0].State)
	mine, err := store.Payments(t.Context(), payments.PaymentQuery{UserID: "buyer-2", Limit: 500})
	require.NoError(t, err)
	require.Len(t, mine.Items, 100)
}

func TestScaleIsMore(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := run(t.Context(), []string{"-scale", "10000"}, planned, &out, &out)
	require.ErrorContains(t, err, "-scale must be more than 10000")
}

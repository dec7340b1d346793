package gormstore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// FuzzCursors reads lists from where a stranger says: a page, or an error that
// is the stranger's. (The suite asks every database for the worst of them.)
func FuzzCursors(f *testing.F) {
	for _, s := range []string{"", "\x00", "\xff", "'; DROP TABLE lunas_payment; --", "a-1/b", "-9/b", "1", "-1", "99999999999999999999", `["a","b"]`, `["a"]`, `[null]`, "~", "%", "🧧"} {
		f.Add(s, "hook:fulfil", 1)
	}
	store := openStore(f, openFile(f), nil)
	p := createPayment(f, store, "hook:fulfil")
	f.Fuzz(func(t *testing.T, cursor, filter string, limit int) {
		ctx := t.Context()
		check := func(items int, err error) {
			t.Helper()
			var invalid *payments.InvalidError
			require.True(t, err == nil || errors.As(err, &invalid), "%v", err)
			require.LessOrEqual(t, items, payments.PageLimit(limit))
		}
		all, err := store.Payments(ctx, payments.PaymentQuery{Cursor: cursor, Limit: limit, Tenant: filter, Reference: filter})
		check(len(all.Items), err)
		events, err := store.Events(ctx, payments.EventQuery{PaymentID: p.ID, Cursor: cursor, Limit: limit})
		check(len(events.Items), err)
		messages, err := store.Messages(ctx, payments.MessageQuery{Cursor: cursor, Limit: limit, Ref: filter, Verdict: []payments.Verdict{payments.Verdict(filter)}})
		check(len(messages.Items), err)
		deliveries, err := store.Deliveries(ctx, payments.DeliveryQuery{ID: payments.ID(filter), Cursor: cursor, Limit: limit, Target: filter})
		check(len(deliveries.Items), err)
		claims, err := store.Claims(ctx, payments.ClaimQuery{Tenant: filter, Cursor: cursor, Limit: limit})
		check(len(claims.Items), err)
		records, err := store.Records(ctx, payments.RecordQuery{Kind: "link", Tenant: filter, Cursor: cursor, Limit: limit})
		check(len(records.Items), err)
		stored, err := store.Get(ctx, payments.ByID(p.ID))
		require.NoError(t, err)
		require.Equal(t, p.ID, stored.ID)
		_, err = store.Get(ctx, payments.ByID(payments.ID(cursor)))
		require.True(t, err == nil || errors.Is(err, payments.ErrNotFound), "%v", err)
	})
}

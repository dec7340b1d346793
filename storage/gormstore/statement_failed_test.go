package gormstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// A statement that fails ends the transaction, also one that is sent for a
// single update while it runs: some databases have rolled back by then, and
// what is sent after it would be committed on its own.
func TestAFailedStatementEndsTheTransaction(t *testing.T) {
	t.Parallel()
	failing, begun, committed := 0, 0, 0
	db := openWatched(t, gormstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")), func(_ context.Context, statement string) error {
		switch {
		case statement == "BEGIN IMMEDIATE":
			begun++
		case statement == "COMMIT":
			committed++
		case failing > 0 && strings.HasPrefix(statement, "SELECT state FROM lunas_delivery "):
			failing--
			return errors.New("database is locked")
		}
		return nil
	})
	store := openStore(t, limited(t, db), nil)
	p := createPayment(t, store, "hook:fulfil")
	// A delivery of an old event to a new target is looked for first.
	late := func(payments.Snapshot) (payments.Change, error) {
		e := payments.Event{ID: payments.EventID(p.ID, 1), PaymentID: p.ID, Kind: payments.EventSettled, Seq: 1}
		return payments.Change{Deliveries: []payments.Delivery{
			{ID: payments.DeliveryID(e.ID, "hook:late"), Target: "hook:late", Event: e, State: payments.DeliveryOpen, Due: t0},
		}}, nil
	}
	failing, begun, committed = 1, 0, 0
	_, err := store.Update(t.Context(), payments.ByID(p.ID), late)
	require.NoError(t, err, "it is repeated")
	require.Equal(t, 2, begun)
	require.Equal(t, 1, committed, "the first one must not be committed")
}

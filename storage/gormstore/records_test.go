package gormstore_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

var linkA = payments.RecordRef{Kind: "link", Key: "a"}

// doc is an fn that stores a document, whatever was there.
func doc(text string) func(*payments.Record) (*payments.Record, error) {
	return func(*payments.Record) (*payments.Record, error) {
		return &payments.Record{Doc: json.RawMessage(text)}, nil
	}
}

// Records change with the host's transaction, or not at all; one that fn
// declines leaves the transaction as it was.
func TestRecordsInTheHostsTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		t.Parallel()
		ctx, db := t.Context(), openNew(t, dialect)
		store := openStore(t, db, nil)

		tx := db.Begin()
		bound := store.Tx(tx).(payments.RecordStore)
		_, err := bound.UpdateRecord(ctx, linkA, doc(`1`))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback().Error)
		_, err = store.Record(ctx, linkA)
		require.ErrorIs(t, err, payments.ErrNotFound)

		tx = db.Begin()
		bound = store.Tx(tx).(payments.RecordStore)
		_, err = bound.UpdateRecord(ctx, linkA, doc(`1`))
		require.NoError(t, err)
		_, err = bound.UpdateRecord(ctx, linkA, doc(`no JSON`))
		require.Error(t, err)
		own := errors.New("no")
		_, err = bound.UpdateRecord(ctx, linkA, func(*payments.Record) (*payments.Record, error) { return nil, own })
		require.Equal(t, own, err)
		_, err = bound.UpdateRecord(ctx, linkA, doc(`2`))
		require.NoError(t, err)
		seen, err := bound.Record(ctx, linkA)
		require.NoError(t, err)
		require.EqualValues(t, 2, seen.Version)
		page, err := bound.Records(ctx, payments.RecordQuery{Kind: "link"})
		require.NoError(t, err)
		require.Equal(t, []*payments.Record{seen}, page.Items)
		require.NoError(t, tx.Commit().Error)
		stored, err := store.Record(ctx, linkA)
		require.NoError(t, err)
		require.Equal(t, seen, stored)
		require.Equal(t, `2`, string(stored.Doc))
	})
}

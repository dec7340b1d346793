package gormstore_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// Deliveries behind one that waits are not looked at before their time, or a
// long queue would be read in vain by every lease.
func TestThoseBehindWaitWithTheirHead(t *testing.T) {
	t.Parallel()
	db := openFile(t)
	store := openStore(t, db, nil)
	p := createPayment(t, store, "hook:fulfil")
	follow(t, store, p.ID, 2, t0)
	head := leaseAll(t, store, t0)[0]

	// While the head is being handled, those behind it are as due as ever.
	follow(t, store, p.ID, 3, t0)
	require.Equal(t, []any{t0.Add(time.Minute), t0, t0}, dues(t, db))

	late, retryAt := t0.Add(90*time.Minute), t0.Add(time.Hour)
	follow(t, store, p.ID, 4, late)
	finish(t, store, payments.Outcome{DeliveryID: head.ID, Lease: head.Lease, State: payments.DeliveryOpen, Due: retryAt, At: t0})
	follow(t, store, p.ID, 5, t0)
	require.Equal(t, []any{retryAt, retryAt, retryAt, late, retryAt}, dues(t, db))

	head = leaseAll(t, store, retryAt)[0]
	finish(t, store, payments.Outcome{DeliveryID: head.ID, Lease: head.Lease, State: payments.DeliveryDead, At: retryAt})
	follow(t, store, p.ID, 6, t0)
	require.Equal(t, []any{nil, nil, nil, nil, nil, nil}, dues(t, db))

	again := t0.Add(2 * time.Hour)
	release(t, store, payments.Release{DeliveryID: head.ID, State: payments.DeliveryOpen, Due: again})
	require.Equal(t, []any{again, again, again, again, again, again}, dues(t, db))

	head = leaseAll(t, store, again)[0]
	finish(t, store, payments.Outcome{DeliveryID: head.ID, Lease: head.Lease, State: payments.DeliveryDead, At: again})
	later := t0.Add(3 * time.Hour)
	release(t, store, payments.Release{DeliveryID: head.ID, State: payments.DeliveryDismissed, Due: later})
	require.Equal(t, []any{later, later, later, later, later}, dues(t, db))
	for seq := 2; seq <= 6; seq++ {
		d := leaseAll(t, store, later)
		require.Len(t, d, 1)
		require.Equal(t, seq, d[0].Event.Seq)
		finish(t, store, payments.Outcome{DeliveryID: d[0].ID, Lease: d[0].Lease, State: payments.DeliveryDone, At: later})
	}
	require.Empty(t, dues(t, db))
}

// follow adds an event and its delivery.
func follow(t *testing.T, store *gormstore.Store, id payments.ID, seq int, due time.Time) {
	t.Helper()
	_, err := store.Update(t.Context(), payments.ByID(id), func(payments.Snapshot) (payments.Change, error) {
		e := payments.Event{ID: payments.EventID(id, seq), PaymentID: id, Kind: payments.EventRefunded, Version: 1, Seq: seq, At: t0}
		d := payments.Delivery{ID: payments.DeliveryID(e.ID, "hook:fulfil"), Target: "hook:fulfil", Event: e, Due: due}
		return payments.Change{Events: []payments.Event{e}, Deliveries: []payments.Delivery{d}}, nil
	})
	require.NoError(t, err)
}

func finish(t *testing.T, store *gormstore.Store, o payments.Outcome) {
	t.Helper()
	lost, err := store.Finish(t.Context(), []payments.Outcome{o})
	require.NoError(t, err)
	require.Empty(t, lost)
}

func release(t *testing.T, store *gormstore.Store, r payments.Release) {
	t.Helper()
	_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Releases: []payments.Release{r}}, nil
	})
	require.NoError(t, err)
}

// dues are the live deliveries' times, by event; nil means never.
func dues(t *testing.T, db *gorm.DB) []any {
	t.Helper()
	rows, err := db.Raw("SELECT due FROM lunas_delivery ORDER BY seq").Rows()
	require.NoError(t, err)
	defer rows.Close()
	times := []any{}
	for rows.Next() {
		var n sql.NullInt64
		require.NoError(t, rows.Scan(&n))
		if n.Valid {
			times = append(times, time.UnixMicro(n.Int64).UTC())
		} else {
			times = append(times, nil)
		}
	}
	require.NoError(t, rows.Err())
	return times
}

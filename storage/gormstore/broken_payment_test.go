package gormstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// A payment whose document does not parse is leased without its order, and
// holds up no other.
func TestAPaymentThatDoesNotParseHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		db := openNew(t, dialect)
		store := openStore(t, db, nil)
		broken, sound := createPayment(t, store, "hook:fulfil").ID, createPayment(t, store, "hook:fulfil").ID
		require.NoError(t, db.Exec("UPDATE lunas_payment SET doc = '{' WHERE id = ?", string(broken)).Error)
		orders := map[payments.ID]payments.ID{}
		for _, d := range leaseAll(t, store, time.Now().Add(time.Hour)) {
			orders[d.Event.PaymentID] = d.Event.Order.ID
		}
		require.Equal(t, map[payments.ID]payments.ID{broken: "", sound: sound}, orders)
	})
}

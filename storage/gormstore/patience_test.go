package gormstore_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/storagetest"
)

// A database that has vanished without a word gives no answer, for as long as
// TCP does not notice: so whatever the store sends has a limit of the store's
// own, also when its caller has none.
func TestNoStatementIsWaitedForWithoutLimit(t *testing.T) {
	var mu sync.Mutex
	statements, endless := 0, map[string]bool{}
	watched := func(t *testing.T) *gorm.DB {
		db := openWatched(t, gormstore.SQLiteDSN(":memory:"), func(ctx context.Context, statement string) error {
			verb, _, _ := strings.Cut(statement, " ")
			if !strings.Contains("SELECT INSERT UPDATE DELETE SAVEPOINT RELEASE", verb) || !strings.Contains(statement, "lunas_") || strings.Contains(statement, "lunas_schema") {
				return nil // of Migrate and Open
			}
			mu.Lock()
			defer mu.Unlock()
			statements++
			if _, limited := ctx.Deadline(); !limited {
				endless[statement] = true
			}
			return nil
		})
		return limited(t, db)
	}
	newStore := func(t *testing.T) payments.Store { return openStore(t, watched(t), nil) }
	t.Run("suite", func(t *testing.T) {
		storagetest.Run(t, newStore)
		storagetest.RunDeliveries(t, newStore)
		storagetest.RunTx(t, func(t *testing.T) (payments.Store, func(t *testing.T) storagetest.Bound) {
			return bindable(t, watched(t), nil)
		})
	})
	require.Greater(t, statements, 40, "the suites sent too few statements to be true")
	require.Empty(t, endless)
}

// A transaction whose client has vanished keeps its locks until the server
// ends it: the store says when.
func TestServerEndsTransactionsThatAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:3] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var begun, told atomic.Int64
			store := openStore(t, e.open(t, e.create(t), &tap{before: func(statement string) error {
				switch {
				case strings.HasPrefix(statement, "BEGIN"):
					begun.Add(1)
				case strings.Contains(statement, "set_config('idle_in_transaction_session_timeout', '20s', true)"):
					told.Add(1)
				}
				return nil
			}}), nil)
			before := begun.Load() - told.Load() // Migrate's own
			id := createPayment(t, store, "hook:fulfil").ID
			update(t, store, payments.ByID(id), mark("p"))
			require.Positive(t, told.Load())
			require.Equal(t, before, begun.Load()-told.Load(), "transactions that the server would wait for")
		})
	}
}

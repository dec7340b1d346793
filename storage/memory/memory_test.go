package memory_test

import (
	"testing"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
	"github.com/lunaspay/lunas/storage/storagetest"
)

func newStore(t *testing.T) payments.Store {
	t.Parallel()
	return memory.New()
}

func TestStore(t *testing.T)       { storagetest.Run(t, newStore) }
func TestDeliveries(t *testing.T)  { storagetest.RunDeliveries(t, newStore) }
func TestConcurrency(t *testing.T) { storagetest.RunConcurrency(t, newStore) }
func TestCleaning(t *testing.T)    { storagetest.RunCleaning(t, newStore) }
func TestRecords(t *testing.T) {
	storagetest.RunRecords(t, func(t *testing.T) payments.RecordStore { return newStore(t).(payments.RecordStore) })
}

// Package storagetest checks implementations of payments.Store.
//
// Each Run function is one group of guarantees. A store calls all of them
// from its own tests; one that is not yet able to keep a guarantee says so by
// not calling that function. A case that fails names the broken rule in the
// words of payments/store.go, then the values.
//
// Every case asks for a fresh, empty store, and does so before anything else.
// Stores that share nothing may run side by side: then newStore calls
// t.Parallel. What a store holds open is closed by newStore's own t.Cleanup.
package storagetest

import (
	"slices"
	"testing"

	"github.com/lunaspay/lunas/payments"
)

// Run checks what a store keeps and how it is read: payments and their
// names, events, messages, claims, timers, and lists.
func Run(t *testing.T, newStore func(t *testing.T) payments.Store) {
	run(t, newStore, slices.Concat(updateCases, paymentCases, refCases, eventCases, messageCases, claimCases, timerCases, pageCases, cancelCases, hostileCases))
}

// RunDeliveries checks the way of deliveries: leases, order, outcomes,
// releases, lanes and the log.
func RunDeliveries(t *testing.T, newStore func(t *testing.T) payments.Store) {
	run(t, newStore, slices.Concat(leaseCases, outcomeCases, releaseCases, deliveryListCases, laneCases))
}

// RunConcurrency checks that nothing is lost or done twice when many
// goroutines use a store at once. Run it under the race detector, too.
func RunConcurrency(t *testing.T, newStore func(t *testing.T) payments.Store) {
	run(t, newStore, concurrencyCases)
}

// Bound is a store inside a transaction of the host, which the suite ends by
// calling either Commit or Rollback, once.
type Bound struct {
	Store            payments.Store
	Commit, Rollback func() error
}

// RunTx checks a store that can work inside the host's transaction. newStore
// returns a store and a function that begins a transaction on the same
// database. The suite has one transaction open at a time, and does not touch
// the store itself meanwhile: databases with one writer would wait for ever.
func RunTx(t *testing.T, newStore func(t *testing.T) (payments.Store, func(t *testing.T) Bound)) {
	for _, tc := range txCases {
		t.Run(tc.name, func(t *testing.T) {
			store, begin := newStore(t)
			tc.run(newChecker(t, store), func() *transaction { return startTransaction(t, begin(t)) })
		})
	}
}

// testCase is one case about one store.
type testCase struct {
	name string
	run  func(c *checker)
}

func run(t *testing.T, newStore func(t *testing.T) payments.Store, cases []testCase) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { tc.run(newChecker(t, newStore(t))) })
	}
}

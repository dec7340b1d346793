// Package payments takes payments in a Go web app and fulfils each order
// exactly when its money has arrived.
//
// Read it in this order:
//
//   - A [Payment] is one order to be paid. What is known about it is a set of
//     [Fact]s that only grows; its [Status] is computed from the set. So
//     duplicates, reordering and races cannot change the outcome
//     (facts.go, merge.go, status.go, events.go).
//   - A [Gateway] is a payment service provider behind a small interface
//     (gateway.go). What it tells becomes an [Observation].
//   - A [Store] keeps payments, events and deliveries (store.go). Everything
//     that changes anything is one call of Update, one transaction.
//   - A hook is a function of the host, registered under a name, its lane
//     (hook.go). Events reach it from the store, after the commit, at least
//     once and in order per payment (dispatch.go).
//   - A [Link] and a [Subscription] bring many payments. They are records
//     ([RecordStore]); all that money does is in the payments (link.go,
//     renewal.go, subscription.go).
//   - A [Service] ties them together. Mount [Service.Handler], register
//     hooks, and keep [Service.Run] running.
//
// All times are UTC, all amounts are integers in the currency's smallest
// unit that gateways accept ([Money]).
package payments

// Package midtrans takes payments through Midtrans.
//
// [Snap] makes a payments.Gateway of one merchant account: checkouts on the
// Snap page (snap.js or redirect), and look-ups, cancellation, expiry and
// refunds through the Core API. It also implements payments.StatusReader,
// payments.Canceler, payments.Expirer, payments.Refunder, payments.Linker and
// payments.Subscriber. Whatever Snap takes beyond the order itself is in
// [SnapExtra], what a payment link takes in [LinkExtra], and what a
// subscription takes in [SubscriptionExtra].
//
// Midtrans signs order id, status code and amount of a notification, but not
// the status itself. So notifications are reported as payments.ProofPartial,
// and the core asks [Gateway.Status] before anything of weight changes.
//
// Amounts are whole rupiah. Times without a zone are Asia/Jakarta (UTC+7).
// The simulator for tests is in the package midtranstest.
package midtrans

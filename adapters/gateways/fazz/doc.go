// Package fazz is the gateway to Fazz (formerly Xfers) API v4 in Indonesia:
// one-time payments by virtual account, QRIS, e-wallet and retail outlet.
//
// [New] makes a payments.Gateway of one merchant account, which is also a
// payments.StatusReader, a payments.Canceler (virtual accounts only, as at
// Fazz) and a payments.MethodLister; [Gateway.List] is for reports. Fazz sends
// no money back through its API, so there are no refunds.
//
// Callbacks are signed whole, but without a time. They are reported as
// payments.ProofPartial, and the core asks [Gateway.Status], unless
// Config.TrustNotifications is set. That callbacks come for what expires, fails
// or is canceled is not assured; the core asks by itself.
//
// Amounts are whole rupiah. Times are read with their offset, kept in UTC and
// sent in that of Jakarta (UTC+7).
//
// Its simulator is beside it, in fazztest. What is known of Fazz, and what is
// only assumed because nothing is published, stands in docs/fazz; in the code
// such things are marked as assumed.
package fazz

// Package fazz is the gateway to Fazz (formerly Xfers) API v4 in Indonesia:
// one-time payments by virtual account, QRIS, e-wallet and retail outlet.
//
// Its simulator is beside it, in fazztest. What is known of Fazz, and what is
// only assumed because nothing is published, stands in docs/fazz.
package fazz

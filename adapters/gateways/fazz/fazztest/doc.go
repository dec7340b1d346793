// Package fazztest simulates Fazz (formerly Xfers) API v4 in Indonesia, in the
// manner of net/http/httptest: one-time payments by virtual account, retail
// outlet, QRIS and e-wallet, with signed callbacks. It speaks the wire
// protocol, so the gateway in package fazz runs against it unchanged.
//
//	sim := fazztest.NewServer()
//	defer sim.Close()
//	config := sim.Config() // for the gateway
//	sim.Notify("http://shop.test/pay/notifications/fazz", app)
//	// … a checkout makes a payment …
//	err := sim.Pay(ref)               // the payer pays
//	answers, err := sim.Deliver(ctx)  // the callback arrives
//	err = sim.Complete(ref)           // the money can be withdrawn
//
// [New] makes one that does not listen: mount its Handler in a mux of your
// own and keep [Server.Run] running, and a person can click through the pages
// with a browser. Never put it where strangers can reach it: whoever sees the
// page decides that an order is paid.
//
// Time is that of the clock given by [WithClock]: payments expire, with
// [WithSettleAfter] paid ones complete, and refused callbacks are sent again
// every 5 minutes, 20 times. What the clock brings happens when the simulator
// is next spoken to, delivers, or runs.
//
// Fazz publishes less than it does. What is a choice of ours, and not Fazz's
// word, is marked where it is made: HTTP statuses by error code, what becomes
// of a referenceId that is used twice, the fees of all but retail outlets, the
// phone number for OVO, and callbacks about payments that were not paid.
//
// Not simulated: persistent methods, payment links, payouts and balances.
package fazztest

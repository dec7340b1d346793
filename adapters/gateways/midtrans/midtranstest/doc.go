// Package midtranstest simulates Midtrans, in the manner of net/http/httptest:
// Snap with its hosted page, the Core API calls that follow a charge, and
// signed notifications. It speaks the real wire protocol, so the gateway in
// package midtrans and Midtrans's own SDKs run against it unchanged.
//
//	sim := midtranstest.NewServer()
//	defer sim.Close()
//	gateway := midtrans.Snap(sim.Config())
//	sim.Notify("http://shop.test/pay/notifications/midtrans", app)
//	// … a checkout makes an order …
//	err := sim.Pay(ref)               // the payer pays
//	answers, err := sim.Deliver(ctx)  // the notifications arrive
//
// [New] makes one that does not listen: mount its Handler in a mux of your
// own and keep [Server.Run] running, and a person can click through the pages
// with a browser. Never put it where strangers can reach it: whoever sees the
// page decides that an order is paid.
//
// Time is that of the clock given by [WithClock]: transactions and pages
// expire, card captures settle on the next day at 16:00 in Jakarta, and
// refused notifications are sent again after 2, 10, 30, 90 and 210 minutes.
// What the clock brings happens when the simulator is next spoken to,
// delivers, or runs.
//
// What is simulated: Snap, and the Core API's charges by every channel that
// package midtrans lists but the virtual accounts of Danamon, BSI and SeaBank;
// card tokens, 3-D Secure, capture, instalments and saved cards by the Core
// API; payment links; linked GoPay accounts; subscriptions; and the calls that
// follow a charge. Not: saved cards on the page, fees imposed on the payer, and
// the hours and days within which a method can be refunded.
package midtranstest

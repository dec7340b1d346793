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
// What is simulated: cards (with the sandbox's test numbers), virtual
// accounts of BCA, BNI, BRI, CIMB and Permata, Mandiri Bill, GoPay,
// ShopeePay, QRIS, Indomaret and Alfamart. Not: charges through the Core API,
// capture, instalments, saved cards, fees imposed on the payer, the limits of
// a payment method's amount, and the hours and days within which a method can
// be refunded.
package midtranstest

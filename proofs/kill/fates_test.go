package kill

import (
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// fate is what becomes of an order.
type fate struct {
	name   string
	status payments.Status // in the end
	// fulfilled: the order was paid, whatever came later.
	fulfilled bool
	// told: the gateway's notifications may all be lost, as one look at the
	// gateway tells everything.
	told   bool
	happen func(b *buyer, o order) error
}

// fates are as many as do not divide evenly by the two kinds of order, so that
// both meet each of them.
var fates = []fate{
	{"paid", payments.StatusSettled, true, true, func(b *buyer, o order) error { return b.w.sim.Pay(o.ref()) }},
	{"refunded at the dashboard", payments.StatusRefunded, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref()) }, func() error { return b.refundAtDashboard(o, 0) })
	}},
	{"denied", payments.StatusDenied, false, true, func(b *buyer, o order) error { return b.w.sim.Deny(o.ref()) }},
	{"paid by a bank transfer", payments.StatusSettled, true, true, func(b *buyer, o order) error {
		return b.w.sim.Pay(o.ref(), midtranstest.By("bca_va"))
	}},
	{"expired", payments.StatusExpired, false, true, (*buyer).chooseAndExpire},
	{"left alone", payments.StatusPending, false, true, func(*buyer, order) error { return nil }},
	{"refunded by the host", payments.StatusRefunded, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref()) }, func() error { return b.refund(o, "all", o.amount) })
	}},
	{"refunded in part", payments.StatusPartiallyRefunded, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref()) },
			func() error { return b.refundAtDashboard(o, 4_000) }, func() error { return b.refundAtDashboard(o, 5_000) })
	}},
	{"refunded in parts by both", payments.StatusPartiallyRefunded, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref()) }, func() error { return b.refund(o, "first", 9_000) },
			func() error { return b.refundAtDashboard(o, 2_000) }, func() error { return b.refund(o, "second", 9_000) })
	}},
	{"denied, then paid", payments.StatusSettled, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Deny(o.ref()) }, func() error { return b.w.sim.Pay(o.ref()) })
	}},
	{"paid after it expired", payments.StatusSettled, true, true, func(b *buyer, o order) error {
		return inTurn(func() error { return b.chooseAndExpire(o) }, func() error { return b.w.sim.Pay(o.ref(), midtranstest.Late()) })
	}},
	{"paid twice", payments.StatusSettled, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.chooseAndExpire(o) }, func() error { return b.w.sim.Pay(o.ref()) },
			func() error { return b.w.sim.Pay(o.ref(), midtranstest.Late()) })
	}},
	{"paid a wrong amount", payments.StatusReview, false, true, (*buyer).payWrongly},
	{"paid a wrong amount, accepted", payments.StatusSettled, true, true, func(b *buyer, o order) error {
		return inTurn(func() error { return b.payWrongly(o) }, func() error { return b.host(o, "accept", nil) })
	}},
	{"canceled by the host", payments.StatusCanceled, false, false, func(b *buyer, o order) error {
		return b.host(o, "cancel", nil)
	}},
	{"begun, then canceled by the host", payments.StatusCanceled, false, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Choose(o.ref()) }, func() error { return b.host(o, "cancel", nil) })
	}},
	{"captured, then voided by the host", payments.StatusCanceled, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref(), midtranstest.By("credit_card")) },
			func() error { return b.await(o, payments.StatusSettled) }, func() error { return b.host(o, "cancel", nil) })
	}},
	{"paid, then taken back by the bank", payments.StatusDenied, true, false, func(b *buyer, o order) error {
		return inTurn(func() error { return b.w.sim.Pay(o.ref(), midtranstest.By("permata_va")) },
			func() error { return b.await(o, payments.StatusSettled) }, func() error { return b.w.sim.Reverse(o.ref()) })
	}},
	{"paid by QRIS", payments.StatusSettled, true, true, func(b *buyer, o order) error {
		return b.w.sim.Pay(o.ref(), midtranstest.By("other_qris"))
	}},
}

// inTurn does one thing after the other, as long as all goes well.
func inTurn(deeds ...func() error) error {
	for _, do := range deeds {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (b *buyer) chooseAndExpire(o order) error {
	return inTurn(func() error { return b.w.sim.Choose(o.ref()) }, func() error { return b.w.sim.Expire(o.ref()) })
}

func (b *buyer) payWrongly(o order) error {
	return b.w.sim.Pay(o.ref(), midtranstest.Amount("20000.00"))
}

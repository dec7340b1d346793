package kill

import (
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// account is what the gateway's own books say of an order.
type account struct {
	in, out int64
	// paid are the transactions that money came in by.
	paid    []*midtranstest.Transaction
	refunds []*midtranstest.Refund
}

// accounts are those of all orders at the gateway, by the reference that the
// app gave.
func (w *world) accounts() map[payments.ID]account {
	all := map[payments.ID]account{}
	for _, o := range w.sim.Orders() {
		var a account
		for _, t := range o.Transactions {
			a.in += paidIn(t)
			a.out += wentBack(t)
			a.refunds = append(a.refunds, t.Refunds...)
			if paidIn(t) > 0 {
				a.paid = append(a.paid, t)
			}
		}
		all[payments.ID(o.ID)] = a
	}
	return all
}

func paidIn(t *midtranstest.Transaction) int64 {
	if t.PaidAt.IsZero() {
		return 0
	}
	return t.Amount()
}

// wentBack is what was refunded; or all of it, when a capture was voided or the
// bank took a transfer back.
func wentBack(t *midtranstest.Transaction) int64 {
	if t.Status == "cancel" || t.Status == "deny" {
		return paidIn(t)
	}
	return t.Refunded()
}

// wrong reports whether the order was paid, and not what it costs.
func (a account) wrong(p *payments.Payment) bool {
	return len(a.paid) == 1 && a.in != p.Amount.Amount
}

// accepted reports whether the host took what was paid.
func accepted(p *payments.Payment) bool {
	for _, a := range p.Attempts {
		for _, f := range a.Facts {
			if f.Kind == payments.FactAccepted {
				return true
			}
		}
	}
	return false
}

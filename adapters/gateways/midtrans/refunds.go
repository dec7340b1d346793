package midtrans

import (
	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// readRefunds reads what a refund or partial_refund word comes with: the
// list of refunds, each with its own amount, and the total on top. Either may
// be missing. odd: they do not fit together.
func readRefunds(o object, sum amounts, full, lookUp bool) (facts []payments.Fact, odd bool, err error) {
	currency := sum.gross.Currency
	list, err := o.List("refunds")
	if err != nil {
		return nil, false, err
	}
	listed := payments.Money{Currency: currency}
	for _, raw := range list {
		entry, err := gatewaykit.ReadObject(raw)
		if err != nil {
			return nil, false, errAmount
		}
		refund := payments.Fact{
			Kind: payments.FactRefund, Key: gatewaykit.Shorten(entry.Text("refund_key"), 255), ID: refundID(entry),
			Text: gatewaykit.Shorten(entry.Text("reason"), 255), GatewayAt: parseTime(entry.Text("created_at")),
		}
		named := refund.Key != "" || refund.ID != ""
		if at := parseTime(entry.Text("bank_confirmed_at")); named && !at.IsZero() {
			facts = append(facts, payments.Fact{
				Kind: payments.FactRefundConfirmed, Key: refund.Key, ID: refund.ID, GatewayAt: at,
			})
		}
		if isAbsent(entry.Get("refund_amount")) || !named {
			odd = true // which refund, or how much, cannot be said; the total may
			continue
		}
		if refund.Amount, err = entry.Money("refund_amount", currency); err != nil {
			return nil, false, errAmount
		}
		if listed, err = listed.Add(refund.Amount); err != nil {
			return nil, false, errAmount
		}
		facts = append(facts, refund)
	}
	total := payments.Money{Currency: currency}
	if !isAbsent(o.Get("refund_amount")) {
		if total, err = o.Money("refund_amount", currency); err != nil {
			return nil, false, errAmount
		}
	}
	if total.Amount > 0 {
		facts = append(facts, payments.Fact{Kind: payments.FactRefundTotal, Amount: total})
	}
	if listed.Amount > 0 && total.Amount > 0 && listed != total {
		odd = true
	}
	known := max(listed.Amount, total.Amount)
	if full && known > 0 && known != sum.base.Amount && known != sum.gross.Amount {
		odd = true
	}
	if !full && lookUp && known == 0 {
		// A notification may leave it out; if the look-up does, nobody knows.
		facts, odd = append(facts, payments.Fact{Kind: payments.FactRefundUnknown}), true
	}
	return facts, odd, nil
}

// refundID is kept as written: it may exceed what a float can hold.
func refundID(entry object) string {
	if id := entry.Text("refund_chargeback_id"); id != "" {
		return gatewaykit.Shorten(id, 64)
	}
	return gatewaykit.Shorten(entry.Text("refund_chargeback_uuid"), 64)
}

func isAbsent(raw string) bool { return raw == "" || raw == "null" || raw == `""` }

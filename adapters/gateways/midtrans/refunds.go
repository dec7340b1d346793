package midtrans

import "github.com/lunaspay/lunas/payments"

// readRefunds reads what a refund or partial_refund word comes with: the
// list of refunds, each with its own amount, and the total on top. Either may
// be missing. odd: they do not fit together.
func readRefunds(o object, sum amounts, full, lookUp bool) (facts []payments.Fact, odd bool, err error) {
	currency := sum.gross.Currency
	list, err := o.list("refunds")
	if err != nil {
		return nil, false, err
	}
	listed := payments.Money{Currency: currency}
	for _, raw := range list {
		entry, err := readObject(raw)
		if err != nil {
			return nil, false, errAmount
		}
		refund := payments.Fact{
			Kind: payments.FactRefund, Key: shorten(entry.text("refund_key"), 255), ID: refundID(entry),
			Text: shorten(entry.text("reason"), 255), GatewayAt: parseTime(entry.text("created_at")),
		}
		named := refund.Key != "" || refund.ID != ""
		if at := parseTime(entry.text("bank_confirmed_at")); named && !at.IsZero() {
			facts = append(facts, payments.Fact{
				Kind: payments.FactRefundConfirmed, Key: refund.Key, ID: refund.ID, GatewayAt: at,
			})
		}
		if isAbsent(entry.get("refund_amount")) || !named {
			odd = true // which refund, or how much, cannot be said; the total may
			continue
		}
		if refund.Amount, err = entry.money("refund_amount", currency); err != nil {
			return nil, false, errAmount
		}
		if listed, err = listed.Add(refund.Amount); err != nil {
			return nil, false, errAmount
		}
		facts = append(facts, refund)
	}
	total := payments.Money{Currency: currency}
	if !isAbsent(o.get("refund_amount")) {
		if total, err = o.money("refund_amount", currency); err != nil {
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
	if id := entry.text("refund_chargeback_id"); id != "" {
		return shorten(id, 64)
	}
	return shorten(entry.text("refund_chargeback_uuid"), 64)
}

func isAbsent(raw string) bool { return raw == "" || raw == "null" || raw == `""` }

package payments

import (
	"fmt"
	"strings"
)

// brief writes an event the way the tables do: "refunded A1 30000 of 30000
// partial refund".
func brief(d draft) string {
	name := func(a About) string { return a.TransactionID }
	full := map[bool]string{true: "full", false: "partial"}
	var words []any
	switch e := d.body.(type) {
	case *Pending:
		words = []any{name(e.About)}
	case *Authorized:
		words = []any{name(e.About)}
	case *Challenged:
		words = []any{name(e.About)}
	case *Denied:
		words = []any{name(e.About), e.Cause}
	case *Canceled:
		words = []any{name(e.About), e.Cause}
	case *Expired:
		words = []any{name(e.About)}
	case *Settled:
		words = []any{name(e.About), e.Amount.Amount}
	case *Overpaid:
		words = []any{name(e.About), e.Amount.Amount}
	case *FundsAvailable:
		words = []any{name(e.About)}
	case *Refunded:
		words = []any{name(e.About), e.Amount.Amount, "of", e.Total.Amount, full[e.Full], e.Cause}
	case *RefundSucceeded:
		words = []any{e.Key, e.Amount.Amount}
	case *RefundFailed:
		words = []any{e.Key, e.Amount.Amount}
	case *ChargedBack:
		words = []any{name(e.About), full[e.Full], e.Amount.Amount}
	case *ChargebackReversed:
		words = []any{name(e.About), e.Amount.Amount}
	case *Review:
		words = []any{name(e.About), e.Cause, e.Paid.Amount}
	}
	line := strings.TrimPrefix(string(d.kind), "payment.")
	for _, w := range words {
		line += " " + fmt.Sprint(w)
	}
	return strings.Join(strings.Fields(line), " ")
}

func briefs(events []draft) []string {
	lines := make([]string, len(events))
	for i, d := range events {
		lines[i] = brief(d)
	}
	return lines
}

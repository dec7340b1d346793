package midtranstest

import (
	"fmt"
	"strings"
	"time"
)

// channel is a way to pay.
type channel struct {
	// name is Snap's, paymentType the API's.
	name, paymentType string
	// label, group and mark, a logo of a few letters, are for the page.
	label, group, mark string
	// life is how long its transactions wait for the payer.
	life time.Duration
	// refunds: it can be refunded; whole: only all at once.
	refunds, whole bool
	// reversible: the bank may take a payment back.
	reversible bool
	// byID: it is found by its transaction's id only, not by the order's.
	byID bool
	// noExpire: it cannot be expired by a call.
	noExpire bool
	// noFraud: its bodies have no fraud_status.
	noFraud bool
	// issue returns the keys of a new transaction's bodies.
	issue func(n int64) map[string]any
	// paid returns those that are added when it is paid.
	paid func(t *Transaction) map[string]any
}

const (
	day         = 24 * time.Hour
	groupCard   = "Card"
	groupVA     = "Virtual account"
	groupWallet = "E-wallet and QRIS"
	groupStore  = "Convenience store"
)

// channels are those of the page, in its order.
var channels = []*channel{
	{name: "credit_card", mark: "CARD", paymentType: "credit_card", label: "Credit or debit card", group: groupCard, life: 10 * time.Minute, refunds: true},
	{name: "gopay", mark: "GP", paymentType: "gopay", label: "GoPay", group: groupWallet, life: 15 * time.Minute, refunds: true},
	{name: "shopeepay", mark: "SPAY", paymentType: "shopeepay", label: "ShopeePay", group: groupWallet, life: 15 * time.Minute, refunds: true, whole: true},
	{
		name: "other_qris", mark: "QRIS", paymentType: "qris", label: "QRIS", group: groupWallet, life: 15 * time.Minute, refunds: true,
		issue: func(int64) map[string]any { return map[string]any{"acquirer": "gopay"} },
		paid: func(*Transaction) map[string]any {
			return map[string]any{"issuer": "gopay", "transaction_type": "on-us"}
		},
	},
	virtualAccount("bca_va", "bca", "BCA", "812785%010d"),
	virtualAccount("bni_va", "bni", "BNI", "98885002%08d"),
	virtualAccount("bri_va", "bri", "BRI", "12888%013d"),
	virtualAccount("cimb_va", "cimb", "CIMB Niaga", "9319%012d"),
	{
		name: "permata_va", mark: "PMT", paymentType: "bank_transfer", label: "Permata", group: groupVA, life: day, reversible: true,
		issue: func(n int64) map[string]any {
			return map[string]any{"permata_va_number": fmt.Sprintf("850003%010d", n)}
		},
	},
	{
		name: "echannel", mark: "MDR", paymentType: "echannel", label: "Mandiri Bill", group: groupVA, life: day, reversible: true,
		issue: func(n int64) map[string]any {
			return map[string]any{"biller_code": "70012", "bill_key": fmt.Sprintf("99%010d", n)}
		},
	},
	{
		name: "indomaret", mark: "IDM", paymentType: "cstore", label: "Indomaret", group: groupStore, life: day, reversible: true, noFraud: true,
		issue: func(n int64) map[string]any {
			return map[string]any{"store": "indomaret", "payment_code": fmt.Sprintf("2570%010d", n)}
		},
		paid: func(t *Transaction) map[string]any {
			return map[string]any{"approval_code": "ABC" + strings.ToUpper(t.ID[:8])}
		},
	},
	{
		name: "alfamart", mark: "ALFA", paymentType: "cstore", label: "Alfamart", group: groupStore, life: day,
		issue: func(n int64) map[string]any {
			return map[string]any{"store": "alfamart", "payment_code": fmt.Sprintf("300063%010d", n)}
		},
	},
}

// virtualAccount is the channel of a bank with va_numbers. A number that the
// merchant wishes for is never given: Midtrans does not promise it either.
func virtualAccount(name, bank, label, form string) *channel {
	return &channel{
		name: name, paymentType: "bank_transfer", label: label, group: groupVA, life: day, mark: strings.ToUpper(bank),
		issue: func(n int64) map[string]any {
			return map[string]any{
				"va_numbers":      []any{map[string]any{"bank": bank, "va_number": fmt.Sprintf(form, n)}},
				"payment_amounts": []any{},
			}
		},
		paid: func(t *Transaction) map[string]any {
			if bank != "bni" {
				return nil
			}
			return map[string]any{"payment_amounts": []any{map[string]any{"paid_at": wibTime(t.PaidAt), "amount": t.Gross}}}
		},
	}
}

func channelNamed(name string) *channel {
	for _, list := range [][]*channel{channels, chargedOnly} {
		for _, c := range list {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

package midtranstest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Order is what the simulator knows of one order_id.
type Order struct {
	ID string `json:"id"`
	// Pages are the Snap tokens that were made for it, oldest first.
	Pages []*Page `json:"pages"`
	// Transactions are the payer's attempts, oldest first.
	Transactions []*Transaction `json:"transactions,omitempty"`
}

// Page is a Snap token and its page. It is no transaction: that begins when
// the payer chooses a method.
type Page struct {
	Token   string `json:"token"`
	OrderID string `json:"order_id"`
	// Request is the body that made it.
	Request    json.RawMessage `json:"request"`
	CreatedAt  time.Time       `json:"created_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	CanceledAt time.Time       `json:"canceled_at,omitzero"`
	// OverrideURLs replace the merchant's notification URL, AppendURLs get
	// notifications besides it.
	OverrideURLs []string `json:"override_urls,omitempty"`
	AppendURLs   []string `json:"append_urls,omitempty"`
	// Charged: it was made by a charge of the Core API, which chose the way to
	// pay. A person can pay on it all the same.
	Charged bool `json:"charged,omitempty"`

	// LinkOrderID is the order_id of the payment link that it is a try of.
	LinkOrderID string `json:"link_order_id,omitempty"`
	// SubscriptionID is that of the subscription that it is a charge of.
	SubscriptionID string `json:"subscription_id,omitempty"`

	parsed snapRequest
	link   *link // of LinkOrderID, or nil
}

// open reports whether the payer can use the page at now.
func (p *Page) open(now time.Time) bool {
	return p.CanceledAt.IsZero() && now.Before(p.ExpiresAt) && (p.link == nil || p.link.closed(p.OrderID, now) == "")
}

// Transaction is one attempt to pay an order.
type Transaction struct {
	ID      string `json:"id"`
	OrderID string `json:"order_id"`
	// Token is that of the page it was made on.
	Token string `json:"token"`
	// Channel is Snap's name of the way to pay ("bca_va"), PaymentType the
	// API's ("bank_transfer").
	Channel     string `json:"channel"`
	PaymentType string `json:"payment_type"`
	// Status and Fraud are transaction_status and fraud_status.
	Status string `json:"status"`
	Fraud  string `json:"fraud"`
	// Gross is gross_amount as it is written ("10000.00").
	Gross     string    `json:"gross"`
	Currency  string    `json:"currency"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	PaidAt    time.Time `json:"paid_at,omitzero"`
	SettledAt time.Time `json:"settled_at,omitzero"`
	// Keys are those of the method in bodies, such as va_numbers.
	Keys map[string]any `json:"keys"`
	// Card is the test card's number.
	Card string `json:"card,omitempty"`
	// AccountID is that of the linked GoPay account that is charged. PreAuth:
	// its money is only held.
	AccountID string `json:"account_id,omitempty"`
	PreAuth   bool   `json:"pre_auth,omitempty"`

	Refunds []*Refund `json:"refunds,omitempty"`
}

// Refund is money that went back.
type Refund struct {
	ID        int64     `json:"id"`
	UUID      string    `json:"uuid"`
	Key       string    `json:"key"`
	Amount    int64     `json:"amount"`
	Reason    string    `json:"reason,omitempty"`
	Method    string    `json:"method"` // "online" or "offline"
	CreatedAt time.Time `json:"created_at"`
	// ConfirmedAt is when the bank confirmed it.
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
}

// Amount is the gross amount in whole rupiah.
func (t *Transaction) Amount() int64 {
	whole, _, _ := strings.Cut(t.Gross, ".")
	n, _ := strconv.ParseInt(whole, 10, 64) // checked when it was set
	return n
}

// Refunded is the sum of the refunds.
func (t *Transaction) Refunded() int64 {
	var sum int64
	for _, r := range t.Refunds {
		sum += r.Amount
	}
	return sum
}

// is reports whether the transaction has one of the statuses.
func (t *Transaction) is(statuses ...string) bool { return slices.Contains(statuses, t.Status) }

// challenged reports whether it is held under review for fraud.
func (t *Transaction) challenged() bool {
	return t.Fraud == "challenge" && t.is("capture", "authorize")
}

// dead reports whether its order may be paid by another transaction.
func (t *Transaction) dead() bool { return t.is("deny", "expire", "cancel", "failure") }

// last is the latest transaction, or nil.
func (o *Order) last() *Transaction {
	if len(o.Transactions) == 0 {
		return nil
	}
	return o.Transactions[len(o.Transactions)-1]
}

// taken is the transaction that is active or paid, or nil.
func (o *Order) taken() *Transaction {
	for _, t := range o.Transactions {
		if !t.dead() {
			return t
		}
	}
	return nil
}

// gone is the latest transaction that expired or was canceled, or nil.
func (o *Order) gone() *Transaction {
	for _, t := range slices.Backward(o.Transactions) {
		if t.is("expire", "cancel") {
			return t
		}
	}
	return nil
}

// page is the latest page.
func (o *Order) page() *Page { return o.Pages[len(o.Pages)-1] }

func (o *Order) clone() Order {
	c := Order{ID: o.ID}
	for _, p := range o.Pages {
		page := *p
		page.link = nil // it is not the caller's
		c.Pages = append(c.Pages, &page)
	}
	for _, t := range o.Transactions {
		tx := *t
		tx.Keys, tx.Refunds = maps.Clone(t.Keys), nil
		for _, r := range t.Refunds {
			refund := *r
			tx.Refunds = append(tx.Refunds, &refund)
		}
		c.Transactions = append(c.Transactions, &tx)
	}
	return c
}

// decimal prints rupiah as Midtrans writes them.
func decimal(rupiah int64) string { return strconv.FormatInt(rupiah, 10) + ".00" }

// wib is the zone of Midtrans's times, which are written without it.
var wib = time.FixedZone("WIB", 7*60*60)

func wibTime(t time.Time) string { return t.In(wib).Format("2006-01-02 15:04:05") }

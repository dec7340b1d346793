package midtranstest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// pageView is what the payer's page shows.
type pageView struct {
	Style template.CSS
	Title string
	// State is "choose", "card", "secure", "pay", "result" or "gone".
	State string
	// Self is the path of the page.
	Self            string
	OrderID, Amount string
	Lines           []lineView
	Groups          []groupView
	Cards           []card
	Notice, Heading string
	// Tone and Icon are those of a result.
	Tone, Icon          string
	Fields              []field
	TransactionID, Card string
	QR, Until, PayLabel string
	// BackURL leads back to the shop, if it said where.
	BackURL string

	cards bool // can be paid by card
}

type lineView struct {
	Name     string
	Quantity int64
	Amount   string
}

type groupView struct {
	Name     string
	Channels []channelView
}

type channelView struct{ Name, Label, Mark string }

type field struct{ Name, Value string }

var unknownPage = pageView{
	Title: "Unknown page", State: "gone", Tone: "bad", Icon: "?",
	Heading: "This payment page does not exist", Notice: "Check the link, or go back to the shop and start again.",
}

// view is the page as of now.
func (s *Server) view(p *Page, now time.Time) pageView {
	request := p.parsed
	v := pageView{
		Title: "Pay " + rupiah(request.amount()), Self: s.pagePath(p.Token),
		OrderID: p.OrderID, Amount: rupiah(request.amount()),
	}
	for _, i := range request.Items {
		v.Lines = append(v.Lines, lineView{i.Name, i.Quantity, rupiah(i.Price * i.Quantity)})
	}
	o := s.state.orders[p.OrderID]
	switch t := o.taken(); {
	case t != nil && t.is("pending"):
		v.showPending(t)
		v.BackURL = back(request.Callbacks.Finish, p.OrderID, "201", t.Status)
	case t != nil:
		v.showResult(t)
		v.BackURL = back(request.Callbacks.Finish, p.OrderID, lookUpCode(t), t.Status)
	case !p.CanceledAt.IsZero():
		v.gone("Payment canceled", "The shop has canceled this payment. Nothing was paid.", "×")
		v.BackURL = back(request.failureURL(), p.OrderID, "202", "cancel")
	case p.Charged && o.last().is("deny", "failure"):
		v.gone("Payment declined", "Nothing was paid. Go back to the shop to try again.", "×")
	case !p.open(now) || p.Charged:
		v.gone("Time is up", "This payment page has expired. Nothing was paid.", "!")
		v.BackURL = back(request.failureURL(), p.OrderID, "407", "expire")
	default:
		v.showChoice(request, o.last())
	}
	return v
}

func (r snapRequest) failureURL() string {
	if r.Callbacks.Error != "" {
		return r.Callbacks.Error
	}
	return r.Callbacks.Finish
}

// back is the shop's URL with what Midtrans adds, or "".
func back(to, orderID, code, status string) string {
	u, err := url.Parse(to)
	if err != nil || to == "" {
		return ""
	}
	q := u.Query()
	q.Set("order_id", orderID)
	q.Set("status_code", code)
	q.Set("transaction_status", status)
	u.RawQuery = q.Encode()
	return u.String()
}

func (v *pageView) gone(heading, notice, icon string) {
	v.State, v.Tone, v.Icon, v.Heading, v.Notice = "gone", "wait", icon, heading, notice
	v.Title = heading
}

// showChoice lists the ways to pay, after what became of the last try.
func (v *pageView) showChoice(request snapRequest, last *Transaction) {
	v.State = "choose"
	if last != nil {
		became := map[string]string{"deny": "was declined", "expire": "has expired", "cancel": "was canceled"}[last.Status]
		v.Notice = fmt.Sprintf("The payment by %s %s. Choose another way, or try again.", last.label(), became)
	}
	for _, c := range request.channels() {
		if len(v.Groups) == 0 || v.Groups[len(v.Groups)-1].Name != c.group {
			v.Groups = append(v.Groups, groupView{Name: c.group})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Channels = append(g.Channels, channelView{c.name, c.label, c.mark})
		v.cards = v.cards || c.name == "credit_card"
	}
}

// showPending tells how to pay, and what the world around may do.
func (v *pageView) showPending(t *Transaction) {
	v.State, v.TransactionID = "pay", t.ID
	v.Until = moment(t.ExpiresAt)
	label := t.label()
	if t.AccountID != "" {
		v.Heading, v.PayLabel = "Confirm in GoPay", "Enter the PIN (simulated wallet)"
		v.Fields = []field{{"Amount", v.Amount}}
		return
	}
	switch t.PaymentType {
	case "credit_card":
		v.State, v.Card = "secure", text(t.Keys, "masked_card")
		return
	case "bank_transfer":
		v.Heading, v.PayLabel = "Pay by "+label, "Pay now (simulated bank)"
		v.Fields = []field{{"Virtual account number", t.account()}}
	case "echannel":
		v.Heading, v.PayLabel = "Pay with "+label, "Pay now (simulated bank)"
		v.Fields = []field{{"Biller code", text(t.Keys, "biller_code")}, {"Bill key", text(t.Keys, "bill_key")}}
	case "cstore":
		v.Heading, v.PayLabel = "Pay at "+label, "Pay now (simulated till)"
		v.Fields = []field{{"Payment code", text(t.Keys, "payment_code")}}
	default:
		v.Heading, v.PayLabel = "Scan with "+label, "Pay now (simulated wallet)"
		v.QR = picture(t.ID)
	}
	v.Fields = append(v.Fields, field{"Amount", v.Amount})
}

// showResult tells how it ended.
func (v *pageView) showResult(t *Transaction) {
	v.State, v.Tone, v.Icon = "result", "good", "✓"
	v.Heading, v.Notice = "Payment successful", "The shop is being told."
	switch {
	case t.challenged():
		v.Tone, v.Icon, v.Heading, v.Notice = "wait", "…", "Payment under review", "The bank wants a closer look. The shop will be told."
	case t.is("authorize"):
		v.Heading, v.Notice = "Amount reserved", "The shop will collect it later."
	case t.is("refund", "partial_refund"):
		v.Heading, v.Notice = "Payment refunded", rupiah(t.Refunded())+" went back to you."
	case t.is("chargeback", "partial_chargeback"):
		v.Tone, v.Icon, v.Heading, v.Notice = "bad", "!", "Payment charged back", "The bank took the payment back."
	}
	v.Title = v.Heading
	v.Fields = []field{{"Paid by", t.label()}, {"Amount", t.paidAmount()}, {"Time", moment(t.PaidAt)}}
}

// label is the way to pay, for people.
func (t *Transaction) label() string {
	c := channelNamed(t.Channel)
	switch {
	case t.Card != "":
		return "card " + text(t.Keys, "masked_card")
	case c.group == groupVA && t.Channel != "echannel":
		return c.label + " virtual account"
	}
	return c.label
}

func (t *Transaction) paidAmount() string {
	if t.Currency == "IDR" {
		return rupiah(t.Amount())
	}
	return t.Currency + " " + t.Gross
}

// account is the virtual account's number, or the bill's key.
func (t *Transaction) account() string {
	if list, ok := t.Keys["va_numbers"].([]any); ok && len(list) > 0 {
		entry, _ := list[0].(map[string]any)
		return text(entry, "va_number")
	}
	return cmp.Or(text(t.Keys, "permata_va_number"), text(t.Keys, "bill_key"))
}

func text(keys map[string]any, key string) string {
	s, _ := keys[key].(string)
	return s
}

// rupiah prints an amount as people write it: "Rp29.000".
func rupiah(n int64) string { return payments.IDR(n).String() }

// moment prints a time for people, in Jakarta.
func moment(t time.Time) string { return t.In(wib).Format("2 January 2006, 15.04 WIB") }

// picture draws what looks like a QR code, as an SVG path of 25 by 25. It
// holds no data: nothing could scan it into a real payment.
func picture(seed string) string {
	const size = 25
	corner := func(x, y int) (dark, inside bool) { // the three big squares
		for _, at := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
			dx, dy := x-at[0], y-at[1]
			if dx < -1 || dx > 7 || dy < -1 || dy > 7 {
				continue
			}
			ring := max(dx-3, 3-dx, dy-3, 3-dy)
			return ring <= 1 || ring == 3, true
		}
		return false, false
	}
	var path strings.Builder
	for y := range size {
		row := sha256.Sum256([]byte(fmt.Sprintf("%s/%d", seed, y)))
		for x := range size {
			dark, inside := corner(x, y)
			if !inside {
				dark = row[x]&1 == 1
			}
			if dark {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return path.String()
}

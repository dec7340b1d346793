package midtranstest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// try makes the order of one payer's try, with a page to pay it on.
func (s *Server) try(l *link, amount int64, now time.Time) (*Page, error) {
	at := now.UnixMilli()
	for s.state.orders[tryID(l, at)] != nil { // two in one millisecond
		at++
	}
	request := l.parsed.snap
	request.TransactionDetails.OrderID, request.TransactionDetails.GrossAmount = tryID(l, at), amount
	request.Expiry, request.PageExpiry = expiry{}, expiry{} // the link's, not the transaction's
	kept, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	p := &Page{
		Token: uuid.NewString(), OrderID: tryID(l, at), Request: kept, CreatedAt: now, ExpiresAt: now.Add(day),
		LinkOrderID: l.OrderID, link: l,
	}
	if _, ends := l.parsed.span(l.CreatedAt); !ends.IsZero() && ends.Before(p.ExpiresAt) {
		p.ExpiresAt = ends
	}
	if err := json.Unmarshal(kept, &p.parsed); err != nil { // as it will be read from the state file
		return nil, err
	}
	o := &Order{ID: p.OrderID, Pages: []*Page{p}}
	s.state.orders[o.ID], s.state.pages[p.Token] = o, p
	s.state.Orders = append(s.state.Orders, o)
	l.tries = append(l.tries, o)
	return p, nil
}

func tryID(l *link, at int64) string { return fmt.Sprintf("%s-%013d", l.OrderID, at) }

// PayLink has somebody open the payment link of that order_id, and pay. It
// returns the order_id of the payment, which all other methods take; [Server.Pay]
// and the rest do not know the link's own. Of a link whose payers choose,
// Amount is what the payer enters ("25000.00"), whether the link allows it or
// not; without it, the page's suggestion. Late pays by a link that is closed.
//
// What is told of the payment has payment_link_id besides the link's custom
// fields. At Midtrans only some messages have it.
func (s *Server) PayLink(orderID string, opts ...PayOption) (ref string, err error) {
	var o payOptions
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.check(); err != nil {
		return "", err
	}
	err = s.change(func(now time.Time) error {
		l := s.state.links[orderID]
		if l == nil {
			return fmt.Errorf("midtranstest: no payment link %q", orderID)
		}
		if why := l.closed("", now); why != "" && !o.late {
			return fmt.Errorf("midtranstest: the payment link %q is %s", orderID, why)
		}
		t, err := s.beginTry(l, o, now)
		if err != nil {
			return err
		}
		ref = t.OrderID
		return s.pay(t, now)
	})
	return ref, err
}

// beginTry makes a try in which the payer has chosen already.
func (s *Server) beginTry(l *link, o payOptions, now time.Time) (*Transaction, error) {
	c, err := l.parsed.snap.choose(o.method)
	if err != nil {
		return nil, err
	}
	amount := l.parsed.suggested()
	if o.amount != "" && l.parsed.dynamic() {
		whole, _, _ := strings.Cut(o.amount, ".")
		amount, _ = strconv.ParseInt(whole, 10, 64) // its form was checked
	}
	p, err := s.try(l, amount, now)
	if err != nil {
		return nil, err
	}
	t, err := s.start(p, c, o.card, now)
	if err != nil {
		return nil, err
	}
	if o.amount != "" {
		t.Gross = o.amount
	}
	if o.currency != "" {
		t.Currency = o.currency
	}
	return t, nil
}

// Numbers is a notification, such as [Server.Take] returns, in another form
// that Midtrans documents for payment links: status_code and gross_amount are
// numbers. Its signature is that of the texts.
func Numbers(sent simkit.Sent) simkit.Sent {
	var body map[string]json.RawMessage
	if json.Unmarshal(sent.Body, &body) != nil {
		return sent
	}
	out := make(map[string]any, len(body))
	for key, value := range body {
		out[key] = value
	}
	for _, key := range []string{"status_code", "gross_amount"} {
		var text string
		if json.Unmarshal(body[key], &text) == nil && text != "" {
			out[key] = json.Number(strings.TrimSuffix(text, ".00"))
		}
	}
	sent.Body = encode(out)
	return sent
}

package midtranstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PayOption says more about how the payer acts.
type PayOption func(*payOptions)

type payOptions struct {
	method, card     string
	amount, currency string
	late             bool
}

// By chooses the way to pay, by Snap's name ("bca_va", "gopay",
// "credit_card"). Default: GoPay if the order allows it, else the first that
// it does.
func By(method string) PayOption { return func(o *payOptions) { o.method = method } }

// Card pays by the sandbox's test card of that number.
func Card(number string) PayOption {
	return func(o *payOptions) { o.method, o.card = "credit_card", number }
}

// Late lets money arrive although the transaction or the page has expired or
// was canceled. The latest such transaction is paid, even if the order has
// been paid by another one since.
func Late() PayOption { return func(o *payOptions) { o.late = true } }

// Amount lets another amount than the ordered one arrive, e.g. "1.00".
func Amount(decimal string) PayOption { return func(o *payOptions) { o.amount = decimal } }

// Currency lets another currency than IDR arrive, e.g. "USD".
func Currency(code string) PayOption { return func(o *payOptions) { o.currency = code } }

// The methods below are what the payer, a bank or the merchant in the
// dashboard does with the order ref, its order_id. They refuse what could
// not happen, and put notifications into the queue: Deliver or Run sends them.

// Pay pays the order: the transaction that is waiting, or else a new one.
func (s *Server) Pay(ref string, opts ...PayOption) error {
	return s.pick(ref, opts, func(t *Transaction, now time.Time) error { return s.pay(t, now) })
}

// Choose chooses a way to pay, and waits: a pending transaction.
func (s *Server) Choose(ref string, opts ...PayOption) error {
	return s.pick(ref, opts, func(*Transaction, time.Time) error { return nil })
}

// Deny refuses: a challenged card payment by the merchant, a waiting
// transaction by its provider, or else a new card payment by the bank.
func (s *Server) Deny(ref string, opts ...PayOption) error {
	if t := s.taken(ref); t != nil {
		fraudStatus := t.Fraud
		if t.challenged() {
			fraudStatus = "deny"
		} else if !t.is("pending") {
			return wrong(t, "deny")
		}
		return s.act(ref, func(t *Transaction, now time.Time) error {
			s.move(t, "deny", fraudStatus, now)
			return nil
		})
	}
	return s.pick(ref, append([]PayOption{Card(deniedCard)}, opts...), func(t *Transaction, now time.Time) error {
		if t.Card == "" {
			s.move(t, "deny", t.Fraud, now)
			return nil
		}
		return s.charge(t, now)
	})
}

// Challenge pays with a card that is held under review for fraud.
func (s *Server) Challenge(ref string) error { return s.Pay(ref, Card(challengedCard)) }

// Approve accepts a challenged card payment.
func (s *Server) Approve(ref string) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		if !t.challenged() {
			return fmt.Errorf("midtranstest: order %q is not challenged", ref)
		}
		s.move(t, t.Status, "accept", now)
		return nil
	})
}

// taken is a copy of the transaction that is active or paid, or nil.
func (s *Server) taken(ref string) *Transaction {
	o, _ := s.Order(ref)
	return o.taken()
}

// Settle settles a card capture without waiting for the next day.
func (s *Server) Settle(ref string) error {
	return s.from(ref, []string{"capture"}, func(t *Transaction, now time.Time) error {
		t.SettledAt = now
		s.move(t, "settlement", t.Fraud, now)
		return nil
	})
}

// Expire ends the waiting transaction, or else the page, as if its time were
// over. Of a page that ends nobody is told.
func (s *Server) Expire(ref string) error {
	return s.change(func(now time.Time) error {
		o := s.state.orders[ref]
		if o == nil {
			return noOrder(ref)
		}
		if t := o.taken(); t != nil {
			if !t.is("pending") {
				return wrong(t, "expire")
			}
			s.move(t, "expire", t.Fraud, now)
			return nil
		}
		for _, p := range o.Pages {
			if p.open(now) {
				p.ExpiresAt = now
			}
		}
		return nil
	})
}

// Cancel cancels a transaction that is not settled, in the dashboard.
func (s *Server) Cancel(ref string) error {
	return s.from(ref, []string{"pending", "authorize", "capture"}, func(t *Transaction, now time.Time) error {
		s.move(t, "cancel", t.Fraud, now)
		return nil
	})
}

// RefundFromDashboard sends amount rupiah back, or with zero all that is left.
func (s *Server) RefundFromDashboard(ref string, amount int64) error {
	return s.from(ref, []string{"settlement", "partial_refund"}, func(t *Transaction, now time.Time) error {
		left := t.Amount() - t.Refunded()
		if amount == 0 {
			amount = left
		}
		if c := channelNamed(t.Channel); !c.refunds || c.whole && amount != left {
			return fmt.Errorf("midtranstest: %s cannot be refunded like that", t.Channel)
		}
		if amount < 0 || amount > left {
			return fmt.Errorf("midtranstest: order %q: cannot refund %d of %d", ref, amount, left)
		}
		s.refund(t, Refund{Amount: amount, Reason: "refund from the dashboard", Method: "online"}, now)
		return nil
	})
}

// Chargeback takes a settled card payment back through its bank, all of it
// or a part.
func (s *Server) Chargeback(ref string, partial bool) error {
	return s.from(ref, []string{"settlement", "partial_refund", "refund", "partial_chargeback"}, func(t *Transaction, now time.Time) error {
		if t.Channel != "credit_card" {
			return fmt.Errorf("midtranstest: %s knows no chargeback", t.Channel)
		}
		status := "chargeback"
		if partial {
			status = "partial_chargeback"
		}
		s.move(t, status, t.Fraud, now)
		return nil
	})
}

// Reverse takes back a payment by Permata, Mandiri Bill or Indomaret, as
// their bank may do within minutes.
func (s *Server) Reverse(ref string) error {
	return s.from(ref, []string{"settlement"}, func(t *Transaction, now time.Time) error {
		if !channelNamed(t.Channel).reversible {
			return fmt.Errorf("midtranstest: payments by %s are not reversed", t.Channel)
		}
		s.move(t, "deny", t.Fraud, now)
		return nil
	})
}

// Resend notifies n more times of where the order's latest transaction
// stands.
func (s *Server) Resend(ref string, n int) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		for range n {
			s.notify(t, now)
		}
		return nil
	})
}

func noOrder(ref string) error { return fmt.Errorf("midtranstest: no order %q", ref) }

func wrong(t *Transaction, verb string) error {
	return fmt.Errorf("midtranstest: order %q: cannot %s: its transaction is %s", t.OrderID, verb, t.Status)
}

// act does something with the latest transaction of an order.
func (s *Server) act(ref string, do func(t *Transaction, now time.Time) error) error {
	return s.change(func(now time.Time) error {
		o := s.state.orders[ref]
		if o == nil {
			return noOrder(ref)
		}
		if o.last() == nil {
			return fmt.Errorf("midtranstest: order %q has no transaction", ref)
		}
		return do(o.last(), now)
	})
}

// from is act for some statuses only.
func (s *Server) from(ref string, statuses []string, do func(t *Transaction, now time.Time) error) error {
	return s.act(ref, func(t *Transaction, now time.Time) error {
		if !t.is(statuses...) {
			return wrong(t, "do that")
		}
		return do(t, now)
	})
}

// pick does something with the transaction that is waiting for the payer; if
// there is none, the payer chooses a way to pay first.
func (s *Server) pick(ref string, opts []PayOption, do func(t *Transaction, now time.Time) error) error {
	var o payOptions
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.check(); err != nil {
		return err
	}
	return s.change(func(now time.Time) error {
		t, err := s.waiting(ref, o, now)
		if err != nil {
			return err
		}
		if o.amount != "" {
			t.Gross = o.amount
		}
		if o.currency != "" {
			t.Currency = o.currency
		}
		return do(t, now)
	})
}

func (o payOptions) check() error {
	if o.amount == "" {
		return nil
	}
	whole, cents, _ := strings.Cut(o.amount, ".")
	if _, err := strconv.ParseUint(whole, 10, 62); err != nil || len(cents) != 2 {
		return fmt.Errorf("midtranstest: amount %q is not of the form \"10000.00\"", o.amount)
	}
	return nil
}

// waiting is the transaction that the payer is to pay now.
func (s *Server) waiting(ref string, o payOptions, now time.Time) (*Transaction, error) {
	order := s.state.orders[ref]
	if order == nil {
		return nil, noOrder(ref)
	}
	t := order.taken()
	if o.late {
		if gone := order.gone(); gone != nil {
			t = gone
		}
	}
	if t != nil {
		if !t.is("pending", "expire", "cancel") {
			return nil, wrong(t, "pay")
		}
		if o.method != "" && o.method != t.Channel {
			return nil, fmt.Errorf("midtranstest: order %q is to be paid by %s already", ref, t.Channel)
		}
		return t, nil
	}
	p := order.page()
	if !p.open(now) && !o.late {
		return nil, fmt.Errorf("midtranstest: the page of order %q is closed", ref)
	}
	c, err := p.parsed.choose(o.method)
	if err != nil {
		return nil, err
	}
	return s.start(p, c, o.card, now)
}

// choose is the channel of a name, or the usual one.
func (r snapRequest) choose(method string) (*channel, error) {
	enabled := r.channels()
	if len(enabled) == 0 {
		return nil, fmt.Errorf("midtranstest: enabled_payments has nothing that the simulator knows: %q", r.EnabledPayments)
	}
	if method == "" {
		if gopay := channelNamed("gopay"); slices.Contains(enabled, gopay) {
			return gopay, nil
		}
		return enabled[0], nil
	}
	c := channelNamed(method)
	if !slices.Contains(enabled, c) {
		return nil, fmt.Errorf("midtranstest: method %q is not known, or not enabled for the order", method)
	}
	return c, nil
}

// start makes a transaction of the channel, and tells the merchant that it is
// pending. A card's is told once the bank has decided; of one that is begun
// on a closed page, only the money is of interest.
func (s *Server) start(p *Page, c *channel, cardNumber string, now time.Time) (*Transaction, error) {
	if c.name == "credit_card" {
		if cardNumber == "" {
			cardNumber = goodCard
		}
		if _, err := cardNumbered(cardNumber); err != nil {
			return nil, err
		}
	}
	t := s.begin(p, c, now)
	if c.name == "credit_card" {
		return t, t.useCard(cardNumber)
	}
	if p.open(now) {
		s.notify(t, now)
	}
	return t, nil
}

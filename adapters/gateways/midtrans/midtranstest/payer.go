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

// Pay pays the order ref, its order_id: the transaction that is waiting, or
// else a new one. Like all that happens to orders, it puts notifications into
// the queue, which Deliver or Run sends.
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
	if o.card != "" {
		if _, err := cardNumbered(o.card); err != nil {
			return err
		}
	}
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
	if p.Charged {
		return nil, fmt.Errorf("midtranstest: the charge of order %q is over", ref)
	}
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

package reorder

import (
	"slices"
	"testing"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
)

// sequence is what Midtrans sends about one order, in its natural order.
type sequence struct {
	method   string
	messages []message
	// truth is how each transaction ends: the gateway's answer to a look-up.
	truth map[string]message
	want  end
}

// end is what a sequence comes to, whatever the order.
type end struct {
	status payments.Status
	cause  string
	// In, refunded and charged back, in rupiah, by what the notifications tell.
	in, out, lost int64
	// untold came and went back without a trace in how the transaction ends:
	// of a void, the gateway's answer is no more than "canceled".
	untold int64
	// asked is the end by the gateway's answers, where it is another one.
	asked *end
	// takenBack are the numbers of the messages that the end contradicts: a
	// look-up does not confirm them, so they are answered with "send again".
	takenBack []int
}

// lookedUp is the end by what the gateway answers.
func (e end) lookedUp() end {
	if e.asked != nil {
		return *e.asked
	}
	if e.untold > 0 && e.status != payments.StatusSettled {
		e.cause = ""
	}
	e.in, e.out = e.in-e.untold, e.out-e.untold
	return e
}

func (e end) because(cause string) end {
	e.cause = cause
	return e
}

func (e end) takesBack(numbers ...int) end {
	e.takenBack = numbers
	return e
}

func (s sequence) String() string {
	text := ""
	for i, m := range s.messages {
		if i > 0 {
			text += ", "
		}
		text += m.word
	}
	return text
}

var (
	paid     = end{status: payments.StatusSettled, in: ordered}
	expired  = end{status: payments.StatusExpired}
	canceled = end{status: payments.StatusCanceled}
	denied   = end{status: payments.StatusDenied}
	refunded = end{status: payments.StatusRefunded, in: ordered, out: ordered}
	voided   = end{status: payments.StatusCanceled, cause: "void", in: ordered, out: ordered, untold: ordered}
	reversed = end{status: payments.StatusDenied, cause: "reversal", in: ordered, out: ordered, untold: ordered}
)

func partly(out int64) end {
	return end{status: payments.StatusPartiallyRefunded, in: ordered, out: out}
}

func chargedBack(lost int64) end {
	return end{status: payments.StatusChargedBack, in: ordered, lost: lost}
}

// collection is all sequences.
type collection struct {
	t   *testing.T
	all []sequence
}

func (c *collection) add(method string, want end, bodies []body, truth map[string]body) {
	c.t.Helper()
	s := sequence{method: method, messages: named(bodies), truth: map[string]message{}, want: want}
	for id, b := range truth {
		s.truth[id] = about("", b)
	}
	c.all = append(c.all, s)
}

// simulated adds what the simulator notifies of.
func (c *collection) simulated(method string, want end, steps ...step) {
	c.t.Helper()
	bodies, truth := record(c.t, midtrans.SnapExtra{}, steps...)
	c.add(method, want, bodies, truth)
}

// written adds what was written by hand.
func (c *collection) written(want end, p *pen) {
	c.t.Helper()
	bodies, truth := p.recorded()
	c.add(p.of.name, want, bodies, truth)
}

// sequences are those of every method.
func sequences(t *testing.T) []sequence {
	c := &collection{t: t}
	c.accounts()
	c.stores()
	c.wallets()
	c.credit()
	c.cards()
	c.reservations()
	c.several()
	return c.all
}

// accounts are bank transfers and Mandiri's bills: nothing goes back but by
// the bank's reversal.
func (c *collection) accounts() {
	for _, name := range []string{"bca_va", "bni_va", "bri_va", "cimb_va", "permata_va", "echannel"} {
		c.pushed(name)
	}
	for _, name := range []string{"permata_va", "echannel"} {
		c.reversed(name)
	}
	for _, account := range accounts {
		c.written(paid, write(account).pending().settlement())
		c.written(expired, write(account).pending().over("expire"))
		c.written(canceled, write(account).pending().over("cancel"))
		c.written(paid, write(account).pending().over("expire").settlement())
	}
}

func (c *collection) stores() {
	c.pushed("indomaret")
	c.pushed("alfamart")
	c.reversed("indomaret")
}

// pushed: the payer sends money by hand, in time or not.
func (c *collection) pushed(name string) {
	c.simulated(name, paid, choose(name), pay)
	c.simulated(name, expired, choose(name), expire)
	c.simulated(name, canceled, choose(name), cancel)
	c.simulated(name, paid, choose(name), expire, late)
	c.simulated(name, paid.takesBack(2), choose(name), cancel, late)
}

func (c *collection) reversed(name string) {
	c.simulated(name, reversed, choose(name), pay, reverse)
	again := end{status: payments.StatusSettled, in: 2 * ordered, out: ordered, untold: ordered}
	c.simulated(name, again, choose(name), pay, reverse, choose("gopay"), pay)
}

// wallets can be paid back in parts, but for ShopeePay and OVO.
func (c *collection) wallets() {
	for _, name := range []string{"gopay", "other_qris", "shopeepay"} {
		c.pushed(name)
		c.simulated(name, refunded, choose(name), pay, refund(0), nothing)
	}
	for _, name := range []string{"gopay", "other_qris"} {
		c.simulated(name, partly(30_000), choose(name), pay, refund(30_000), nothing)
		c.simulated(name, refunded, choose(name), pay, refund(30_000), nothing, refund(70_000), nothing)
	}
	for _, wallet := range []channel{dana, airpay} {
		c.written(paid, write(wallet).pending().settlement())
		c.written(expired, write(wallet).pending().over("expire"))
		c.written(canceled, write(wallet).pending().over("cancel"))
		c.written(paid, write(wallet).pending().over("expire").settlement())
		c.written(refunded, write(wallet).pending().settlement().refund(ordered))
		c.written(partly(30_000), write(wallet).pending().settlement().refund(30_000))
		c.written(refunded, write(wallet).pending().settlement().refund(30_000).refund(70_000))
	}
	c.written(paid, write(ovo).pending().settlement())
	c.written(expired, write(ovo).pending().over("expire"))
	c.written(denied, write(ovo).pending().over("deny"))
	c.written(refunded, write(ovo).pending().settlement().refund(ordered))
	c.written(denied.because("failure"), write(ovo).pending().over("failure"))
}

// credit are pay-later services and the older direct debits.
func (c *collection) credit() {
	for _, lender := range []channel{akulaku, kredivo} {
		c.written(paid, write(lender).pending().settlement())
		c.written(denied, write(lender).pending().over("deny"))
		c.written(expired, write(lender).pending().over("expire"))
		c.written(canceled, write(lender).pending().over("cancel"))
		c.written(partly(30_000), write(lender).pending().settlement().refund(30_000))
		c.written(refunded, write(lender).pending().settlement().refund(30_000).refund(70_000))
	}
	for _, debit := range debits {
		c.written(paid, write(debit).pending().settlement())
		c.written(denied, write(debit).pending().over("deny"))
		c.written(expired, write(debit).pending().over("expire"))
		c.written(denied.because("failure"), write(debit).pending().over("failure"))
	}
}

// cards without 3-D Secure begin with the bank's verdict, those with it
// with a pending.
func (c *collection) cards() {
	const card = "credit_card"
	secure := func(want end, steps ...step) {
		bodies, truth := record(c.t, midtrans.SnapExtra{}, steps...)
		first := with(bodies[0], body{
			"transaction_status": "pending", "status_code": "201", "three_ds_version": "2", "fraud_status": nil, "bank": nil,
			"eci": nil, "approval_code": nil, "channel_response_code": nil, "channel_response_message": nil, "settlement_time": nil,
		})
		c.add(card+" (3DS)", want, slices.Concat([]body{first}, bodies), truth)
	}
	c.simulated(card, paid, byCard, settle)
	c.simulated(card, denied, deny)
	c.simulated(card, voided, byCard, cancel)
	secure(paid, byCard, settle)
	secure(denied, deny)
	secure(voided, byCard, cancel)

	c.simulated(card, paid, challenge, approve, settle)
	c.simulated(card, denied, challenge, deny)
	c.simulated(card, canceled, challenge, cancel) // nobody decided
	c.simulated(card, voided, challenge, approve, cancel)
	secure(paid, challenge, approve, settle)
	secure(denied, challenge, deny)

	c.simulated(card, refunded, byCard, settle, refund(0), nothing)
	c.simulated(card, partly(30_000), byCard, settle, refund(30_000), nothing)
	c.simulated(card, refunded, byCard, settle, refund(30_000), nothing, refund(70_000), nothing)

	c.simulated(card, chargedBack(ordered), byCard, settle, chargeBack)
	c.simulated(card, chargedBack(0), byCard, settle, chargePartly)
	c.simulated(card, chargedBack(ordered), byCard, settle, chargePartly, chargeBack)
	secure(chargedBack(ordered), challenge, approve, settle, chargePartly, chargeBack)

	// A chargeback hides the refund before it from look-ups.
	hidden := chargedBack(ordered)
	twice := hidden.takesBack(3, 4)
	twice.out, twice.asked = ordered, &hidden
	c.simulated(card, twice, byCard, settle, refund(0), nothing, chargeBack)
}

// reservations are captured later: cards, and GoPay's pre-authorization.
func (c *collection) reservations() {
	reserve := func(steps ...step) []body {
		bodies, _ := record(c.t, midtrans.SnapExtra{CreditCard: &midtrans.CreditCard{Type: "authorize"}}, steps...)
		return bodies
	}
	add := func(method string, want end, bodies []body, more ...body) {
		for _, change := range more {
			bodies = append(bodies, with(bodies[len(bodies)-1], change))
		}
		last := bodies[len(bodies)-1]
		c.add(method, want, bodies, map[string]body{last["transaction_id"].(string): inquiry(last)})
	}
	captured := body{"transaction_status": "capture", "status_code": "200"}
	settled := body{"transaction_status": "settlement", "status_code": "200", "settlement_time": wib(noon.AddDate(0, 0, 1))}
	ended := func(word string) body { return body{"transaction_status": word, "status_code": "202"} }
	const card = "credit_card (pre-authorized)"
	add(card, paid, reserve(byCard), captured, settled)
	add(card, expired, reserve(byCard), ended("expire"))
	add(card, canceled, reserve(byCard), ended("cancel"))
	add(card, voided, reserve(byCard), captured, ended("cancel"))
	add(card, paid, reserve(challenge, approve), captured, settled)
	add(card, denied, reserve(challenge, deny))

	gopay := write(channel{name: "gopay", paymentType: "gopay", keys: body{"payment_option_type": "GOPAY_WALLET"}}).base("authorize", "200")
	add("gopay (pre-authorized)", paid, []body{gopay}, captured)
	add("gopay (pre-authorized)", expired, []body{gopay}, ended("expire"))
	add("gopay (pre-authorized)", canceled, []body{gopay}, ended("cancel"))
}

// several: one order, and one try after the other.
func (c *collection) several() {
	const tries = "several tries"
	c.simulated(tries, paid, deny, choose("bca_va"), pay)
	c.simulated(tries, paid, deny, deny, byCard, settle)
	c.simulated(tries, expired, deny, choose("bca_va"), expire)
	c.simulated(tries, denied, choose("gopay"), expire, deny)
	c.simulated(tries, canceled, deny, choose("indomaret"), cancel)
	c.simulated(tries, voided, choose("gopay"), expire, byCard, cancel)
	c.simulated(tries, end{status: payments.StatusSettled, in: 2 * ordered}, choose("bca_va"), expire, choose("gopay"), pay, late)
	// Two of this one's notifications are lost: the first, and that the bank has
	// confirmed the refund.
	bodies, truth := record(c.t, midtrans.SnapExtra{}, choose("bca_va"), expire, choose("gopay"), pay, refund(0), late)
	bodies = slices.DeleteFunc(bodies[1:], isConfirmed)
	c.add(tries, end{status: payments.StatusSettled, in: 2 * ordered, out: ordered}, bodies, truth)
}

package reorder

import (
	"fmt"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// channel is a way to pay that the simulator does not have. Its bodies are
// written here, with the keys that Midtrans publishes for it.
type channel struct {
	name        string // for people
	paymentType string
	keys        body // from the beginning
	paid        body // once it is paid
	noFraud     bool // its bodies have no fraud_status
	// ownID: the transaction's id has another form, and look-ups repeat it in
	// the order id's place.
	ownID bool
	// loud: words are written in capitals, as DANA's were seen.
	loud bool
}

func bankAccount(bank, number string) body {
	return body{"va_numbers": []any{body{"bank": bank, "va_number": number}}, "payment_amounts": []any{}}
}

var approval = body{"approval_code": "112233445566"}

// The channels whose bodies are published only in part have the keys that all
// methods share.
var (
	dana    = channel{name: "dana", paymentType: "dana", ownID: true, loud: true}
	ovo     = channel{name: "ovo", paymentType: "ovo", keys: body{"payer_phone_number": "081212345678", "merchant_invoice": "INV-1"}}
	akulaku = channel{name: "akulaku", paymentType: "akulaku"}
	kredivo = channel{name: "kredivo", paymentType: "kredivo"}
	airpay  = channel{
		name: "qris by ShopeePay", paymentType: "qris", keys: body{"acquirer": "airpay shopee"},
		paid: body{"issuer": "airpay shopee", "transaction_type": "off-us", "shopeepay_reference_number": "103995032913255264"},
	}
	debits = []channel{
		{name: "bca_klikpay", paymentType: "bca_klikpay", paid: approval},
		{name: "bca_klikbca", paymentType: "bca_klikbca", paid: approval, noFraud: true},
		{name: "cimb_clicks", paymentType: "cimb_clicks", paid: approval, noFraud: true},
		{name: "danamon_online", paymentType: "danamon_online", paid: approval},
		{name: "bri_epay", paymentType: "bri_epay", paid: approval},
		{name: "uob_ezpay", paymentType: "uob_ezpay"},
	}
	accounts = []channel{
		{name: "danamon va", paymentType: "bank_transfer", keys: bankAccount("danamon", "8965012345678"), ownID: true},
		{name: "bsi va", paymentType: "bank_transfer", keys: bankAccount("bsi", "9347012345678"), ownID: true},
		{name: "seabank va", paymentType: "bank_transfer", keys: bankAccount("seabank", "8723012345678"), ownID: true},
	}
)

// pen writes the bodies of one transaction, each as of its word.
type pen struct {
	of    channel
	id    string
	begun time.Time
	now   time.Time
	tape  []body
	sum   int64 // refunded
	list  []any
}

func write(c channel) *pen {
	p := &pen{of: c, id: string(payments.NewID()), begun: noon, now: noon}
	if c.ownID {
		p.id = "A1202605060500" + p.id[24:] + "ID"
	}
	return p
}

// wib is how Midtrans writes times.
func wib(t time.Time) string {
	return t.In(time.FixedZone("WIB", 7*60*60)).Format("2006-01-02 15:04:05")
}

func (p *pen) base(word, code string) body {
	b := body{
		"transaction_time": wib(p.begun), "transaction_status": word, "transaction_id": p.id,
		"status_message": "midtrans payment notification", "status_code": code, "payment_type": p.of.paymentType,
		"merchant_id": "G000000001", "gross_amount": gross, "currency": "IDR", "fraud_status": "accept",
	}
	if p.of.noFraud {
		delete(b, "fraud_status")
	}
	return with(b, p.of.keys)
}

func (p *pen) add(b body) *pen {
	p.tape = append(p.tape, b)
	p.now = p.now.Add(10 * time.Minute)
	return p
}

func (p *pen) pending() *pen {
	word := "pending"
	if p.of.loud {
		word = "PENDING"
	}
	return p.add(with(p.base(word, "201"), body{"expiry_time": wib(p.begun.Add(15 * time.Minute))}))
}

func (p *pen) settlement() *pen {
	return p.add(with(p.paid("settlement"), nil))
}

func (p *pen) paid(word string) body {
	return with(with(p.base(word, "200"), p.of.paid), body{"settlement_time": wib(p.begun.Add(5 * time.Minute))})
}

// over is a deny, an expire, a cancel or a failure.
func (p *pen) over(word string) *pen { return p.add(p.base(word, "202")) }

// refund is told twice: when it is made, and when the bank has confirmed it.
func (p *pen) refund(amount int64) *pen {
	p.sum += amount
	word := "partial_refund"
	if p.sum == ordered {
		word = "refund"
	}
	made := body{
		"refund_chargeback_id": len(p.list) + 1, "refund_amount": fmt.Sprintf("%d.00", amount), "created_at": wib(p.now),
		"refund_key": fmt.Sprintf("rk-%d", len(p.list)+1), "refund_method": "online",
	}
	before := p.list
	for _, entry := range []body{made, with(made, body{"bank_confirmed_at": wib(p.now.Add(time.Minute))})} {
		p.list = append(before[:len(before):len(before)], entry)
		p.add(with(p.paid(word), body{"refund_amount": fmt.Sprintf("%d.00", p.sum), "refunds": p.list}))
	}
	return p
}

// recorded is what a record of the transaction would hold.
func (p *pen) recorded() ([]body, map[string]body) {
	return p.tape, map[string]body{p.id: p.truth()}
}

// truth is the last body as a look-up answers it.
func (p *pen) truth() body {
	b := inquiry(p.tape[len(p.tape)-1])
	if p.of.ownID {
		b["order_id"] = p.id
	}
	return b
}

// inquiry is a notification's body as the answer to a look-up. Of what has
// expired and of what was canceled, the codes differ.
func inquiry(b body) body {
	code := b["status_code"]
	switch b["transaction_status"] {
	case "expire":
		code = "407"
	case "cancel":
		code = "200"
	}
	return with(b, body{"status_code": code, "status_message": "Success, transaction is found", "order_id": orderID})
}

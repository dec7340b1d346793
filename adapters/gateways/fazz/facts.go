package fazz

import (
	"errors"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// How long ids may be. Fazz's own have some 41 characters; the limits are ours.
const (
	maxID        = 128
	maxReference = 128
)

// Fazz's words for where a payment stands.
const (
	wordPending    = "pending"
	wordProcessing = "processing" // money has been seen, or the channel is at work
	wordPaid       = "paid"
	wordCompleted  = "completed" // paid, and the money is available
	wordCancelled  = "cancelled"
	wordExpired    = "expired"
	wordFailed     = "failed"
)

var (
	errNotPayment = errors.New("data.type is not payment")
	errID         = errors.New("data.id is missing or has no proper form")
	errReference  = errors.New("referenceId is missing or has no proper form")
	errNoStatus   = errors.New("status is missing")
	errAmount     = errors.New("amount is missing or unreadable")
)

// feeName is what the fact of Fazz's fee is called: as in its documents.
const feeName = "fees"

// reading is a payment as Fazz tells of it: in a callback, in the answer to a
// call, or in a list. All three have the same members.
type reading struct {
	payments.Observation
	word string // the status
	typ  string // of the way to pay, "" if not told
	fees payments.Money
	// instructions are as sent.
	instructions, settlement object
}

func (r reading) is(words ...string) bool {
	for _, word := range words {
		if r.word == word {
			return true
		}
	}
	return false
}

// readPayment reads the resource in "data". Errors never quote what was sent.
// The client hides keys in what is kept of foreign words.
func (c client) readPayment(data object) (reading, error) {
	attributes := data.Object("attributes")
	r := reading{word: lowered(attributes, "status")}
	r.TransactionID, r.Ref = data.Text("id"), attributes.Text("referenceId")
	switch {
	case data.Text("type") != "payment":
		return reading{}, errNotPayment
	case !gatewaykit.IsID(r.TransactionID, maxID):
		return reading{}, errID
	case !isReference(r.Ref):
		return reading{}, errReference
	case r.word == "":
		return reading{}, errNoStatus
	}
	currency := payments.Currency(strings.ToUpper(strings.TrimSpace(attributes.Text("currency"))))
	if currency == "" { // older replies leave it out
		currency = payments.Rupiah
	}
	var err error
	if r.Amount, err = attributes.Money("amount", currency); err != nil {
		return reading{}, errAmount
	}
	// A fee that cannot be read exactly is no reason to lose a payment.
	if raw := attributes.Get("fees"); raw != "" && raw != "null" {
		if r.fees, err = attributes.Money("fees", currency); err != nil {
			r.fees, r.Attention = payments.Money{}, true
		}
	}
	way := attributes.Object("paymentMethod")
	r.instructions, r.settlement = way.Object("instructions"), way.Object("settlement")
	r.typ, r.Method = methodOf(way)
	r.BegunAt, r.ExpiresAt = parseTime(attributes.Text("createdAt")), parseTime(attributes.Text("expiredAt"))
	r.Facts = r.facts()
	r.RawStatus = gatewaykit.Shorten(strings.ToLower(c.Scrub(attributes.Text("status"))), 80)
	if r.is(wordPending) {
		r.GatewayAt = r.BegunAt
	}
	if r.is(wordFailed) {
		if why := reasonIn(attributes); why != "" {
			r.RawStatus = gatewaykit.Shorten(wordFailed+": "+c.Scrub(why), 120)
		}
	}
	r.Attention = r.Attention || len(r.Facts) == 0
	return r, nil
}

// facts is the table of what Fazz's words mean. None: not known. When a
// payment was paid is not told, so no fact has a time of Fazz's.
func (r reading) facts() []payments.Fact {
	var kinds []payments.FactKind
	switch r.word {
	case wordPending, wordProcessing:
		kinds = []payments.FactKind{payments.FactPending}
	case wordPaid:
		kinds = []payments.FactKind{payments.FactPaid}
	case wordCompleted: // it may come without "paid" before it
		kinds = []payments.FactKind{payments.FactPaid, payments.FactFunds}
	case wordCancelled:
		kinds = []payments.FactKind{payments.FactCanceled}
	case wordExpired:
		kinds = []payments.FactKind{payments.FactExpired}
	case wordFailed:
		kinds = []payments.FactKind{payments.FactFailed}
	}
	var facts []payments.Fact
	for _, kind := range kinds {
		f := payments.Fact{Kind: kind}
		if kind == payments.FactPaid {
			f.Amount = r.Amount
		}
		facts = append(facts, f)
	}
	if r.is(wordPaid, wordCompleted) && r.fees.Amount > 0 {
		facts = append(facts, payments.Fact{Kind: payments.FactFee, Amount: r.fees, Text: feeName})
	}
	return facts
}

// reasonIn is why a payment failed. Under which name is not published; these
// are assumed.
func reasonIn(attributes object) string {
	for _, o := range []object{attributes, attributes.Object("paymentMethod")} {
		for _, name := range []string{"failureReason", "failureMessage", "errorMessage", "message", "reason"} {
			if why := o.Text(name); strings.TrimSpace(why) != "" {
				return why
			}
		}
	}
	return ""
}

// methodOf is Fazz's type of the way to pay, and the name of the way: "" where
// Fazz does not tell the bank, store or wallet. Of e-wallets none is published
// that it would tell it; providerCode is assumed.
func methodOf(way object) (typ string, method payments.Method) {
	typ = lowered(way, "type")
	instructions := way.Object("instructions")
	name := ""
	switch typ {
	case typeQRIS:
		return typ, "qris"
	case typeAccount:
		if bank := lowered(instructions, "bankShortCode"); bank != "" {
			name = "bank_transfer/" + bank
		}
	case typeStore:
		store := lowered(instructions, "retailOutletName")
		if store == "" { // so in one program that reads Fazz's answers
			store = lowered(instructions, "retailOutletCode")
		}
		if store != "" {
			name = "cstore/" + store
		}
	case typeWallet:
		if name = lowered(instructions, "providerCode"); name == "" {
			name = lowered(way, "providerCode")
		}
	default:
		name = typ
	}
	return typ, payments.Method(gatewaykit.Shorten(name, 64))
}

// isReference: what other programs of the merchant's account make payments by
// may be more than this gateway would use.
func isReference(s string) bool {
	return gatewaykit.IsID(strings.ReplaceAll(s, " ", "_"), maxReference) && strings.TrimSpace(s) != ""
}

func lowered(o object, name string) string { return strings.ToLower(strings.TrimSpace(o.Text(name))) }

package midtrans

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// observe reads a notification, or the answer of a look-up: both have the
// same members. Errors never quote what was sent.
//
// It goes by the status and fraud words, as everybody must: status_code only
// says how a call went. The one exception is a capture without a fraud word.
func observe(o object, lookUp bool) (payments.Observation, error) {
	sum, err := readAmounts(o)
	if err != nil {
		return payments.Observation{}, err
	}
	word, fraud, code := lowered(o, "transaction_status"), lowered(o, "fraud_status"), o.Text("status_code")
	kinds, odd := words(word, fraud, code)
	method := methodOf(o)
	obs := payments.Observation{
		Ref: o.Text("order_id"), TransactionID: o.Text("transaction_id"), Method: method,
		RawStatus: rawStatus(word, fraud, code), Amount: sum.base,
		ExpiresAt: parseTime(o.Text("expiry_time")), GatewayAt: toldAt(o, word, method), BegunAt: parseTime(o.Text("transaction_time")),
		Attention: odd || sum.odd || len(kinds) == 0,
	}
	if obs.ExpiresAt.IsZero() {
		obs.ExpiresAt = parseTime(o.Text("expire_time")) // so spelt in one published sample
	}
	for _, kind := range kinds {
		obs.Facts = append(obs.Facts, payments.Fact{Kind: kind})
	}
	if slices.Contains(kinds, payments.FactPaid) && sum.fee.Amount > 0 {
		obs.Facts = append(obs.Facts, payments.Fact{Kind: payments.FactFee, Amount: sum.fee, Text: feeName})
	}
	if slices.Contains(kinds, payments.FactRefunded) || slices.Contains(kinds, payments.FactPartlyRefunded) {
		refunds, odd, err := readRefunds(o, sum, slices.Contains(kinds, payments.FactRefunded), lookUp)
		if err != nil {
			return payments.Observation{}, err
		}
		obs.Facts = append(obs.Facts, refunds...)
		// Neither virtual accounts nor stores can be refunded through Midtrans.
		obs.Attention = obs.Attention || odd || isPush(method)
	}
	if len(kinds) > 0 && isReversible(method) {
		obs.Facts = append(obs.Facts, payments.Fact{Kind: payments.FactReversible})
	}
	return obs, nil
}

// words is the table of what Midtrans's two words mean. No kinds: not known.
// odd: nowhere documented, yet there is only one way to read it.
func words(word, fraud, code string) (kinds []payments.FactKind, odd bool) {
	is := func(kinds ...payments.FactKind) ([]payments.FactKind, bool) { return kinds, false }
	switch word {
	case "pending":
		return is(payments.FactPending)
	case "authorize":
		switch fraud {
		case "challenge":
			return is(payments.FactAuthChallenged)
		case "accept", "":
			return is(payments.FactAuthorized)
		}
	case "capture", "accept": // accept: a capture in samples of 2014
		switch {
		case fraud == "challenge", word == "capture" && fraud == "" && code == "201":
			return is(payments.FactCaptureChallenged)
		case fraud == "deny":
			return is(payments.FactDenied)
		case word == "capture" && (fraud == "accept" || fraud == "" && code == "200"):
			return is(payments.FactCaptured, payments.FactPaid)
		}
	case "settlement":
		switch fraud {
		case "accept", "", "challenge", "deny":
			kinds, _ = is(payments.FactPaid, payments.FactFunds)
			return kinds, fraud == "challenge" || fraud == "deny"
		}
	case "deny":
		return is(payments.FactDenied)
	case "cancel":
		return is(payments.FactCanceled)
	case "expire", "expired":
		return is(payments.FactExpired)
	case "failure":
		return is(payments.FactFailed)
	case "partial_refund":
		return is(payments.FactPartlyRefunded)
	case "refund":
		return is(payments.FactRefunded)
	case "partial_chargeback":
		return is(payments.FactPartialChargeback)
	case "chargeback":
		return is(payments.FactChargeback)
	}
	return nil, false
}

// rawStatus is "word/fraud"; with the code where that decided.
func rawStatus(word, fraud, code string) string {
	switch {
	case fraud != "":
		word += "/" + fraud
	case word == "capture":
		word += " (" + code + ")"
	}
	return gatewaykit.Shorten(word, 80)
}

func lowered(o object, name string) string { return strings.ToLower(strings.TrimSpace(o.Text(name))) }

// methodOf is the channel and, behind a slash, the bank or store.
func methodOf(o object) payments.Method {
	method, detail := lowered(o, "payment_type"), ""
	switch method {
	case "bank_transfer":
		detail = bankOf(o)
	case "permata":
		method, detail = "bank_transfer", "permata"
	case "cstore":
		detail = lowered(o, "store")
	}
	if detail != "" {
		method += "/" + detail
	}
	return payments.Method(gatewaykit.Shorten(method, 64))
}

func bankOf(o object) string {
	if o.Text("permata_va_number") != "" {
		return "permata"
	}
	for account := range o.Objects("va_numbers") {
		if account.Text("bank") != "" {
			return lowered(account, "bank")
		}
	}
	return lowered(o, "bank")
}

// isReversible: with these the bank may take a payment back within minutes,
// which shows as a deny after the settlement.
func isReversible(m payments.Method) bool {
	return m == "bank_transfer/permata" || m == "echannel" || m == "cstore/indomaret"
}

// isPush: the payer sends the money by hand, and cannot be sent any back.
func isPush(m payments.Method) bool {
	channel, _, _ := strings.Cut(string(m), "/")
	return channel == "bank_transfer" || channel == "echannel" || channel == "cstore"
}

// toldAt is when that happened which the word tells, where Midtrans says so.
// transaction_time is when the payer chose the method: of a settlement, an
// expiry or a reversal it says nothing.
func toldAt(o object, word string, method payments.Method) time.Time {
	switch word {
	case "pending", "authorize", "capture", "accept":
		return parseTime(o.Text("transaction_time"))
	case "deny":
		if !isReversible(method) {
			return parseTime(o.Text("transaction_time"))
		}
	case "settlement", "refund", "partial_refund", "chargeback", "partial_chargeback":
		return parseTime(o.Text("settlement_time"))
	}
	return time.Time{}
}

const feeName = "customer_imposed_payment_fee"

// amounts is what was to be paid: gross by the payer, base for the order. The
// difference is a fee that the merchant lets the payer bear. odd: what is said
// about the fee does not add up, so it is not believed.
type amounts struct {
	gross, base, fee payments.Money
	odd              bool
}

var errAmount = errors.New("an amount is missing or unreadable")

func readAmounts(o object) (amounts, error) {
	currency := payments.Currency(strings.ToUpper(strings.TrimSpace(o.Text("currency"))))
	if currency == "" {
		currency = payments.Rupiah
	}
	gross, err := o.Money("gross_amount", currency)
	if err != nil {
		return amounts{}, errAmount
	}
	sum := amounts{gross: gross, base: gross}
	info := o.Object("metadata").Object("extra_info").Object("gross_amount_info")
	if isAbsent(info.Get("original_amount")) {
		return sum, nil
	}
	base, err := info.Money("original_amount", currency)
	if err != nil || base.Amount > gross.Amount {
		sum.odd = true
		return sum, nil
	}
	fee := payments.Money{Amount: gross.Amount - base.Amount, Currency: currency}
	for name, want := range map[string]payments.Money{"gross_amount": gross, feeName: fee} {
		stated, err := info.Money(name, currency)
		if !isAbsent(info.Get(name)) && (err != nil || stated != want) {
			sum.odd = true
			return sum, nil
		}
	}
	sum.base, sum.fee = base, fee
	return sum, nil
}

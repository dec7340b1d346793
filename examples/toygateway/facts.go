package toygateway

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

const (
	maxRef = 40
	maxID  = 64
	// senPerRupiah: Kopipay counts in sen, which nobody can pay.
	senPerRupiah = 100
)

// Kopipay's words of a charge's state.
const (
	waiting   = "waiting"
	checking  = "checking"
	received  = "received"
	rejected  = "rejected"
	lapsed    = "lapsed"
	withdrawn = "withdrawn"
	returned  = "returned"
	takenBack = "taken_back"
	disputed  = "disputed"
)

// facts of each word. A word that is not here tells nothing: it is kept and
// shown, and a guess about money is worse than a question.
var facts = map[string][]payments.FactKind{
	waiting:   {payments.FactPending},
	checking:  {payments.FactCaptureChallenged},
	received:  {payments.FactFunds}, // Kopipay settles at once; implies FactPaid
	rejected:  {payments.FactDenied},
	lapsed:    {payments.FactExpired},
	withdrawn: {payments.FactCanceled},
	returned:  {payments.FactRefunded}, // all of it
	takenBack: {payments.FactReversible, payments.FactDenied},
	disputed:  {payments.FactChargeback},
}

// observe reads a charge, from a notification or an answer alike: what the two
// tell of one state must be the same facts.
func (g *Gateway) observe(charge gatewaykit.Object) (payments.Observation, error) {
	raw, err := g.clean(charge)
	if err != nil {
		return payments.Observation{}, err
	}
	state := charge.Text("state")
	o := payments.Observation{
		Ref: charge.Text("reference"), TransactionID: charge.Text("charge"),
		RawStatus: gatewaykit.Shorten(g.scrub(state), 40),
		BegunAt:   at(charge, "made_at"), GatewayAt: at(charge, "changed_at"), ExpiresAt: at(charge, "ends_at"),
		Raw: raw,
	}
	if !validRef.MatchString(o.Ref) || !gatewaykit.IsID(o.TransactionID, maxID) || state == "" {
		return payments.Observation{Raw: raw}, errors.New("reference, charge or state cannot be one of Kopipay's")
	}
	if o.Amount, err = rupiah(charge, "amount_sen"); err != nil {
		return o, err
	}
	word := gatewaykit.Shorten(g.scrub(charge.Text("channel")), maxID)
	o.Method = payments.Method(word) // one that is new is kept under Kopipay's name
	ch, known := channelBy(o.Method)
	if known {
		o.Method = ch.Method
	}
	kinds, told := facts[state]
	o.Attention = !told
	for _, kind := range kinds {
		o.Facts = append(o.Facts, payments.Fact{Kind: kind})
	}
	for back := range charge.Objects("returns") {
		amount, err := rupiah(back, "amount_sen")
		key, id := back.Text("key"), back.Text("return")
		if err != nil || !gatewaykit.IsID(key, maxID) || !gatewaykit.IsID(id, maxID) {
			return o, errors.New("a return cannot be read")
		}
		o.Facts = append(o.Facts, payments.Fact{Kind: payments.FactRefund, Key: key, ID: id, Amount: amount})
	}
	if state == waiting && known {
		o.Instructions = instructions(o, ch, charge)
	}
	return o, nil
}

func instructions(o payments.Observation, ch channel, charge gatewaykit.Object) *payments.Instructions {
	in := &payments.Instructions{Kind: ch.Kind, Method: ch.Method, Amount: o.Amount, ExpiresAt: o.ExpiresAt}
	switch ch.Kind {
	case payments.KindQR:
		in.QR = charge.Text("qr_text")
	case payments.KindVirtualAccount:
		in.Bank, in.VANumber = "bca", charge.Text("account")
	}
	return in
}

// rupiah reads an amount in sen. A part of a rupiah is an error: rounding money
// would have the books and the bank disagree.
func rupiah(o gatewaykit.Object, name string) (payments.Money, error) {
	n, err := strconv.ParseInt(o.Get(name), 10, 64) // as sent: "1", 1.0 and 1e9 are no integers
	if err != nil || n <= 0 || n%senPerRupiah != 0 {
		return payments.Money{}, fmt.Errorf("%s is not a whole amount of rupiah in sen", name)
	}
	return payments.IDR(n / senPerRupiah), nil
}

// sen is an amount as Kopipay counts it; false if it is none that can be sent.
func sen(m payments.Money) (int64, bool) {
	return m.Amount * senPerRupiah, m.Currency == payments.Rupiah && m.Amount > 0 && m.Amount <= math.MaxInt64/senPerRupiah
}

// at reads seconds since 1970; zero if there are none. Kopipay's times are
// shown and compared, so a strange one is as good as none.
func at(o gatewaykit.Object, name string) time.Time {
	n, err := strconv.ParseInt(o.Get(name), 10, 64)
	if err != nil || n <= 0 || n > math.MaxUint32 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

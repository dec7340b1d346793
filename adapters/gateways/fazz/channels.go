package fazz

import (
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// What Fazz calls the types of ways to pay.
const (
	typeAccount = "virtual_bank_account"
	typeStore   = "retail_outlet"
	typeQRIS    = "qris"
	typeWallet  = "e-wallet"
)

// channel is a way to pay as Fazz has it.
type channel struct {
	method payments.Method // the name that all gateways of this module have for it
	alias  payments.Method // the one that pages of Midtrans have for it, or ""
	name   string
	kind   payments.InstructionKind
	typ    string // paymentMethodType
	code   string // of the bank, store or wallet
	// min and max bound the amount, in whole rupiah.
	min, max int64
	// life is how long the payer has if no expiry is asked for; shortest and
	// longest bound what may be asked for, where Fazz tells. Zero: it does not.
	life, shortest, longest time.Duration
}

const (
	day     = 24 * time.Hour
	quarter = 15 * time.Minute // assumed: Fazz publishes no default for e-wallets
)

// The limits are of Fazz's pages of 2021 to 2025; those of virtual accounts are
// assumed, of a reseller's pages. A wallet's are those of a verified payer: one
// who is not may pay 2,000,000.
var channels = []channel{
	{"bank_transfer/bca", "bca_va", "BCA Virtual Account", payments.KindVirtualAccount, typeAccount, "BCA", 10_000, 100_000_000, day, 0, 0},
	{"bank_transfer/bri", "bri_va", "BRI Virtual Account", payments.KindVirtualAccount, typeAccount, "BRI", 10_000, 100_000_000, day, 0, 0},
	{"bank_transfer/bni", "bni_va", "BNI Virtual Account", payments.KindVirtualAccount, typeAccount, "BNI", 10_000, 100_000_000, day, 0, 0},
	{"bank_transfer/mandiri", "mandiri_va", "Mandiri Virtual Account", payments.KindVirtualAccount, typeAccount, "MANDIRI", 10_000, 100_000_000, day, 0, 0},
	{"bank_transfer/sahabat_sampoerna", "", "Bank Sahabat Sampoerna Virtual Account", payments.KindVirtualAccount, typeAccount, "SAHABAT_SAMPOERNA", 10_000, 100_000_000, day, 0, 0},
	{"qris", "other_qris", "QRIS", payments.KindQR, typeQRIS, "", 1_500, 5_000_000, day, 0, 0},
	{"shopeepay", "", "ShopeePay", payments.KindRedirect, typeWallet, "SHOPEEPAY", 1, 10_000_000, quarter, time.Minute, time.Hour},
	// Its request may ring the payer's phone, as it does elsewhere.
	{"ovo", "", "OVO", payments.KindPush, typeWallet, "OVO", 1, 10_000_000, quarter, time.Minute, time.Hour},
	{"cstore/indomaret", "indomaret", "Indomaret", payments.KindCounter, typeStore, "INDOMARET", 10_000, 5_000_000, day, 0, 0},
	{"cstore/alfamart", "alfamart", "Alfamart", payments.KindCounter, typeStore, "ALFAMART", 15_000, 2_500_000, day, 0, 0},
}

// channelBy finds a channel by either of its names.
func channelBy(method payments.Method) (channel, bool) {
	i := slices.IndexFunc(channels, func(c channel) bool { return method != "" && (c.method == method || c.alias == method) })
	if i < 0 {
		return channel{}, false
	}
	return channels[i], true
}

// kindOf is how a type of way is paid by. A type that is not known is best
// shown as a page to go to.
func kindOf(typ string) payments.InstructionKind {
	for _, c := range channels {
		if c.typ == typ {
			return c.kind
		}
	}
	return payments.KindRedirect
}

// can: Fazz cancels virtual accounts only, and knows no way back for money.
func (c channel) can() payments.Capabilities {
	return payments.Capabilities{Cancel: c.typ == typeAccount}
}

func (c channel) info() payments.MethodInfo {
	m := payments.MethodInfo{
		Method: c.method, Name: c.name, Kind: c.kind, Min: payments.IDR(c.min), Max: payments.IDR(c.max),
		ExpirySeconds: int(c.life / time.Second), Can: c.can(),
	}
	if c.alias != "" {
		m.Aliases = []payments.Method{c.alias}
	}
	return m
}

// Methods lists the ways to pay, within Fazz's own limits. The merchant's
// account may have fewer ways and other limits.
func (g *Gateway) Methods() []payments.MethodInfo {
	list := make([]payments.MethodInfo, len(channels))
	for i, c := range channels {
		list[i] = c.info()
	}
	return list
}

// Capabilities is what can be done with payments by a method: nothing, if it
// is not known.
func (g *Gateway) Capabilities(method payments.Method) payments.Capabilities {
	c, known := channelBy(method)
	if !known {
		return payments.Capabilities{}
	}
	return c.can()
}

// NeedsMethod: Fazz has no page on which the payer chooses.
func (g *Gateway) NeedsMethod() bool { return true }

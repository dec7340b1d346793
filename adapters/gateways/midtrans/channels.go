package midtrans

import (
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// channel is a way to pay as Midtrans has it.
type channel struct {
	method   payments.Method // as notifications name it
	snap     string          // as Snap names it
	name     string
	kind     payments.InstructionKind
	min, max int64         // whole rupiah; max 0: none
	life     time.Duration // if no expiry is asked for
	longest  time.Duration // that may be asked for; 0: it cannot be asked for
	can      payments.Capabilities
	trait    trait
}

type trait int

const (
	snapOnly trait = 1 << iota // the Core API does not charge it
	noKey                      // Midtrans ignores the Idempotency-Key
)

// product is what of Midtrans a gateway opens checkouts at.
type product int

const (
	snapPages product = 1 << iota
	coreCharges
)

const (
	day     = 24 * time.Hour
	quarter = 15 * time.Minute
	// shortest is the shortest expiry that may be asked for, but of DANA.
	shortest = 20 * time.Second
)

const (
	account  = payments.KindVirtualAccount
	app      = payments.KindApp
	counter  = payments.KindCounter
	redirect = payments.KindRedirect
)

var (
	byHand   = payments.Capabilities{Cancel: true, Expire: true} // no way back for the money
	byWallet = payments.Capabilities{Cancel: true, Expire: true, Refund: true, PartialRefund: true}
	allBack  = payments.Capabilities{Cancel: true, Expire: true, Refund: true}
	byDANA   = payments.Capabilities{Cancel: true, Refund: true, PartialRefund: true}
	byOVO    = payments.Capabilities{Cancel: true, Refund: true}
	byCard   = payments.Capabilities{
		Cancel: true, Void: true, Expire: true, Refund: true, PartialRefund: true, Capture: true, Review: true,
	}
)

// The figures are of Midtrans's pages of 2025 and 2026. Where these disagree,
// this is the narrower one.
var channels = []channel{
	{"bank_transfer/bca", "bca_va", "BCA Virtual Account", account, 10_000, 20_000_000_000, day, 180 * day, byHand, 0},
	{"bank_transfer/bni", "bni_va", "BNI Virtual Account", account, 1, 0, day, 180 * day, byHand, 0},
	{"bank_transfer/bri", "bri_va", "BRI Virtual Account", account, 1, 20_000_000_000, day, 180 * day, byHand, 0},
	{"echannel", "echannel", "Mandiri Bill", payments.KindBill, 1, 50_000_000_000, day, 180 * day, byHand, 0},
	{"bank_transfer/permata", "permata_va", "Permata Virtual Account", account, 1, 9_999_999_999, day, 180 * day, byHand, noKey},
	{"bank_transfer/cimb", "cimb_va", "CIMB Niaga Virtual Account", account, 1, 250_000_000, day, 180 * day, byHand, 0},
	{"bank_transfer/danamon", "danamon_va", "Danamon Virtual Account", account, 1, 0, day, 180 * day, byHand, snapOnly},
	{"bank_transfer/bsi", "bsi_va", "BSI Virtual Account", account, 1_000, 0, day, 180 * day, byHand, snapOnly},
	{"bank_transfer/seabank", "seabank_va", "SeaBank Virtual Account", account, 10_000, 100_000_000, day, 180 * day, byHand, snapOnly},
	{"qris", "other_qris", "QRIS", payments.KindQR, 1, 10_000_000, quarter, 5 * day, byWallet, 0},
	{"gopay", "gopay", "GoPay", app, 1, 20_000_000, quarter, 7 * day, byWallet, 0},
	{"shopeepay", "shopeepay", "ShopeePay", app, 1, 20_000_000, quarter, 5 * day, allBack, 0},
	{"dana", "dana", "DANA", app, 1, 20_000_000, quarter, day, byDANA, 0},
	{"ovo", "ovo", "OVO", payments.KindPush, 1, 99_999_999, 65 * time.Second, 0, byOVO, 0},
	{"credit_card", "credit_card", "Credit or debit card", payments.KindCard, 10_000, 999_999_999, 10 * time.Minute, 0, byCard, 0},
	{"cstore/indomaret", "indomaret", "Indomaret", counter, 10_000, 5_000_000, day, 180 * day, byHand, noKey},
	{"cstore/alfamart", "alfamart", "Alfamart", counter, 1, 5_000_000, day, 180 * day, byHand, 0},
	{"akulaku", "akulaku", "Akulaku", redirect, 5_000, 0, 2 * time.Hour, 2 * time.Hour, byWallet, 0},
	{"kredivo", "kredivo", "Kredivo", redirect, 1, 0, day, day, byWallet, 0},
	{"bca_klikpay", "bca_klikpay", "BCA KlikPay", redirect, 1, 0, 2 * time.Hour, 2 * time.Hour, byHand, 0},
	{"bca_klikbca", "bca_klikbca", "KlikBCA", redirect, 1, 0, 2 * time.Hour, 2 * time.Hour, byHand, noKey},
	{"cimb_clicks", "cimb_clicks", "OCTO Clicks", redirect, 1, 0, 2 * time.Hour, 2 * time.Hour, byHand, noKey},
	{"danamon_online", "danamon_online", "Danamon Online Banking", redirect, 1, 0, 2 * time.Hour, 2 * time.Hour, byHand, 0},
	{"bri_epay", "bri_epay", "BRImo", redirect, 1, 0, 2 * time.Hour, 2 * time.Hour, byHand, 0},
	{"uob_ezpay", "uob_ezpay", "UOB EZ Pay", app, 1, 0, 14 * time.Minute, 14 * time.Minute, byHand, 0},
	{"mandiri_clickpay", "mandiri_clickpay", "Mandiri Clickpay", payments.KindCard, 1, 0, 2 * time.Hour, 0, payments.Capabilities{}, 0},
}

// channelBy finds a channel by either of its names.
func channelBy(method payments.Method) (channel, bool) {
	i := slices.IndexFunc(channels, func(c channel) bool { return c.method == method || c.snap == string(method) })
	if i < 0 {
		return channel{}, false
	}
	return channels[i], true
}

// at reports whether one of the products has the channel. Snap has them all.
func (c channel) at(p product) bool { return p&snapPages != 0 || c.trait&snapOnly == 0 }

func (c channel) info() payments.MethodInfo {
	m := payments.MethodInfo{
		Method: c.method, Name: c.name, Kind: c.kind, Min: payments.IDR(c.min),
		ExpirySeconds: int(c.life / time.Second), Can: c.can,
	}
	if c.snap != string(c.method) {
		m.Aliases = []payments.Method{payments.Method(c.snap)}
	}
	if c.max > 0 {
		m.Max = payments.IDR(c.max)
	}
	return m
}

// Methods lists the ways to pay of the gateway's products, within Midtrans's
// own limits. The merchant's account may have fewer ways and other limits.
func (g *Gateway) Methods() []payments.MethodInfo {
	var list []payments.MethodInfo
	for _, c := range channels {
		if c.at(g.products) {
			list = append(list, c.info())
		}
	}
	return list
}

// NeedsMethod reports whether there is no page of Midtrans's on which the payer
// chooses: the Core API charges by a method.
func (g *Gateway) NeedsMethod() bool { return g.products&snapPages == 0 }

// Capabilities is what can be done with payments by a method: nothing, if it
// is not known.
func (g *Gateway) Capabilities(method payments.Method) payments.Capabilities {
	c, _ := channelBy(method)
	return c.can
}

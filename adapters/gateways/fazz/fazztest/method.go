package fazztest

import "slices"

// The values of paymentMethodType.
const (
	typeVA     = "virtual_bank_account"
	typeRetail = "retail_outlet"
	typeQRIS   = "qris"
	typeWallet = "e-wallet" // with a hyphen, unlike the others
)

// channel is one way to pay: a type, and within it a bank, a chain of shops or
// a wallet.
type channel struct {
	method string // paymentMethodType
	name   string // as the options name it; QRIS has none
	label  string // for people
	// least and most are the limits of an amount. Those of virtual accounts
	// are a reseller's; wallets' are those of a verified payer.
	least, most int64
	// prefix begins the bank's virtual account numbers. That of BNI is from a
	// sample, the others are ours.
	prefix string
}

var channels = []channel{
	{method: typeVA, name: "BCA", label: "BCA virtual account", least: 10_000, most: 100_000_000, prefix: "3901"},
	{method: typeVA, name: "BRI", label: "BRI virtual account", least: 10_000, most: 100_000_000, prefix: "1281"},
	{method: typeVA, name: "BNI", label: "BNI virtual account", least: 10_000, most: 100_000_000, prefix: "8848"},
	{method: typeVA, name: "MANDIRI", label: "Mandiri virtual account", least: 10_000, most: 100_000_000, prefix: "8960"},
	{method: typeVA, name: "SAHABAT_SAMPOERNA", label: "Bank Sahabat Sampoerna virtual account", least: 10_000, most: 100_000_000, prefix: "9190"},
	{method: typeRetail, name: "ALFAMART", label: "Alfamart", least: 15_000, most: 2_500_000},
	{method: typeRetail, name: "INDOMARET", label: "Indomaret", least: 10_000, most: 5_000_000},
	{method: typeQRIS, label: "QRIS", least: 1_500, most: 5_000_000},
	{method: typeWallet, name: "SHOPEEPAY", label: "ShopeePay", least: 1, most: 10_000_000},
	{method: typeWallet, name: "OVO", label: "OVO", least: 1, most: 10_000_000},
}

// staticBanks have virtual accounts of an open amount only: a payment cannot
// ask for one.
var staticBanks = []string{"CIMB_NIAGA", "DANAMON", "PERMATA", "HANA"}

// channelOf is the channel of a type and a name, or nil.
func channelOf(method, name string) *channel {
	i := slices.IndexFunc(channels, func(c channel) bool { return c.method == method && c.name == name })
	if i < 0 {
		return nil
	}
	return &channels[i]
}

// names lists the channels of a type.
func names(method string) []string {
	var all []string
	for _, c := range channels {
		if c.method == method {
			all = append(all, c.name)
		}
	}
	return all
}

// fee is what a payment costs the merchant. Only that of retail outlets was
// ever published; contracts differ.
func (c *channel) fee(amount int64) int64 {
	switch c.method {
	case typeQRIS:
		return amount * 7 / 1000
	case typeWallet:
		return amount * 15 / 1000
	}
	return 4400
}

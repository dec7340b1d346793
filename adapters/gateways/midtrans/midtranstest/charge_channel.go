package midtranstest

import (
	"fmt"
	"strings"
	"time"
)

// charging is what the Core API adds to a channel.
type charging struct {
	message     string // of a charge that worked
	least, most int64  // amount in rupiah; most 0: no limit
	// longest is the longest custom_expiry; 0: it is not heeded. shortest is
	// the shortest; 0: 20 s.
	longest, shortest time.Duration
	// noKey: the Idempotency-Key is ignored.
	noKey bool
	// redirect is the path under /v2 that the payer is sent to, maybe "".
	redirect string
	// needs are the blocks that Midtrans insists on.
	needs []string
}

const (
	groupLater = "Pay later"
	groupBank  = "Internet banking"
	halfYear   = 180 * day
)

const madeVA = "Success, Bank Transfer transaction is created"

// charges is by the channel's name. Messages and limits are those of the
// documentation, as far as it has them.
var charges = map[string]charging{
	"credit_card":      {message: "Success, Credit Card transaction is successful", least: 10_000, most: 999_999_999, redirect: "3ds"},
	"gopay":            {message: "GoPay transaction is created", least: 1, most: 20_000_000, longest: 7 * day},
	"shopeepay":        {message: "ShopeePay transaction is created", least: 1, most: 20_000_000, longest: 5 * day},
	"dana":             {message: "DANA transaction is created", least: 1, most: 20_000_000, longest: day, shortest: 15 * time.Minute},
	"ovo":              {message: "Ovo transaction is created", least: 1, most: 99_999_999},
	"other_qris":       {message: "QRIS transaction is created", least: 1, most: 10_000_000, longest: 7 * day},
	"bca_va":           {message: madeVA, least: 10_000, most: 20_000_000_000, longest: halfYear},
	"bni_va":           {message: madeVA, least: 1, longest: halfYear},
	"bri_va":           {message: madeVA, least: 1, most: 20_000_000_000, longest: halfYear},
	"cimb_va":          {message: madeVA, least: 1, most: 250_000_000, longest: halfYear},
	"permata_va":       {message: "Success, PERMATA VA transaction is successful", least: 1, most: 9_999_999_999, longest: halfYear, noKey: true},
	"echannel":         {message: "OK, Mandiri Bill transaction is successful", least: 1, most: 50_000_000_000, longest: halfYear, needs: []string{"echannel"}},
	"indomaret":        {message: "Success, cstore transaction is successful", least: 10_000, most: 5_000_000, longest: halfYear, noKey: true},
	"alfamart":         {message: "Success, cstore transaction is successful", least: 1, most: 5_000_000, longest: halfYear},
	"akulaku":          {message: "Success, Akulaku transaction is created", least: 5_000, longest: 2 * time.Hour, redirect: "akulaku", needs: []string{"item_details", "customer_details"}},
	"kredivo":          {message: "Kredivo transaction is created", least: 1, longest: day, redirect: "oms", needs: []string{"item_details", "customer_details"}},
	"bca_klikpay":      {message: "OK, BCA KlikPay transaction is successful", least: 1, longest: 2 * time.Hour, redirect: "klikpay", needs: []string{"bca_klikpay"}},
	"bca_klikbca":      {message: "Success, KlikBCA transaction is successful", least: 1, longest: 2 * time.Hour, noKey: true, redirect: "klikbca", needs: []string{"bca_klikbca"}},
	"cimb_clicks":      {message: "Success, CIMB Clicks transaction is successful", least: 1, longest: 2 * time.Hour, noKey: true, redirect: "cimb-clicks", needs: []string{"cimb_clicks"}},
	"danamon_online":   {message: "Success, Danamon Online transaction is successful", least: 1, longest: 2 * time.Hour, redirect: "danamon"},
	"bri_epay":         {message: "Success, BRI E-Pay transaction is successful", least: 1, longest: 2 * time.Hour, redirect: "bri"},
	"uob_ezpay":        {message: "UOB EZ Pay transaction is created", least: 1, longest: 14 * time.Minute},
	"mandiri_clickpay": {message: "Success, Mandiri Clickpay transaction is successful", least: 1, needs: []string{"mandiri_clickpay"}},
}

// chargedOnly are channels whose way through the page is not simulated: they
// are on it only if enabled_payments names them.
var chargedOnly = []*channel{
	{name: "dana", mark: "DANA", paymentType: "dana", label: "DANA", group: groupWallet, life: 15 * time.Minute, refunds: true, byID: true, noExpire: true},
	{name: "ovo", mark: "OVO", paymentType: "ovo", label: "OVO", group: groupWallet, life: 65 * time.Second, refunds: true, whole: true},
	{name: "akulaku", mark: "AKU", paymentType: "akulaku", label: "Akulaku", group: groupLater, life: 2 * time.Hour, refunds: true},
	{name: "kredivo", mark: "KRE", paymentType: "kredivo", label: "Kredivo", group: groupLater, life: day, refunds: true},
	directDebit("bca_klikpay", "BCA KlikPay", false, false),
	directDebit("bca_klikbca", "KlikBCA", true, true),
	directDebit("cimb_clicks", "CIMB Clicks", true, false),
	directDebit("danamon_online", "Danamon Online", false, false),
	directDebit("bri_epay", "BRI e-Pay", false, false),
	directDebit("mandiri_clickpay", "Mandiri Clickpay", false, false),
	{name: "uob_ezpay", mark: "UOB", paymentType: "uob_ezpay", label: "UOB EZ Pay", group: groupBank, life: 14 * time.Minute},
}

// directDebit is a channel of the older kind. early: its approval code is
// known before it is paid.
func directDebit(name, label string, noFraud, early bool) *channel {
	c := &channel{name: name, mark: "BANK", paymentType: name, label: label, group: groupBank, life: 2 * time.Hour, noFraud: noFraud}
	approve := func(seed string) map[string]any { return map[string]any{"approval_code": seed} }
	if early {
		c.issue = func(n int64) map[string]any { return approve(fmt.Sprintf("tp%010d", n)) }
	} else {
		c.paid = func(t *Transaction) map[string]any { return approve("AP" + strings.ToUpper(t.ID[:8])) }
	}
	return c
}

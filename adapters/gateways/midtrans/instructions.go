package midtrans

import (
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// instructionsOf reads how to pay from the answer to a charge, or from a
// look-up, which leaves out addresses. nil if nothing is to be paid.
func instructionsOf(fields object, o payments.Observation) *payments.Instructions {
	if !slices.ContainsFunc(o.Facts, func(f payments.Fact) bool { return f.Kind == payments.FactPending }) {
		return nil
	}
	c, known := channelBy(o.Method)
	if !known {
		c.kind = redirect
	}
	gross, err := fields.money("gross_amount", payments.Rupiah)
	if err != nil {
		gross = o.Amount
	}
	i := &payments.Instructions{
		Kind: c.kind, Method: o.Method, Amount: gross, ExpiresAt: o.ExpiresAt,
		RedirectURL: fields.text("redirect_url"), QR: fields.text("qr_string"), Phone: fields.text("payer_phone_number"),
	}
	_, detail, _ := strings.Cut(string(o.Method), "/")
	switch c.kind {
	case account:
		i.Bank, i.VANumber = detail, accountNumber(fields)
	case payments.KindBill:
		i.Bank, i.BillerCode, i.BillKey = "mandiri", fields.text("biller_code"), fields.text("bill_key")
	case counter:
		i.Store, i.Code = detail, fields.text("payment_code")
	}
	for action := range fields.objects("actions") {
		switch action.text("name") {
		case "generate-qr-code":
			i.QRImageURL = action.text("url")
		case "deeplink-redirect", "mobile-deeplink-redirect", "verification-link-app":
			i.Deeplink = action.text("url")
		case "web-deeplink-redirect", "verification-link-url":
			i.RedirectURL = action.text("url")
		}
	}
	return i
}

// accountNumber is the virtual account's: Permata has a field of its own.
func accountNumber(fields object) string {
	if number := fields.text("permata_va_number"); number != "" {
		return number
	}
	for va := range fields.objects("va_numbers") {
		if number := va.text("va_number"); number != "" {
			return number
		}
	}
	return ""
}

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
	gross, err := fields.Money("gross_amount", payments.Rupiah)
	if err != nil {
		gross = o.Amount
	}
	i := &payments.Instructions{
		Kind: c.kind, Method: o.Method, Amount: gross, ExpiresAt: o.ExpiresAt,
		RedirectURL: fields.Text("redirect_url"), QR: fields.Text("qr_string"), Phone: fields.Text("payer_phone_number"),
	}
	_, detail, _ := strings.Cut(string(o.Method), "/")
	switch c.kind {
	case account:
		i.Bank, i.VANumber = detail, accountNumber(fields)
	case payments.KindBill:
		i.Bank, i.BillerCode, i.BillKey = "mandiri", fields.Text("biller_code"), fields.Text("bill_key")
	case counter:
		i.Store, i.Code = detail, fields.Text("payment_code")
	}
	for action := range fields.Objects("actions") {
		switch action.Text("name") {
		case "generate-qr-code":
			i.QRImageURL = action.Text("url")
		case "deeplink-redirect", "mobile-deeplink-redirect", "verification-link-app":
			i.Deeplink = action.Text("url")
		case "web-deeplink-redirect", "verification-link-url":
			i.RedirectURL = action.Text("url")
		}
	}
	return i
}

// accountNumber is the virtual account's: Permata has a field of its own.
func accountNumber(fields object) string {
	if number := fields.Text("permata_va_number"); number != "" {
		return number
	}
	for va := range fields.Objects("va_numbers") {
		if number := va.Text("va_number"); number != "" {
			return number
		}
	}
	return ""
}

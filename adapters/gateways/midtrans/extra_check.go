package midtrans

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lunaspay/lunas/payments"
)

// checker collects fields that cannot be accepted. Lengths are in characters.
type checker struct{ fields []payments.FieldError }

func (c *checker) add(field, format string, args ...any) {
	c.fields = append(c.fields, payments.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) most(field, value string, n int) { c.between(field, value, 0, n) }

func (c *checker) between(field, value string, least, most int) {
	switch n := utf8.RuneCountInString(value); {
	case n < least:
		c.add(field, "is required")
	case n > most:
		c.add(field, "must have at most %d characters", most)
	}
}

// digits checks a number in text; empty is fine.
func (c *checker) digits(field, value string, least, most int) {
	if value == "" {
		return
	}
	if !isDigits(value) || len(value) < least || len(value) > most {
		c.add(field, "must have %d to %d digits", least, most)
	}
}

func (c *checker) span(field, unit string, duration int) {
	switch strings.TrimSuffix(unit, "s") {
	case "minute", "hour", "day":
	default:
		c.add(field+".unit", "must be minute, hour or day")
	}
	if duration < 1 {
		c.add(field+".duration", "must be at least 1")
	}
}

// err is an *payments.InvalidError, or nil.
func (c *checker) err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return &payments.InvalidError{Fields: c.fields}
}

func isOneOf(s string, allowed ...string) bool { return slices.Contains(allowed, s) }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// check reports what breaks a rule that Midtrans states.
func (x *SnapExtra) check(c *checker) {
	if x.CustomerDetails != nil {
		x.CustomerDetails.check(c)
	}
	if x.CreditCard != nil {
		x.CreditCard.check(c)
	}
	if x.BCAVA != nil {
		x.BCAVA.check(c)
	}
	if x.PermataVA != nil {
		c.digits("extra.permata_va.va_number", x.PermataVA.VANumber, 10, 10)
	}
	for _, va := range []struct {
		name    string
		account *VirtualAccount
		most    int
	}{
		{"bni_va", x.BNIVA, 8}, {"bri_va", x.BRIVA, 13}, {"cimb_va", x.CIMBVA, 16},
		{"danamon_va", x.DanamonVA, 12}, {"bsi_va", x.BSIVA, 12}, {"seabank_va", x.SeaBankVA, 19},
	} {
		if va.account != nil {
			c.digits("extra."+va.name+".va_number", va.account.VANumber, 1, va.most)
		}
	}
	if s := x.CStore; s != nil {
		c.most("extra.cstore.alfamart_free_text_1", s.AlfamartFreeText1, 40)
		c.most("extra.cstore.alfamart_free_text_2", s.AlfamartFreeText2, 40)
		c.most("extra.cstore.alfamart_free_text_3", s.AlfamartFreeText3, 40)
	}
	if x.Callbacks != nil {
		c.most("extra.callbacks.finish", x.Callbacks.Finish, 255)
		c.most("extra.callbacks.error", x.Callbacks.Error, 255)
	}
	if x.Expiry != nil {
		c.span("extra.expiry", x.Expiry.Unit, x.Expiry.Duration)
		if start := x.Expiry.StartTime; start != "" && parseTime(start).IsZero() {
			c.add("extra.expiry.start_time", "must look like %q", startTimeLayout)
		}
	}
	if x.PageExpiry != nil {
		c.span("extra.page_expiry", x.PageExpiry.Unit, x.PageExpiry.Duration)
	}
	checkFields(c, x.CustomField1, x.CustomField2, x.CustomField3, x.Metadata)
}

func (d *CustomerDetails) check(c *checker) {
	const at = "extra.customer_details."
	c.most(at+"first_name", d.FirstName, 255)
	c.most(at+"last_name", d.LastName, 255)
	c.most(at+"email", d.Email, 255)
	c.most(at+"phone", d.Phone, 255)
	for _, address := range []struct {
		name  string
		given *Address
	}{{"billing_address.", d.BillingAddress}, {"shipping_address.", d.ShippingAddress}} {
		if a := address.given; a != nil {
			at := at + address.name
			c.most(at+"first_name", a.FirstName, 255)
			c.most(at+"last_name", a.LastName, 255)
			c.most(at+"email", a.Email, 255)
			c.most(at+"phone", a.Phone, 255)
			c.most(at+"address", a.Address, 255)
			c.most(at+"city", a.City, 100)
			c.most(at+"postal_code", a.PostalCode, 10)
			c.most(at+"country_code", a.CountryCode, 10)
		}
	}
}

func (d *CreditCard) check(c *checker) {
	const at = "extra.credit_card."
	if d.Type != "" && d.Type != "authorize" && d.Type != "authorize_capture" {
		c.add(at+"type", "must be authorize or authorize_capture")
	}
	for i, bin := range d.WhitelistBINs {
		if isDigits(bin) && len(bin) > 8 {
			c.add(fmt.Sprintf("%swhitelist_bins[%d]", at, i), "must have at most 8 digits")
		}
	}
	if s := d.DynamicDescriptor; s != nil {
		c.most(at+"dynamic_descriptor.merchant_name", s.MerchantName, 25)
		c.most(at+"dynamic_descriptor.city_name", s.CityName, 13)
		c.most(at+"dynamic_descriptor.country_code", s.CountryCode, 2)
	}
}

func (d *BCAVA) check(c *checker) {
	c.digits("extra.bca_va.va_number", d.VANumber, 1, 11)
	if d.FreeText == nil {
		return
	}
	for _, part := range []struct {
		name  string
		lines []FreeTextLine
	}{{"inquiry", d.FreeText.Inquiry}, {"payment", d.FreeText.Payment}} {
		at := "extra.bca_va.free_text." + part.name
		if len(part.lines) > 10 {
			c.add(at, "must have at most 10 lines")
		}
		for i, line := range part.lines {
			c.between(fmt.Sprintf("%s[%d].en", at, i), line.EN, 1, 50)
			c.between(fmt.Sprintf("%s[%d].id", at, i), line.ID, 1, 50)
		}
	}
}

// checkFields checks what comes back in notifications as it was sent.
func checkFields(c *checker, one, two, three string, raw json.RawMessage) {
	c.most("extra.custom_field1", one, 255)
	c.most("extra.custom_field2", two, 255)
	c.most("extra.custom_field3", three, 255)
	if len(raw) > 0 && string(raw) != "null" {
		metadata, err := readObject(string(raw))
		if err != nil {
			c.add("extra.metadata", "must be a JSON object")
		}
		if metadata.get("extra_info") != "" {
			// It would be read back as Midtrans's own word on fees.
			c.add("extra.metadata.extra_info", "is reserved by Midtrans")
		}
	}
}

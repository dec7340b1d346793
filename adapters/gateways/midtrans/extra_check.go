package midtrans

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

type checker = gatewaykit.Checker

func checkSpan(c *checker, field, unit string, duration int) {
	switch strings.TrimSuffix(unit, "s") {
	case "minute", "hour", "day":
	default:
		c.Add(field+".unit", "must be minute, hour or day")
	}
	if duration < 1 {
		c.Add(field+".duration", "must be at least 1")
	}
}

func isOneOf(s string, allowed ...string) bool { return slices.Contains(allowed, s) }

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
		c.Digits("extra.permata_va.va_number", x.PermataVA.VANumber, 10, 10)
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
			c.Digits("extra."+va.name+".va_number", va.account.VANumber, 1, va.most)
		}
	}
	if s := x.CStore; s != nil {
		c.Most("extra.cstore.alfamart_free_text_1", s.AlfamartFreeText1, 40)
		c.Most("extra.cstore.alfamart_free_text_2", s.AlfamartFreeText2, 40)
		c.Most("extra.cstore.alfamart_free_text_3", s.AlfamartFreeText3, 40)
	}
	if x.Callbacks != nil {
		c.Most("extra.callbacks.finish", x.Callbacks.Finish, 255)
		c.Most("extra.callbacks.error", x.Callbacks.Error, 255)
	}
	if x.Expiry != nil {
		checkSpan(c, "extra.expiry", x.Expiry.Unit, x.Expiry.Duration)
		if start := x.Expiry.StartTime; start != "" && parseTime(start).IsZero() {
			c.Add("extra.expiry.start_time", "must look like %q", startTimeLayout)
		}
	}
	if x.PageExpiry != nil {
		checkSpan(c, "extra.page_expiry", x.PageExpiry.Unit, x.PageExpiry.Duration)
	}
	checkFields(c, x.CustomField1, x.CustomField2, x.CustomField3, x.Metadata)
}

func (d *CustomerDetails) check(c *checker) {
	const at = "extra.customer_details."
	c.Most(at+"first_name", d.FirstName, 255)
	c.Most(at+"last_name", d.LastName, 255)
	c.Most(at+"email", d.Email, 255)
	c.Most(at+"phone", d.Phone, 255)
	for _, address := range []struct {
		name  string
		given *Address
	}{{"billing_address.", d.BillingAddress}, {"shipping_address.", d.ShippingAddress}} {
		if a := address.given; a != nil {
			at := at + address.name
			c.Most(at+"first_name", a.FirstName, 255)
			c.Most(at+"last_name", a.LastName, 255)
			c.Most(at+"email", a.Email, 255)
			c.Most(at+"phone", a.Phone, 255)
			c.Most(at+"address", a.Address, 255)
			c.Most(at+"city", a.City, 100)
			c.Most(at+"postal_code", a.PostalCode, 10)
			c.Most(at+"country_code", a.CountryCode, 10)
		}
	}
}

func (d *CreditCard) check(c *checker) {
	const at = "extra.credit_card."
	if d.Type != "" && d.Type != "authorize" && d.Type != "authorize_capture" {
		c.Add(at+"type", "must be authorize or authorize_capture")
	}
	for i, bin := range d.WhitelistBINs {
		if gatewaykit.IsDigits(bin) && len(bin) > 8 {
			c.Add(fmt.Sprintf("%swhitelist_bins[%d]", at, i), "must have at most 8 digits")
		}
	}
	if s := d.DynamicDescriptor; s != nil {
		c.Most(at+"dynamic_descriptor.merchant_name", s.MerchantName, 25)
		c.Most(at+"dynamic_descriptor.city_name", s.CityName, 13)
		c.Most(at+"dynamic_descriptor.country_code", s.CountryCode, 2)
	}
}

func (d *BCAVA) check(c *checker) {
	c.Digits("extra.bca_va.va_number", d.VANumber, 1, 11)
	if d.FreeText == nil {
		return
	}
	for _, part := range []struct {
		name  string
		lines []FreeTextLine
	}{{"inquiry", d.FreeText.Inquiry}, {"payment", d.FreeText.Payment}} {
		at := "extra.bca_va.free_text." + part.name
		if len(part.lines) > 10 {
			c.Add(at, "must have at most 10 lines")
		}
		for i, line := range part.lines {
			c.Between(fmt.Sprintf("%s[%d].en", at, i), line.EN, 1, 50)
			c.Between(fmt.Sprintf("%s[%d].id", at, i), line.ID, 1, 50)
		}
	}
}

// checkFields checks what comes back in notifications as it was sent.
func checkFields(c *checker, one, two, three string, raw json.RawMessage) {
	c.Most("extra.custom_field1", one, 255)
	c.Most("extra.custom_field2", two, 255)
	c.Most("extra.custom_field3", three, 255)
	if len(raw) > 0 && string(raw) != "null" {
		metadata, err := gatewaykit.ReadObject(string(raw))
		if err != nil {
			c.Add("extra.metadata", "must be a JSON object")
		}
		if metadata.Get("extra_info") != "" {
			// It would be read back as Midtrans's own word on fees.
			c.Add("extra.metadata.extra_info", "is reserved by Midtrans")
		}
	}
}

package midtrans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// SnapExtra is what Snap takes beyond the order: pass it as the extra options
// of a checkout. Names in JSON are Midtrans's. All of it is optional; what is
// unset is derived from the order where it can be. Unknown names are refused.
//
// Lengths that Midtrans states are checked before the call, as are sums;
// whether a bank or channel exists is left to Midtrans.
type SnapExtra struct {
	// ItemDetails replaces the lines made of the order. Prices times
	// quantities must add up to the order's amount.
	ItemDetails []ItemDetail `json:"item_details,omitempty"`
	// CustomerDetails wins over the order's user, field by field.
	CustomerDetails *CustomerDetails `json:"customer_details,omitempty"`
	// EnabledPayments limits the ways to pay, e.g. "credit_card", "gopay",
	// "bca_va", "bank_transfer" (all of its kind). Not beside a method.
	EnabledPayments []string    `json:"enabled_payments,omitempty"`
	CreditCard      *CreditCard `json:"credit_card,omitempty"`
	// Virtual accounts. The number asked for is a wish: the one given stands
	// in the notification.
	BCAVA     *BCAVA          `json:"bca_va,omitempty"`
	PermataVA *PermataVA      `json:"permata_va,omitempty"`
	BNIVA     *VirtualAccount `json:"bni_va,omitempty"`
	BRIVA     *VirtualAccount `json:"bri_va,omitempty"`
	CIMBVA    *VirtualAccount `json:"cimb_va,omitempty"`
	DanamonVA *VirtualAccount `json:"danamon_va,omitempty"`
	BSIVA     *VirtualAccount `json:"bsi_va,omitempty"`
	SeaBankVA *VirtualAccount `json:"seabank_va,omitempty"`
	EChannel  *EChannel       `json:"echannel,omitempty"`
	GoPay     *GoPay          `json:"gopay,omitempty"`
	ShopeePay *Wallet         `json:"shopeepay,omitempty"`
	DANA      *Wallet         `json:"dana,omitempty"`
	UOBEzpay  *Wallet         `json:"uob_ezpay,omitempty"`
	CStore    *CStore         `json:"cstore,omitempty"`
	// Callbacks wins over the checkout's return URL.
	Callbacks *Callbacks `json:"callbacks,omitempty"`
	// Expiry replaces the one made of the payment's own expiry, at which the
	// payment lapses all the same.
	Expiry *Expiry `json:"expiry,omitempty"`
	// PageExpiry is how long the page may be opened: 24 hours if unset.
	PageExpiry *PageExpiry `json:"page_expiry,omitempty"`
	// Recurring only changes what the page shows.
	Recurring *Recurring `json:"recurring,omitempty"`
	// UserID is under whom Midtrans keeps saved cards.
	UserID       string `json:"user_id,omitempty"`
	CustomField1 string `json:"custom_field1,omitempty"`
	CustomField2 string `json:"custom_field2,omitempty"`
	CustomField3 string `json:"custom_field3,omitempty"`
	// Metadata is a JSON object that comes back in notifications. The name
	// "extra_info" in it is Midtrans's own.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// ItemDetail is one line of the bill. A discount has a negative Price.
type ItemDetail struct {
	ID           string `json:"id,omitempty"`
	Name         string `json:"name"`
	Price        int64  `json:"price"` // whole rupiah, each
	Quantity     int    `json:"quantity"`
	Brand        string `json:"brand,omitempty"`
	Category     string `json:"category,omitempty"`
	MerchantName string `json:"merchant_name,omitempty"`
	URL          string `json:"url,omitempty"`
}

// CustomerDetails is who pays.
type CustomerDetails struct {
	FirstName       string   `json:"first_name,omitempty"`
	LastName        string   `json:"last_name,omitempty"`
	Email           string   `json:"email,omitempty"`
	Phone           string   `json:"phone,omitempty"`
	BillingAddress  *Address `json:"billing_address,omitempty"`
	ShippingAddress *Address `json:"shipping_address,omitempty"`
	// RequiredFields the page insists on: email, first_name, phone.
	RequiredFields []string `json:"customer_details_required_fields,omitempty"`
}

// Address is a postal address. CountryCode has three letters, e.g. IDN.
type Address struct {
	FirstName   string `json:"first_name,omitempty"`
	LastName    string `json:"last_name,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
	Address     string `json:"address,omitempty"`
	City        string `json:"city,omitempty"`
	PostalCode  string `json:"postal_code,omitempty"`
	CountryCode string `json:"country_code,omitempty"`
}

// CreditCard rules payment by card. Card numbers never pass through here.
type CreditCard struct {
	// Secure asks for 3-D Secure. nil means true, unlike at Midtrans.
	Secure  *bool  `json:"secure,omitempty"`
	Channel string `json:"channel,omitempty"` // acquiring channel, e.g. "migs"
	Bank    string `json:"bank,omitempty"`    // acquiring bank, e.g. "bca"
	// Type is "authorize_capture" (the default) or "authorize".
	Type        string       `json:"type,omitempty"`
	Installment *Installment `json:"installment,omitempty"`
	// WhitelistBINs are card number prefixes of up to 8 digits, or banks.
	WhitelistBINs []string `json:"whitelist_bins,omitempty"`
	SaveCard      bool     `json:"save_card,omitempty"`
	// CardToken is a saved token of the two-click feature.
	CardToken         string             `json:"card_token,omitempty"`
	DynamicDescriptor *DynamicDescriptor `json:"dynamic_descriptor,omitempty"`
}

// Installment offers terms in months, by bank, e.g. {"bni": [3, 6, 12]}.
type Installment struct {
	Required bool             `json:"required,omitempty"`
	Disabled bool             `json:"disabled,omitempty"`
	Terms    map[string][]int `json:"terms,omitempty"`
}

// DynamicDescriptor is what the card statement shows (BNI only).
type DynamicDescriptor struct {
	MerchantName string `json:"merchant_name,omitempty"`
	CityName     string `json:"city_name,omitempty"`
	CountryCode  string `json:"country_code,omitempty"`
}

// VirtualAccount asks for a number.
type VirtualAccount struct {
	VANumber string `json:"va_number,omitempty"`
}

// BCAVA rules BCA virtual accounts.
type BCAVA struct {
	VANumber       string    `json:"va_number,omitempty"`
	SubCompanyCode string    `json:"sub_company_code,omitempty"`
	FreeText       *FreeText `json:"free_text,omitempty"`
}

// FreeText is shown by BCA at inquiry and payment: up to ten lines each.
type FreeText struct {
	Inquiry []FreeTextLine `json:"inquiry,omitempty"`
	Payment []FreeTextLine `json:"payment,omitempty"`
}

// FreeTextLine is a line in English and Indonesian, both required.
type FreeTextLine struct {
	EN string `json:"en"`
	ID string `json:"id"`
}

// PermataVA rules Permata virtual accounts.
type PermataVA struct {
	VANumber string `json:"va_number,omitempty"`
	// RecipientName is shown in capitals, cut to 20 characters.
	RecipientName string `json:"recipient_name,omitempty"`
}

// EChannel is shown on a Mandiri bill: 10 and 30 characters of them.
type EChannel struct {
	BillInfo1 string `json:"bill_info1,omitempty"`
	BillInfo2 string `json:"bill_info2,omitempty"`
}

// GoPay rules payment by GoPay.
type GoPay struct {
	EnableCallback      bool   `json:"enable_callback,omitempty"`
	CallbackURL         string `json:"callback_url,omitempty"`
	Tokenization        bool   `json:"tokenization,omitempty"`
	EnforceTokenization bool   `json:"enforce_tokenization,omitempty"`
	PhoneNumber         string `json:"phone_number,omitempty"`
	CountryCode         string `json:"country_code,omitempty"`
}

// Wallet is where an app sends the payer back to.
type Wallet struct {
	CallbackURL string `json:"callback_url,omitempty"`
}

// CStore is printed on Alfamart's receipt, 40 characters each.
type CStore struct {
	AlfamartFreeText1 string `json:"alfamart_free_text_1,omitempty"`
	AlfamartFreeText2 string `json:"alfamart_free_text_2,omitempty"`
	AlfamartFreeText3 string `json:"alfamart_free_text_3,omitempty"`
}

// Callbacks are where the page sends the payer.
type Callbacks struct {
	Finish string `json:"finish,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Expiry is a span from StartTime ("2006-01-02 15:04:05 +0700"), or from the
// payer's choice of a method if that is empty. Unit is minute, hour or day.
type Expiry struct {
	StartTime string `json:"start_time,omitempty"`
	Unit      string `json:"unit"`
	Duration  int    `json:"duration"`
}

// PageExpiry is a span from the page's creation: 5 minutes to 7 days.
type PageExpiry struct {
	Unit     string `json:"unit"`
	Duration int    `json:"duration"`
}

// Recurring shows the payer that the payment will repeat.
type Recurring struct {
	Required     bool   `json:"required,omitempty"`
	StartTime    string `json:"start_time,omitempty"`
	IntervalUnit string `json:"interval_unit,omitempty"`
}

// readExtra decodes strictly: a misspelt option must not be silently off.
func readExtra(raw json.RawMessage) (SnapExtra, error) {
	var extra SnapExtra
	if len(bytes.TrimSpace(raw)) == 0 {
		return extra, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&extra)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			return extra, payments.Invalid("extra", "must be one JSON object")
		}
		return extra, nil
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return extra, payments.Invalid(strings.TrimSuffix("extra."+wrong.Field, "."), "must not be a %s", wrong.Value)
	}
	// encoding/json has no type for this one.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return extra, payments.Invalid("extra."+strings.Trim(name, `"`), "is not an option of Snap")
	}
	return extra, payments.Invalid("extra", "must be one JSON object")
}

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
	c.most("extra.custom_field1", x.CustomField1, 255)
	c.most("extra.custom_field2", x.CustomField2, 255)
	c.most("extra.custom_field3", x.CustomField3, 255)
	if len(x.Metadata) > 0 && string(x.Metadata) != "null" {
		metadata, err := readObject(x.Metadata)
		if err != nil {
			c.add("extra.metadata", "must be a JSON object")
		}
		if metadata.get("extra_info") != nil {
			// It would be read back as Midtrans's own word on fees.
			c.add("extra.metadata.extra_info", "is reserved by Midtrans")
		}
	}
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

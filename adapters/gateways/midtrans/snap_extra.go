package midtrans

import (
	"encoding/json"
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

package midtrans

import "encoding/json"

// CoreExtra is what a charge of the Core API takes beyond the order: pass it
// as the extra options of a checkout with a Method. Names in JSON are
// Midtrans's. All of it is optional, but for what a channel insists on (a
// phone number for OVO, a user id for KlikBCA); what is unset is derived from
// the order where it can be. Only the options of the method's own channel are
// sent. Unknown names are refused.
type CoreExtra struct {
	// ItemDetails replaces the lines made of the order. Prices times
	// quantities must add up to the order's amount.
	ItemDetails []ItemDetail `json:"item_details,omitempty"`
	// CustomerDetails wins over the order's user, field by field.
	CustomerDetails *CustomerDetails `json:"customer_details,omitempty"`
	// CustomExpiry replaces the one made of the payment's own expiry.
	CustomExpiry *CustomExpiry `json:"custom_expiry,omitempty"`

	CreditCard      *CardCharge      `json:"credit_card,omitempty"`
	BankTransfer    *BankTransfer    `json:"bank_transfer,omitempty"`
	EChannel        *Bill            `json:"echannel,omitempty"`
	GoPay           *GoPayCharge     `json:"gopay,omitempty"`
	ShopeePay       *Wallet          `json:"shopeepay,omitempty"`
	DANA            *Wallet          `json:"dana,omitempty"`
	UOBEzpay        *Wallet          `json:"uob_ezpay,omitempty"`
	OVO             *OVO             `json:"ovo,omitempty"`
	QRIS            *QRIS            `json:"qris,omitempty"`
	CStore          *StoreTexts      `json:"cstore,omitempty"`
	BCAKlikPay      *KlikPay         `json:"bca_klikpay,omitempty"`
	BCAKlikBCA      *KlikBCA         `json:"bca_klikbca,omitempty"`
	CIMBClicks      *CIMBClicks      `json:"cimb_clicks,omitempty"`
	MandiriClickpay *MandiriClickpay `json:"mandiri_clickpay,omitempty"`

	CustomField1 string `json:"custom_field1,omitempty"`
	CustomField2 string `json:"custom_field2,omitempty"`
	CustomField3 string `json:"custom_field3,omitempty"`
	// Metadata is a JSON object that comes back in notifications. The name
	// "extra_info" in it is Midtrans's own.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// CustomExpiry is a span from OrderTime ("2006-01-02 15:04:05 +0700"). Unit is
// second, minute, hour or day.
type CustomExpiry struct {
	OrderTime string `json:"order_time,omitempty"`
	Duration  int    `json:"expiry_duration"`
	Unit      string `json:"unit"`
}

// CardCharge rules a charge of a card. The card itself comes as the checkout's
// PaymentToken: a token of Midtrans's script in the browser, or a saved one.
type CardCharge struct {
	// Authentication asks for 3-D Secure. nil means true, unlike at Midtrans.
	// A saved card that is charged without its holder has none.
	Authentication *bool  `json:"authentication,omitempty"`
	CallbackType   string `json:"callback_type,omitempty"` // of 3-D Secure: "js_event" or "form"
	Bank           string `json:"bank,omitempty"`          // acquiring bank, e.g. "bca"
	Channel        string `json:"channel,omitempty"`       // acquiring channel, e.g. "migs"
	// Type is "authorize" to set the money aside only; see
	// payments.Service.Capture. Midtrans releases it after seven days.
	Type            string   `json:"type,omitempty"`
	InstallmentTerm int      `json:"installment_term,omitempty"` // months
	BINs            []string `json:"bins,omitempty"`             // prefixes that are taken
	SaveTokenID     bool     `json:"save_token_id,omitempty"`
	// PointRedeemAmount is what is paid by the bank's points, in whole
	// rupiah; -1: all of it.
	PointRedeemAmount int64 `json:"point_redeem_amount,omitempty"`
}

// BankTransfer rules virtual accounts; the bank is the method's. The number
// asked for is a wish: the one given stands in the instructions.
type BankTransfer struct {
	VANumber string     `json:"va_number,omitempty"`
	FreeText *FreeText  `json:"free_text,omitempty"` // BCA
	BCA      *SubBCA    `json:"bca,omitempty"`
	Permata  *Recipient `json:"permata,omitempty"`
}

// SubBCA chooses one of the merchant's sub companies at BCA.
type SubBCA struct {
	SubCompanyCode string `json:"sub_company_code,omitempty"`
}

// Recipient is shown by Permata in capitals, cut to 20 characters.
type Recipient struct {
	RecipientName string `json:"recipient_name,omitempty"`
}

// Bill is shown on a Mandiri bill: of the first two, 10 and 30 characters.
type Bill struct {
	BillInfo1 string `json:"bill_info1,omitempty"`
	BillInfo2 string `json:"bill_info2,omitempty"`
	BillInfo3 string `json:"bill_info3,omitempty"`
	BillInfo4 string `json:"bill_info4,omitempty"`
	BillInfo5 string `json:"bill_info5,omitempty"`
	BillInfo6 string `json:"bill_info6,omitempty"`
	BillInfo7 string `json:"bill_info7,omitempty"`
	BillInfo8 string `json:"bill_info8,omitempty"`
	// BillKey is a wish, 6 to 12 digits.
	BillKey string `json:"bill_key,omitempty"`
}

// GoPayCharge is where GoPay's app sends the payer back to, or which linked
// account is charged (see [Gateway.LinkGoPay]): the token of its option is the
// checkout's PaymentToken.
type GoPayCharge struct {
	EnableCallback bool   `json:"enable_callback,omitempty"`
	CallbackURL    string `json:"callback_url,omitempty"`
	AccountID      string `json:"account_id,omitempty"`
	// Recurring: the payer is not there to type a PIN.
	Recurring    bool     `json:"recurring,omitempty"`
	PromotionIDs []string `json:"promotion_ids,omitempty"`
	// PreAuth sets the money aside only; it is released after 15 minutes.
	PreAuth bool `json:"pre_auth,omitempty"`
}

// OVO is whose app rings; the order's user's phone if empty.
type OVO struct {
	PayerPhoneNumber string `json:"payer_phone_number,omitempty"`
}

// QRIS chooses who acquires: "gopay", the default, or "airpay shopee".
type QRIS struct {
	Acquirer string `json:"acquirer,omitempty"`
}

// StoreTexts are printed at the counter; the free texts are Alfamart's, 40
// characters each.
type StoreTexts struct {
	Message           string `json:"message,omitempty"`
	AlfamartFreeText1 string `json:"alfamart_free_text_1,omitempty"`
	AlfamartFreeText2 string `json:"alfamart_free_text_2,omitempty"`
	AlfamartFreeText3 string `json:"alfamart_free_text_3,omitempty"`
}

// KlikPay is shown by BCA KlikPay. MiscFee is in whole rupiah.
type KlikPay struct {
	Description string `json:"description,omitempty"`
	MiscFee     int64  `json:"misc_fee,omitempty"`
}

// KlikBCA names the payer at KlikBCA. UserID is required.
type KlikBCA struct {
	Description string `json:"description,omitempty"`
	UserID      string `json:"user_id,omitempty"`
}

// CIMBClicks is shown by OCTO Clicks.
type CIMBClicks struct {
	Description string `json:"description,omitempty"`
}

// MandiriClickpay holds what the payer's token device says, beside the card's
// token, which is the checkout's PaymentToken.
type MandiriClickpay struct {
	Input1 string `json:"input1,omitempty"`
	Input2 string `json:"input2,omitempty"`
	Input3 string `json:"input3,omitempty"`
	Token  string `json:"token,omitempty"`
}

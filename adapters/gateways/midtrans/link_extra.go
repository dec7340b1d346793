package midtrans

import (
	"regexp"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// LinkExtra is what a payment link takes beyond the request: pass it as its
// extra options. Names in JSON are Midtrans's. All of it is optional, and
// unknown names are refused. There is no custom_field1: it carries the link's
// reference into notifications.
type LinkExtra struct {
	// PaymentLinkID is the last part of the link's URL: small letters, digits
	// and dashes, at most 50, and nobody else's. The reference if unset.
	PaymentLinkID string `json:"payment_link_id,omitempty"`
	// ItemDetails replaces the lines of the request. Prices times quantities
	// must add up to the amount.
	ItemDetails []ItemDetail `json:"item_details,omitempty"`
	// CustomerDetails fills in the page for a link that is meant for one
	// person. Midtrans sends the link to its e-mail address, if it has one.
	CustomerDetails *LinkCustomer `json:"customer_details,omitempty"`
	// CustomerRequired has the page ask who pays.
	CustomerRequired *bool `json:"customer_required,omitempty"`
	// EnabledPayments limits the ways to pay; see SnapExtra.
	EnabledPayments []string    `json:"enabled_payments,omitempty"`
	CreditCard      *CreditCard `json:"credit_card,omitempty"`
	// Virtual accounts. A number is of use for a single payer only.
	BCAVA     *VirtualAccount `json:"bca_va,omitempty"`
	BNIVA     *VirtualAccount `json:"bni_va,omitempty"`
	PermataVA *VirtualAccount `json:"permata_va,omitempty"`
	BRIVA     *VirtualAccount `json:"bri_va,omitempty"`
	// Callbacks wins over the request's return URL.
	Callbacks *LinkCallbacks `json:"callbacks,omitempty"`
	// Expiry replaces the one made of the request's ExpiresAt. StartTime may
	// be empty: the link's creation.
	Expiry       *Expiry `json:"expiry,omitempty"`
	CustomField2 string  `json:"custom_field2,omitempty"`
	CustomField3 string  `json:"custom_field3,omitempty"`
}

// LinkCustomer is whom the link is for.
type LinkCustomer struct {
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
	// Notes stand in the e-mail.
	Notes string `json:"notes,omitempty"`
	// RequiredFields the page insists on: email, first_name, phone.
	RequiredFields []string `json:"customer_details_required_fields,omitempty"`
}

// LinkCallbacks is where the page sends the payer.
type LinkCallbacks struct {
	Finish string `json:"finish,omitempty"`
}

// validLinkID is the form of a payment_link_id.
var validLinkID = regexp.MustCompile(`^[a-z0-9-]{1,50}$`)

// check reports what breaks a rule that Midtrans states. Custom virtual
// account numbers are shorter here than they may be on a Snap page.
func (x *LinkExtra) check(c *checker) {
	if x.PaymentLinkID != "" && !validLinkID.MatchString(x.PaymentLinkID) {
		c.Add("extra.payment_link_id", "must be 1 to 50 small letters, digits or dashes")
	}
	if d := x.CustomerDetails; d != nil {
		const at = "extra.customer_details."
		c.Most(at+"first_name", d.FirstName, 50)
		c.Most(at+"last_name", d.LastName, 50)
		c.Most(at+"email", d.Email, 50)
		c.Most(at+"phone", d.Phone, 20)
		c.Most(at+"notes", d.Notes, 255)
	}
	if x.CreditCard != nil {
		x.CreditCard.check(c)
	}
	for _, va := range []struct {
		name        string
		account     *VirtualAccount
		least, most int
	}{
		{"bca_va", x.BCAVA, 1, 11}, {"bni_va", x.BNIVA, 1, 8}, {"permata_va", x.PermataVA, 10, 10}, {"bri_va", x.BRIVA, 1, 13},
	} {
		if va.account != nil {
			c.Digits("extra."+va.name+".va_number", va.account.VANumber, va.least, va.most)
		}
	}
	if x.Callbacks != nil {
		c.Most("extra.callbacks.finish", x.Callbacks.Finish, 255)
	}
	if x.Expiry != nil {
		checkSpan(c, "extra.expiry", x.Expiry.Unit, x.Expiry.Duration)
		if start := x.Expiry.StartTime; start != "" && linkTime(start).IsZero() {
			c.Add("extra.expiry.start_time", "must look like %q", startTimeLayout)
		}
	}
	c.Most("extra.custom_field2", x.CustomField2, 255)
	c.Most("extra.custom_field3", x.CustomField3, 255)
}

// linkBody is the body of POST /v1/payment-links.
type linkBody struct {
	TransactionDetails linkDetails    `json:"transaction_details"`
	Title              string         `json:"title,omitempty"`
	Type               string         `json:"payment_link_type"`
	DynamicAmount      *dynamicAmount `json:"dynamic_amount,omitempty"`
	UsageLimit         int            `json:"usage_limit"`
	CustomField1       string         `json:"custom_field1"`
	LinkExtra                         // but for its PaymentLinkID
}

type linkDetails struct {
	transactionDetails
	PaymentLinkID string `json:"payment_link_id"`
}

type dynamicAmount struct {
	Min    int64 `json:"min_amount"`
	Max    int64 `json:"max_amount"`
	Preset int64 `json:"preset_amount,omitempty"`
}

// maxUsage is Midtrans's.
const maxUsage = 1_000_000

// maxLinkRef leaves room, in an order id of 50 characters, for the dash and
// the 13 digits that Midtrans appends for each payment.
const maxLinkRef = 36

// bodyOfLink makes the request's body. Its error is an *payments.InvalidError.
func bodyOfLink(r payments.LinkRequest) (linkBody, error) {
	extra, err := gatewaykit.ReadExtra[LinkExtra](r.Extra, "a payment link")
	if err != nil {
		return linkBody{}, err
	}
	var c checker
	extra.check(&c)
	if !validLinkID.MatchString(r.Ref) || len(r.Ref) > maxLinkRef {
		c.Add("ref", "must be 1 to %d small letters, digits or dashes", maxLinkRef)
	}
	c.Most("title", r.Title, 255)
	if r.UsageLimit < 1 || r.UsageLimit > maxUsage {
		c.Add("usage_limit", "must be 1 to %d", maxUsage)
	}
	c.Most("return_url", r.ReturnURL, 255)

	b := linkBody{Title: r.Title, UsageLimit: r.UsageLimit, CustomField1: r.Ref, Type: "FIXED_AMOUNT"}
	b.TransactionDetails = linkDetails{transactionDetails{OrderID: r.Ref, GrossAmount: r.Amount.Amount}, r.Ref}
	if extra.PaymentLinkID != "" {
		b.TransactionDetails.PaymentLinkID, extra.PaymentLinkID = extra.PaymentLinkID, ""
	}
	if r.Max == (payments.Money{}) {
		checkRupiah(&c, "amount", r.Amount)
		if r.Min != (payments.Money{}) {
			c.Add("max", "is required beside min")
		}
		if extra.ItemDetails == nil {
			extra.ItemDetails = itemsOf(payments.Order{Plan: r.Plan, Lines: r.Lines})
			checkSum(&c, "amount", extra.ItemDetails, r.Amount)
		} else {
			checkItems(&c, extra.ItemDetails)
			checkSum(&c, "extra.item_details", extra.ItemDetails, r.Amount)
		}
	} else {
		b.Type = "DYNAMIC_AMOUNT"
		b.DynamicAmount = dynamic(&c, r)
		if r.Amount.Amount == 0 { // Midtrans requires one, and says not of what
			b.TransactionDetails.GrossAmount = r.Min.Amount
		}
		if r.Plan != nil || r.Lines != nil || extra.ItemDetails != nil {
			c.Add("lines", "cannot add up to an amount that the payer chooses")
		}
	}
	extra.CreditCard = secured(extra.CreditCard)
	if r.ReturnURL != "" && (extra.Callbacks == nil || extra.Callbacks.Finish == "") {
		extra.Callbacks = &LinkCallbacks{Finish: r.ReturnURL}
	}
	if extra.Expiry == nil && !r.ExpiresAt.IsZero() {
		extra.Expiry = expiryAt(&c, r.CreatedAt, r.ExpiresAt)
	}
	b.LinkExtra = extra
	return b, c.Err()
}

// dynamic is the range of amounts.
func dynamic(c *checker, r payments.LinkRequest) *dynamicAmount {
	checkRupiah(c, "min", r.Min)
	checkRupiah(c, "max", r.Max)
	if r.Max.Amount < r.Min.Amount {
		c.Add("max", "must not be less than min")
	}
	if r.Amount != (payments.Money{}) {
		checkRupiah(c, "amount", r.Amount)
		if r.Amount.Amount < r.Min.Amount || r.Amount.Amount > r.Max.Amount {
			c.Add("amount", "must lie between min and max")
		}
	}
	return &dynamicAmount{Min: r.Min.Amount, Max: r.Max.Amount, Preset: r.Amount.Amount}
}

func checkRupiah(c *checker, field string, amount payments.Money) {
	if amount.Currency != payments.Rupiah {
		c.Add(field+".currency", "must be %s", payments.Rupiah)
	} else if amount.Amount < 1 {
		c.Add(field+".amount", "must be at least 1")
	}
}

package midtranstest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// linkRequest is what the simulator uses of POST /v1/payment-links.
type linkRequest struct {
	TransactionDetails struct {
		OrderID       string `json:"order_id"`
		GrossAmount   int64  `json:"gross_amount"`
		PaymentLinkID string `json:"payment_link_id"`
	} `json:"transaction_details"`
	Title      string `json:"title"`
	Type       string `json:"payment_link_type"`
	UsageLimit int64  `json:"usage_limit"`
	Dynamic    *struct {
		Min    int64 `json:"min_amount"`
		Max    int64 `json:"max_amount"`
		Preset int64 `json:"preset_amount"`
	} `json:"dynamic_amount"`
	Items            []map[string]any `json:"item_details"`
	Customer         map[string]any   `json:"customer_details"`
	CustomerRequired bool             `json:"customer_required"`
	CreditCard       struct {
		BINs []string `json:"whitelist_bins"`
	} `json:"credit_card"`
	Expiry expiry `json:"expiry"`

	snap snapRequest // what it shares with Snap
}

const (
	fixedAmount   = "FIXED_AMOUNT"
	dynamicAmount = "DYNAMIC_AMOUNT"
	// mostUses is Midtrans's; that one use is meant where none is stated is
	// not documented.
	mostUses, usesUnstated = 1_000_000, 1
	// longestLink is the simulator's: Midtrans states none.
	longestLink = 100 * 366 * day
	// minutesLayout is how links also write a time.
	minutesLayout = "2006-01-02 15:04 -0700"
)

var linkIDForm = regexp.MustCompile(`^[a-z0-9-]+$`)

// parseLink decodes a request that was checked.
func parseLink(raw []byte) (linkRequest, error) {
	var r linkRequest
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, err
	}
	return r, json.Unmarshal(raw, &r.snap)
}

// readLink decodes and checks a request.
func readLink(raw []byte) (linkRequest, []string) {
	const malformed = "Invalid JSON data provided."
	var generic map[string]any
	if decodeNumbers(raw, &generic) != nil || generic == nil {
		return linkRequest{}, []string{malformed}
	}
	if problems := checkLink(generic); len(problems) > 0 {
		return linkRequest{}, problems
	}
	r, err := parseLink(raw)
	if err != nil { // some field of a wrong type
		return r, []string{malformed}
	}
	var c checker
	r.check(&c)
	return r, c.problems
}

// checkLink is the validation of the request's fields, in Snap's words as far
// as Midtrans does not publish those of links.
func checkLink(request map[string]any) []string {
	var c checker
	details, _ := request["transaction_details"].(map[string]any)
	const at = "transaction_details."
	c.text(details, at, "order_id", 50, true)
	if id, ok := details["order_id"].(string); ok && id != "" && !orderIDForm.MatchString(id) {
		c.add("transaction_details.order_id contains characters other than letters, digits, - _ ~ .")
	}
	c.text(details, at, "payment_link_id", 50, false)
	if id, ok := details["payment_link_id"].(string); ok && id != "" && !linkIDForm.MatchString(id) {
		c.add("payment_link_id must only contain alphanumeric characters [a-z, 0-9] and hyphens [-]")
	}
	gross := c.integer(details, at, "gross_amount")
	if gross != nil && gross.Sign() <= 0 {
		c.add("transaction_details.gross_amount must be greater than or equal to 0.01")
	}
	c.items(request["item_details"], gross)
	c.linkCustomer(request["customer_details"])
	c.text(request, "", "title", 255, false)
	if request["usage_limit"] != nil {
		if n := c.integer(request, "", "usage_limit"); n != nil && (n.Sign() < 1 || n.Int64() > mostUses) {
			c.add("usage_limit must be between 1 and %d", mostUses)
		}
	}
	for i := 1; i <= 3; i++ {
		c.text(request, "", "custom_field"+strconv.Itoa(i), 255, false)
	}
	callbacks, _ := request["callbacks"].(map[string]any)
	c.text(callbacks, "callbacks.", "finish", 255, false)
	for _, a := range []struct {
		field       string
		least, most int
	}{{"bca_va", 1, 11}, {"bni_va", 1, 8}, {"permata_va", 10, 10}, {"bri_va", 1, 13}} {
		account, _ := request[a.field].(map[string]any)
		number, _ := account["va_number"].(string)
		if _, err := strconv.ParseUint(number, 10, 64); number != "" && (err != nil || len(number) < a.least || len(number) > a.most) {
			c.add("%s.va_number must be %d to %d digits", a.field, a.least, a.most)
		}
	}
	return c.problems
}

// linkCustomer checks the customer's details, which are shorter than Snap's,
// and of which three are required.
func (c *checker) linkCustomer(value any) {
	if value == nil {
		return
	}
	customer, ok := value.(map[string]any)
	if !ok {
		c.add("customer_details is not an object")
		return
	}
	const at = "customer_details."
	c.text(customer, at, "first_name", 50, true)
	c.text(customer, at, "last_name", 50, false)
	c.text(customer, at, "email", 50, true)
	c.text(customer, at, "phone", 20, true)
	c.text(customer, at, "notes", 255, false)
}

// check is the validation of what has been decoded.
func (r *linkRequest) check(c *checker) {
	switch r.Type {
	case "", fixedAmount:
		if r.Dynamic != nil {
			c.add("dynamic_amount is for a payment_link_type of %s", dynamicAmount)
		}
	case dynamicAmount:
		d := r.Dynamic
		if d == nil {
			c.add("dynamic_amount is required")
		} else if d.Min < 1 || d.Max < d.Min || d.Preset != 0 && (d.Preset < d.Min || d.Preset > d.Max) {
			c.add("dynamic_amount is out of range")
		}
		if len(r.Items) > 0 {
			c.add("item_details is not allowed for a payment_link_type of %s", dynamicAmount)
		}
	default:
		c.add("payment_link_type must be %s or %s", fixedAmount, dynamicAmount)
	}
	if r.Expiry == (expiry{}) {
		return
	}
	length := units[r.Expiry.Unit]
	if length == 0 {
		c.add("expiry.unit must be minute, hour or day")
	} else if n := r.Expiry.Duration; n < 1 || n > int64(longestLink/length) {
		c.add("expiry.duration is out of range")
	}
	if _, ok := r.starts(); r.Expiry.StartTime != "" && !ok {
		c.add("expiry.start_time format must be yyyy-MM-dd HH:mm:ss Z")
	}
}

// starts is the start that the request states, if it does.
func (r *linkRequest) starts() (time.Time, bool) {
	for _, layout := range []string{expiryLayout, minutesLayout} {
		if t, err := time.Parse(layout, r.Expiry.StartTime); err == nil {
			return t, t.Year() >= 1970 && t.Year() < 9000
		}
	}
	return time.Time{}, false
}

// span is when a link made at created is open; it never ends if ends is zero.
func (r *linkRequest) span(created time.Time) (starts, ends time.Time) {
	if r.Expiry.Duration == 0 {
		return created, time.Time{}
	}
	if at, ok := r.starts(); ok {
		created = at
	}
	return created, created.Add(r.Expiry.length())
}

func (r *linkRequest) limit() int64 {
	if r.UsageLimit == 0 {
		return usesUnstated
	}
	return r.UsageLimit
}

func (r *linkRequest) dynamic() bool { return r.Type == dynamicAmount }

// suggested is the amount that the page starts with.
func (r *linkRequest) suggested() int64 {
	switch {
	case !r.dynamic():
		return r.TransactionDetails.GrossAmount
	case r.Dynamic.Preset > 0:
		return r.Dynamic.Preset
	}
	return r.Dynamic.Min
}

// accepts reports whether a payer may choose the amount.
func (r *linkRequest) accepts(amount int64) error {
	if r.dynamic() && (amount < r.Dynamic.Min || amount > r.Dynamic.Max) {
		return fmt.Errorf("the amount must be from %s to %s", rupiah(r.Dynamic.Min), rupiah(r.Dynamic.Max))
	}
	return nil
}

// asks are the payer's details that the page insists on.
func (r *linkRequest) asks() []string {
	var asked []string
	fields, _ := r.Customer["customer_details_required_fields"].([]any)
	for _, name := range []string{"first_name", "email", "phone"} {
		if r.CustomerRequired || slices.Contains(fields, any(name)) {
			asked = append(asked, name)
		}
	}
	return asked
}

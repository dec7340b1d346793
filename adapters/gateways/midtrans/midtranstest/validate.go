package midtranstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// decodeNumbers decodes JSON with numbers as they are written.
func decodeNumbers(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// checker collects what is wrong with a request, in Snap's words as far as
// they are known.
type checker struct{ problems []string }

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

var orderIDForm = regexp.MustCompile(`^[A-Za-z0-9_~.-]+$`)

// accountDigits are the least and most digits of a virtual account number
// that the merchant may wish for.
var accountDigits = []struct {
	field       string
	least, most int
}{
	{"bca_va", 6, 11}, {"bni_va", 1, 8}, {"bri_va", 1, 13}, {"cimb_va", 1, 12}, {"permata_va", 10, 10},
}

// check is Snap's validation.
func check(request map[string]any) []string {
	var c checker
	details, _ := request["transaction_details"].(map[string]any)
	c.text(details, "transaction_details.", "order_id", 50, true)
	if id, ok := details["order_id"].(string); ok && id != "" && !orderIDForm.MatchString(id) {
		c.add("transaction_details.order_id contains characters other than letters, digits, - _ ~ .")
	}
	gross := c.integer(details, "transaction_details.", "gross_amount")
	if gross != nil && gross.Sign() <= 0 {
		c.add("transaction_details.gross_amount must be greater than or equal to 0.01")
	}
	c.items(request["item_details"], gross)
	c.customer(request["customer_details"])
	for i := 1; i <= 3; i++ {
		c.text(request, "", "custom_field"+strconv.Itoa(i), 255, false)
	}
	callbacks, _ := request["callbacks"].(map[string]any)
	c.text(callbacks, "callbacks.", "finish", 255, false)
	c.text(callbacks, "callbacks.", "error", 255, false)
	c.expiry(request["expiry"], "expiry.", 0, 0)
	c.expiry(request["page_expiry"], "page_expiry.", 5*time.Minute, 7*day)
	for _, a := range accountDigits {
		account, _ := request[a.field].(map[string]any)
		number, ok := account["va_number"].(string)
		if !ok || number == "" {
			continue
		}
		if _, err := strconv.ParseUint(number, 10, 64); err != nil || len(number) < a.least || len(number) > a.most {
			c.add("%s.va_number must be %d to %d digits", a.field, a.least, a.most)
		}
	}
	return c.problems
}

// text checks a field that holds text of at most max characters.
func (c *checker) text(in map[string]any, path, key string, most int, required bool) {
	switch value := in[key].(type) {
	case nil:
		if required {
			c.add("%s%s is required", path, key)
		}
	case string:
		if required && value == "" {
			c.add("%s%s is required", path, key)
		}
		if utf8.RuneCountInString(value) > most {
			c.add("%s%s too long", path, key)
		}
	default:
		c.add("%s%s is not a text", path, key)
	}
}

// integer checks a required field that holds a whole number, and returns it.
func (c *checker) integer(in map[string]any, path, key string) *big.Int {
	switch value := in[key].(type) {
	case nil:
		c.add("%s%s is required", path, key)
	case json.Number:
		if n, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return big.NewInt(n)
		}
		c.add("%s%s must be an integer", path, key)
	default:
		c.add("%s%s is not a number", path, key)
	}
	return nil
}

// items checks that the items are whole and add up to gross.
func (c *checker) items(value any, gross *big.Int) {
	if value == nil {
		return
	}
	list, ok := value.([]any)
	if !ok {
		c.add("item_details is not an array")
		return
	}
	sum := new(big.Int)
	for i, entry := range list {
		path := fmt.Sprintf("item_details[%d].", i)
		fields, _ := entry.(map[string]any)
		c.text(fields, path, "name", 50, true)
		price, quantity := c.integer(fields, path, "price"), c.integer(fields, path, "quantity")
		if quantity != nil && quantity.Sign() <= 0 {
			c.add("%squantity must be greater than or equal to 1", path)
		}
		if price == nil || quantity == nil {
			return
		}
		sum.Add(sum, price.Mul(price, quantity))
	}
	if gross != nil && len(list) > 0 && sum.Cmp(gross) != 0 {
		c.add("transaction_details.gross_amount is not equal to the sum of item_details")
	}
}

func (c *checker) customer(value any) {
	customer, ok := value.(map[string]any)
	if !ok {
		if value != nil {
			c.add("customer_details is not an object")
		}
		return
	}
	for _, key := range []string{"first_name", "last_name", "email", "phone"} {
		c.text(customer, "customer_details.", key, 255, false)
	}
	for _, key := range []string{"billing_address", "shipping_address"} {
		address, _ := customer[key].(map[string]any)
		path := "customer_details." + key + "."
		for _, field := range []string{"first_name", "last_name", "email", "phone", "address"} {
			c.text(address, path, field, 255, false)
		}
		c.text(address, path, "city", 100, false)
		c.text(address, path, "postal_code", 10, false)
		c.text(address, path, "country_code", 10, false)
	}
}

// A century is as long as anything may last, and nothing may begin so late that
// its end could not be written down: years have four digits.
const (
	maxSpan  = 100 * 366 * day
	lastYear = 9000
)

// expiry checks a duration; least and most are zero if there is no bound.
func (c *checker) expiry(value any, path string, least, most time.Duration) {
	if value == nil {
		return
	}
	fields, _ := value.(map[string]any)
	unit, _ := fields["unit"].(string)
	length, known := units[unit]
	if !known {
		c.add("%sunit must be minute, hour or day", path)
	}
	if n := c.integer(fields, path, "duration"); n != nil && known {
		count := n.Int64()
		longest := int64(maxSpan / length)
		span := length * time.Duration(min(max(count, 0), longest))
		if count < 1 || count > longest || span < least || most > 0 && span > most {
			c.add("%sduration is out of range", path)
		}
	}
	if start, ok := fields["start_time"].(string); ok {
		if at, err := time.Parse(expiryLayout, start); err != nil || at.Year() > lastYear {
			c.add("%sstart_time format must be yyyy-MM-dd hh:mm:ss Z", path)
		}
	}
}

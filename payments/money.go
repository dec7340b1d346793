package payments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code in capitals, such as "IDR".
type Currency string

// Rupiah is the currency that the gateways of this module settle in.
const Rupiah Currency = "IDR"

// minorDigits are the decimals that a currency's amounts are counted in.
// Gateways take and settle whole rupiah, so IDR has none here although
// ISO 4217 gives it two. A currency that is not listed is refused by
// [ParseMoney]: an amount in unknown units must never be guessed.
var minorDigits = map[Currency]int{
	Rupiah: 0, "USD": 2, "SGD": 2, "MYR": 2, "AUD": 2, "EUR": 2, "GBP": 2,
	"CNY": 2, "HKD": 2, "THB": 2, "PHP": 2, "JPY": 0, "KRW": 0, "VND": 0,
}

// Money is an amount in the smallest unit of its currency that gateways
// accept: whole rupiah for IDR. The zero value is no money in no currency.
type Money struct {
	Amount   int64    `json:"amount"`
	Currency Currency `json:"currency"`
}

// ErrMoney is wrapped by every error about an amount that cannot be read or
// computed exactly.
var ErrMoney = errors.New("payments: invalid amount")

// IDR returns n whole rupiah.
func IDR(n int64) Money { return Money{Amount: n, Currency: Rupiah} }

// ParseMoney reads a decimal such as "10000.00", "100000.0" or "10000",
// exactly. It refuses what it cannot represent: a fraction of the smallest
// unit ("1.50" rupiah), a negative amount, an exponent, thousands
// separators, overflow, and a currency it does not know. Errors wrap
// [ErrMoney].
func ParseMoney(s string, c Currency) (Money, error) {
	digits, known := minorDigits[c]
	if !known {
		return Money{}, fmt.Errorf("%w: currency %q is not supported", ErrMoney, string(c))
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.HasSuffix(s, ".") || !isDigits(whole) || (fraction != "" && !isDigits(fraction)) {
		return Money{}, fmt.Errorf("%w: %q is not a plain decimal number", ErrMoney, clip(s))
	}
	if kept := min(len(fraction), digits); strings.Trim(fraction[kept:], "0") != "" {
		return Money{}, fmt.Errorf("%w: %q is finer than the smallest unit of %s", ErrMoney, clip(s), c)
	}
	fraction = (fraction + strings.Repeat("0", digits))[:digits]
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("%w: %q is out of range", ErrMoney, clip(s))
	}
	return Money{Amount: n, Currency: c}, nil
}

// ParseMoneyJSON reads an amount that gateways send as a JSON string
// ("10000.00") or as a JSON number (10000). See [ParseMoney].
func ParseMoneyJSON(raw json.RawMessage, c Currency) (Money, error) {
	raw = bytes.TrimSpace(raw)
	if last := len(raw) - 1; last > 0 && raw[0] == '"' && raw[last] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return ParseMoney(string(raw[1:last]), c) // nothing is escaped, as gateways write it
	}
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return Money{}, fmt.Errorf("%w: %q is not a JSON string", ErrMoney, clip(string(raw)))
		}
		return ParseMoney(s, c)
	}
	return ParseMoney(string(raw), c)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// clip keeps foreign text in error messages short.
func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return plain(s)
}

// plain makes foreign text fit to be kept: databases refuse zero bytes and
// broken UTF-8.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// Decimal prints the amount as gateways write it: "29000.00". IDR has two
// zeros behind the point although nothing finer than a rupiah is accepted.
func (m Money) Decimal() string {
	digits := minorDigits[m.Currency]
	s := strconv.FormatInt(m.Amount, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if digits == 0 {
		return sign + s + ".00"
	}
	s = strings.Repeat("0", max(0, digits+1-len(s))) + s
	return sign + s[:len(s)-digits] + "." + s[len(s)-digits:]
}

// String prints the amount for people: "Rp29.000", "USD 10.50".
func (m Money) String() string {
	whole, fraction, _ := strings.Cut(m.Decimal(), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if m.Currency != Rupiah {
		return strings.TrimSpace(fmt.Sprintf("%s %s%s.%s", m.Currency, sign, whole, fraction))
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "." + whole[i:]
	}
	return sign + "Rp" + whole
}

// IsZero reports whether the amount is zero, in whatever currency.
func (m Money) IsZero() bool { return m.Amount == 0 }

// Add returns m + n. It fails on overflow and when the currencies differ.
func (m Money) Add(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return Money{}, fmt.Errorf("%w: cannot add %s to %s", ErrMoney, n.Currency, m.Currency)
	}
	if (n.Amount > 0 && m.Amount > math.MaxInt64-n.Amount) || (n.Amount < 0 && m.Amount < math.MinInt64-n.Amount) {
		return Money{}, fmt.Errorf("%w: %s + %s overflows", ErrMoney, m, n)
	}
	return Money{Amount: m.Amount + n.Amount, Currency: m.Currency}, nil
}

// Times returns m × n for n ≥ 0. It fails on overflow.
func (m Money) Times(n int) (Money, error) {
	if n < 0 {
		return Money{}, fmt.Errorf("%w: negative quantity %d", ErrMoney, n)
	}
	product := m.Amount * int64(n)
	if n != 0 && product/int64(n) != m.Amount {
		return Money{}, fmt.Errorf("%w: %s × %d overflows", ErrMoney, m, n)
	}
	return Money{Amount: product, Currency: m.Currency}, nil
}

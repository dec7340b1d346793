package gatewaykit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lunaspay/lunas/payments"
)

// Checker collects fields that cannot be accepted. Lengths are in characters.
type Checker struct{ fields []payments.FieldError }

// Add reports a field.
func (c *Checker) Add(field, format string, args ...any) {
	c.fields = append(c.fields, payments.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Most allows at most n characters.
func (c *Checker) Most(field, value string, n int) { c.Between(field, value, 0, n) }

// Between demands so many characters.
func (c *Checker) Between(field, value string, least, most int) {
	switch n := utf8.RuneCountInString(value); {
	case n < least:
		c.Add(field, "is required")
	case n > most:
		c.Add(field, "must have at most %d characters", most)
	}
}

// Digits checks a number in text; empty is fine.
func (c *Checker) Digits(field, value string, least, most int) {
	if value == "" {
		return
	}
	if !IsDigits(value) || len(value) < least || len(value) > most {
		c.Add(field, "must have %d to %d digits", least, most)
	}
}

// Err is a *payments.InvalidError, or nil.
func (c *Checker) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return &payments.InvalidError{Fields: c.fields}
}

// IsDigits reports whether s is made of digits, and of one at least.
func IsDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

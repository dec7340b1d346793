package midtrans

import (
	"fmt"
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

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

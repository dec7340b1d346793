package gatewaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

var garbageCases = []testCase{
	{"garbage is malformed or forged", func(c *checker) {
		sent, _ := c.paidNotification()
		for _, header := range []http.Header{sent.Header, {}, nil} {
			for _, body := range []string{
				"", " ", "null", "true", "0", `""`, "[]", "{}", "{", "}", `{"a"}`, "\x00", "\xff\xfe", "<html></html>",
				`{"order_id":`, `[{"order_id":"order-1"}]`, "a=b&c=d", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
				`{"order_id":{},"status_code":[],"gross_amount":null}`, `{"gross_amount":` + strings.Repeat("9", 10_000) + "}",
			} {
				c.unreadable(header, []byte(body), fmt.Sprintf("body %.40q", body))
			}
		}
	}},
	{"a notification that was cut short is malformed or forged", func(c *checker) {
		sent, _ := c.paidNotification()
		for i := range sent.Body {
			c.unreadable(sent.Header, sent.Body[:i], fmt.Sprintf("the first %d bytes", i))
		}
	}},
	{"what follows a notification makes it malformed or forged", func(c *checker) {
		sent, _ := c.paidNotification()
		for _, tail := range []string{"}", "x", "{}", string(sent.Body)} {
			c.unreadable(sent.Header, append(bytes.Clone(sent.Body), tail...), fmt.Sprintf("followed by %.20q", tail))
		}
	}},
	{"a key that comes twice makes it malformed or forged", func(c *checker) {
		sent, _ := c.paidNotification()
		var fields map[string]json.RawMessage
		if json.Unmarshal(sent.Body, &fields) != nil {
			c.t.Skip("the body is no JSON object")
		}
		inner := bytes.TrimSpace(sent.Body)
		inner = inner[1 : len(inner)-1]
		for name := range fields {
			extra := fmt.Sprintf("%q:%q", name, "other")
			c.unreadable(sent.Header, fmt.Appendf(nil, "{%s,%s}", extra, inner), "first another "+name)
			c.unreadable(sent.Header, fmt.Appendf(nil, "{%s,%s}", inner, extra), "then another "+name)
		}
	}},
	{"values of another type make it malformed or forged, or do not matter", func(c *checker) {
		sent, genuine := c.paidNotification()
		var fields map[string]json.RawMessage
		if json.Unmarshal(sent.Body, &fields) != nil {
			c.t.Skip("the body is no JSON object")
		}
		c.rule("what is signed cannot be changed")
		for name, value := range fields {
			for _, other := range []string{"null", "true", "-1", "1e400", `""`, "[]", "{}", `[{"a":[]}]`, `"` + strings.Repeat("x", 1<<16) + `"`} {
				fields[name] = json.RawMessage(other)
				body, err := json.Marshal(fields)
				c.ok(err, "making a body")
				what := fmt.Sprintf("%s is %.40s", name, other)
				c.unchanged(sent.Header, body, genuine, what)
				if c.Sign == nil {
					continue
				}
				_, err = c.Gateway.ReadNotification(payments.RawNotification{Header: c.Sign(body), Body: body})
				if err != nil { // else the provider may well say so
					c.isError(err, payments.ErrMalformed, what+", signed")
				}
			}
			fields[name] = value
		}
	}},
}

// unreadable checks that a notification is refused, without a panic.
func (c *checker) unreadable(header http.Header, body []byte, what string) {
	c.t.Helper()
	c.rule("ErrMalformed for a body that cannot be read, or ErrForged")
	_, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
	if !errors.Is(err, payments.ErrMalformed) && !errors.Is(err, payments.ErrForged) {
		c.failf("%s: got %v", what, err)
	}
	c.quiet(err.Error(), what)
	if c.Sign == nil {
		return
	}
	c.rule("ErrMalformed for a body that cannot be read, though its signature is good")
	_, err = c.Gateway.ReadNotification(payments.RawNotification{Header: c.Sign(body), Body: body})
	c.isError(err, payments.ErrMalformed, what+", signed")
}

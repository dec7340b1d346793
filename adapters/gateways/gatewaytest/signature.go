package gatewaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

var signatureCases = []testCase{
	{"a genuine notification is read", func(c *checker) {
		c.rule("a genuine notification is read, as often as it comes")
		sent, first := c.paidNotification()
		again, err := c.read(sent)
		c.ok(err, "ReadNotification again")
		if telling(first.Observation) != telling(again.Observation) {
			c.failf("read twice: %v, then %v", first.Facts, again.Facts)
		}
	}},
	{"a notification signed with another key is forged", func(c *checker) {
		sent, _ := c.paidNotification()
		c.rule("ErrForged for a wrong signature")
		_, err := c.Stranger.ReadNotification(payments.RawNotification{Header: sent.Header, Body: sent.Body})
		c.isError(err, payments.ErrForged, "ReadNotification with another key")
	}},
	{"a notification without its signature is forged", func(c *checker) {
		sent, _ := c.paidNotification()
		c.rule("ErrForged for a missing signature")
		for what, value := range map[string]any{"missing": nil, "empty": ""} {
			header, body := c.withSignature(sent.Header, sent.Body, value)
			_, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
			c.isError(err, payments.ErrForged, "signature "+what)
		}
	}},
	{"a notification that was changed is forged, or tells the same", func(c *checker) {
		sent, genuine := c.paidNotification()
		c.rule("what is signed cannot be changed: the order and the amount, or with ProofWhole everything")
		for i := range sent.Body {
			for _, flip := range []byte{0x01, 0x02, 0x20} {
				body := bytes.Clone(sent.Body)
				body[i] ^= flip
				c.unchanged(sent.Header, body, genuine, fmt.Sprintf("byte %d is %q", i, body[i]))
			}
		}
	}},
	{"a signature that was changed is forged", func(c *checker) {
		sent, _ := c.paidNotification()
		signature := c.signatureOf(sent.Header, sent.Body)
		c.rule("ErrForged for a wrong signature")
		for i := range signature {
			changed := []byte(signature)
			if changed[i]++; changed[i] == ':' || changed[i] == 'g' { // stay within hexadecimal digits
				changed[i] = '1'
			}
			header, body := c.withSignature(sent.Header, sent.Body, string(changed))
			_, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
			c.isError(err, payments.ErrForged, fmt.Sprintf("character %d of the signature is %q", i, changed[i]))
		}
		for _, cut := range []string{signature[:len(signature)-1], signature + "0", signature + signature} {
			header, body := c.withSignature(sent.Header, sent.Body, cut)
			_, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
			c.isError(err, payments.ErrForged, "a signature of another length")
		}
	}},
	{"the signature of one order is no good for another", func(c *checker) {
		one, _ := c.paidNotification()
		c.open("order-2")
		c.do("order-2", pay)
		other, _ := c.latest()
		c.rule("a signature is that of one message")
		header, body := c.withSignature(other.Header, other.Body, c.signatureOf(one.Header, one.Body))
		_, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
		c.isError(err, payments.ErrForged, "ReadNotification")
	}},
}

// unchanged checks that a changed notification is refused, or that its
// change does not matter.
func (c *checker) unchanged(header http.Header, body []byte, genuine payments.Notification, what string) {
	c.t.Helper()
	n, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
	switch {
	case errors.Is(err, payments.ErrForged), errors.Is(err, payments.ErrMalformed):
		c.quiet(err.Error(), what)
	case err != nil:
		c.failf("%s: want ErrForged or ErrMalformed, got %v", what, err)
	case n.Ref != genuine.Ref, n.Amount != genuine.Amount:
		c.failf("%s: read as %s for %s", what, n.Amount, n.Ref)
	case n.Proof == payments.ProofWhole && telling(n.Observation) != telling(genuine.Observation):
		c.failf("%s: read as %v", what, n.Facts)
	}
}

// paidNotification is that of a paid order.
func (c *checker) paidNotification() (simkit.Sent, payments.Notification) {
	c.t.Helper()
	c.open("order-1")
	c.do("order-1", pay)
	return c.latest()
}

// signatureOf is the signature that a notification carries.
func (c *checker) signatureOf(header http.Header, body []byte) string {
	c.t.Helper()
	if s := header.Get(c.Signature); s != "" {
		return s
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		c.failf("the body is no JSON object, and there is no header %q", c.Signature)
	}
	s, _ := fields[c.Signature].(string)
	if s == "" {
		c.failf("there is neither a header nor a key %q", c.Signature)
	}
	return s
}

// withSignature is a notification with another signature; nil for none.
func (c *checker) withSignature(header http.Header, body []byte, signature any) (http.Header, []byte) {
	c.t.Helper()
	header = header.Clone()
	if header.Get(c.Signature) != "" {
		header.Del(c.Signature)
		if s, ok := signature.(string); ok {
			header.Set(c.Signature, s)
		}
		return header, body
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		c.failf("the body is no JSON object, and there is no header %q", c.Signature)
	}
	if _, ok := fields[c.Signature]; !ok {
		c.failf("there is neither a header nor a key %q", c.Signature)
	}
	delete(fields, c.Signature)
	if signature != nil {
		fields[c.Signature], _ = json.Marshal(signature)
	}
	body, _ = json.Marshal(fields)
	return header, body
}

package gatewaytest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// word is what the gateway is to read from a state of a transaction.
type word struct {
	name string
	acts []Act
	// is: at least one of these facts is told; not: none of these.
	is, not []payments.FactKind
}

var money = []payments.FactKind{payments.FactPaid, payments.FactCaptured, payments.FactFunds}

var words = []word{
	{"pending", []Act{Begin}, []payments.FactKind{payments.FactPending}, money},
	{"paid", []Act{pay}, money, []payments.FactKind{payments.FactDenied, payments.FactExpired, payments.FactCanceled}},
	{"denied", []Act{Deny}, []payments.FactKind{payments.FactDenied, payments.FactFailed}, money},
	{"expired", []Act{Begin, Expire}, []payments.FactKind{payments.FactExpired}, money},
	{"canceled", []Act{Begin, Cancel}, []payments.FactKind{payments.FactCanceled}, money},
	{"challenged", []Act{Challenge}, []payments.FactKind{payments.FactCaptureChallenged, payments.FactAuthChallenged}, money},
	{"approved", []Act{Challenge, Approve}, append([]payments.FactKind{payments.FactAuthorized}, money...), []payments.FactKind{payments.FactDenied}},
	{"denied after review", []Act{Challenge, Deny}, []payments.FactKind{payments.FactDenied, payments.FactCanceled}, money},
	{"refunded", []Act{pay, Refund}, []payments.FactKind{payments.FactRefunded}, nil},
	{"partly refunded", []Act{pay, RefundPart}, []payments.FactKind{payments.FactRefund, payments.FactRefundTotal}, []payments.FactKind{payments.FactRefunded}},
	{"reversed", []Act{Reverse}, []payments.FactKind{payments.FactDenied}, nil},
	{"charged back", []Act{Chargeback}, []payments.FactKind{payments.FactChargeback}, nil},
}

var wordCases = append([]testCase{
	{"a Ref that nobody has paid by is not found", func(c *checker) {
		reader := need[payments.StatusReader](c)
		c.rule("Status returns ErrNotFound if the gateway knows of no transaction")
		_, err := reader.Status(c.ctx, payments.AttemptRef{Ref: "order-unknown"})
		c.isError(err, payments.ErrNotFound, "Status of an unknown Ref")
		_, err = reader.Status(c.ctx, payments.AttemptRef{Ref: "order-unknown", TransactionID: "9e6f1c8a-0000-4000-8000-000000000000"})
		c.isError(err, payments.ErrNotFound, "Status of an unknown transaction")
		if got := c.open("order-1"); got.Observation.TransactionID == "" {
			_, err = reader.Status(c.ctx, payments.AttemptRef{Ref: "order-1", Token: got.Token})
			c.isError(err, payments.ErrNotFound, "Status before the payer has chosen")
		}
	}},
	{"an attempt that was denied and one that is paid are two", func(c *checker) {
		c.rule("each attempt has an id of its own")
		if c.open("order-1").Observation.TransactionID != "" {
			c.t.Skip("a checkout is one transaction")
		}
		c.do("order-1", Deny)
		_, denied := c.latest()
		c.do("order-1", pay)
		_, paid := c.latest()
		if denied.TransactionID == paid.TransactionID || denied.Ref != paid.Ref {
			c.failf("denied is %s of %s, paid is %s of %s", denied.TransactionID, denied.Ref, paid.TransactionID, paid.Ref)
		}
		reader := need[payments.StatusReader](c)
		old, err := reader.Status(c.ctx, attemptOf(denied.Observation))
		c.ok(err, "Status of the denied one")
		if old.TransactionID != denied.TransactionID || has(old, money...) {
			c.failf("Status of the denied attempt: got %s, %v", old.TransactionID, old.Facts)
		}
	}},
	{"what waits for too long expires", func(c *checker) {
		c.open("order-1")
		c.do("order-1", Begin)
		began := c.attempt()
		c.Advance(30 * 24 * time.Hour)
		_, n := c.latest()
		c.rule("an expiry is told by the facts")
		if n.TransactionID != began.TransactionID || !has(n.Observation, payments.FactExpired) || has(n.Observation, money...) {
			c.failf("after 30 days: got %v of %s, began %s", n.Facts, n.TransactionID, began.TransactionID)
		}
	}},
}, wordsCases()...)

func wordsCases() []testCase {
	var cases []testCase
	for _, w := range words {
		cases = append(cases, testCase{"words to facts: " + w.name, func(c *checker) { c.word(w) }})
	}
	return cases
}

// word checks what is read from a state, from a notification and, if the
// gateway can be asked, from its answer.
func (c *checker) word(w word) {
	c.open("order-1")
	c.do("order-1", w.acts...)
	_, n := c.latest()
	c.observed(w, n.Observation, "notification")
	if n.Test {
		c.failf("notification: it is no test")
	}
	reader, ok := payments.As[payments.StatusReader](c.Gateway)
	if !ok {
		return
	}
	byID, err := reader.Status(c.ctx, attemptOf(n.Observation))
	c.ok(err, "Status by transaction")
	c.observed(w, byID, "Status")
	c.rule("a notification and Status tell the same")
	if told, asked := telling(n.Observation), telling(byID); told != asked {
		c.failf("notification: %s\nStatus:       %s", told, asked)
	}
	if n.TransactionID != byID.TransactionID || n.Method != byID.Method || n.Amount != byID.Amount {
		c.failf("notification: %s, %s, %s; Status: %s, %s, %s",
			n.TransactionID, n.Method, n.Amount, byID.TransactionID, byID.Method, byID.Amount)
	}
}

func (c *checker) observed(w word, o payments.Observation, from string) {
	c.t.Helper()
	c.rule("an observation names the order and the transaction, and tells the amount")
	if o.Ref != "order-1" || o.TransactionID == "" || o.RawStatus == "" || o.Amount != price {
		c.failf("%s: got Ref %q, TransactionID %q, RawStatus %q, Amount %s", from, o.Ref, o.TransactionID, o.RawStatus, o.Amount)
	}
	c.rule("the gateway's words become facts")
	if !has(o, w.is...) {
		c.failf("%s, %s (%s): want one of %v, got %v", from, w.name, o.RawStatus, w.is, o.Facts)
	}
	if len(w.not) > 0 && has(o, w.not...) {
		c.failf("%s, %s (%s): want none of %v, got %v", from, w.name, o.RawStatus, w.not, o.Facts)
	}
	c.rule("what is kept is not empty and shows no secret")
	if len(o.Raw) == 0 {
		c.failf("%s: Raw is empty", from)
	}
	c.quiet(string(o.Raw), from)
}

// telling is what an observation's facts say, in a form to compare. Texts
// and times may differ.
func telling(o payments.Observation) string {
	var lines []string
	for _, f := range o.Facts {
		lines = append(lines, fmt.Sprintf("%s key=%s id=%s %s", f.Kind, f.Key, f.ID, f.Amount))
	}
	slices.SortFunc(lines, cmp.Compare)
	return strings.Join(lines, "; ")
}

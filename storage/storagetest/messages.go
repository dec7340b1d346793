package storagetest

import (
	"github.com/lunaspay/lunas/payments"
)

// messageCases are about the kept talk with gateways.
var messageCases = []testCase{
	{"messages/every field survives", messageSurvives},
	{"messages/replaced by id", messageReplaced},
	{"messages/filters, oldest first", messagesFilter},
}

// keep stores messages beside no payment.
func (c *checker) keep(ms ...payments.Message) {
	c.t.Helper()
	c.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
		return payments.Change{Messages: ms}, nil
	})
}

func messageSurvives(c *checker) {
	c.rule("every field of a message survives, its raw bytes to the last")
	full, empty := c.fullMessage(), payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "status", At: epoch}
	c.keep(full, empty)
	c.same([]payments.Message{full}, c.messages(payments.MessageQuery{ID: full.ID}), "message with every field")
	c.same([]payments.Message{empty}, c.messages(payments.MessageQuery{ID: empty.ID}), "message with few fields")
}

func messageReplaced(c *checker) {
	c.rule("a message whose ID exists is replaced, whole, and keeps its place")
	first, second := c.fullMessage(), c.fullMessage()
	c.keep(first, second)
	p := c.create(c.payment())
	first.Verdict, first.PaymentID, first.Note, first.Raw = payments.VerdictApplied, p.ID, "", []byte("short")
	third := c.fullMessage()
	c.change(p.ID, payments.Change{Messages: []payments.Message{third, first}})
	c.same([]payments.Message{first, second, third}, c.messages(payments.MessageQuery{}), "messages")
	c.same([]payments.ID{first.ID}, messageIDs(c.messages(payments.MessageQuery{PaymentID: p.ID})), "messages of its payment now")
}

func messagesFilter(c *checker) {
	payment := payments.NewID()
	add := func(id payments.ID, gateway, ref string, v payments.Verdict) payments.ID {
		m := c.fullMessage()
		m.PaymentID, m.Gateway, m.Ref, m.Verdict = id, gateway, ref, v
		c.keep(m)
		return m.ID
	}
	a := add("", "snap", "R-1", payments.VerdictParked)
	b := add(payment, "snap", "R-1", payments.VerdictApplied)
	d := add("", "snap", "r-1", payments.VerdictParked)
	e := add("", "fazz", "R-1", payments.VerdictParked)
	f := add(payment, "snap", awkward, "")
	g := add(payments.NewID(), "snap", "", payments.VerdictForged)

	type ids = []payments.ID
	for _, tc := range []struct {
		rule string
		q    payments.MessageQuery
		want ids
	}{
		{"an empty MessageQuery selects all, oldest first", payments.MessageQuery{}, ids{a, b, d, e, f, g}},
		{"ID selects one message", payments.MessageQuery{ID: d}, ids{d}},
		{"PaymentID selects a payment's messages", payments.MessageQuery{PaymentID: payment}, ids{b, f}},
		{"Gateway and Ref select to the letter", payments.MessageQuery{Gateway: "snap", Ref: "R-1"}, ids{a, b}},
		{"Gateway, Ref and Verdict find the parked ones of an order", payments.MessageQuery{Gateway: "snap", Ref: "R-1", Verdict: []payments.Verdict{payments.VerdictParked}}, ids{a}},
		{"Gateway alone selects all of the gateway", payments.MessageQuery{Gateway: "fazz"}, ids{e}},
		{"Ref selects to the letter, whatever it holds", payments.MessageQuery{Ref: awkward}, ids{f}},
		{"Verdict selects any of those named", payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictApplied, payments.VerdictForged}}, ids{b, g}},
		{"all conditions of a MessageQuery hold at once", payments.MessageQuery{PaymentID: payment, Gateway: "snap", Verdict: []payments.Verdict{payments.VerdictParked}}, ids{}},
		{"a MessageQuery that nothing matches gives an empty list", payments.MessageQuery{ID: payments.NewID()}, ids{}},
		{"what is no id matches nothing", payments.MessageQuery{ID: "it's no uuid"}, ids{}},
		{"what is no id matches nothing", payments.MessageQuery{PaymentID: "it's no uuid"}, ids{}},
	} {
		c.rule(tc.rule)
		c.same(tc.want, messageIDs(c.messages(tc.q)), "ids, oldest first")
	}
}

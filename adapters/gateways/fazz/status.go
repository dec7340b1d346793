package fazz

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Status asks for a payment by its id, or for the newest one of a.Ref if
// a.TransactionID is empty. ErrNotFound (wrapped) if there is none.
//
// Fazz may leave out which e-wallet a payment is by; a.Method fills that in.
func (g *Gateway) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	if err := g.usable("status"); err != nil {
		return payments.Observation{}, err
	}
	r, err := g.ask(ctx, "status", a)
	return r.Observation, err
}

// ask is Status for any op.
func (g *Gateway) ask(ctx context.Context, op string, a payments.AttemptRef) (reading, error) {
	if a.TransactionID == "" {
		return g.find(ctx, op, a)
	}
	if !isInPath(a.TransactionID) {
		return reading{}, payments.Invalid("transaction_id", "names no payment of Fazz's")
	}
	call, got, err := g.client.get(ctx, op, "/payments/"+url.PathEscape(a.TransactionID), nil)
	if err != nil {
		return reading{}, err
	}
	if !got.isOK() {
		return reading{}, g.client.refusal(call, got)
	}
	r, err := g.client.readAnswer(got, a.Method)
	if err == nil && r.TransactionID != a.TransactionID {
		err = errID // the answer to another question
	}
	if err != nil {
		return reading{}, g.client.unreadable(call, got, err)
	}
	return r, nil
}

// isInPath reports whether an id can be put into a path: one of dots leads
// elsewhere.
func isInPath(id string) bool { return gatewaykit.IsID(id, maxID) && strings.Trim(id, ".") != "" }

// readAnswer reads the one payment that an answer holds, as something that may
// have to be paid.
func (c client) readAnswer(a answer, method payments.Method) (reading, error) {
	if err := gatewaykit.CheckNames(a.Fields); err != nil {
		return reading{}, err
	}
	r, err := c.readPayment(a.Fields.Object("data"))
	if err != nil {
		return reading{}, err
	}
	r.as(method)
	r.Instructions = r.howToPay()
	r.Raw, err = c.clean(a.Fields)
	return r, err
}

// findSize is how many payments a look-up by reference asks for. There should
// be one.
const findSize = 100

// find looks for the newest payment of a reference. Whether Fazz honours the
// filter, and to the letter, is checked here: another's payment is never taken
// for this one's, and if the list is full of others, this one may be behind
// them.
func (g *Gateway) find(ctx context.Context, op string, a payments.AttemptRef) (reading, error) {
	if !isReference(a.Ref) {
		return reading{}, payments.Invalid("ref", "names no payment")
	}
	call, got, err := g.client.get(ctx, op, "/payments", url.Values{
		"filter[referenceId]": {a.Ref}, "page[number]": {"1"}, "page[size]": {strconv.Itoa(findSize)},
	})
	if err != nil {
		return reading{}, err
	}
	if !got.isOK() {
		return reading{}, g.client.refusal(call, got)
	}
	items, err := listIn(got)
	if err != nil {
		return reading{}, g.client.unreadable(call, got, err)
	}
	var newest reading
	for _, item := range items {
		if item.Object("attributes").Text("referenceId") != a.Ref {
			continue
		}
		r, err := g.client.readItem(item, a.Method)
		if err != nil {
			return reading{}, g.client.unreadable(call, got, err)
		}
		// Fazz lists the newest first, so of two of the same time the first is it.
		if newest.TransactionID == "" || r.BegunAt.After(newest.BegunAt) {
			newest = r
		}
	}
	switch {
	case newest.TransactionID != "":
		return newest, nil
	case len(items) >= findSize:
		return reading{}, g.client.unreadable(call, got, fmt.Errorf("%d payments, and all of other references", len(items)))
	}
	e := g.fault(op, payments.ErrNotFound)
	e.HTTPStatus = got.Status
	return reading{}, e
}

// readItem reads one payment of a list. What is kept of it looks like the
// answer to a question for it alone.
func (c client) readItem(item object, method payments.Method) (reading, error) {
	r, err := c.readPayment(item)
	if err != nil {
		return reading{}, err
	}
	r.as(method)
	r.Instructions = r.howToPay()
	data, err := c.clean(item)
	r.Raw = fmt.Appendf(nil, `{"data":%s}`, data)
	return r, err
}

// listIn are the resources of a list.
func listIn(a answer) ([]object, error) {
	if err := gatewaykit.CheckNames(a.Fields); err != nil {
		return nil, err
	}
	list, err := a.Fields.List("data")
	if err != nil {
		return nil, err
	}
	items := make([]object, len(list))
	for i, text := range list {
		if items[i], err = gatewaykit.ReadObject(text); err != nil {
			return nil, err
		}
	}
	return items, nil
}

package midtrans

import (
	"cmp"
	"errors"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// subscriptionEvent begins the names of the events of a subscription.
const subscriptionEvent = "subscription."

var errSubscriptionID = errors.New("the subscription's id is missing or has no proper form")

// subscriptionIn is the subscription that a recurring notification is about:
// the body itself when it has been made, a member of it when it has been
// charged. nil for any other body. What names an order is a notification of a
// payment whatever else stands in it, and needs a signature: nobody can add a
// word to one so that it counts as less.
func subscriptionIn(o object) object {
	if !isAbsent(o.Get("order_id")) {
		return nil
	}
	if inner := o.Object("subscription"); inner != nil {
		return inner
	}
	itself := !isAbsent(o.Get("schedule")) && !isAbsent(o.Get("id")) && isAbsent(o.Get("transaction_id"))
	if itself || strings.HasPrefix(lowered(o, "event_name"), subscriptionEvent) {
		return o
	}
	return nil
}

// readSubscriptionNotice reads a recurring notification. Midtrans does not sign
// these, so all of it is hearsay: it only says what to ask about.
func (g *Gateway) readSubscriptionNotice(o, subscription object) (*payments.SubscriptionNotice, error) {
	n := &payments.SubscriptionNotice{
		ID: subscription.Text("id"), Ref: gatewaykit.Shorten(g.client.Scrub(subscription.Text("name")), maxSubscriptionName),
		Interval: intervals(subscription.Object("schedule")),
	}
	if !isSubscriptionID(n.ID) {
		return nil, errSubscriptionID
	}
	transaction := o.Object("transaction")
	if n.TransactionID = transaction.Text("transaction_id"); n.TransactionID != "" {
		if !gatewaykit.IsID(n.TransactionID, maxTransactionID) {
			return nil, errTransactionID
		}
		return n, nil
	}
	if transaction != nil || lowered(o, "event_name") == subscriptionEvent+"charge" {
		n.Failure = cmp.Or(gatewaykit.Shorten(g.client.Scrub(failureOf(transaction)), gatewaykit.MaxMessage), "no charge was made")
	}
	return n, nil
}

// failureOf is why there is no transaction, in Midtrans's words and those of
// the bank.
func failureOf(transaction object) string {
	var parts []string
	for _, of := range []string{"status_", "channel_response_"} {
		code, message := transaction.Text(of+"code"), transaction.Text(of+"message")
		if code != "" && message != "" {
			code += ": "
		}
		if said := code + message; said != "" {
			parts = append(parts, said)
		}
	}
	return strings.Join(parts, "; ")
}

package midtrans

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// testPrefix begins the order ids of the dashboard's test notifications.
const testPrefix = "payment_notif_test_"

// How long ids may be. Midtrans allows 50 for an order id of ours, and
// payment links lengthen it; its own ids have at most 36.
const (
	maxOrderID       = 128
	maxTransactionID = 64
)

// ReadNotification verifies a notification of a transaction and reads it. One
// about a linked account is a notice: how it is signed is not documented, so
// nothing in it is believed, and Midtrans is asked about the account it names.
// Nor are those about a subscription signed: see payments.SubscriptionNotice.
// The proof is payments.ProofPartial unless Config.TrustNotifications is set.
// Beside an error, Ref and Raw are set where they could be read.
func (g *Gateway) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	var n payments.Notification
	if g.broken != nil {
		return n, fmt.Errorf("%w: %w", payments.ErrForged, g.broken)
	}
	o, err := gatewaykit.ReadBody(raw.Body)
	if err == nil {
		n.Raw, err = g.client.clean(o)
	}
	if err != nil {
		return n, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	if subscription := subscriptionIn(o); subscription != nil {
		if n.Subscription, err = g.readSubscriptionNotice(o, subscription); err != nil {
			return n, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
		}
		return n, nil
	}
	if id := o.Text("account_id"); id != "" && o.Get("order_id") == "" && o.Get("transaction_id") == "" {
		n.Notice = func(ctx context.Context) error { return g.accountNotice(ctx, id) }
		return n, nil
	}
	n.Ref = gatewaykit.Shorten(o.Text("order_id"), maxOrderID)
	n.Test = strings.HasPrefix(n.Ref, testPrefix)
	if err := checkForm(o, n.Test); err != nil {
		return n, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	if !raw.Verified && !g.signed(o) {
		return n, payments.ErrForged
	}
	told, err := observe(o, false)
	if err != nil {
		return n, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	told.Raw = n.Raw
	n.Observation, n.Links = told, linksOf(o)
	if o.Get("saved_token_id") != "" && g.config.OnSavedCard != nil && !n.Test {
		n.Notice = func(ctx context.Context) error { return g.cardNotice(ctx, told.Ref, told.TransactionID) }
	}
	if g.config.TrustNotifications {
		n.Proof = payments.ProofWhole
	}
	return n, nil
}

var (
	errOrderID       = errors.New("order_id is missing or has no proper form")
	errTransactionID = errors.New("transaction_id is missing or has no proper form")
	errNoStatus      = errors.New("transaction_status is missing")
	errStatusCode    = errors.New("status_code is not of three digits")
)

// isStatusCode: three digits, the first of which is not 0.
func isStatusCode(s string) bool { return len(s) == 3 && s[0] != '0' && gatewaykit.IsDigits(s) }

// isAmount: digits without a 0 in front, and perhaps a point and more digits.
func isAmount(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return gatewaykit.IsDigits(whole) && (whole[0] != '0' || whole == "0") && (!point || gatewaykit.IsDigits(fraction))
}

// checkForm demands the forms that Midtrans writes. What is signed is three
// texts without separators, so "A1" "200" "5.00" could otherwise be dealt out
// anew as "A" "120" "05.00" under the same signature. What the forms leave
// possible takes an order whose id is another's with digits behind it.
func checkForm(o object, test bool) error {
	switch id := o.Text("transaction_id"); {
	case !gatewaykit.IsID(o.Text("order_id"), maxOrderID):
		return errOrderID
	case !gatewaykit.IsID(id, maxTransactionID) && !(test && id == ""):
		return errTransactionID
	case o.Text("transaction_status") == "":
		return errNoStatus
	case !isStatusCode(o.Text("status_code")):
		return errStatusCode
	case !isAmount(o.Text("gross_amount")):
		return errAmount
	}
	return nil
}

// signed checks the signature against all keys, in a time that tells nothing
// about either. Midtrans signs the texts as it writes them; where a body has
// numbers in their place, the amount may have been "10000" or "10000.00".
func (g *Gateway) signed(o object) bool {
	amounts := []string{o.Text("gross_amount")}
	if raw := o.Get("gross_amount"); raw[0] != '"' {
		amounts = append(amounts, twoDecimals(amounts[0]))
	}
	var sums [][]byte
	for _, key := range append([]string{g.config.ServerKey}, g.config.OldServerKeys...) {
		for _, amount := range amounts {
			sum := sha512.Sum512([]byte(o.Text("order_id") + o.Text("status_code") + amount + key))
			sums = append(sums, sum[:])
		}
	}
	return gatewaykit.IsHexOf(o.Text("signature_key"), sums...)
}

// twoDecimals writes a plain decimal number with at least two of them.
func twoDecimals(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return whole + "." + fraction
}

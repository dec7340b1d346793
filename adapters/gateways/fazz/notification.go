package fazz

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// maxNotification is the most that a signature is computed of, in bytes: as
// much as the core hands on. Fazz's callbacks have some 700.
const maxNotification = 64 << 10

// ReadNotification verifies a callback and reads it. All of the body is signed,
// and nothing of it is read before that is checked; so beside ErrForged nothing
// is set. Beside ErrMalformed, Ref and Raw are, where they could be read.
//
// The proof is payments.ProofPartial unless Config.TrustNotifications is set.
//
// Callbacks about payouts and payment links come to the same URL if the
// dashboard says so. They are genuine, but about nothing that this gateway
// makes, and a refusal would only have Fazz send them again. So each is a
// notice by which nothing is done: it is kept, and answered with success. Its
// Ref is not told, as nothing must be routed by it: a link may well have the
// reference of a payment.
func (g *Gateway) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	var n payments.Notification
	if g.broken != nil {
		return n, fmt.Errorf("%w: %w", payments.ErrForged, g.broken)
	}
	malformed := func(err error) (payments.Notification, error) {
		return n, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	if !raw.Verified {
		if len(raw.Body) > maxNotification {
			return malformed(fmt.Errorf("larger than %d bytes", maxNotification))
		}
		if !g.signed(raw) {
			return n, payments.ErrForged
		}
	}
	o, err := gatewaykit.ReadBody(raw.Body)
	if err != nil {
		return malformed(err)
	}
	if n.Raw, err = g.client.clean(o); err != nil {
		return malformed(err)
	}
	if err := gatewaykit.CheckNames(o); err != nil {
		return malformed(err)
	}
	data := o.Object("data")
	if isAnothers(data.Text("type")) {
		n.Notice = func(context.Context) error { return nil }
		return n, nil
	}
	n.Ref = gatewaykit.Shorten(data.Object("attributes").Text("referenceId"), maxReference)
	r, err := g.client.readPayment(data)
	if err != nil {
		return malformed(err)
	}
	r.Raw = n.Raw
	n.Observation = r.Observation
	if g.config.TrustNotifications {
		n.Proof = payments.ProofWhole
	}
	return n, nil
}

// isAnothers tells the types of what is not a payment. That of links is not
// published for callbacks; these two are assumed of its resource.
func isAnothers(typ string) bool {
	return typ == "disbursement" || typ == "payment_links" || typ == "payment_link"
}

// signed checks the signature by all secrets, in a time that tells nothing
// about either. Fazz's pages name the header in two ways; a message that has
// several signatures must have the same everywhere, so that nobody can have one
// program check the one, and another program the other.
func (g *Gateway) signed(raw payments.RawNotification) bool {
	var given []string
	for _, name := range []string{"Xfers-Signature", "X-Xfers-Signature"} {
		given = append(given, raw.Header.Values(name)...)
	}
	valid := false
	for _, secret := range append([]string{g.config.SigningSecret}, g.config.OldSigningSecrets...) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(raw.Body) // a hash never fails
		sum := mac.Sum(nil)
		all := len(given) > 0
		for _, one := range given {
			all = gatewaykit.IsHexOf(one, sum) && all
		}
		valid = valid || all
	}
	return valid
}

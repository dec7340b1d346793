package toygateway

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"fmt"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// The headers of a notification.
const (
	TimeHeader      = "Kopipay-Time"
	SignatureHeader = "Kopipay-Signature"
)

// ReadNotification implements payments.Gateway.
//
// The time in the header is signed but not compared with a clock: Kopipay sends
// a message again for days, and a shop that was down must still believe it. An
// old message that comes again tells what was true once, which adds no fact.
func (g *Gateway) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	charge, err := gatewaykit.ReadBody(raw.Body)
	if err == nil {
		err = gatewaykit.CheckNames(charge) // "returns" is nested
	}
	if err != nil {
		return payments.Notification{}, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	if !raw.Verified && !g.signed(raw) {
		// What a stranger claims is kept as a trace, and only that.
		var n payments.Notification
		n.Ref = gatewaykit.Shorten(g.scrub(charge.Text("reference")), maxRef)
		if n.Raw, err = g.clean(charge); err != nil {
			return n, fmt.Errorf("%w: %w", payments.ErrForged, err)
		}
		return n, payments.ErrForged
	}
	o, err := g.observe(charge)
	if err != nil {
		return payments.Notification{Observation: o}, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	// The signature covers all of the body, so ProofWhole would be true. But
	// then whoever learns the signing secret can make payments; with
	// ProofPartial he would have to fool Status, too.
	return payments.Notification{Observation: o, Proof: payments.ProofPartial}, nil
}

// signed reports whether the signature is one by a secret of ours. The bytes
// are those that came: a body that was parsed and printed again is another.
func (g *Gateway) signed(raw payments.RawNotification) bool {
	// Strict, and the length too: otherwise a signature has several spellings,
	// as base64 ignores line breaks and the last letter's spare bits.
	given := raw.Header.Get(SignatureHeader)
	sum, err := base64.StdEncoding.Strict().DecodeString(given)
	if err != nil || len(given) != base64.StdEncoding.EncodedLen(sha512.Size) {
		return false
	}
	match := false
	for _, secret := range g.secrets {
		mac := hmac.New(sha512.New, []byte(secret))
		mac.Write([]byte(raw.Header.Get(TimeHeader) + "."))
		mac.Write(raw.Body)
		match = hmac.Equal(mac.Sum(nil), sum) || match // no early end: it would tell which one
	}
	return match
}

// clean prints what may be kept of a charge. The token opens the charge's page
// without a login.
func (g *Gateway) clean(charge gatewaykit.Object) ([]byte, error) {
	return gatewaykit.Clean(charge, func(name string) bool { return name == "view_token" }, g.scrub)
}

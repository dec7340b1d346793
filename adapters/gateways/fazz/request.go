package fazz

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// attributes are those of a new payment. Amount is in whole rupiah.
type attributes struct {
	Type        string  `json:"paymentMethodType"`
	Amount      int64   `json:"amount"`
	Currency    string  `json:"currency"`
	ReferenceID string  `json:"referenceId"`
	ExpiredAt   string  `json:"expiredAt,omitempty"`
	Description string  `json:"description,omitempty"`
	Options     options `json:"paymentMethodOptions"`
}

// options are those of a type of way to pay; the others' are empty.
type options struct {
	BankShortCode    string `json:"bankShortCode,omitempty"`
	RetailOutletName string `json:"retailOutletName,omitempty"`
	ProviderCode     string `json:"providerCode,omitempty"`
	DisplayName      string `json:"displayName,omitempty"`
	SuffixNo         string `json:"suffixNo,omitempty"`
	ReturnURL        string `json:"afterSettlementReturnUrl,omitempty"`
	PhoneNumber      string `json:"phoneNumber,omitempty"` // assumed
}

const (
	maxDisplayName = 20
	maxDescription = 255
	maxReturnURL   = 2048 // ours
)

var (
	// validRef is narrower than Fazz's rule, which also takes spaces and is
	// published for Singapore only.
	validRef   = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)
	validPhone = regexp.MustCompile(`^\+?[0-9]{8,15}$`)
)

// attributesOf makes what is asked for. Its error is an *payments.InvalidError.
//
// The amount is not held against the channel's limits: these differ between
// accounts, and Fazz refuses what is out of them by CodeAmountOutOfRange.
func (g *Gateway) attributesOf(r payments.CheckoutRequest, ch channel) (attributes, error) {
	extra, err := gatewaykit.ReadExtra[Extra](r.Extra, "Fazz")
	if err != nil {
		return attributes{}, err
	}
	var c checker
	if !validRef.MatchString(r.Ref) {
		c.Add("ref", "must be 1 to 64 letters, digits, dots, dashes, underscores or tildes")
	}
	if r.Order.Amount.Currency != payments.Rupiah || r.Order.Amount.Amount < 1 {
		c.Add("amount", "must be at least one rupiah")
	}
	c.Most("extra.description", extra.Description, maxDescription)
	a := attributes{
		Type: ch.typ, Amount: r.Order.Amount.Amount, Currency: string(payments.Rupiah), ReferenceID: r.Ref,
		ExpiredAt:   g.expiry(&c, r, ch),
		Description: cmp.Or(gatewaykit.Shorten(extra.Description, maxDescription), gatewaykit.Shorten(gatewaykit.Title(r.Order), maxDescription)),
	}
	if !validDisplayName.MatchString(extra.DisplayName) {
		c.Add("extra.displayName", "must be at most %d letters, digits and spaces", maxDisplayName)
	}
	a.Options.DisplayName = cmp.Or(extra.DisplayName, g.config.DisplayName, displayName(r.Order.User.Name))
	switch ch.typ {
	case typeAccount:
		c.Digits("extra.suffixNo", extra.SuffixNo, 1, 12)
		a.Options.BankShortCode, a.Options.SuffixNo = ch.code, extra.SuffixNo
	case typeStore:
		a.Options.RetailOutletName = ch.code
	case typeWallet:
		a.Options = options{ProviderCode: ch.code, ReturnURL: r.ReturnURL}
		switch {
		case r.ReturnURL == "":
			c.Add("return_url", "is required: e-wallets send the payer back to it")
		case !gatewaykit.IsWebURL(r.ReturnURL) || len(r.ReturnURL) > maxReturnURL:
			c.Add("return_url", "must be an http or https URL of at most %d characters", maxReturnURL)
		}
		if ch.code == "OVO" {
			a.Options.PhoneNumber = phone(&c, extra.Phone, r.Order.User.Phone)
		}
	}
	return a, c.Err()
}

// expiry is until when the payer may pay, or "" to leave it to Fazz.
//
// Never later than asked for: a payment that is closed here must not be payable
// there. So an e-wallet, which has to be paid within an hour, gets an hour of
// what is asked for beyond that, and what is too short for one is refused.
// Which other limits Fazz has for Indonesia is not published; it refuses by
// CodeInvalid what is beyond them.
func (g *Gateway) expiry(c *checker, r payments.CheckoutRequest, ch channel) string {
	asked, now := r.ExpiresAt, r.At
	if asked.IsZero() {
		return ""
	}
	if now.IsZero() {
		now = g.now()
	}
	switch left := asked.Sub(now); {
	case left <= 0:
		c.Add("expires_at", "must be in the future")
	case left < ch.shortest:
		c.Add("expires_at", "must be at least %d seconds ahead", int(ch.shortest/time.Second))
	case ch.longest > 0 && left > ch.longest:
		asked = now.Add(ch.longest)
	}
	return formatTime(asked)
}

// displayName is what may be shown of a name.
func displayName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == ' ':
			return r
		}
		return -1
	}, name)
	return gatewaykit.Shorten(strings.Join(strings.Fields(name), " "), maxDisplayName)
}

// phone is the one that was given, else the user's if it can be one.
func phone(c *checker, given, users string) string {
	tidy := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace
	if given, users = tidy(given), tidy(users); given == "" {
		if !validPhone.MatchString(users) {
			return ""
		}
		return users
	}
	if !validPhone.MatchString(given) {
		c.Add("extra.phone", "must be a phone number of 8 to 15 digits")
	}
	return given
}

package midtrans

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// AccountStatus is where the link of a payer's GoPay account stands.
type AccountStatus string

// The states of a linked account, in Midtrans's words.
const (
	AccountPending  AccountStatus = "PENDING" // the payer has not agreed yet
	AccountExpired  AccountStatus = "EXPIRED" // did not agree in time
	AccountEnabled  AccountStatus = "ENABLED" // can be charged
	AccountDisabled AccountStatus = "DISABLED"
)

// GoPayLink asks a payer to link a GoPay account.
type GoPayLink struct {
	// PhoneNumber is without its country's code, CountryCode that code:
	// "81212345678", "62".
	PhoneNumber, CountryCode string
	// ReturnURL is where the payer is sent after agreeing.
	ReturnURL string
}

// GoPayAccount is a payer's GoPay account at the merchant.
type GoPayAccount struct {
	// ID names it from then on; keep it with your user.
	ID     string
	Status AccountStatus
	// ActivationURL is where the payer agrees, ActivationApp the same in the
	// app. Each opens once.
	ActivationURL, ActivationApp string
	// Options are what can be charged. Their tokens change: read the account
	// anew before each charge.
	Options []GoPayOption
}

// GoPayOption is a purse of the account: GOPAY_WALLET, PAY_LATER, …
type GoPayOption struct {
	Name    string
	Active  bool
	Balance payments.Money
	// Token charges it: the checkout's PaymentToken. Secret; it is not printed.
	Token string
}

// Format prints the option without its token, whatever the verb.
func (o GoPayOption) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "{%s active=%t %s}", o.Name, o.Active, o.Balance)
}

var (
	phoneForm   = regexp.MustCompile(`^[0-9]{6,15}$`)
	countryForm = regexp.MustCompile(`^[0-9]{1,3}$`)
)

// LinkGoPay begins to link an account: send the payer to its ActivationURL.
//
// Errors: *payments.InvalidError; *payments.GatewayError if Midtrans or GoPay
// says no (Code "105": no such user). An unknown outcome (wrapping
// payments.ErrOutcomeUnknown) is harmless: ask again.
func (g *Gateway) LinkGoPay(ctx context.Context, l GoPayLink) (GoPayAccount, error) {
	var c checker
	if !phoneForm.MatchString(l.PhoneNumber) {
		c.Add("phone_number", "must be 6 to 15 digits, without the country's code")
	}
	if !countryForm.MatchString(l.CountryCode) {
		c.Add("country_code", "must be 1 to 3 digits")
	}
	if l.ReturnURL != "" && !isWebURL(l.ReturnURL) {
		c.Add("return_url", "must be an http or https URL")
	}
	if err := c.Err(); err != nil {
		return GoPayAccount{}, err
	}
	return g.accountCall(ctx, "link", http.MethodPost, "", map[string]any{
		"payment_type": "gopay",
		"gopay_partner": map[string]string{
			"phone_number": l.PhoneNumber, "country_code": l.CountryCode, "redirect_url": l.ReturnURL,
		},
	})
}

// GoPayAccount reads an account. payments.ErrNotFound (wrapped) if there is
// none of that id.
func (g *Gateway) GoPayAccount(ctx context.Context, id string) (GoPayAccount, error) {
	return g.accountCall(ctx, "account", http.MethodGet, id, nil)
}

// UnlinkGoPay ends a link. payments.ErrWrongState (wrapped) if the account is
// not linked, payments.ErrNotFound if there is none of that id.
func (g *Gateway) UnlinkGoPay(ctx context.Context, id string) error {
	_, err := g.accountCall(ctx, "unlink", http.MethodPost, id, nil)
	return err
}

// accountCall makes a call of /v2/pay/account, which takes no
// Idempotency-Key.
func (g *Gateway) accountCall(ctx context.Context, op, method, id string, body any) (GoPayAccount, error) {
	if err := g.usable(op); err != nil {
		return GoPayAccount{}, err
	}
	call := request{Op: op, Method: method, URL: g.config.CoreURL + "/v2/pay/account", Body: body}
	if body == nil {
		if strings.Trim(id, ".") == "" { // a path of dots leads elsewhere
			return GoPayAccount{}, payments.Invalid("account_id", "names no account")
		}
		call.URL += "/" + url.PathEscape(id)
	}
	if op == "unlink" {
		call.URL += "/unbind"
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return GoPayAccount{}, err
	}
	account := readAccount(a.Fields)
	if done := a.done() || a.isOK() && a.code() == "204"; done && account.ID != "" {
		return account, nil
	}
	refusal := g.client.refusal(call, a)
	if code := a.Fields.Text("channel_response_code"); code != "" && a.code() == "202" {
		refusal.Code, refusal.Message = gatewaykit.Shorten(code, gatewaykit.MaxCode), gatewaykit.Shorten(g.client.Scrub(a.Fields.Text("channel_response_message")), gatewaykit.MaxMessage)
	}
	return GoPayAccount{}, refusal
}

func readAccount(fields object) GoPayAccount {
	account := GoPayAccount{ID: gatewaykit.Shorten(fields.Text("account_id"), 64), Status: AccountStatus(gatewaykit.Shorten(fields.Text("account_status"), 20))}
	for action := range fields.Objects("actions") {
		switch action.Text("name") {
		case "activation-link-url":
			account.ActivationURL = action.Text("url")
		case "activation-link-app", "activation-deeplink":
			account.ActivationApp = action.Text("url")
		}
	}
	for option := range fields.Object("metadata").Objects("payment_options") {
		balance := option.Object("balance")
		// A balance that cannot be read is not known: zero, and it decides nothing.
		amount, _ := balance.Money("value", payments.Rupiah)
		account.Options = append(account.Options, GoPayOption{
			Name: option.Text("name"), Active: option.Get("active") == "true", Balance: amount, Token: option.Text("token"),
		})
	}
	return account
}

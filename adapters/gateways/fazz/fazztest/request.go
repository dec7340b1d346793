package fazztest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// createRequest is the body of a new payment. What Fazz may send along, but
// does not need, is ignored.
type createRequest struct {
	Data struct {
		Attributes wanted `json:"attributes"`
	} `json:"data"`
}

type wanted struct {
	Type        string          `json:"paymentMethodType"`
	Amount      json.RawMessage `json:"amount"` // as it was written
	Currency    string          `json:"currency"`
	ReferenceID string          `json:"referenceId"`
	ExpiredAt   string          `json:"expiredAt"`
	Description string          `json:"description"`
	Options     *methodOptions  `json:"paymentMethodOptions"`
}

type methodOptions struct {
	DisplayName      string `json:"displayName"`
	BankShortCode    string `json:"bankShortCode"`
	SuffixNo         string `json:"suffixNo"`
	RetailOutletName string `json:"retailOutletName"`
	ProviderCode     string `json:"providerCode"`
	ReturnURL        string `json:"afterSettlementReturnUrl"`
	// PhoneNumber is a guess of ours: OVO asks a number to pay, and Fazz's
	// name for it is not published.
	PhoneNumber string `json:"phoneNumber"`
}

// parseRequest reads a body as far as it is JSON of the right types.
func parseRequest(body []byte) (wanted, *problem) {
	var r createRequest
	if p := decode(body, &r); p != nil {
		return wanted{}, p
	}
	return r.Data.Attributes, nil
}

func decode(body []byte, into any) *problem {
	err := json.Unmarshal(body, into)
	if kind := new(json.UnmarshalTypeError); errors.As(err, &kind) && kind.Field != "" {
		field := strings.TrimPrefix(kind.Field, "data.attributes.")
		return &problem{invalid, fmt.Sprintf("%s must not be a %s", field, kind.Value)}
	}
	if err != nil {
		return &problem{invalid, "the body is not a JSON object with data.attributes"}
	}
	return nil
}

var (
	validReference   = regexp.MustCompile(`^[ -~]+$`) // printable ASCII
	validDisplayName = regexp.MustCompile(`^[A-Za-z0-9 ]{0,20}$`)
	validSuffix      = regexp.MustCompile(`^[0-9]{0,12}$`)
	validPhone       = regexp.MustCompile(`^\+?[0-9]{9,15}$`)
	wholeNumber      = regexp.MustCompile(`^[1-9][0-9]*$`)
)

// check is all that is wrong with a request.
func (w wanted) check(now time.Time) []problem {
	var all []problem
	add := func(code, format string, args ...any) {
		all = append(all, problem{code, fmt.Sprintf(format, args...)})
	}
	switch {
	case strings.TrimSpace(w.ReferenceID) == "":
		add(invalid, "referenceId is required")
	case !validReference.MatchString(w.ReferenceID):
		add(invalid, "referenceId may hold letters, digits, spaces and ASCII punctuation")
	}
	if w.Currency != "" && w.Currency != "IDR" {
		add(invalid, "currency must be IDR")
	}
	if len(names(w.Type)) == 0 {
		add(invalid, "paymentMethodType must be one of %s, %s, %s, %s", typeVA, typeRetail, typeQRIS, typeWallet)
	} else if w.Options == nil {
		add(invalid, "paymentMethodOptions is required")
	} else {
		all = append(all, w.Options.check(w.Type)...)
	}
	amount, whole := w.amount()
	if !whole {
		add(invalid, "amount must be a JSON integer above zero")
	} else if c := w.channel(); c != nil && (amount < c.least || amount > c.most) {
		add(outOfRange, "amount must be from %d to %d for %s", c.least, c.most, c.label)
	}
	if p := w.checkExpiry(now); p != "" {
		add(invalid, "%s", p)
	}
	return all
}

// check is what is wrong with the options of a type.
func (o *methodOptions) check(method string) []problem {
	var all []problem
	add := func(code, detail string) {
		all = append(all, problem{code, "paymentMethodOptions." + detail})
	}
	if !validDisplayName.MatchString(o.DisplayName) {
		add(invalid, "displayName may hold 20 letters, digits and spaces")
	}
	field := o.nameField(method)
	switch name := o.name(method); {
	case method == typeVA && slices.Contains(staticBanks, name):
		add(unsupported, field+" "+name+" has no virtual accounts for one payment")
	case method != typeQRIS && channelOf(method, name) == nil:
		add(invalid, field+" must be one of "+strings.Join(names(method), ", "))
	}
	switch method {
	case typeVA:
		if !validSuffix.MatchString(o.SuffixNo) {
			add(invalid, "suffixNo may hold 12 digits")
		}
	case typeWallet:
		if u, err := url.Parse(o.ReturnURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			add(invalid, "afterSettlementReturnUrl must be an http or https URL")
		}
		if o.ProviderCode == "OVO" && !validPhone.MatchString(o.PhoneNumber) {
			add(invalid, "phoneNumber must be a phone number")
		}
	}
	return all
}

// name is the channel that the options ask for, and nameField where they do.
func (o *methodOptions) name(method string) string {
	return map[string]string{typeVA: o.BankShortCode, typeRetail: o.RetailOutletName, typeWallet: o.ProviderCode}[method]
}

func (o *methodOptions) nameField(method string) string {
	return map[string]string{typeVA: "bankShortCode", typeRetail: "retailOutletName", typeWallet: "providerCode"}[method]
}

// channel is the one that is asked for, or nil.
func (w wanted) channel() *channel {
	if w.Options == nil {
		return nil
	}
	return channelOf(w.Type, w.Options.name(w.Type))
}

// amount is the amount, if it is a whole number of rupiah.
func (w wanted) amount() (int64, bool) {
	if !wholeNumber.Match(w.Amount) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(w.Amount), 10, 64)
	return n, err == nil
}

const (
	life       = 24 * time.Hour
	walletLife = 15 * time.Minute
)

// expiry is when the payment expires: what is asked for, or what is usual.
func (w wanted) expiry(now time.Time) (time.Time, error) {
	switch {
	case w.ExpiredAt != "":
		at, err := time.Parse(time.RFC3339, w.ExpiredAt)
		return at.UTC().Truncate(time.Second), err
	case w.Type == typeWallet:
		return now.Add(walletLife), nil
	}
	return now.Add(life), nil
}

func (w wanted) checkExpiry(now time.Time) string {
	at, err := w.expiry(now)
	switch {
	case err != nil:
		return "expiredAt must be an ISO 8601 time with its offset"
	case !at.After(now):
		return "expiredAt must be in the future"
	case w.Type == typeWallet && (at.Sub(now) < time.Minute || at.Sub(now) > time.Hour):
		return "expiredAt of an e-wallet must be from 1 minute to 1 hour ahead"
	}
	return ""
}

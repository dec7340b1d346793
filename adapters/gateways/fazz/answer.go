package fazz

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Fazz's codes, as a payments.GatewayError has them in Code. Where an answer
// has none, Code is the HTTP status.
const (
	CodeUnknown            = "000" // trouble at Fazz
	CodeInternal           = "001" // trouble at Fazz
	CodeAccessDenied       = "002" // a wrong key, or one of the other environment
	CodeUnsupported        = "003" // not enabled for the account; wraps payments.ErrUnsupported
	CodeNotFound           = "004" // wraps payments.ErrNotFound
	CodeInvalid            = "005" // parameters are invalid, or out of limits
	CodeUnknownOther       = "006" // trouble at Fazz, of the list for Singapore
	CodeUnavailable        = "010" // to be tried again after ten minutes
	CodeBalanceTooLow      = "TXN0001"
	CodeAmountOutOfRange   = "TXN0002" // less or more than the way to pay takes
	CodeTransactionCeiling = "TXN0003" // of the merchant's account
	CodeBalanceCeiling     = "TXN0004" // of the merchant's account
)

// unavailableFor is how long Fazz asks to wait after CodeUnavailable.
const unavailableFor = 10 * time.Minute

var (
	errKey = errors.New("the API key and secret key are not accepted: " +
		"they are wrong, or of the other environment (see Config.Production)")
	errForm = errors.New("the answer is not in Fazz's form")
)

// answer is what came back, as Fazz means it.
type answer struct{ gatewaykit.Answer }

// code is that of the first error, and "" if there is none.
func (a answer) code() string {
	for e := range a.Fields.Objects("errors") {
		if code := strings.TrimSpace(e.Text("code")); code != "" {
			return strings.ToUpper(code)
		}
	}
	return ""
}

// isOK reports a success that has something to tell.
func (a answer) isOK() bool {
	return a.Status >= 200 && a.Status < 300 && len(a.errors()) == 0 && a.Fields.Get("data") != ""
}

func (a answer) errors() []string {
	list, _ := a.Fields.List("errors") // no list: no errors
	return list
}

// isTrouble reports a failure at Fazz's side: nobody knows what became of the
// request.
func (a answer) isTrouble() bool {
	switch a.code() {
	case CodeUnknown, CodeInternal, CodeUnknownOther:
		return true
	case CodeUnavailable: // turned away
		return false
	}
	return a.Status >= 500
}

// isTransient reports trouble that may be over shortly. CodeUnavailable will
// not be.
func (a answer) isTransient() bool { return a.isTrouble() || a.Status == http.StatusTooManyRequests }

// message is what Fazz says about each error. Members beside code, title and
// detail are assumed, as JSON:API has them.
func (a answer) message() string {
	var parts []string
	for e := range a.Fields.Objects("errors") {
		var words []string
		for _, text := range []string{e.Text("title"), e.Text("detail"), e.Object("source").Text("pointer")} {
			if text != "" {
				words = append(words, text)
			}
		}
		parts = append(parts, strings.Join(words, ": "))
	}
	return strings.Join(parts, "; ")
}

// refusal makes an error of an answer that is not the success that r hopes
// for. Fazz does not publish which HTTP status goes with which code, so the
// code counts first.
func (c client) refusal(r request, a answer) *payments.GatewayError {
	code := a.code()
	e := &payments.GatewayError{
		Gateway: c.Gateway, Op: r.Op, HTTPStatus: a.Status, RetryAfter: a.RetryAfter,
		Code:    gatewaykit.Shorten(c.Hide(r, code), gatewaykit.MaxCode),
		Message: gatewaykit.Shorten(c.Hide(r, a.message()), gatewaykit.MaxMessage),
	}
	if code == "" {
		e.Code = strconv.Itoa(a.Status)
	}
	switch {
	case code == CodeUnavailable:
		e.Retry, e.RetryAfter = true, max(a.RetryAfter, unavailableFor)
	case a.Status == http.StatusTooManyRequests:
		e.Retry = true
	case a.isTrouble():
		c.unknown(e, r, errors.New("trouble at Fazz"))
	case code == CodeUnsupported:
		e.Err = payments.ErrUnsupported
	case code == CodeInvalid, strings.HasPrefix(code, "TXN"):
		// A final no.
	case code == CodeNotFound, a.Status == http.StatusNotFound && a.Fields != nil:
		// A page that is no JSON is not Fazz's: the payment may well be there.
		e.Err = payments.ErrNotFound
	case code == CodeAccessDenied, a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden && a.Fields != nil:
		e.Err = errKey
	case len(a.errors()) == 0, a.Status < 400:
		// Whoever sent this, nobody knows what became of the request.
		c.unknown(e, r, errForm)
	}
	return e
}

// unknown has e say that the outcome of r is not known. What only reads may
// just be asked again.
func (c client) unknown(e *payments.GatewayError, r request, why error) {
	e.Retry, e.Err = true, why
	if !r.ReadsOnly() {
		e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, why)
	}
}

// unreadable is the error of a success that cannot be read.
func (c client) unreadable(r request, a answer, why error) *payments.GatewayError {
	e := &payments.GatewayError{Gateway: c.Gateway, Op: r.Op, HTTPStatus: a.Status}
	c.unknown(e, r, fmt.Errorf("read the answer: %w", why))
	return e
}

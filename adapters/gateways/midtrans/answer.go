package midtrans

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

var errKey = errors.New("the server key is not accepted: " +
	"it is wrong, or of the other environment (see Config.Production)")

// answer is what came back, as Midtrans means it.
type answer struct{ gatewaykit.Answer }

// code is the body's status_code, and "" if it has none. Midtrans answers
// most errors of the Core API with HTTP 200 and the code in the body.
func (a answer) code() string { return a.Fields.Text("status_code") }

// isOK reports that HTTP was fine. 202 is not: it means that the first
// request with the same Idempotency-Key is still running.
func (a answer) isOK() bool {
	return a.Status >= 200 && a.Status < 300 && a.Status != http.StatusAccepted
}

// isTransient reports trouble that may be over shortly.
func (a answer) isTransient() bool {
	return a.isTrouble() || a.Status == http.StatusTooManyRequests || a.code() == "429"
}

// isTrouble reports a failure at Midtrans's side: nobody knows what became of
// the request.
func (a answer) isTrouble() bool {
	code := a.code()
	return a.Status >= 500 || len(code) == 3 && code[0] == '5'
}

// message is what Midtrans says, under whichever name it says it.
func (a answer) message() string {
	var parts []string
	for _, name := range []string{"error_messages", "status_message", "validation_messages", "validation_message", "message"} {
		parts = append(parts, a.Fields.Texts(name)...)
	}
	return strings.Join(parts, "; ")
}

// says reports whether the vendor's words contain one of the phrases.
func (a answer) says(phrases ...string) bool {
	message := strings.ToLower(a.message())
	for _, phrase := range phrases {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}

// refusal makes an error of an answer that is not the success that r hopes
// for.
func (c client) refusal(r request, a answer) *payments.GatewayError {
	code := a.code()
	if code == "" {
		code = strconv.Itoa(a.Status)
	}
	e := &payments.GatewayError{
		Gateway: c.Gateway, Op: r.Op, Code: gatewaykit.Shorten(c.Hide(r, code), gatewaykit.MaxCode), Message: gatewaykit.Shorten(c.Hide(r, a.message()), gatewaykit.MaxMessage),
		HTTPStatus: a.Status, RetryAfter: a.RetryAfter,
	}
	// Whoever sent an answer that is not in Midtrans's form, nobody knows
	// what became of the request.
	unknown := func(why string) {
		e.Retry, e.Err = true, errors.New(why)
		if !r.ReadsOnly() {
			e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
		}
	}
	switch {
	case a.Status == http.StatusUnauthorized || code == "401":
		e.Err = errKey
	case a.Status == http.StatusTooManyRequests || code == "429" || code == "409":
		e.Retry = true
	case a.isTrouble():
		unknown("trouble at Midtrans")
	case a.Status == http.StatusAccepted:
		unknown("the same request is still running at Midtrans")
	case a.Status >= 300 && a.Status < 400:
		unknown("redirects are not followed")
	case a.isOK() && (a.code() == "" || a.code() == "200" || a.code() == "201"),
		a.code() == "" && a.message() == "":
		unknown("the answer is not one of Midtrans's")
	case a.code() == "404":
		e.Err = payments.ErrNotFound
	case a.code() == "407" || a.code() == "412":
		e.Err = payments.ErrWrongState
	}
	return e
}

package midtrans

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/lunaspay/lunas/payments"
)

// How much of the vendor's words an error keeps, in characters.
const (
	maxCode    = 20
	maxMessage = 300
)

var errKey = errors.New("the server key is not accepted: " +
	"it is wrong, or of the other environment (see Config.Production)")

// code is the body's status_code, and "" if it has none. Midtrans answers
// most errors of the Core API with HTTP 200 and the code in the body.
func (a answer) code() string { return a.fields.text("status_code") }

// isOK reports that HTTP was fine. 202 is not: it means that the first
// request with the same Idempotency-Key is still running.
func (a answer) isOK() bool {
	return a.status >= 200 && a.status < 300 && a.status != http.StatusAccepted
}

// isTransient reports trouble that may be over shortly.
func (a answer) isTransient() bool {
	return a.isTrouble() || a.status == http.StatusTooManyRequests || a.code() == "429"
}

// isTrouble reports a failure at Midtrans's side: nobody knows what became of
// the request.
func (a answer) isTrouble() bool {
	code := a.code()
	return a.status >= 500 || len(code) == 3 && code[0] == '5'
}

// message is what Midtrans says, under whichever name it says it.
func (a answer) message() string {
	var parts []string
	for _, name := range []string{"error_messages", "status_message", "validation_messages", "validation_message", "message"} {
		parts = append(parts, a.fields.texts(name)...)
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
func (c *client) refusal(r request, a answer) *payments.GatewayError {
	code := a.code()
	if code == "" {
		code = strconv.Itoa(a.status)
	}
	e := &payments.GatewayError{
		Gateway: c.gateway, Op: r.op, Code: shorten(c.hide(r, code), maxCode), Message: shorten(c.hide(r, a.message()), maxMessage),
		HTTPStatus: a.status, RetryAfter: a.retryAfter,
	}
	// Whoever sent an answer that is not in Midtrans's form, nobody knows
	// what became of the request.
	unknown := func(why string) {
		e.Retry, e.Err = true, errors.New(why)
		if !r.readsOnly() {
			e.Err = fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, e.Err)
		}
	}
	switch {
	case a.status == http.StatusUnauthorized || code == "401":
		e.Err = errKey
	case a.status == http.StatusTooManyRequests || code == "429" || code == "409":
		e.Retry = true
	case a.isTrouble():
		unknown("trouble at Midtrans")
	case a.status == http.StatusAccepted:
		unknown("the same request is still running at Midtrans")
	case a.status >= 300 && a.status < 400:
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

// shorten makes foreign text fit to be kept: no control characters, at most
// n characters.
func shorten(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	for i := range s {
		if n == 0 {
			return strings.TrimSpace(s[:i])
		}
		n--
	}
	return s
}

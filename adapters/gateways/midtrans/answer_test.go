package midtrans

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// Each status code that Midtrans publishes as a failure, in the body of a
// cancellation's answer: what a caller is to make of it.
func TestEveryStatusCode(t *testing.T) {
	t.Parallel()
	type meaning struct {
		is    error // that it wraps; nil: refused, and that is all
		retry bool
	}
	refused, unknown := meaning{}, meaning{payments.ErrOutcomeUnknown, true}
	for code, want := range map[string]meaning{
		"202": refused, "300": refused,
		"400": refused, "401": {is: errKey}, "402": refused, "403": refused, "404": {is: payments.ErrNotFound},
		"405": refused, "406": refused, "407": {is: payments.ErrWrongState}, "408": refused, "409": {retry: true},
		"410": refused, "411": refused, "412": {is: payments.ErrWrongState}, "413": refused,
		"500": unknown, "501": unknown, "502": unknown, "503": unknown, "504": unknown,
	} {
		f := serve(t, answers(200, `{"status_code":"`+code+`","status_message":"said","id":"1"}`))
		err := f.Cancel(t.Context(), byTransaction)
		e := requireGatewayError(t, err)
		require.Equal(t, code, e.Code)
		require.Equal(t, "said", e.Message, code)
		require.Equal(t, want.retry, e.Retry, code)
		if want.is != nil {
			require.ErrorIs(t, err, want.is, code)
		}
		require.Equal(t, want == unknown, errors.Is(err, payments.ErrOutcomeUnknown), code)
	}
}

// Midtrans says what is wrong under many names, in a text or in a list.
func TestWhatAnErrorSays(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"status_code":"406","status_message":["transaction has been processed"]}`:        "transaction has been processed",
		`{"status_code":"413","status_message":"malformed syntax","id":"1"}`:               "malformed syntax",
		`{"status_code":"400","status_message":"invalid","validation_messages":["a","b"]}`: "invalid; a; b",
		`{"error_messages":["a","b"]}`:                                                     "a; b",
		`{"error_messages":"a"}`:                                                           "a",
		`{"message":"API rate limit exceeded"}`:                                            "API rate limit exceeded",
		`{"status_message":{"a":1},"id":"1"}`:                                              "",
	} {
		err := serve(t, answers(400, body)).Cancel(t.Context(), byTransaction)
		require.Equal(t, want, requireGatewayError(t, err).Message, body)
	}
}

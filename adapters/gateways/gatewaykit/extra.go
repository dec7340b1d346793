package gatewaykit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// ReadExtra decodes CheckoutRequest.Extra strictly: a misspelt option must not
// be silently off. What takes the options is named in the *payments.InvalidError.
func ReadExtra[T any](raw json.RawMessage, product string) (T, error) {
	var extra T
	if len(bytes.TrimSpace(raw)) == 0 {
		return extra, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&extra)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			return extra, payments.Invalid("extra", "must be one JSON object")
		}
		return extra, nil
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return extra, payments.Invalid(strings.TrimSuffix("extra."+wrong.Field, "."), "must not be a %s", wrong.Value)
	}
	// encoding/json has no type for this one.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = Shorten(strings.Trim(name, `"`), 64)
		return extra, payments.Invalid("extra."+name, "is not an option of %s", product)
	}
	return extra, payments.Invalid("extra", "must be one JSON object")
}

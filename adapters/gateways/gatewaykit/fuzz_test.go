package gatewaykit

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzReadBody: our reader accepts only what is JSON, and where it does it
// sees what encoding/json sees, escapes and all.
func FuzzReadBody(f *testing.F) {
	f.Add([]byte(`{"order_id":"a","gross_amount":"1.00","list":[{"a":1}],"u":"\u0041"}`))
	f.Add([]byte(`{"data":{"id":"x","attributes":{"amount":"100000.0","description":null}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := ReadBody(body)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &want))
		require.Len(t, o, len(want))
		for name, value := range want {
			require.JSONEq(t, string(value), o.Get(name))
		}
	})
}

// FuzzReadObject: what is read is what the standard library reads.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"order_id":"a","gross_amount":"1.00","list":[{"a":1}],"u":"\u0041"}`))
	f.Add([]byte(`{"data":{"id":"x","attributes":{"amount":"100000.0","description":null}}}`))
	f.Add([]byte(" {\"a\" : -1.5e3 , \"b\\\"\\\\\":[{\"c\":\"]}\"},[]] ,\t\"d\":true}\n"))
	f.Add([]byte(`{"a":1}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return // refused before
		}
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(data, &want)
		got, err := ReadObject(string(data))
		if wantErr != nil || want == nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		last := map[string]json.RawMessage{}
		for _, m := range got {
			last[m.Name] = json.RawMessage(m.Value)
		}
		require.Equal(t, want, last)
	})
}

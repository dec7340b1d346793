package midtrans

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/*.json", "testdata/recurring/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(body)
		}
	}
	for _, s := range []string{``, `{}`, `{"a":{"a":[{}]},"A":1}`, `{"order_id":1e9,"x":"` + testKey + `"}`, "{\"\xff\":1}", `{"a":"\ud800"}`} {
		f.Add([]byte(s))
	}
}

// FuzzReadNotification: nothing unsigned gets through but hints to ask about an
// account or a subscription, nothing secret is kept, and what is kept reads the
// same again.
func FuzzReadNotification(f *testing.F) {
	seeds(f)
	g := Snap(Config{ServerKey: testKey})
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := g.ReadNotification(payments.RawNotification{Body: body})
		requireNoSecret(t, string(n.Raw))
		require.True(t, utf8.ValidString(n.Ref))
		if hint := n.Subscription != nil || n.Notice != nil; err == nil && hint {
			requireHint(t, n)
		} else {
			require.Error(t, err, "nobody can guess a signature")
			requireNoSecret(t, err.Error())
		}

		n, err = g.ReadNotification(payments.RawNotification{Body: body, Verified: true})
		if err != nil {
			require.ErrorIs(t, err, payments.ErrMalformed)
			return
		}
		requireNoSecret(t, string(n.Raw))
		require.True(t, json.Valid(n.Raw))
		require.GreaterOrEqual(t, n.Amount.Amount, int64(0))
		for _, fact := range n.Facts {
			require.GreaterOrEqual(t, fact.Amount.Amount, int64(0))
		}
		if bytes.Contains(n.Raw, []byte(removed)) {
			return // an id may have held the key
		}
		if n.Notice != nil && n.Ref == "" {
			return // a func equals no other
		}
		again, err := g.ReadNotification(payments.RawNotification{Body: n.Raw, Verified: true})
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}

// requireHint: it says whom to ask about, and nothing of a payment.
func requireHint(t *testing.T, n payments.Notification) {
	t.Helper()
	require.Empty(t, n.Ref+n.TransactionID)
	require.Empty(t, n.Facts)
	require.Equal(t, payments.ProofPartial, n.Proof)
	s := n.Subscription
	if s == nil {
		return
	}
	require.True(t, isSubscriptionID(s.ID))
	require.True(t, s.TransactionID == "" || isID(s.TransactionID, maxTransactionID))
	require.GreaterOrEqual(t, s.Interval, 0)
	require.LessOrEqual(t, utf8.RuneCountInString(s.Failure), maxMessage)
	requireNoSecret(t, s.Failure)
	for _, text := range []string{s.Ref, s.Failure} {
		require.True(t, utf8.ValidString(text))
		require.False(t, strings.ContainsFunc(text, unicode.IsControl))
	}
}

// FuzzReadBody: our reader accepts only what is JSON, and where it does it
// sees what encoding/json sees, escapes and all.
func FuzzReadBody(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := readBody(body)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &want))
		require.Len(t, o, len(want))
		for name, value := range want {
			require.JSONEq(t, string(value), o.get(name))
		}
	})
}

// FuzzAmounts: an amount is read exactly or not at all, as text or number.
func FuzzAmounts(f *testing.F) {
	for _, s := range []string{"10000.00", "0", "1.5", "-1", "1e3", "007", "9223372036854775807.00", "1.000000000000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := object{{"gross_amount", string(appendString(nil, s))}}
		a, err := readAmounts(text)
		if err != nil {
			return
		}
		require.Equal(t, payments.Rupiah, a.base.Currency)
		number := object{{"gross_amount", s}}
		b, err := readAmounts(number)
		require.NoError(t, err)
		require.Equal(t, a, b)
		require.Equal(t, a.base.Decimal(), twoDecimals(a.base.Decimal()))
	})
}

// FuzzReadObject: what is read is what the standard library reads.
func FuzzReadObject(f *testing.F) {
	seeds(f)
	f.Add([]byte(" {\"a\" : -1.5e3 , \"b\\\"\\\\\":[{\"c\":\"]}\"},[]] ,\t\"d\":true}\n"))
	f.Add([]byte(`{"a":1}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return // refused before
		}
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(data, &want)
		got, err := readObject(string(data))
		if wantErr != nil || want == nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		last := map[string]json.RawMessage{}
		for _, m := range got {
			last[m.name] = json.RawMessage(m.value)
		}
		require.Equal(t, want, last)
	})
}

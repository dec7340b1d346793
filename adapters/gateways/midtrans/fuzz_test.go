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

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
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
		if bytes.Contains(n.Raw, []byte(gatewaykit.Removed)) {
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
	require.True(t, s.TransactionID == "" || gatewaykit.IsID(s.TransactionID, maxTransactionID))
	require.GreaterOrEqual(t, s.Interval, 0)
	require.LessOrEqual(t, utf8.RuneCountInString(s.Failure), gatewaykit.MaxMessage)
	requireNoSecret(t, s.Failure)
	for _, text := range []string{s.Ref, s.Failure} {
		require.True(t, utf8.ValidString(text))
		require.False(t, strings.ContainsFunc(text, unicode.IsControl))
	}
}

// FuzzAmounts: an amount is read exactly or not at all, as text or number.
func FuzzAmounts(f *testing.F) {
	for _, s := range []string{"10000.00", "0", "1.5", "-1", "1e3", "007", "9223372036854775807.00", "1.000000000000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		text := object{{Name: "gross_amount", Value: string(quoted)}}
		a, err := readAmounts(text)
		if err != nil {
			return
		}
		require.Equal(t, payments.Rupiah, a.base.Currency)
		number := object{{Name: "gross_amount", Value: s}}
		b, err := readAmounts(number)
		require.NoError(t, err)
		require.Equal(t, a, b)
		require.Equal(t, a.base.Decimal(), twoDecimals(a.base.Decimal()))
	})
}

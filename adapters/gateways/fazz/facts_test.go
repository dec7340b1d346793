package fazz

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// observe reads a body as one that was verified.
func observe(t testing.TB, body string) (payments.Notification, error) {
	t.Helper()
	return New(testConfig()).ReadNotification(payments.RawNotification{Body: []byte(body), Verified: true})
}

var (
	paid  = payments.Fact{Kind: payments.FactPaid, Amount: payments.IDR(150_000)}
	funds = payments.Fact{Kind: payments.FactFunds}
	fee   = payments.Fact{Kind: payments.FactFee, Amount: payments.IDR(4400), Text: "fees"}
	words = map[string][]payments.Fact{
		"pending":    {{Kind: payments.FactPending}},
		"processing": {{Kind: payments.FactPending}},
		"paid":       {paid, fee},
		"completed":  {paid, funds, fee},
		"cancelled":  {{Kind: payments.FactCanceled}},
		"expired":    {{Kind: payments.FactExpired}},
		"failed":     {{Kind: payments.FactFailed}},
	}
)

func TestWords(t *testing.T) {
	t.Parallel()
	for word, want := range words {
		for _, spelt := range []string{word, strings.ToUpper(word), " " + word + " "} {
			n, err := observe(t, paymentBody(spelt))
			require.NoError(t, err, spelt)
			require.Equal(t, want, n.Facts, spelt)
			require.Equal(t, word, n.RawStatus)
			require.False(t, n.Attention, spelt)
			require.Equal(t, word != "pending", n.GatewayAt.IsZero(), "when it was paid is not told: %s", word)
			require.Equal(t, time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), n.BegunAt)
			require.Equal(t, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), n.ExpiresAt)
		}
	}
	for _, word := range []string{"canceled", "settled", "on_hold", "refunded", "paid!", "paid completed"} {
		n, err := observe(t, paymentBody(word))
		require.NoError(t, err, word)
		require.Empty(t, n.Facts, word)
		require.True(t, n.Attention, word)
	}
}

// TestWordsProperty: no text but the seven words tells anything.
func TestWordsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z]{1,12}`), rapid.SampledFrom([]string{"paid", "completed", "expired"})).Draw(t, "word")
		quoted, err := json.Marshal(word)
		require.NoError(t, err)
		g := New(testConfig())
		n, err := g.ReadNotification(payments.RawNotification{
			Body: []byte(strings.Replace(paymentBody("?"), `"?"`, string(quoted), 1)), Verified: true,
		})
		if strings.TrimSpace(word) == "" {
			require.ErrorIs(t, err, payments.ErrMalformed)
			return
		}
		require.NoError(t, err)
		want, known := words[strings.ToLower(strings.TrimSpace(word))]
		require.Equal(t, want, n.Facts)
		require.Equal(t, !known, n.Attention)
	})
}

// TestMoneyProperty: an amount is read exactly, as text or number, or refused.
func TestMoneyProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 1<<62).Draw(t, "amount")
		zeros := rapid.IntRange(0, 6).Draw(t, "zeros")
		text := fmt.Sprint(amount)
		if zeros > 0 {
			text += "." + strings.Repeat("0", zeros)
		}
		fraction := rapid.Bool().Draw(t, "fraction")
		if fraction {
			text = fmt.Sprintf("%d.%s%d", amount, strings.Repeat("0", zeros), rapid.IntRange(1, 9).Draw(t, "digit"))
		}
		for _, raw := range []string{`"` + text + `"`, text} {
			g := New(testConfig())
			n, err := g.ReadNotification(payments.RawNotification{
				Body: []byte(strings.Replace(paymentBody("paid"), `"150000.0"`, raw, 1)), Verified: true,
			})
			if fraction {
				require.ErrorIs(t, err, payments.ErrMalformed, raw)
				continue
			}
			require.NoError(t, err, raw)
			require.Equal(t, payments.IDR(amount), n.Amount)
			require.Equal(t, payments.IDR(amount), n.Facts[0].Amount)
		}
	})
}

func TestMoney(t *testing.T) {
	t.Parallel()
	n, err := observe(t, change(t, paymentBody("paid"), "data.attributes.currency", nil))
	require.NoError(t, err)
	require.Equal(t, payments.IDR(150_000), n.Amount, "older replies have no currency")

	n, err = observe(t, change(t, paymentBody("paid"), "data.attributes.currency", "sgd"))
	require.NoError(t, err)
	require.Equal(t, payments.Money{Amount: 15_000_000, Currency: "SGD"}, n.Amount, "kept as told: the core sends it to review")
	require.Equal(t, n.Amount, n.Facts[0].Amount)

	for _, amount := range []string{"1e5", "150,000.0", "0x10", "150000.", ".0", "", "99999999999999999999", "+1", "150000.0 "} {
		_, err := observe(t, change(t, paymentBody("paid"), "data.attributes.amount", amount))
		require.ErrorIs(t, err, payments.ErrMalformed, amount)
	}
}

func TestFees(t *testing.T) {
	t.Parallel()
	for _, none := range []any{nil, "0.0", "0"} {
		n, err := observe(t, change(t, paymentBody("paid"), "data.attributes.fees", none))
		require.NoError(t, err)
		require.Equal(t, []payments.Fact{paid}, n.Facts)
		require.False(t, n.Attention)
	}
	n, err := observe(t, strings.Replace(paymentBody("paid"), `"4400.0"`, "null", 1))
	require.NoError(t, err)
	require.Equal(t, []payments.Fact{paid}, n.Facts)
	for _, odd := range []string{"10.5", "-1.0", "free"} {
		n, err := observe(t, change(t, paymentBody("completed"), "data.attributes.fees", odd))
		require.NoError(t, err, "a fee is no reason to lose a payment")
		require.Equal(t, []payments.Fact{paid, funds}, n.Facts, odd)
		require.True(t, n.Attention, odd)
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"failureReason", "message", "reason", "errorMessage"} {
		n, err := observe(t, change(t, paymentBody("failed"), "data.attributes."+name, "  bank\x00 said\nno "))
		require.NoError(t, err)
		require.Equal(t, "failed:   bank  said no", n.RawStatus, name)
		require.Equal(t, []payments.FactKind{payments.FactFailed}, kinds(n.Facts))
		n, err = observe(t, change(t, paymentBody("paid"), "data.attributes."+name, "x"))
		require.NoError(t, err)
		require.Equal(t, "paid", n.RawStatus)
	}
	n, err := observe(t, change(t, paymentBody("failed"), "data.attributes.reason", strings.Repeat("x", 500)))
	require.NoError(t, err)
	require.Len(t, n.RawStatus, 120)
}

func TestMethods(t *testing.T) {
	t.Parallel()
	way := func(typ string, instructions map[string]any) map[string]any {
		return map[string]any{"id": "1", "type": typ, "instructions": instructions}
	}
	for want, m := range map[payments.Method]map[string]any{
		"bank_transfer/bca":               way("virtual_bank_account", map[string]any{"bankShortCode": "BCA"}),
		"bank_transfer/sahabat_sampoerna": way("virtual_bank_account", map[string]any{"bankShortCode": "SAHABAT_SAMPOERNA"}),
		"bank_transfer/permata":           way("virtual_bank_account", map[string]any{"bankShortCode": "PERMATA"}),
		"cstore/alfamart":                 way("retail_outlet", map[string]any{"retailOutletName": "ALFAMART"}),
		"cstore/indomaret":                way("retail_outlet", map[string]any{"retailOutletCode": "INDOMARET"}),
		"qris":                            way("qris", map[string]any{"imageUrl": "https://x.example/1.png"}),
		"ovo":                             way("e-wallet", map[string]any{"providerCode": "OVO"}),
		"paynow":                          way("paynow", nil),
		"":                                way("e-wallet", map[string]any{}),
	} {
		n, err := observe(t, change(t, paymentBody("paid"), "data.attributes.paymentMethod", m))
		require.NoError(t, err)
		require.Equal(t, want, n.Method)
	}
	for _, none := range []any{nil, "x", []int{1}, map[string]any{}, way("virtual_bank_account", nil), way("retail_outlet", nil)} {
		n, err := observe(t, change(t, paymentBody("paid"), "data.attributes.paymentMethod", none))
		require.NoError(t, err)
		require.Empty(t, n.Method)
		require.Equal(t, []payments.Fact{paid, fee}, n.Facts)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 1, 1, 15, 5, 26, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"2026-01-01T22:05:26+07:00":     want,
		"2026-01-01T15:05:26Z":          want,
		"2026-01-01 22:05:26 +0700":     want,
		"2026-01-01T22:05:26.000+07:00": want,
		"":                              {}, "soon": {}, "2026-01-01": {}, "2026-01-01T22:05:26": {}, "0001-01-01T00:00:00Z": {}, "9999-01-01T00:00:00Z": {},
	} {
		require.Equal(t, want, parseTime(s), s)
	}
	require.Equal(t, "2026-01-01T22:05:26+07:00", formatTime(want.Add(999*time.Millisecond)))
}

func TestMethodList(t *testing.T) {
	t.Parallel()
	g := New(testConfig())
	list := g.Methods()
	require.Len(t, list, 10)
	var names, aliases []payments.Method
	for _, m := range list {
		names, aliases = append(names, m.Method), append(aliases, m.Aliases...)
		require.NotEmpty(t, m.Name)
		require.Equal(t, payments.Capabilities{Cancel: m.Kind == payments.KindVirtualAccount}, m.Can, m.Method)
		require.Equal(t, m.Can, g.Capabilities(m.Method))
		require.Less(t, m.Min.Amount, m.Max.Amount)
		life := 24 * 60 * 60
		if m.Kind == payments.KindRedirect || m.Kind == payments.KindPush {
			life = 15 * 60
		}
		require.Equal(t, life, m.ExpirySeconds, m.Method)
		require.True(t, gatewaykit.IsID(string(m.Method), 64))
	}
	for _, name := range []payments.Method{
		"bank_transfer/bca", "bank_transfer/bri", "bank_transfer/bni", "bank_transfer/mandiri", "bank_transfer/sahabat_sampoerna",
		"qris", "shopeepay", "ovo", "cstore/alfamart", "cstore/indomaret",
	} {
		require.Contains(t, names, name)
	}
	slices.Sort(aliases)
	require.Equal(t, []payments.Method{"alfamart", "bca_va", "bni_va", "bri_va", "indomaret", "mandiri_va", "other_qris"}, aliases)
	require.Empty(t, g.Capabilities("dana"))
	require.Empty(t, g.Capabilities(""))
}

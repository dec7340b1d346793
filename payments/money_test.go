package payments

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in       string
		currency Currency
		want     int64
	}{
		{"10000.00", "IDR", 10_000},
		{"100000.0", "IDR", 100_000},
		{"10000", "IDR", 10_000},
		{"0", "IDR", 0},
		{"007", "IDR", 7},
		{"12.0000000000000000000000", "IDR", 12},
		{"9223372036854775807", "IDR", math.MaxInt64},
		{"9223372036854775807.00", "IDR", math.MaxInt64},
		{"10.5", "USD", 1_050},
		{"10.50", "USD", 1_050},
		{"10.500", "USD", 1_050},
		{"0.01", "USD", 1},
		{"10", "USD", 1_000},
		{"92233720368547758.07", "USD", math.MaxInt64},
		{"500", "JPY", 500},
	} {
		got, err := ParseMoney(c.in, c.currency)
		require.NoError(t, err, c.in)
		require.Equal(t, Money{Amount: c.want, Currency: c.currency}, got, c.in)
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in       string
		currency Currency
		why      string
	}{
		{"1.50", "IDR", "finer than the smallest unit"},
		{"0.001", "USD", "finer than the smallest unit"},
		{"1.5", "JPY", "finer than the smallest unit"},
		{"-1", "IDR", "not a plain decimal"},
		{"+1", "IDR", "not a plain decimal"},
		{"1e4", "IDR", "not a plain decimal"},
		{"1E4", "IDR", "not a plain decimal"},
		{"0x10", "IDR", "not a plain decimal"},
		{"10,000", "IDR", "not a plain decimal"},
		{"10_000", "IDR", "not a plain decimal"},
		{"1.000.000", "IDR", "not a plain decimal"},
		{"", "IDR", "not a plain decimal"},
		{".", "IDR", "not a plain decimal"},
		{".5", "USD", "not a plain decimal"},
		{"5.", "USD", "not a plain decimal"},
		{" 5", "IDR", "not a plain decimal"},
		{"٥", "IDR", "not a plain decimal"},
		{"NaN", "IDR", "not a plain decimal"},
		{"9223372036854775808", "IDR", "out of range"},
		{"92233720368547758.08", "USD", "out of range"},
		{"10", "XYZ", "not supported"},
		{"10", "", "not supported"},
		{"10", "idr", "not supported"},
	} {
		got, err := ParseMoney(c.in, c.currency)
		require.ErrorIs(t, err, ErrMoney, c.in)
		require.ErrorContains(t, err, c.why, c.in)
		require.Zero(t, got, c.in)
	}
}

func TestParseMoneyKeepsErrorsShort(t *testing.T) {
	t.Parallel()
	_, err := ParseMoney(strings.Repeat("9", 10_000), Rupiah)
	require.ErrorIs(t, err, ErrMoney)
	require.Less(t, len(err.Error()), 120)
}

func TestParseMoneyJSON(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`"10000.00"`, `"10000"`, `10000`, `10000.0`, ` 10000 `, `"\u00310000"`} {
		got, err := ParseMoneyJSON(json.RawMessage(in), Rupiah)
		require.NoError(t, err, in)
		require.Equal(t, IDR(10_000), got, in)
	}
	for _, in := range []string{``, `null`, `true`, `1e4`, `"1e4"`, `-1`, `{}`, `["1"]`, `"10000`, `"10000" "`, `""`, `10000.5`} {
		_, err := ParseMoneyJSON(json.RawMessage(in), Rupiah)
		require.ErrorIs(t, err, ErrMoney, in)
	}
}

func TestMoneyPrints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m             Money
		decimal, text string
	}{
		{IDR(29_000), "29000.00", "Rp29.000"},
		{IDR(0), "0.00", "Rp0"},
		{IDR(999), "999.00", "Rp999"},
		{IDR(1_000), "1000.00", "Rp1.000"},
		{IDR(1_234_567_890), "1234567890.00", "Rp1.234.567.890"},
		{IDR(-29_000), "-29000.00", "-Rp29.000"},
		{IDR(math.MinInt64), "-9223372036854775808.00", "-Rp9.223.372.036.854.775.808"},
		{Money{1_050, "USD"}, "10.50", "USD 10.50"},
		{Money{5, "USD"}, "0.05", "USD 0.05"},
		{Money{-5, "USD"}, "-0.05", "USD -0.05"},
		{Money{500, "JPY"}, "500.00", "JPY 500.00"},
		{Money{}, "0.00", "0.00"},
	} {
		require.Equal(t, c.decimal, c.m.Decimal())
		require.Equal(t, c.text, c.m.String())
	}
}

func TestMoneyAddsExactlyOrNotAtAll(t *testing.T) {
	t.Parallel()
	sum, err := IDR(1).Add(IDR(2))
	require.NoError(t, err)
	require.Equal(t, IDR(3), sum)
	_, err = IDR(1).Add(Money{Amount: 1, Currency: "USD"})
	require.ErrorIs(t, err, ErrMoney)

	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAmount().Draw(t, "a"), anyAmount().Draw(t, "b")
		exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := IDR(a).Add(IDR(b))
		requireExact(t, exact, got, err)
	})
}

func TestMoneyMultipliesExactlyOrNotAtAll(t *testing.T) {
	t.Parallel()
	_, err := IDR(1).Times(-1)
	require.ErrorIs(t, err, ErrMoney)

	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount().Draw(t, "a")
		n := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, math.MaxInt)).Draw(t, "n")
		exact := new(big.Int).Mul(big.NewInt(a), big.NewInt(int64(n)))
		got, err := IDR(a).Times(n)
		requireExact(t, exact, got, err)
	})
}

func anyAmount() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-100, 100), rapid.Int64(),
		rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, math.MaxInt64 / 2, math.MinInt64 / 2, math.MaxInt64/2 + 1}),
	)
}

func requireExact(t *rapid.T, exact *big.Int, got Money, err error) {
	if !exact.IsInt64() {
		require.ErrorIs(t, err, ErrMoney)
		require.Zero(t, got)
		return
	}
	require.NoError(t, err)
	require.Equal(t, IDR(exact.Int64()), got)
}

var plainDecimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// oracle reads an amount with big rationals: the units, or false if they are
// not a whole number that fits.
func oracle(s string, c Currency) (int64, bool) {
	digits, known := map[Currency]int64{"IDR": 0, "USD": 2}[c]
	if !known || !plainDecimal.MatchString(s) {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)))
	return r.Num().Int64(), r.IsInt() && r.Num().IsInt64()
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{
		"10000.00", "100000.0", "10000", "1e4", "1.50", "-1", "", ".", "0.01", "00.10", "9223372036854775807", "9223372036854775808",
		"92233720368547758.07", "92233720368547758.08", "1.0000000000000000000000000001", "+5", "1_0", "Ⅷ", "\x00", "5.",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []Currency{"IDR", "USD", "XXX"} {
			got, err := ParseMoney(s, c)
			want, ok := oracle(s, c)
			if !ok {
				require.ErrorIs(t, err, ErrMoney)
				require.Zero(t, got)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, Money{Amount: want, Currency: c}, got)
			again, err := ParseMoney(got.Decimal(), c)
			require.NoError(t, err)
			require.Equal(t, got, again)

			quoted, err := json.Marshal(s)
			require.NoError(t, err)
			asText, err := ParseMoneyJSON(quoted, c)
			require.NoError(t, err)
			require.Equal(t, got, asText)
		}
		if utf8.ValidString(s) {
			_, _ = ParseMoneyJSON(json.RawMessage(s), Rupiah) // any bytes: an error at worst
		}
	})
}

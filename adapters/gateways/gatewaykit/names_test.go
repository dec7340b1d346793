package gatewaykit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestCheckNames(t *testing.T) {
	t.Parallel()
	nest := func(n int) string {
		return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	for body, want := range map[string]error{
		`{"a":{"b":1,"c":[{"b":1},{"b":2}]},"b":2}`: nil,
		`{"a":{"b":1,"b":2}}`:                       errTwice,
		`{"a":{"b":1,"B":2}}`:                       errTwice,
		`{"a":{"s":1,"\u017f":2}}`:                  errTwice,
		`{"a":[1,[{"b":1,"\u0062":2}]]}`:            errTwice,
		`{"a":{"b":{"c":null,"d":0,"c":null}}}`:     errTwice,
		nest(MaxDepth - 1):                          nil,
		nest(MaxDepth):                              errDeep,
		`{"a":` + strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth+1): errDeep,
	} {
		o, err := ReadBody([]byte(body))
		require.NoError(t, err, body)
		if err = CheckNames(o); want == nil {
			require.NoError(t, err, body)
		} else {
			require.ErrorIs(t, err, want, body)
		}
	}
}

func TestReadExtra(t *testing.T) {
	t.Parallel()
	type options struct {
		Name string `json:"name"`
		In   struct {
			N int `json:"n"`
		} `json:"in"`
	}
	for _, raw := range []string{"", " ", "null", "{}"} {
		got, err := ReadExtra[options]([]byte(raw), "it")
		require.NoError(t, err, raw)
		require.Empty(t, got)
	}
	got, err := ReadExtra[options]([]byte(` {"name":"x","in":{"n":1}} `), "it")
	require.NoError(t, err)
	require.Equal(t, "x1", got.Name+string(rune('0'+got.In.N)))
	for raw, field := range map[string]string{
		`{"nam":"x"}`:     "extra.nam",
		`{"in":{"n":""}}`: "extra.in.n",
		`[]`:              "extra",
		`{}{}`:            "extra",
		`{`:               "extra",
		`x`:               "extra",
		`{"` + strings.Repeat("x", 1000) + `":1}`: "extra." + strings.Repeat("x", 64),
	} {
		_, err := ReadExtra[options]([]byte(raw), "it")
		var invalid *payments.InvalidError
		require.ErrorAs(t, err, &invalid, raw)
		require.Equal(t, field, invalid.Fields[0].Field, raw)
	}
}

func TestTitleAndWebURL(t *testing.T) {
	t.Parallel()
	require.Empty(t, Title(payments.Order{}))
	require.Equal(t, "Pro", Title(payments.Order{Plan: &payments.Plan{ID: "pro", DisplayName: "Pro"}}))
	require.Equal(t, "mug", Title(payments.Order{Lines: []payments.Line{{Item: payments.Item{ID: "mug"}}}}))
	for s, want := range map[string]bool{
		"https://a.example/x?y=z": true, "http://localhost:1": true,
		"": false, "javascript:alert(1)": false, "//a.example": false, "https://": false, "https://%zz": false, "ftp://a": false,
	} {
		require.Equal(t, want, IsWebURL(s), s)
	}
}

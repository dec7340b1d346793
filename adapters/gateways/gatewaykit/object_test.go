package gatewaykit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObjectText(t *testing.T) {
	t.Parallel()
	o, err := ReadBody([]byte(`{"s":"a\u0062","n":12.50,"m":-1,"t":true,"z":null,"l":["x","y"],"o":{"s":"in"},"e":""}`))
	require.NoError(t, err)
	for name, want := range map[string]string{"s": "ab", "n": "12.50", "m": "-1", "t": "", "z": "", "l": "", "o": "", "e": "", "x": ""} {
		require.Equal(t, want, o.Text(name), name)
	}
	require.Equal(t, []string{"x", "y"}, o.Texts("l"))
	require.Equal(t, []string{"ab"}, o.Texts("s"))
	require.Empty(t, o.Texts("o"))
	require.Equal(t, "in", o.Object("o").Text("s"))
	require.Nil(t, o.Object("l").Object("x"))
	for _, name := range []string{"z", "x"} {
		list, err := o.List(name)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	_, err = o.List("s")
	require.Error(t, err)
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"order_id", "ORDER_ID"}, {"status", "\u017ftatu\u017f"}, {"k", "\u212a"}} {
		require.Equal(t, fold(pair[0]), fold(pair[1]))
	}
	require.NotEqual(t, fold("order_id"), fold("order-id"))
}

func TestClean(t *testing.T) {
	t.Parallel()
	o, err := ReadBody([]byte(" {\"b\" : \"a&<>\", \"a\":[ 1 , {\"Signature_Key\":[1], \"n\" : 9007199254740993.10 } ], \"s\":\"hush\", \"hush\":null}"))
	require.NoError(t, err)
	out, err := Clean(o, func(name string) bool { return name == "signature_key" }, strings.NewReplacer("hush", Removed).Replace)
	require.NoError(t, err)
	require.Equal(t,
		`{"b":"a&<>","a":[1,{"Signature_Key":"[removed]","n":9007199254740993.10}],"s":"[removed]","[removed]":null}`,
		string(out))
}

func TestShorten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "añ", Shorten(" añb", 2))
	require.Equal(t, "a b", Shorten("a\nb\x00", 9))
	require.Equal(t, "a", Shorten("a bcd", 2))
	require.Empty(t, Shorten("abc", 0))
}

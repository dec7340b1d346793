package midtrans

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

func TestLinkOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"order123-1647944535605":            "order123",
		"1525840754698-1647594290":          "1525840754698",
		"merchant-order-id-1-1647944535605": "merchant-order-id-1",
		"a-1647944535605-1647944535606":     "a-1647944535605",
		"a--1647944535605":                  "a-",
		linkRef + "-1647944535605":          linkRef,

		"":                        "",
		"order123":                "",
		"order123-":               "",
		"-1647944535605":          "",
		"1647944535605":           "",
		"order123-164794453560":   "", // 12 digits
		"order123-16479445356055": "",
		"order123-16475942901":    "",
		"order123-164759429":      "",
		"order123-164794453560x":  "",
		"order123-+647944535605":  "",
		"order123_1647944535605":  "",
		"order123-１６４７９４４５３５６０５": "",
	} {
		got, ok := LinkOf(id)
		require.Equal(t, want, got, id)
		require.Equal(t, want != "", ok, id)
	}
}

func FuzzLinkOf(f *testing.F) {
	for _, id := range []string{"order123-1647944535605", "1525840754698-1647594290", "-", "--1647944535605", "a-b"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		link, ok := LinkOf(id)
		if !ok {
			require.Empty(t, link)
			return
		}
		require.NotEmpty(t, link)
		digits, found := strings.CutPrefix(id, link+"-")
		require.True(t, found)
		require.Contains(t, []int{10, 13}, len(digits))
		require.Empty(t, strings.Trim(digits, "0123456789"))
	})
}

func TestLinksOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"order_id":"a-1647944535605"}`:                                  {"a"},
		`{"order_id":"a-1647944535605","custom_field1":"a"}`:              {"a"},
		`{"order_id":"a-b-16479","custom_field1":"a-b"}`:                  {"a-b"},
		`{"order_id":"a-b-1647944535605","custom_field1":"a"}`:            {"a", "a-b"},
		`{"order_id":"a-1647944535605","custom_field1":"somebody-elses"}`: {"a"},
		`{"order_id":"a","custom_field1":"a"}`:                            nil,
		`{"order_id":"order-1","custom_field1":""}`:                       nil,
		`{}`: nil,
	} {
		o, err := gatewaykit.ReadBody([]byte(body))
		require.NoError(t, err)
		require.Equal(t, want, linksOf(o), body)
	}
}

package midtrans

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// A way to pay that is not in the list, as it is retired or new: a Snap page
// can be limited to it, and what is told of it is read.
func TestAChannelThatIsNotListed(t *testing.T) {
	t.Parallel()
	for method, snap := range map[payments.Method]string{
		"mandiri_ecash": "mandiri_ecash", "telkomsel_cash": "telkomsel_cash", "indosat_dompetku": "indosat_dompetku",
		"cstore/kioson": "kioson", "gci": "gci",
	} {
		f := serve(t, answers(http.StatusCreated, created))
		r := checkout()
		r.Method = method
		_, err := f.Checkout(t.Context(), r)
		require.NoError(t, err)
		require.Contains(t, f.last(t).body, `"enabled_payments":["`+snap+`"]`)

		body := settlement()
		body["payment_type"] = string(method)
		if method == "cstore/kioson" {
			body["payment_type"], body["store"] = "cstore", "kioson"
		}
		n, err := read(f.Gateway, sign(t, body, testKey))
		require.NoError(t, err)
		require.Equal(t, method, n.Method)
		require.Equal(t, facts(payments.FactPaid, payments.FactFunds), n.Facts)
		require.False(t, n.Attention)
		require.Zero(t, f.Capabilities(method), "what can be undone is not known")
	}
}

package fazz_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/payments"
)

// Fazz has no page on which the payer chooses, and does not say so. With Fazz
// before Midtrans and no Router, each checkout without a method goes to Fazz and
// is refused for good, though Midtrans's page would take it: nobody can pay.
func TestFaultFazzDoesNotTellThatItNeedsAMethod(t *testing.T) {
	t.Parallel()
	chooser, ok := payments.As[payments.MethodChooser](fazz.New(fazz.Config{}))
	require.True(t, ok, "fazz.Gateway is no payments.MethodChooser")
	require.True(t, chooser.NeedsMethod())
}

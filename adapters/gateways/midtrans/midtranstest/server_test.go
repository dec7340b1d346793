package midtranstest_test

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

func TestNewServer(t *testing.T) {
	t.Parallel()
	sim := midtranstest.NewServer()
	require.True(t, strings.HasPrefix(sim.URL, "http://127.0.0.1:"), sim.URL)
	gateway := midtrans.Snap(sim.Config())
	order := payments.Order{Amount: payments.IDR(29_000)}
	got, err := gateway.Checkout(t.Context(), payments.CheckoutRequest{Ref: "order-1", Order: order})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got.RedirectURL, sim.URL+"/snap/v4/redirection/"))

	// Closing ends the calls that hang.
	hanging := make(chan error, 1)
	met := make(chan struct{})
	sim.Fail(simkit.Fault{Kind: simkit.Silent, Met: func() { close(met) }})
	go func() {
		_, err := gateway.Checkout(context.WithoutCancel(t.Context()), payments.CheckoutRequest{Ref: "order-1", Order: order})
		hanging <- err
	}()
	<-met
	sim.Close()
	require.ErrorIs(t, <-hanging, payments.ErrOutcomeUnknown)
	_, err = http.Get(sim.URL)
	require.Error(t, err, "nobody listens any more")
}

func TestNewDoesNotListen(t *testing.T) {
	t.Parallel()
	sim := midtranstest.New(midtranstest.WithURL("http://localhost:8080/midtrans/"))
	defer sim.Close()
	got, err := midtrans.Snap(sim.Config()).Checkout(t.Context(), payments.CheckoutRequest{
		Ref: "order-1", Order: payments.Order{Amount: payments.IDR(29_000)},
	})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got.RedirectURL, "http://localhost:8080/midtrans/snap/v4/redirection/"))
	require.Panics(t, func() { midtranstest.New(midtranstest.WithURL("http://%")) })
}

// Programs may embed the simulator: it must not bring the testing package,
// with its flags, along.
func TestLinksNoTestPackages(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for _, dep := range bytes.Fields(out) {
		require.NotContains(t, []string{"testing", "net/http/httptest", "flag"}, string(dep))
	}
}

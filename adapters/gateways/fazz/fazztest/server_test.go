package fazztest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// checkout is a call as the configuration says.
func checkout(ctx context.Context, sim *fazztest.Server, ref string) (*http.Response, error) {
	c := sim.Config()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+"/payments", strings.NewReader(body(ref, byShopee)))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(c.APIKey, c.SecretKey)
	req.Header.Set("Content-Type", "application/json")
	return c.HTTPClient.Do(req)
}

func TestNewServer(t *testing.T) {
	t.Parallel()
	sim := fazztest.NewServer()
	require.True(t, strings.HasPrefix(sim.URL, "http://127.0.0.1:"), sim.URL)
	c := sim.Config()
	require.Equal(t, []string{"test_simulated", "test_secret_simulated", "ss_simulated0001", sim.URL + "/api/v4"}, []string{c.APIKey, c.SecretKey, c.SigningSecret, c.BaseURL})
	require.Same(t, sim.Client(), c.HTTPClient)
	resp, err := checkout(t.Context(), sim, "INV-1")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Equal(t, "pending", sim.Status("INV-1"))

	// Closing ends the calls that hang.
	hanging := make(chan error, 1)
	met := make(chan struct{})
	sim.Fail(simkit.Fault{Kind: simkit.Silent, Met: func() { close(met) }})
	go func() {
		_, err := checkout(context.WithoutCancel(t.Context()), sim, "INV-2")
		hanging <- err
	}()
	<-met
	sim.Close()
	require.Error(t, <-hanging)
	_, err = http.Get(sim.URL)
	require.Error(t, err, "nobody listens any more")
}

func TestNewDoesNotListen(t *testing.T) {
	t.Parallel()
	sim := fazztest.New(fazztest.WithURL("http://localhost:8080/fazz/"))
	defer sim.Close()
	require.Equal(t, "http://localhost:8080/fazz/api/v4", sim.Config().BaseURL)
	resp, err := checkout(t.Context(), sim, "INV-1")
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Panics(t, func() { fazztest.New(fazztest.WithURL("http://%")) })

	// Mounted in somebody else's mux.
	mux := http.NewServeMux()
	mux.Handle("/fazz/", http.StripPrefix("/fazz", sim.Handler()))
	direct := &simkit.Transport{}
	require.NoError(t, direct.Handle("http://localhost:8080", mux))
	resp, err = (&http.Client{Transport: direct}).Get("http://localhost:8080/fazz/")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// Programs may embed the simulator: it must not bring the testing package,
// with its flags, along.
func TestLinksNoTestPackages(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.NotEmpty(t, out)
	for _, dep := range bytes.Fields(out) {
		require.NotContains(t, []string{"testing", "net/http/httptest", "flag"}, string(dep))
	}
}

// Many at once make one payment a reference, pay it once, and each change is
// told once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- b.Run(ctx) }()
	const refs, callers = 10, 8
	var mu sync.Mutex
	won := map[string]int{}
	ids := map[string]map[string]bool{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range refs {
				ref := fmt.Sprint("INV-", i)
				id := b.pay(ref, byVA).at("data.id")
				err := b.Pay(ref)
				b.listed("filter[status]", "paid")
				b.visit(b.URL+"/", nil)
				b.clock.Advance(time.Millisecond)
				_, _ = b.Deliver(ctx)
				mu.Lock()
				if err == nil {
					won[ref]++
				}
				if ids[ref] == nil {
					ids[ref] = map[string]bool{}
				}
				ids[ref][id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	cancel()
	require.NoError(t, <-running)
	b.delivered()
	require.Len(t, b.Payments(), refs)
	told := map[string]int{}
	for _, a := range b.Answers() {
		told[a.Sent.Ref]++
	}
	for i := range refs {
		ref := fmt.Sprint("INV-", i)
		require.Equal(t, 1, won[ref], ref)
		require.Len(t, ids[ref], 1, ref)
		require.Equal(t, 1, told[ref], ref)
	}
}

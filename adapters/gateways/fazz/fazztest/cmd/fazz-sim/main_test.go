package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start runs the command on a free port; stop is SIGINT.
func start(t *testing.T, args ...string) (base, said string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	says, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), out)
		_ = out.CloseWithError(io.EOF) // always nil
		ended <- err
	}()
	lines := bufio.NewReader(says)
	for range 5 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		said += line
	}
	stop = func() error {
		cancel()
		return <-ended
	}
	return regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(said), said, stop
}

// A client of any language: it asks for a payment by curl's means, a person
// presses a button on the dashboard, the callbacks come; a restart forgets
// nothing.
func TestAStrangersClient(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	merchant := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body) // what is cut is found out below
		if r.Header.Get("Xfers-Signature") != "" {
			told <- string(raw)
		}
	}), ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = merchant.Serve(l) }() // until it is closed
	defer merchant.Close()
	notifyURL := "http://" + l.Addr().String() + "/n"
	args := []string{
		"-api-key", "test_a", "-secret-key", "test_b", "-signing-secret", "ss_c", "-settle-after", "0s",
		"-notify-url", notifyURL, "-state", filepath.Join(t.TempDir(), "state.json"),
	}
	base, said, stop := start(t, args...)
	for _, part := range []string{base + "/api/v4", "test_a", "test_b", "ss_c", notifyURL} {
		require.Contains(t, said, part)
	}
	create := func(secretKey string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v4/payments", strings.NewReader(
			`{"data":{"attributes":{"paymentMethodType":"virtual_bank_account","amount":20000,"referenceId":"O-1","paymentMethodOptions":{"bankShortCode":"BCA"}}}}`))
		require.NoError(t, err)
		r.SetBasicAuth("test_a", secretKey)
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(raw)
	}
	require.Contains(t, create("test_secret_simulated"), `"code":"002"`)
	first := create("test_b")
	require.Contains(t, first, `"accountNo"`)
	require.NoError(t, stop())

	base, _, stop = start(t, args...)
	require.Contains(t, create("test_b"), `"status":"pending"`)
	resp, err := http.PostForm(base+"/", url.Values{"payment": {"O-1"}, "do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, <-told, `"paid"`)
	require.Contains(t, <-told, `"completed"`)
	require.NoError(t, stop())
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	require.ErrorContains(t, run(t.Context(), []string{"-addr", busy.Addr().String()}, io.Discard), "cannot listen on")
	require.ErrorContains(t, run(t.Context(), []string{"-notify-url", "localhost:3000"}, io.Discard), "-notify-url")
	require.Error(t, run(t.Context(), []string{"-no-such-flag"}, io.Discard))
}

func TestNobodyIsToldByDefault(t *testing.T) {
	t.Parallel()
	_, said, stop := start(t)
	require.Contains(t, said, "callbacks go to nobody (see -notify-url)")
	require.NoError(t, stop())
}

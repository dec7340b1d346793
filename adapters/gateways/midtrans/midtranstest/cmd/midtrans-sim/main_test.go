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
func start(t *testing.T, args ...string) (base string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	says, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), out)
		_ = out.CloseWithError(io.EOF) // always nil
		ended <- err
	}()
	said := bufio.NewReader(says)
	first, err := said.ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, said) }() // what follows is of no interest
	stop = func() error {
		cancel()
		return <-ended
	}
	return regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(first), stop
}

// A client of any language: it charges by curl's means, a person presses a
// button on the dashboard, the notification comes; a restart forgets nothing.
func TestAStrangersClient(t *testing.T) {
	told := make(chan string, 10)
	merchant := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body) // what is cut is found out below
		told <- string(raw)
	}), ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = merchant.Serve(l) }() // until it is closed
	defer merchant.Close()
	state := filepath.Join(t.TempDir(), "state.json")
	args := []string{"-server-key", "SB-Mid-server-mine", "-notify-url", "http://" + l.Addr().String() + "/n", "-state", state}
	base, stop := start(t, args...)

	charge := func(key string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v2/charge", strings.NewReader(
			`{"payment_type":"bank_transfer","bank_transfer":{"bank":"bca"},"transaction_details":{"order_id":"O-1","gross_amount":20000}}`))
		require.NoError(t, err)
		r.SetBasicAuth(key, "")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(raw)
	}
	require.Contains(t, charge("SB-Mid-server-simulated"), `"status_code":"401"`)
	require.Contains(t, charge("SB-Mid-server-mine"), `"va_numbers"`)
	require.Contains(t, <-told, `"pending"`)
	require.NoError(t, stop())

	base, stop = start(t, args...)
	resp, err := http.PostForm(base+"/", url.Values{"order": {"O-1"}, "do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	for !strings.Contains(<-told, `"settlement"`) { // the end may have come before the answer to "pending"
	}
	require.NoError(t, stop())
}

func TestMistakes(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	require.ErrorContains(t, run(t.Context(), []string{"-addr", busy.Addr().String()}, io.Discard), "cannot listen on")
	require.ErrorContains(t, run(t.Context(), []string{"-notify-url", "localhost:3000"}, io.Discard), "-notify-url")
	require.Error(t, run(t.Context(), []string{"-no-such-flag"}, io.Discard))
}

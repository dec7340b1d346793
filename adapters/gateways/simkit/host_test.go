package simkit

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments/paymentstest"
)

var path = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestHostListens(t *testing.T) {
	t.Parallel()
	var h Host
	url, err := h.Listen()
	require.NoError(t, err)
	h.Serve(path)
	require.Equal(t, "/a/b", get(t, h.Client, url+"/a/b"))
	h.Close()
	_, err = h.Client.Get(url)
	require.Error(t, err)
}

func TestHostWithoutASocket(t *testing.T) {
	t.Parallel()
	var h Host
	require.NoError(t, h.Mount("http://sim.test/below", path))
	require.Equal(t, "/a", get(t, h.Client, "http://sim.test/below/a"))
	h.Close() // there is nothing to close
	require.Error(t, h.Mount("http://%zz", path))
}

func TestLoopDeliversWhatIsDueOrWoken(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)
	clock := paymentstest.NewClock(start)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	woken, delivered, ended := make(chan struct{}), make(chan time.Time), make(chan error)
	due := func() time.Time { return start.Add(time.Hour) }
	go func() {
		ended <- Loop(ctx, clock, woken, due, func(context.Context) ([]Answer, error) {
			delivered <- clock.Now()
			return nil, nil
		})
	}()
	require.Equal(t, start, <-delivered)
	woken <- struct{}{}
	require.Equal(t, start, <-delivered)
	require.Eventually(t, func() bool { // it may not wait for the clock yet
		clock.Advance(time.Hour)
		select {
		case at := <-delivered:
			return at.After(start)
		default:
			return false
		}
	}, 10*time.Second, time.Millisecond)
	cancel()
	for err := error(nil); ; {
		select {
		case <-delivered:
			continue
		case err = <-ended:
		}
		require.NoError(t, err)
		break
	}

	broken := errors.New("the disk is full")
	err := Loop(t.Context(), clock, nil, due, func(context.Context) ([]Answer, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
}

// runner is a simulator whose loop ends as it is told.
type runner struct{ end chan error }

func (runner) Handler() http.Handler { return path }

func (r runner) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.end:
		return err
	}
}

func TestServeEndsWithItsContextOrItsSimulator(t *testing.T) {
	t.Parallel()
	serve := func(ctx context.Context, r runner) (string, chan error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- Serve(ctx, l, r) }()
		return "http://" + l.Addr().String(), ended
	}
	ctx, cancel := context.WithCancel(t.Context())
	url, ended := serve(ctx, runner{})
	require.Equal(t, "/x", get(t, &http.Client{}, url+"/x"))
	cancel()
	require.NoError(t, <-ended)

	broken := errors.New("the disk is full")
	r := runner{make(chan error, 1)}
	r.end <- broken
	_, ended = serve(t.Context(), r)
	require.ErrorIs(t, <-ended, broken)
}

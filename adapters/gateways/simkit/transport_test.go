package simkit

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTransportTakesRequestsToTheHandler(t *testing.T) {
	t.Parallel()
	var transport Transport
	var got *http.Request
	require.NoError(t, transport.Handle("http://Shop.test/pay", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Early", "1")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("X-Too-Late", "1")
		_, _ = w.Write(append([]byte("got "), body...))
	})))
	client := &http.Client{Transport: &transport}
	resp, err := client.Post("http://shop.test/a%2Fb/c?x=1", "text/plain", strings.NewReader("tea"))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "got tea", string(body))
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("X-Early"))
	require.Empty(t, resp.Header.Get("X-Too-Late"))
	require.Equal(t, "/a/b/c", got.URL.Path)
	require.Equal(t, "/a%2Fb/c?x=1", got.RequestURI)
	require.Equal(t, "shop.test", got.Host)
	require.Empty(t, got.URL.Host, "as a server sees it")
	require.NotEmpty(t, got.RemoteAddr)

	_, err = client.Get("http://shop.test")
	require.NoError(t, err)
	require.Equal(t, "/", got.URL.Path)
	require.NotNil(t, got.Body)
}

func TestTransportPassesOthersOn(t *testing.T) {
	t.Parallel()
	network := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer network.Close()
	var transport Transport
	require.NoError(t, transport.Handle("http://shop.test", http.NotFoundHandler()))
	client := &http.Client{Transport: &transport}
	resp, err := client.Get(network.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, resp.StatusCode)

	require.NoError(t, transport.Handle(network.URL, http.NotFoundHandler()))
	resp, err = client.Get(network.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)

	require.NoError(t, transport.Handle(network.URL, nil))
	resp, err = client.Get(network.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, resp.StatusCode)

	require.Error(t, transport.Handle("http://%", http.NotFoundHandler()))
}

func TestTransportMakesPanicsErrors(t *testing.T) {
	t.Parallel()
	var transport Transport
	var thrown any
	require.NoError(t, transport.Handle("http://shop.test", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(thrown) })))
	client := &http.Client{Transport: &transport}

	thrown = http.ErrAbortHandler
	_, err := client.Get("http://shop.test")
	require.ErrorContains(t, err, "connection closed")
	thrown = "no such order"
	_, err = client.Get("http://shop.test")
	require.ErrorContains(t, err, "no such order")
	require.ErrorContains(t, err, "transport_test.go", "where it happened")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop.test", nil)
	require.NoError(t, err)
	_, err = client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
}

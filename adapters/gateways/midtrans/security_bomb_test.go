package midtrans

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// net/http unpacks answers by itself. So a small answer can be a large one,
// and the cap must be on what comes out.
func TestAnAnswerThatUnpacksWithoutEndIsCut(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := io.WriteString(z, `{"token":"x","y":"`+strings.Repeat("y", 8*gatewaykit.MaxBody))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.Less(t, bomb.Len(), gatewaykit.MaxBody/10)
	var read atomic.Int64
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(bomb.Bytes())
	}, func(c *Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				if !resp.Uncompressed {
					return nil, errors.New("the answer was not unpacked")
				}
				resp.Body = &counted{resp.Body, &read}
			}
			return resp, err
		})}
	})
	calls := 0
	for op, err := range each(context.Background(), f.Gateway) {
		e := requireGatewayError(t, err)
		require.Equal(t, http.StatusCreated, e.HTTPStatus, op)
		require.Equal(t, op != "status", errors.Is(err, payments.ErrOutcomeUnknown), op)
		calls++
	}
	require.LessOrEqual(t, read.Load(), int64(calls*(gatewaykit.MaxBody+1)))
	require.GreaterOrEqual(t, read.Load(), int64(calls*gatewaykit.MaxBody), "it was a bomb each time")
}

// counted counts what is read of a body.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// A body is cleaned before its signature is known to be good, so strangers can
// have it done. Once each level of nesting had everything inside it read anew:
// 64 KiB of this cost 25 times as much as 64 KiB of anything else.
func TestAStrangersBodyIsReadOnce(t *testing.T) {
	g := Snap(Config{ServerKey: testKey})
	for name, inside := range map[string]string{
		"lists":   strings.Repeat("[", 28) + strings.Repeat("1,", 30_000) + "1" + strings.Repeat("]", 28),
		"objects": strings.Repeat(`{"a":`, 28) + "[" + strings.Repeat("1,", 30_000) + "1]" + strings.Repeat("}", 28),
		"colons":  `"` + strings.Repeat(":", 60_000) + `"`,
	} {
		body := settlement()
		body["x"] = json.RawMessage(inside)
		data := sign(t, body, "another key")
		allocs := testing.AllocsPerRun(5, func() {
			n, err := read(g, data)
			require.ErrorIs(t, err, payments.ErrForged)
			require.Contains(t, string(n.Raw), inside)
		})
		require.Less(t, allocs, 500.0, name)
	}
}

package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// toxic is a proxy that can be made ill.
type toxic struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newToxic(t *testing.T, upstream string) toxic {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	return toxic{t, proxy}
}

func (p toxic) addr() string { return p.proxy.Listen }

// cut breaks all connections, and takes no more.
func (p toxic) cut() (heal func()) {
	p.proxy.Stop()
	return func() { require.NoError(p.t, p.proxy.Start()) }
}

// add does something to all that is sent, or to what one side sends.
func (p toxic) add(kind, attributes string, streams ...string) (heal func()) {
	if streams == nil {
		streams = []string{"upstream", "downstream"}
	}
	for _, stream := range streams {
		_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"type": %q, "stream": %q, "attributes": {%s}}`, kind, stream, attributes)))
		require.NoError(p.t, err)
	}
	return func() { p.proxy.Toxics.ResetToxics(context.Background()) }
}

// reset ends connections by RST, those that are open and new ones, with the
// first bytes that are sent.
func (p toxic) reset() (heal func()) { return p.add("reset_peer", `"timeout": 0`) }

// stall holds everything back until it is healed; then it goes on its way.
func (p toxic) stall() (heal func()) { return p.add("latency", `"latency": 3600000`) }

// slow delays everything, and cuts it into small pieces.
func (p toxic) slow() (heal func()) {
	slicer := p.add("slicer", `"average_size": 256, "size_variation": 128, "delay": 500`)
	p.add("latency", `"latency": 40, "jitter": 30`)
	return slicer // which takes all away
}

// limit cuts what is sent downstream after so many bytes.
func (p toxic) limit(bytes int) (heal func()) {
	return p.add("limit_data", fmt.Sprintf(`"bytes": %d`, bytes), "downstream")
}

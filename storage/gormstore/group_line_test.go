package gormstore_test

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// patience is how long something may take on a slow machine before it counts
// as stuck, and tick how often it is looked at.
const (
	patience = time.Minute
	tick     = time.Millisecond
)

// cut is a line to a PostgreSQL server that breaks when the answer to a COMMIT
// comes along it: the server has committed, and the client does not hear of it.
type cut struct {
	dsn    string
	server string
	left   atomic.Int64 // COMMITs until it breaks
	ends   sync.WaitGroup
}

func newCut(t *testing.T, dsn string) *cut {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	dsn = scratch.PostgresDSN(scratch.PostgresDSN(dsn, "host", "127.0.0.1"), "port", strconv.Itoa(port))
	c := &cut{dsn: dsn, server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	c.ends.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.ends.Go(func() { c.carry(client) })
		}
	})
	t.Cleanup(func() { // after the pools on it are closed
		require.NoError(t, listener.Close())
		c.ends.Wait()
	})
	return c
}

// arm has it break at the n-th COMMIT from now on.
func (c *cut) arm(n int64) { c.left.Store(n) }

func (c *cut) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	c.ends.Go(func() {
		defer server.Close()
		_, _ = io.Copy(server, client)
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || bytes.Contains(buffer[:n], []byte("COMMIT\x00")) && c.left.Add(-1) == 0 {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

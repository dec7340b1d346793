package payments_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// pipeListener is a listener with one connection, whose deadlines go by the
// clock of the test's bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error {
	close(l.done)
	return nil
}

func (pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial serves the handler, as a host without timeouts of its own would, and
// returns a client's end of a connection to it.
func dial(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	client, accepted := net.Pipe()
	l := pipeListener{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- accepted
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-stopped, http.ErrServerClosed)
	})
	return client
}

const postHead = "POST %s HTTP/1.1\r\nHost: shop.test\r\nX-User: ana\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

// trickle sends a request whose body comes one byte a second, and returns the
// answer's status and how long it took.
func trickle(t *testing.T, conn net.Conn, path string, size int) (int, time.Duration) {
	t.Helper()
	began := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, err := fmt.Fprintf(conn, postHead, path, size)
		for i := 0; err == nil && i < size; i++ {
			time.Sleep(time.Second)
			_, err = conn.Write([]byte(" "))
		}
	}()
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	took := time.Since(began)
	require.NoError(t, r.Body.Close())
	require.NoError(t, conn.Close())
	<-sent // it notices at its next byte
	return r.StatusCode, took
}

func TestASlowBodyHoldsNoHandler(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{"/notifications/fake": 503, "/checkout": 400} {
		synctest.Test(t, func(t *testing.T) {
			s := newShop(t)
			got, took := trickle(t, dial(t, &http.Server{Handler: s.web}), path, 1000)
			require.Equal(t, status, got, path)
			require.Equal(t, 10*time.Second, took, path)
		})
	}
}

// A host's own, stricter timeout stands.
func TestASlowBodyMeetsTheHostsTimeoutFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		_, took := trickle(t, dial(t, &http.Server{Handler: s.web, ReadTimeout: 3 * time.Second}), "/checkout", 1000)
		require.Equal(t, 3*time.Second, took)
	})
}

// The deadline is of the body only: a gateway may take longer to answer.
func TestTheBodysDeadlineDoesNotCutTheHandlerOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
			time.Sleep(25 * time.Second)
			return payments.CheckoutResult{RedirectURL: "https://gateway.test/x"}, nil
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.web.ServeHTTP(w, r)
			assert.NoError(t, r.Context().Err(), "the deadline has ended the request")
		})}
		conn := dial(t, server)
		answers := bufio.NewReader(conn)
		body := `{"plan_id":"pro"}`
		for range 2 { // also of the next request on the same connection
			go func() { _, _ = fmt.Fprintf(conn, postHead+"%s", "/checkout", len(body), body) }()
			r, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			require.Equal(t, 201, r.StatusCode)
			_, err = bufio.NewReader(r.Body).WriteTo(&strings.Builder{})
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
	})
}

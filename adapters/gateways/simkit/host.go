package simkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Host makes a simulator's handler reachable: at a loopback port, or by a
// client of its own without a socket. The zero value is ready for one of
// [Host.Listen] and [Host.Mount].
type Host struct {
	// Client reaches the simulator at its URL.
	Client *http.Client

	listener net.Listener
	network  *http.Transport
	server   *http.Server
	served   chan struct{} // closed when server has ended
}

// Listen opens a loopback port and returns its URL; Serve then serves there.
func (h *Host) Listen() (url string, err error) {
	h.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	return "http://" + h.listener.Addr().String(), nil
}

// Serve serves at the port of Listen until Close.
func (h *Host) Serve(handler http.Handler) {
	h.network = http.DefaultTransport.(*http.Transport).Clone()
	h.Client = &http.Client{Transport: h.network}
	h.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	h.served = make(chan struct{})
	go func() {
		defer close(h.served)
		_ = h.server.Serve(h.listener) // always an error: that it was closed
	}()
}

// Mount has only the Client reach the handler, at rawURL. Paths reach the
// handler without the one that rawURL may have.
func (h *Host) Mount(rawURL string, handler http.Handler) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("the simulator's URL: %w", err)
	}
	direct := &Transport{}
	if err := direct.Handle(rawURL, http.StripPrefix(u.Path, handler)); err != nil {
		return err
	}
	h.Client = &http.Client{Transport: direct}
	return nil
}

// Close stops listening and ends all calls. One that does not listen need not
// be closed.
func (h *Host) Close() {
	if h.server == nil {
		return
	}
	_ = h.server.Close() // of its connections, which may be broken already
	<-h.served
	h.network.CloseIdleConnections()
}

// Loop delivers whenever something is due by the clock, or woken, until ctx
// ends; then it returns nil. due is when to look again; zero: not by itself.
func Loop(ctx context.Context, clock payments.Clock, woken <-chan struct{}, due func() time.Time, deliver func(context.Context) ([]Answer, error)) error {
	for {
		if _, err := deliver(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		var again <-chan time.Time
		if at := due(); !at.IsZero() {
			again = clock.After(at.Sub(clock.Now()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-woken:
		case <-again:
		}
	}
}

// Simulator is what [Serve] runs.
type Simulator interface {
	Handler() http.Handler
	Run(ctx context.Context) error
}

// Serve is the life of a stand-alone simulator: it serves at the listener and
// runs until ctx ends, or until one of the two fails.
func Serve(ctx context.Context, listener net.Listener, s Simulator) error {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ended <- s.Run(ctx) }()
	go func() {
		err := server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-ended:
		ended <- nil
	}
	cancel()
	stopping, release := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer release()
	failed = errors.Join(failed, server.Shutdown(stopping))
	return errors.Join(failed, <-ended, <-ended)
}

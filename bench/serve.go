package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"
)

// serving is the child that runs one contender behind net/http.
type serving struct {
	Setup setup `json:"setup"`
	// Profile is the file for a processor profile of the measurement, or
	// empty.
	Profile string `json:"profile,omitempty"`

	server  *http.Server
	close   func()
	profile *os.File
}

// serverReady is what a server answers when it listens.
type serverReady struct {
	// URL is where notifications are to be posted.
	URL string `json:"url"`
}

func (s *serving) start(ctx context.Context) (any, error) {
	c, err := newContender(s.Setup)
	if err != nil {
		return nil, err
	}
	handler, closeAll, err := c.serve(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.Setup.Contender, err)
	}
	s.close = closeAll
	base, server, err := listen(ctx, handler)
	if err != nil {
		return nil, err
	}
	s.server = server
	return serverReady{URL: base + notificationPath}, nil
}

// do answers "begin" and "end" of the measurement with the processor time used
// so far.
func (s *serving) do(_ context.Context, command string) (any, error) {
	var err error
	switch command {
	case "begin":
		err = s.beginProfile()
	case "end":
		err = s.endProfile()
	default:
		err = fmt.Errorf("there is no command %q", command)
	}
	if err != nil {
		return nil, err
	}
	return processorTime()
}

func (s *serving) beginProfile() error {
	if s.Profile == "" {
		return nil
	}
	var err error
	if s.profile, err = os.Create(s.Profile); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(s.profile); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func (s *serving) endProfile() error {
	if s.profile == nil {
		return nil
	}
	pprof.StopCPUProfile()
	if err := s.profile.Close(); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func (s *serving) stop() {
	if s.server != nil {
		_ = s.server.Close()
	}
	if s.close != nil {
		s.close()
	}
}

// listen serves on a free port of the loopback interface.
func listen(ctx context.Context, handler http.Handler) (base string, server *http.Server, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // the listener broke: there is nothing left to measure
		}
	}()
	return "http://" + listener.Addr().String(), server, nil
}

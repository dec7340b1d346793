package faults

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is a proxy in front of a database that reads what clients send: it can
// break a connection at its COMMIT, and it can let connections vanish, so that
// neither end ever hears of it.
type wire struct {
	upstream string
	listener net.Listener
	protocol func(client io.Reader) frames
	// answered reports whether what the server has sent so far ends an answer.
	answered func(sent []byte) bool

	cut      atomic.Int32 // when: a cutting
	commits  atomic.Int64
	cuts     atomic.Int64
	vanished atomic.Bool // for connections that are made now

	mu    sync.Mutex
	links map[*link]bool
	all   sync.WaitGroup
}

// frames cuts what a client sends into messages, and knows which one has the
// server commit.
type frames interface {
	next() (frame []byte, commits bool, err error)
}

// cutting is where a connection breaks.
type cutting int32

const (
	never cutting = iota
	// beforeCommit: the server never gets the COMMIT.
	beforeCommit
	// afterCommit: the server has committed, and its answer is lost.
	afterCommit
)

// oneIn so many commits is cut: others get through, so that there is something
// to lose.
const oneIn = 3

// link is a connection and its other half.
type link struct {
	client, server net.Conn
	// hole: what is sent into it is lost.
	hole atomic.Bool
	// deaf: the answer that is due is the last one, and lost.
	deaf atomic.Bool
}

func newWire(t *testing.T, d database) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{upstream: d.addr, listener: listener, links: map[*link]bool{}}
	switch d.dialect {
	case "postgres":
		w.protocol, w.answered = newPostgresFrames, postgresAnswered
	case "mysql":
		w.protocol, w.answered = newMySQLFrames, mysqlAnswered
	}
	w.all.Go(w.accept)
	t.Cleanup(w.close)
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return // closed
		}
		w.all.Go(func() { w.serve(client) })
	}
}

func (w *wire) serve(client net.Conn) {
	l := &link{client: client}
	if l.hole.Store(w.vanished.Load()); !l.hole.Load() {
		server, err := net.Dial("tcp", w.upstream)
		if err != nil {
			_ = client.Close()
			return
		}
		l.server = server
		w.all.Go(func() { w.down(l) })
	}
	w.mu.Lock()
	w.links[l] = true
	w.mu.Unlock()
	w.up(l)
}

// up is what the client sends.
func (w *wire) up(l *link) {
	defer l.client.Close()
	messages := w.protocol(l.client)
	for !l.hole.Load() {
		frame, commits, err := messages.next()
		switch {
		case err != nil && !l.hole.Load():
			_ = l.server.Close()
			return
		case err != nil:
			return // the server does not hear that its client is gone
		case l.hole.Load():
			continue
		}
		if commits && w.commits.Add(1)%oneIn == 0 {
			switch cutting(w.cut.Load()) {
			case beforeCommit:
				w.cuts.Add(1)
				l.reset()
				return
			case afterCommit:
				w.cuts.Add(1)
				l.deaf.Store(true)
			case never:
			}
		}
		if _, err := l.server.Write(frame); err != nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, l.client)
}

// down is what the server sends.
func (w *wire) down(l *link) {
	var lost []byte
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			if !l.hole.Load() {
				_ = l.client.Close()
			}
			return
		}
		switch {
		case l.hole.Load():
		case l.deaf.Load():
			if lost = append(lost, buffer[:n]...); w.answered(lost) {
				l.reset()
				return
			}
		default:
			if _, err := l.client.Write(buffer[:n]); err != nil {
				_ = l.server.Close()
				return
			}
		}
	}
}

// reset breaks both halves by RST.
func (l *link) reset() {
	for _, half := range []net.Conn{l.client, l.server} {
		if half != nil {
			_ = half.(*net.TCPConn).SetLinger(0)
			_ = half.Close()
		}
	}
}

// vanish lets all connections go dead, those that are open and those that are
// made until it is healed: they take what is sent, and nothing comes. Healed,
// there are good ones again, and the dead ones stay dead; their other halves at
// the server stay open, with their transactions and locks.
func (w *wire) vanish() (heal func()) {
	w.vanished.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.links {
		l.hole.Store(true)
	}
	return func() { w.vanished.Store(false) }
}

// breakCommits cuts some of the connections that commit.
func (w *wire) breakCommits(at cutting) (heal func()) {
	w.cut.Store(int32(at))
	return func() { w.cut.Store(int32(never)) }
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	for l := range w.links {
		l.reset()
	}
	w.mu.Unlock()
	w.all.Wait()
}

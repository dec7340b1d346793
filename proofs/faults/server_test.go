package faults

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a database server of the test's own, in a temporary folder and on
// a port of its own, so that it can be stopped.
type server struct {
	t       *testing.T
	dir     string
	port    int
	account *syscall.Credential // that it runs as; nil: the test's own
	program string
	args    []string
	end     syscall.Signal // that leaves nothing behind

	process *exec.Cmd
	said    output
	ended   chan struct{}
}

// newServer prepares a folder. Database servers refuse to run as root, so
// there the folder belongs to the account that the server's package has made.
func newServer(t *testing.T, account string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "lunas") // not t.TempDir: the path of a socket must be short, and that account must get in
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &server{t: t, dir: dir, port: freePort(t)}
	if os.Geteuid() == 0 {
		u, err := user.Lookup(account)
		require.NoError(t, err, "database servers refuse to run as root")
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		require.NoError(t, err)
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	}
	return s
}

// needed finds a program. Where it is not, the test is skipped, but in CI
// somebody counts on it.
func needed(t *testing.T, what, install string, patterns ...string) string {
	t.Helper()
	for _, pattern := range patterns {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return slices.Max(found)
		}
	}
	text := fmt.Sprintf("%s is not installed (%q): %s", what, patterns, install)
	if os.Getenv("CI") == "true" {
		require.FailNow(t, text)
	}
	t.Skip(text)
	return ""
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// do runs a program to its end.
func (s *server) do(program string, args ...string) {
	s.t.Helper()
	c := s.command(program, args...)
	text, err := c.CombinedOutput()
	require.NoError(s.t, err, "%s %q: %s", program, args, text)
}

func (s *server) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	return c
}

// start does not wait until it answers.
func (s *server) start() {
	s.t.Helper()
	s.process, s.ended = s.command(s.program, s.args...), make(chan struct{})
	s.process.Stdout, s.process.Stderr = &s.said, &s.said
	require.NoError(s.t, s.process.Start())
	process, ended := s.process, s.ended
	go func() {
		defer close(ended)
		_ = process.Wait() // it was told to end
	}()
}

// stop sends a signal and waits for the end.
func (s *server) stop(signal syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.process.Process.Signal(signal))
	select {
	case <-s.ended:
	case <-time.After(patience):
		require.FailNow(s.t, "the server does not stop", s.said.String())
	}
}

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// up starts it for the length of the test, and waits for it.
func (s *server) up(d database) database {
	s.t.Helper()
	s.start()
	s.t.Cleanup(func() {
		_ = s.process.Process.Signal(s.end) // it may have ended
		<-s.ended
	})
	pool, err := d.connect(d.addr)
	require.NoError(s.t, err)
	defer pool.Close()
	deadline := time.Now().Add(time.Minute)
	for {
		if err = pool.Ping(); err == nil {
			return d
		}
		if time.Now().After(deadline) {
			require.FailNow(s.t, "the server does not answer", "%v\n%s", err, s.said.String())
		}
		<-time.After(50 * time.Millisecond) // before the next look
	}
}

func ownPostgres(t *testing.T) (*server, database) {
	t.Helper()
	bin := filepath.Dir(needed(t, "PostgreSQL", "apt-get install postgresql", "/usr/lib/postgresql/*/bin/initdb", "/usr/local/bin/initdb", "/usr/bin/initdb"))
	s := newServer(t, "postgres")
	data := filepath.Join(s.dir, "data")
	s.do(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	s.program, s.end = filepath.Join(bin, "postgres"), syscall.SIGQUIT
	s.args = []string{"-D", data, "-p", strconv.Itoa(s.port), "-k", s.dir, "-h", "127.0.0.1"}
	return s, s.up(postgresAt(t, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", s.port)))
}

func ownMariaDB(t *testing.T) (*server, database) {
	t.Helper()
	install := needed(t, "MariaDB", "apt-get install mariadb-server", "/usr/bin/mariadb-install-db", "/usr/local/bin/mariadb-install-db")
	program := needed(t, "MariaDB", "apt-get install mariadb-server", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/local/bin/mariadbd")
	s := newServer(t, "mysql")
	data := filepath.Join(s.dir, "data")
	s.do(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	s.program, s.end = program, syscall.SIGKILL
	s.args = []string{
		"--no-defaults", "--datadir=" + data, "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port),
		"--socket=" + filepath.Join(s.dir, "s"), "--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve",
	}
	s.up(mariaDBAt(t, fmt.Sprintf("root@tcp(%s)/mysql", s.addr())))
	d := mariaDBAt(t, fmt.Sprintf("root@tcp(%s)/lunas?charset=utf8mb4&parseTime=true", s.addr()))
	admin, err := mariaDBAt(t, fmt.Sprintf("root@tcp(%s)/mysql", s.addr())).connect(s.addr())
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Exec("CREATE DATABASE lunas")
	require.NoError(t, err)
	return s, d
}

// output is what a process said so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

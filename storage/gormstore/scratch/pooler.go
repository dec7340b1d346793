package scratch

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler starts a PgBouncer in front of a database of [Postgres] or
// [PostgresSchema], until the end of the test, and returns the DSN of the way through it. It pools by
// transaction: each one may run in another session of the server, so nothing
// that belongs to a session may be relied on. The DSN therefore has
// default_query_exec_mode=exec, with which pgx prepares nothing; another mode
// can be set with [PostgresDSN].
//
// The program pgbouncer must be in the PATH, or the test is skipped; it fails
// if CI is "true".
func Pooler(t testing.TB, dsn string) (pooled string) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer") // not everybody's PATH has it
	}
	if err != nil {
		missing(t, false, "PgBouncer is not installed: apt-get install pgbouncer (%v)", err)
	}
	server, err := pgx.ParseConfig(dsn)
	noError(t, err)
	for range 5 { // the port may be taken before PgBouncer has it
		if port, ok := startPooler(t, program, server); ok {
			return fmt.Sprintf("host=127.0.0.1 port=%d user=lunas dbname=%s sslmode=disable default_query_exec_mode=exec", port, server.Database)
		}
	}
	t.Fatal("PgBouncer does not start")
	return ""
}

func startPooler(t testing.TB, program string, server *pgx.ConnConfig) (port int, ok bool) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a moment
	noError(t, err)
	port = free.Addr().(*net.TCPAddr).Port
	noError(t, free.Close())

	file := filepath.Join(t.TempDir(), "pgbouncer.ini")
	noError(t, os.WriteFile(file, []byte(poolerConfig(server, port)), 0o600))
	args := []string{"-q", file}
	if os.Geteuid() == 0 { // as which it refuses to run; it reads the file before
		args = append([]string{"-u", "nobody"}, args...)
	}
	ctx, kill := context.WithCancel(context.Background())
	said := &output{}
	process := exec.CommandContext(ctx, program, args...) //nolint:gosec // found in the PATH
	process.Stdout, process.Stderr = said, said
	noError(t, process.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = process.Wait() // killed
	}()
	t.Cleanup(func() {
		kill()
		<-ended
	})
	for deadline := time.Now().Add(patience); ; {
		select {
		case <-ended:
			t.Logf("PgBouncer ended: %s", said)
			return 0, false
		case <-time.After(10 * time.Millisecond):
		}
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second) //nolint:noctx // has a limit
		if err == nil {
			return port, c.Close() == nil
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer does not answer: %v\n%s", err, said)
		}
	}
}

// poolerConfig lets everybody in, as the server's user.
func poolerConfig(server *pgx.ConnConfig, port int) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	settings := []string{
		"host=" + quote(server.Host), "port=" + strconv.Itoa(int(server.Port)),
		"dbname=" + quote(server.Database), "user=" + quote(server.User),
	}
	if server.Password != "" {
		settings = append(settings, "password="+quote(server.Password))
	}
	if path := server.RuntimeParams["search_path"]; path != "" {
		settings = append(settings, "connect_query="+quote("SET search_path TO "+path))
	}
	return fmt.Sprintf(`[databases]
%s = %s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
`, server.Database, strings.Join(settings, " "), port, maxConns)
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

package kill

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test binary is the app, too, when it is told so: then it can be killed.
func TestMain(m *testing.M) {
	if raw := os.Getenv("LUNAS_CRASH_APP"); raw != "" {
		go func() { // it does not outlive the test
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
		if err := app(raw); err != nil {
			_, _ = os.Stderr.WriteString("app: " + err.Error() + "\n")
			if strings.Contains(strings.ToLower(err.Error()), "too many") { // connections
				os.Exit(serverFull)
			}
			os.Exit(1)
		}
		os.Exit(0)
	}
	beParallel(16)
	os.Exit(m.Run())
}

// serverFull is how an app ends that the database server has no room for: other
// tests use it, too. It is started again.
const serverFull = 75

// beParallel lets n tests run at once, unless the command line says how many:
// the default is the number of processors, and these tests wait more than they
// compute.
func beParallel(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// process is an app at a fixed address, running or not.
type process struct {
	t    *testing.T
	spec spec

	up     atomic.Bool
	cmd    *exec.Cmd
	exited chan error
}

func newProcess(t *testing.T, s spec) *process {
	t.Helper()
	s.Addr = freeAddress(t)
	s.Log = filepath.Join(t.TempDir(), "app.log")
	p := &process{t: t, spec: s}
	t.Cleanup(func() {
		p.kill()
		if raw, err := os.ReadFile(s.Log); err == nil && t.Failed() {
			lines := strings.Split(string(raw), "\n")
			t.Logf("the last words of the app of version %d:\n%s", s.Version, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
	return p
}

// freeAddress is one that nobody else takes, though nobody holds it while its app
// is dead. On Linux all of 127.0.0.0/8 is this machine, and a host drawn from it
// is nobody else's; elsewhere it is a port that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// launch starts the app, which is not ready yet.
func (p *process) launch() {
	p.t.Helper()
	raw, err := json.Marshal(p.spec)
	require.NoError(p.t, err)
	cmd, exited := exec.Command(os.Args[0]), make(chan error, 1)
	// A data race would go unseen in a process that is killed anyway.
	cmd.Env = append(os.Environ(), "LUNAS_CRASH_APP="+string(raw), "GORACE=halt_on_error=1")
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe() // open as long as the test runs
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	go func() { exited <- cmd.Wait() }()
	p.cmd, p.exited = cmd, exited
}

// ready waits until the app answers.
func (p *process) ready() {
	p.t.Helper()
	poll(p.t, "the app answers", func() bool {
		select {
		case err := <-p.exited:
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == serverFull {
				p.launch()
				return false
			}
			p.cmd = nil
			p.t.Fatalf("the app of version %d did not start: %v", p.spec.Version, err)
		default:
		}
		resp, err := http.Get("http://" + p.spec.Addr + "/payments?limit=1")
		return err == nil && resp.Body.Close() == nil
	})
	p.up.Store(true)
}

func (p *process) start() {
	p.t.Helper()
	p.launch()
	p.ready()
}

// kill is kill -9, of which an app does not live to tell.
func (p *process) kill() { _ = p.end(syscall.SIGKILL) }

// stop asks the app to end, which it does in good order.
func (p *process) stop() {
	if err := p.end(syscall.SIGTERM); err != nil {
		p.t.Errorf("the app of version %d, asked to stop: %v", p.spec.Version, err)
	}
}

func (p *process) end(by syscall.Signal) error {
	p.up.Store(false)
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	select {
	case err := <-p.exited:
		p.t.Errorf("the app of version %d ended before it was told to: %v", p.spec.Version, err)
		return err
	default:
	}
	if err := cmd.Process.Signal(by); err != nil {
		p.t.Errorf("signal: %v", err)
	}
	select {
	case err := <-p.exited:
		return err
	case <-time.After(time.Minute):
		p.t.Errorf("the app of version %d does not stop", p.spec.Version)
		_ = cmd.Process.Kill()
		return <-p.exited
	}
}

// patience is the test's own limit, which no machine should be too slow for.
const patience = 2 * time.Minute

// poll waits until ok, or fails: what a killed process had leased is taken over
// within a minute.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

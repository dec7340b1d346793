package matrix

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const bornAs = "LUNAS_MATRIX_SHOP"

// The test binary is the shop, too, when it is told so: then it can be killed.
func TestMain(m *testing.M) {
	if raw := os.Getenv(bornAs); raw != "" {
		go func() { // it does not outlive the test
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
		if err := live(raw); err != nil {
			_, _ = os.Stderr.WriteString("shop: " + err.Error() + "\n")
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// process is a running shop.
type process struct {
	addr   string
	cmd    *exec.Cmd
	exited chan struct{}
	died   error // what became of it, once exited is closed
}

// start starts a shop. It has no address if it died before it had one.
func start(t *testing.T, b birth) *process {
	t.Helper()
	raw, err := json.Marshal(b)
	require.NoError(t, err)
	p := &process{cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), bornAs+"="+string(raw))
	p.cmd.Stderr = os.Stderr
	_, err = p.cmd.StdinPipe() // open as long as the test runs
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	p.addr = strings.TrimSpace(line)
	go func() {
		p.died = p.cmd.Wait()
		close(p.exited)
	}()
	return p
}

// killed waits for the end of a process that does not answer any more, and
// reports whether it was SIGKILL.
func (p *process) killed() bool {
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		return false
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) stop() {
	if p.alive() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

package gormstore_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// The variables that make a process of TestMigrateChild: its database, and a
// part of the statement that it comes to a halt before, if it is to.
const (
	childDialect = "LUNAS_MIGRATE_DIALECT"
	childDSN     = "LUNAS_MIGRATE_DSN"
	childHalts   = "LUNAS_MIGRATE_HALTS"
)

// TestMigrateChild is the process that other tests start. It migrates as soon
// as its input ends.
func TestMigrateChild(t *testing.T) {
	dialect := os.Getenv(childDialect)
	if dialect == "" {
		return
	}
	halts := os.Getenv(childHalts)
	db := openMortal(t, dialect, os.Getenv(childDSN), func(statement string) error {
		if halts != "" && strings.Contains(statement, halts) {
			fmt.Println("halted")
			select {} // until it is killed
		}
		return nil
	})
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
	require.NoError(t, gormstore.MigrateFurther(t.Context(), db, onceOnly))
}

// onceOnly does not take being done twice.
const onceOnly = "UPDATE lunas_payment SET version = version + 1;"

// process is a running TestMigrateChild.
type process struct {
	*exec.Cmd
	input  io.Closer
	output *bufio.Reader
	errors bytes.Buffer
}

func startProcess(t *testing.T, dialect, dsn, halts string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateChild$", "-test.timeout=1m")}
	p.Env = append(os.Environ(), childDialect+"="+dialect, childDSN+"="+dsn, childHalts+"="+halts)
	p.Stderr = &p.errors
	input, err := p.StdinPipe()
	require.NoError(t, err)
	output, err := p.StdoutPipe()
	require.NoError(t, err)
	p.input, p.output = input, bufio.NewReader(output)
	require.NoError(t, p.Start())
	p.says(t, "ready")
	return p
}

// says waits for a line.
func (p *process) says(t *testing.T, line string) {
	t.Helper()
	got, err := p.output.ReadString('\n')
	require.NoError(t, err, "%s", &p.errors)
	require.Equal(t, line+"\n", got)
}

// ends waits for the process.
func (p *process) ends(t *testing.T) {
	t.Helper()
	rest, err := io.ReadAll(p.output)
	require.NoError(t, err)
	require.NoError(t, p.Wait(), "%s%s", rest, &p.errors)
}

func TestMigrateInProcesses(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		for range 3 {
			processes := make([]*process, 4)
			for i := range processes {
				processes[i] = startProcess(t, dialect, dsn, "")
			}
			for _, p := range processes {
				require.NoError(t, p.input.Close())
			}
			for _, p := range processes {
				p.ends(t)
			}
			var version int
			require.NoError(t, scratch.Open(t, dialect, dsn).Raw("SELECT version FROM lunas_schema").Scan(&version).Error)
			require.Equal(t, gormstore.LatestVersion+1, version)
			dsn = scratch.New(t, dialect)
		}
	})
}

// A process is killed in the middle of its turn: another one takes over
// and migrates to the end.
func TestMigrateAfterKill(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		for _, halts := range []string{"UPDATE lunas_payment", "UPDATE lunas_schema", "COMMIT"} {
			db := scratch.Open(t, dialect, dsn)
			p := createPayment(t, openStore(t, db, nil), "hook:fulfil")
			victim := startProcess(t, dialect, dsn, halts)
			require.NoError(t, victim.input.Close())
			victim.says(t, "halted")
			heir := startProcess(t, dialect, dsn, "")
			require.NoError(t, heir.input.Close())
			require.NoError(t, victim.Process.Kill())
			require.Error(t, victim.Wait())
			heir.ends(t)
			var version int64
			require.NoError(t, db.Raw("SELECT version FROM lunas_payment").Scan(&version).Error)
			require.Equal(t, p.Version+1, version, "killed before %s", halts)
			dsn = scratch.New(t, dialect)
		}
	})
}

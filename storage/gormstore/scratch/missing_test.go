package scratch

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Without a server a test is skipped; but not where somebody counts on it.
func TestMissingServer(t *testing.T) {
	for name, c := range map[string]struct {
		ci, variable string
		want         string
	}{
		"nobody counts on it": {want: "skipped"},
		"in CI":               {ci: "true", want: "failed"},
		"the variable is set": {variable: "host=127.0.0.1 port=1", want: "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CI", c.ci)
			t.Setenv(postgresServer.variable, c.variable)
			var ended ending
			func() {
				defer func() { ended = recover().(ending) }()
				postgresServer.missing(watched{t}, os.ErrDeadlineExceeded)
			}()
			require.Equal(t, c.want, ended.how)
			require.Contains(t, ended.said, "LUNAS_TEST_POSTGRES=", "how to enable it")
			require.Contains(t, ended.said, os.ErrDeadlineExceeded.Error())
		})
	}
}

// watched is a test that tells how it was ended.
type watched struct{ *testing.T }

type ending struct{ how, said string }

func (watched) Fatalf(format string, args ...any) {
	panic(ending{"failed", fmt.Sprintf(format, args...)})
}
func (watched) Skipf(format string, args ...any) {
	panic(ending{"skipped", fmt.Sprintf(format, args...)})
}

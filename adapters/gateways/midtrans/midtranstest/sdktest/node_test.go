package sdktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNodeClient runs Midtrans's Node client, as node/package-lock.json pins
// it, through the calls of node/check.js. Without node and npm it is skipped,
// but not where CI is set.
func TestNodeClient(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed, and CI is set: the Node client must be checked here", program)
			}
			t.Skipf("%s is not installed (Debian: apt-get install npm): the Node client is not checked", program)
		}
	}
	m := newMerchant(t)
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "check.js"} {
		data, err := os.ReadFile(filepath.Join("node", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	run := func(program string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "MIDTRANS_URL="+m.sim.URL, "MIDTRANS_SERVER_KEY="+serverKey, "MIDTRANS_CLIENT_KEY="+clientKey)
		for _, name := range []string{"NO_PROXY", "no_proxy"} { // the client heeds proxies even for this machine
			cmd.Env = append(cmd.Env, name+"="+os.Getenv(name)+",127.0.0.1")
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", program, args, out)
		return string(out)
	}
	run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	require.Regexp(t, `(?m)^ok [1-9]\d+$`, run("node", "check.js"))
}

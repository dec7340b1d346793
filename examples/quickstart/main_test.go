package main

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// The test binary is the shop, too, when it is told so: then it can be killed.
func TestMain(m *testing.M) {
	if args := os.Getenv("LUNAS_QUICKSTART"); args != "" {
		os.Args = append(os.Args[:1], strings.Split(args, "\n")...)
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a running quickstart.
type process struct {
	t    *testing.T
	args []string
	dir  string // where it works, and leaves its files
	url  string
	cmd  *exec.Cmd
}

// startShop starts one on a free port and waits until it answers.
func startShop(t *testing.T, args ...string) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	p := &process{t: t, args: append([]string{"-addr", addr}, args...), dir: t.TempDir(), url: "http://" + addr}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "LUNAS_QUICKSTART="+strings.Join(p.args, "\n"), "MIDTRANS_SERVER_KEY=", "MIDTRANS_CLIENT_KEY=")
	p.cmd.Dir = p.dir
	p.cmd.Stderr = os.Stderr
	require.NoError(p.t, p.cmd.Start())
	require.Eventually(p.t, func() bool {
		resp, err := http.Get(p.url)
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond, "the shop opens")
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

func TestMistakesAreOneClearLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.db")
	notADatabase := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(notADatabase, []byte(strings.Repeat("hello ", 1000)), 0o600))
	cases := []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"port in use", nil, []string{"-addr", busy.Addr().String(), "-db", file}, "is something running there?"},
		{"no such folder", nil, []string{"-addr", "127.0.0.1:0", "-db", filepath.Join(dir, "none", "shop.db")}, "database"},
		{"not a database", nil, []string{"-addr", "127.0.0.1:0", "-db", notADatabase}, "database"},
		{"unknown store", nil, []string{"-addr", "127.0.0.1:0", "-db", file, "-store", "paper"}, "database or memory"},
		{"one key of two", map[string]string{"MIDTRANS_SERVER_KEY": "SB-Mid-server-x"}, []string{"-addr", "127.0.0.1:0", "-db", file}, "both MIDTRANS_SERVER_KEY and"},
		{
			"the keys the wrong way round",
			map[string]string{"MIDTRANS_SERVER_KEY": "SB-Mid-client-x", "MIDTRANS_CLIENT_KEY": "SB-Mid-server-x"},
			[]string{"-addr", "127.0.0.1:0", "-db", file}, "midtrans",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := run(ctx, c.args, func(string) { t.Error("it must not open") })
			require.Error(t, err)
			require.Contains(t, err.Error(), c.want)
			require.NotContains(t, err.Error(), "SB-Mid-server-x", "no key is shown")
		})
	}
}

// The same shop with one line changed: the memory store.
func TestTheMemoryStoreSellsToo(t *testing.T) {
	buyAndPay(t, startShop(t, "-store", "memory"))
}

func TestTheShopSellsOnEveryDatabase(t *testing.T) {
	for _, dialect := range scratch.Dialects {
		t.Run(dialect, func(t *testing.T) {
			buyAndPay(t, startShop(t, databaseFlags(t, dialect)...))
		})
	}
}

// buyAndPay goes through the shop as a browser without scripts would.
func buyAndPay(t *testing.T, shop *process) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	get := func(path string) string {
		resp, err := client.Get(shop.url + path)
		require.NoError(t, err)
		return read(t, resp)
	}
	require.Contains(t, get("/"), "Choose a plan")

	resp, err := client.PostForm(shop.url+"/pay/checkout", url.Values{"plan_id": {"pro"}, "idempotency_key": {"k"}})
	require.NoError(t, err)
	snap := resp.Request.URL.String()
	require.Contains(t, snap, "/midtrans/snap/")
	require.Contains(t, read(t, resp), "Rp29.000")

	resp, err = client.PostForm(snap, url.Values{"do": {"choose"}, "method": {"gopay"}})
	require.NoError(t, err)
	transaction := between(read(t, resp), `name="transaction" value="`, `"`)
	resp, err = client.PostForm(snap, url.Values{"do": {"pay"}, "transaction": {transaction}})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	_ = read(t, resp)

	require.Eventually(t, func() bool {
		home := get("/")
		return strings.Contains(home, "Sent a receipt for Rp29.000") && strings.Contains(home, "Pro until")
	}, 20*time.Second, 50*time.Millisecond, "the hooks run")
	home := get("/")
	require.Equal(t, 1, strings.Count(home, "Sent a receipt for Rp29.000"))
	require.Equal(t, 1, strings.Count(home, "Pro until"))
	require.Contains(t, get("/reports"), "because you have Pro")

	// What a stranger sees.
	stranger, err := http.Get(shop.url + "/reports")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, stranger.StatusCode)
	_ = read(t, stranger)

	resp, err = client.PostForm(shop.url+"/refund", url.Values{"payment_id": {between(home, `name="payment_id" value="`, `"`)}})
	require.NoError(t, err)
	_ = read(t, resp)
	require.Eventually(t, func() bool { return strings.Contains(get("/"), "Rp29.000 returned") }, 20*time.Second, 50*time.Millisecond)
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}

package fazztest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

// A process that is killed leaves the file, and another one goes on.
func TestStateFileSurvives(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fazz.json")
	file := fazztest.WithStateFile(path)
	first := newBench(t, file)
	one := first.pay("INV-1", byVA, `"description":"Tea"`)
	first.pay("INV-2", byShopee)
	first.pay("INV-3", byOVO)
	first.ok(first.FailPayment("INV-3", "fraud"))
	first.ok(first.Pay("INV-2"))
	first.answer = http.StatusServiceUnavailable
	require.Equal(t, "failed paid", first.words())
	first.ok(first.Complete("INV-2"))
	const code = "data.attributes.paymentMethod.instructions.paymentCode"
	require.Equal(t, "8000002", first.pay("INV-0", byRetail).at(code))
	want := first.Payments()

	second := newBench(t, file)
	require.Equal(t, want, second.Payments())
	require.Equal(t, one, second.look("INV-1"))
	require.Equal(t, one, second.pay("INV-1", byQRIS), "the referenceId is known")
	require.Equal(t, "completed", second.words(), "the one that is due")
	second.clock.Advance(5 * time.Minute)
	require.Equal(t, "failed paid", second.words(), "those that were refused")
	four := second.pay("INV-4", byVA)
	const number = "data.attributes.paymentMethod.instructions.accountNo"
	require.NotEqual(t, one.at(number), four.at(number))
	require.Equal(t, "8000004", second.pay("INV-5", byRetail).at(code), "numbers go on")
	require.Equal(t, "INV-5 INV-4 INV-0 INV-3 INV-2 INV-1", second.listed("sort", "-createdAt"))

	third := newBench(t, file)
	third.clock.Advance(time.Hour)
	require.Empty(t, third.delivered(), "all has been delivered")

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, secret := range []string{apiKey, secretKey, signingSecret} {
		require.NotContains(t, string(raw), secret)
	}
}

// What the clock brings while no process lives happens when one lives again.
func TestTimePassesWithoutAProcess(t *testing.T) {
	t.Parallel()
	opts := []fazztest.Option{fazztest.WithStateFile(filepath.Join(t.TempDir(), "fazz.json")), fazztest.WithSettleAfter(time.Hour)}
	first := newBench(t, opts...)
	first.pay("INV-1", byVA)
	first.pay("INV-2", byVA)
	first.ok(first.Pay("INV-2"))
	first.delivered()

	second := newBench(t, opts...)
	second.clock.Advance(24 * time.Hour)
	require.Equal(t, "completed expired", second.words())
	third := newBench(t, opts...)
	require.Equal(t, "expired", third.Status("INV-1"))
	require.Equal(t, "completed", third.Status("INV-2"))
}

func TestStateFileIsWrittenWhenSomethingChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fazz.json")
	b := newBench(t, fazztest.WithStateFile(path))
	b.pay("INV-1", byVA)
	before, err := os.Stat(path)
	require.NoError(t, err)
	b.look("INV-1")
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a look-up writes nothing")
	b.ok(b.Process("INV-1"))
	after, err = os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after), "the file is replaced, not changed")
}

func TestStateThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	b := newBench(t, fazztest.WithStateFile(filepath.Join(dir, "fazz.json")))
	id := b.pay("INV-1", byVA).at("data.id")
	require.NoError(t, os.RemoveAll(dir))

	status, got := b.call(http.MethodPost, api, body("INV-2", byVA))
	require.Equal(t, http.StatusInternalServerError, status, "what may be forgotten is not confirmed")
	codes, _ := problems(got)
	require.Equal(t, []string{"001"}, codes)
	require.ErrorContains(t, b.Pay("INV-1"), "write ")
	_, err := b.Deliver(t.Context())
	require.Error(t, err)
	require.Error(t, b.Run(t.Context()))
	for _, call := range [][2]string{{"GET", api}, {"GET", api + "/" + id}, {"POST", api + "/" + id + "/tasks"}} {
		status, _ = b.call(call[0], call[1], `{"data":{"attributes":{"action":"settle"}}}`)
		require.Equal(t, http.StatusInternalServerError, status, call)
	}
	resp, _ := b.visit(b.URL+"/pay/"+id, nil)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	resp, _ = b.visit(b.URL+"/pay/"+id, form("do", "pay"))
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
}

func TestStateFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"cut.json": `{"payments":[`, "null.json": `{"payments":[null]}`, "method.json": `{"payments":[{"id":"c","type":"cheque"}]}`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.Panics(t, func() { fazztest.New(fazztest.WithStateFile(path)) }, name)
	}
	require.Panics(t, func() { fazztest.New(fazztest.WithStateFile(dir)) }, "a folder")
}

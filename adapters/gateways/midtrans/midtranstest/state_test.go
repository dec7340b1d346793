package midtranstest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// A process that is killed leaves the file, and another one goes on.
func TestStateFileSurvives(t *testing.T) {
	t.Parallel()
	file := midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json"))
	first := newBench(t, file)
	token := first.order("order-1", `"callbacks":{"finish":"https://shop.example/"}`, `"metadata":{"cart":1}`)
	first.order("order-2")
	first.ok(first.Choose("order-2", midtranstest.By("bni_va")))
	first.order("order-3")
	first.ok(first.Pay("order-3"))
	first.answer = http.StatusServiceUnavailable
	require.Len(t, first.delivered(), 3)
	refund := first.act("order-3", "refund", `{"refund_key":"k","amount":1000}`, "Idempotency-Key", "i")
	want := first.Orders()

	second := newBench(t, file)
	require.Equal(t, want, second.Orders())
	require.Equal(t, refund, second.act("order-3", "refund", `{"refund_key":"k","amount":1000}`, "Idempotency-Key", "i"))
	require.Equal(t, "partial_refund", second.words(), "the one that is due")
	second.clock.Advance(2 * time.Minute)
	require.Equal(t, "pending pending settlement partial_refund", second.words(), "those that were refused, and the bank's word")

	second.ok(second.Pay("order-1", midtranstest.By("bca_va")))
	require.NotEqual(t, second.status("order-2")["va_numbers"], second.status("order-1")["va_numbers"], "numbers go on")
	status, page := second.visit(second.URL+"/snap/v4/redirection/"+token, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "https://shop.example/?order_id=order-1")
	second.ok(second.Pay("order-2"))
	require.Len(t, second.status("order-2")["payment_amounts"], 1)
	second.delivered()

	third := newBench(t, file)
	third.clock.Advance(time.Hour)
	require.Empty(t, third.delivered(), "all has been delivered")
}

// What the clock brings while no process lives happens when one lives again.
func TestTimePassesWithoutAProcess(t *testing.T) {
	t.Parallel()
	file := midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json"))
	first := newBench(t, file)
	first.order("order-1")
	first.ok(first.Choose("order-1"))
	first.delivered()

	second := newBench(t, file)
	second.clock.Advance(time.Hour)
	require.Equal(t, "expire", second.words())
	require.Equal(t, "407", newBench(t, file).status("order-1").text("status_code"))
}

func TestStateFileIsWrittenWhenSomethingChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "midtrans.json")
	b := newBench(t, midtranstest.WithStateFile(path))
	b.order("order-1")
	before, err := os.Stat(path)
	require.NoError(t, err)
	b.status("order-1")
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a look-up writes nothing")
	b.ok(b.Choose("order-1"))
	after, err = os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after), "the file is replaced, not changed")
}

func TestStateThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	b := newBench(t, midtranstest.WithStateFile(filepath.Join(dir, "midtrans.json")))
	token := b.order("order-1")
	require.NoError(t, os.RemoveAll(dir))

	status, _ := b.call(http.MethodPost, "/snap/v1/transactions", orderBody("order-2"))
	require.Equal(t, http.StatusInternalServerError, status, "what may be forgotten is not confirmed")
	require.ErrorContains(t, b.Pay("order-1"), "write ")
	_, err := b.Deliver(t.Context())
	require.Error(t, err)
	require.Error(t, b.Run(t.Context()))
	for method, path := range map[string]string{http.MethodGet: "/v2/order-1/status", http.MethodPost: "/v2/order-1/cancel"} {
		status, _ = b.call(method, path, "")
		require.Equal(t, http.StatusInternalServerError, status)
	}
	status, _ = b.visit(b.URL+"/snap/v4/redirection/"+token, nil)
	require.Equal(t, http.StatusInternalServerError, status)
}

func TestStateFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"cut.json":  `{"orders":[`,
		"page.json": `{"orders":[{"id":"o","pages":[{"token":"t","order_id":"o","request":[]}]}]}`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.Panics(t, func() { midtranstest.New(midtranstest.WithStateFile(path)) }, name)
	}
	require.Panics(t, func() { midtranstest.New(midtranstest.WithStateFile(dir)) }, "a folder")
}

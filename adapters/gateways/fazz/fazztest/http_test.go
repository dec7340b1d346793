package fazztest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	id := b.look("INV-1").at("data.id")
	for _, key := range [][2]string{{"", ""}, {apiKey, ""}, {"", secretKey}, {apiKey, "x"}, {"x", secretKey}, {secretKey, apiKey}, {"test_", secretKey}} {
		for _, call := range [][2]string{{"POST", api}, {"GET", api}, {"GET", api + "/" + id}, {"POST", api + "/" + id + "/tasks"}, {"GET", "/api/v4/banks"}} {
			req := b.request(call[0], call[1], body("INV-2", byVA))
			req.SetBasicAuth(key[0], key[1])
			resp, err := b.Client().Do(req)
			require.NoError(t, err)
			raw, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode, "%v %v", key, call)
			require.Contains(t, string(raw), `"code":"002"`)
			require.NotContains(t, string(raw), secretKey)
		}
	}
	req := b.request("GET", api, "")
	req.Header.Del("Authorization")
	resp, err := b.Client().Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Len(t, b.Payments(), 1)
	require.Equal(t, "pending", b.Status("INV-1"))
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	id := b.look("INV-1").at("data.id")
	for _, tc := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"DELETE", api, 405, "003"}, {"POST", api + "/" + id, 405, "003"}, {"GET", api + "/" + id + "/tasks", 405, "003"},
		{"GET", api + "/contract_1", 404, "004"}, {"GET", api + "/INV-1", 404, "004"}, {"POST", api + "/contract_1/tasks", 404, "004"},
		{"GET", "/api/v4/payment_links", 404, "004"}, {"GET", "/api/v4/", 404, "004"},
	} {
		status, got := b.call(tc.method, tc.path, `{"data":{"attributes":{"action":"cancel"}}}`)
		require.Equal(t, tc.status, status, tc)
		codes, _ := problems(got)
		require.Equal(t, []string{tc.code}, codes, tc)
	}
	require.Equal(t, "pending", b.Status("INV-1"))
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for kind, want := range map[string]int{
		"application/vnd.api+json": 201, "application/json": 201, "application/json; charset=utf-8": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "": 415,
	} {
		status, _ := b.call("POST", api, body("INV-1", byVA), "Content-Type", kind)
		require.Equal(t, want, status, kind)
	}
}

func TestFaultsOfCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("INV-1", byVA)
	id := b.look("INV-1").at("data.id")
	doing := func(action string) string { return `{"data":{"attributes":{"action":"` + action + `"}}}` }
	for _, tc := range []struct{ op, method, path, body string }{
		{"checkout", "POST", api, body("INV-2", byVA)},
		{"status", "GET", api + "/" + id, ""},
		{"status", "GET", api + "?filter%5BreferenceId%5D=INV-1", ""},
		{"list", "GET", api, ""},
		{"cancel", "POST", api + "/" + id + "/tasks", doing("cancel")},
		{"receive_payment", "POST", api + "/" + id + "/tasks/", doing("receive_payment")},
		{"settle", "POST", api + "/" + id + "/tasks", doing("settle")},
	} {
		for kind, want := range map[simkit.Kind]struct {
			status int
			code   string
		}{simkit.Down: {500, "001"}, simkit.Throttled: {429, "010"}, simkit.Refused: {400, "005"}} {
			b.Fail(simkit.Fault{Kind: kind, Op: tc.op})
			for _, other := range []string{"checkout", "status", "list", "cancel", "receive_payment", "settle"} {
				if other != tc.op {
					b.Fail(simkit.Fault{Kind: simkit.Broken, Op: other})
				}
			}
			resp, err := b.Client().Do(b.request(tc.method, tc.path, tc.body))
			require.NoError(t, err, "no other fault is met by %s", tc.op)
			raw, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, want.status, resp.StatusCode, "%s %s", tc.op, kind)
			require.Contains(t, string(raw), `"code":"`+want.code+`"`)
			require.Equal(t, kind == simkit.Throttled, resp.Header.Get("Retry-After") != "")
			b.Heal()
		}
	}
	require.Len(t, b.Payments(), 1)
	require.Equal(t, "pending", b.Status("INV-1"), "nothing happened")
	require.Empty(t, b.words())
}

// The answer is lost, the payment is there: by our reference it is found, and
// asking again makes no second one.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail(simkit.Fault{Kind: simkit.Lost, Op: "checkout"})
	_, err := b.Client().Do(b.request("POST", api, body("INV-1", byVA)))
	require.Error(t, err)
	_, got := b.call("GET", api+"?filter%5BreferenceId%5D=INV-1", "")
	require.Len(t, got["data"], 1)
	b.pay("INV-1", byVA)
	require.Len(t, b.Payments(), 1)

	b.Fail(simkit.Fault{Kind: simkit.Lost, Op: "cancel"})
	_, err = b.Client().Do(b.request("POST", api+"/"+b.look("INV-1").at("data.id")+"/tasks", `{"data":{"attributes":{"action":"cancel"}}}`))
	require.Error(t, err)
	require.Equal(t, "cancelled", b.Status("INV-1"))
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail(simkit.Fault{Kind: simkit.Slow, Op: "checkout", Delay: 30 * time.Second, Met: func() { b.clock.Advance(30 * time.Second) }})
	got := b.pay("INV-1", byVA)
	require.True(t, strings.HasPrefix(got.at("data.attributes.createdAt"), "2026-05-06T10:00:30"))
}

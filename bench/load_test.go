package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
)

// What is sent is what the gateway's own code takes for genuine, and what
// the hand-written contenders do.
func TestSettlementIsGenuine(t *testing.T) {
	t.Parallel()
	ref := string(payments.NewID())
	body := settlement(ref, time.Now())
	n, err := midtrans.Snap(midtrans.Config{ServerKey: serverKey}).ReadNotification(payments.RawNotification{Body: body})
	require.NoError(t, err)
	require.Equal(t, ref, n.Ref)
	require.Equal(t, transactionID(ref), n.TransactionID)
	require.Equal(t, payments.IDR(price), n.Amount)
	require.Equal(t, "settlement/accept", n.RawStatus)
	require.False(t, n.Attention)

	_, err = midtrans.Snap(midtrans.Config{ServerKey: "another"}).ReadNotification(payments.RawNotification{Body: body})
	require.ErrorIs(t, err, payments.ErrForged)

	genuine := notice{OrderID: ref, StatusCode: "200", GrossAmount: priceText, SignatureKey: signature(ref, "200", priceText, serverKey)}
	require.True(t, genuine.genuine())
	for _, spoil := range []func(*notice){
		func(n *notice) { n.OrderID += "1" },
		func(n *notice) { n.GrossAmount = "1.00" },
		func(n *notice) { n.SignatureKey = "" },
		func(n *notice) { n.SignatureKey = "00" + n.SignatureKey[2:] },
	} {
		forged := genuine
		spoil(&forged)
		require.False(t, forged.genuine(), "%+v", forged)
	}
	back, ok := refOf(transactionID(ref))
	require.True(t, ok)
	require.Equal(t, ref, back)
}

func loadOn(t *testing.T, handler http.HandlerFunc, messages, concurrency int) *loading {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	l := &loading{URL: server.URL + notificationPath, Concurrency: concurrency, Limit: time.Minute}
	for range messages {
		l.Messages = append(l.Messages, message{string(payments.NewID()), tellsSettled})
	}
	t.Cleanup(l.stop)
	_, err := l.start(t.Context())
	require.NoError(t, err)
	return l
}

func send(t *testing.T, l *loading, command string) loadResult {
	t.Helper()
	result, err := l.do(t.Context(), command)
	require.NoError(t, err)
	return result.(loadResult)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	l := loadOn(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != notificationPath {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		if served.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}, 100, 4)
	l.Warm = 30
	warm, run := send(t, l, "warm"), send(t, l, "run")
	require.Equal(t, 30, warm.Sent)
	require.Equal(t, 27, warm.OK)
	require.Equal(t, 70, run.Sent)
	require.Equal(t, 63, run.OK)
	require.Equal(t, map[string]int{"settled answered with 503": 7}, run.Failures)
	require.Positive(t, run.Seconds)
	require.Positive(t, run.P50)
	require.GreaterOrEqual(t, run.P99, run.P95)
	require.EqualValues(t, 100, served.Load(), "each message once")
}

// A server that breaks connections gets no more over them.
func TestLoadOnBrokenConnections(t *testing.T) {
	t.Parallel()
	l := loadOn(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 10, 2)
	run := send(t, l, "run")
	require.Equal(t, 2, run.Sent)
	require.Zero(t, run.OK)
	require.Len(t, run.Failures, 1)
}

func TestLoadEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	l := loadOn(t, func(http.ResponseWriter, *http.Request) { t.Error("nothing was to be sent") }, 10, 2)
	l.Limit = -time.Second
	run := send(t, l, "run")
	require.Zero(t, run.Sent)
	require.Zero(t, run.P99)
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i+1)*time.Millisecond)
	}
	require.InDelta(t, 50, percentile(sorted, 50), 0)
	require.InDelta(t, 99, percentile(sorted, 99), 0)
	require.InDelta(t, 1, percentile(sorted[:1], 99), 0)
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, short := range []bool{false, true} {
		seen := map[string]bool{}
		for _, r := range planned(short) {
			require.False(t, seen[r.name], "two runs are named %s", r.name)
			seen[r.name] = true
			require.NotNil(t, r.turn, r.name)
			if r.floor != "" {
				require.Contains(t, r.contenders, r.floor)
				require.NotNil(t, r.compare, r.name)
			}
			require.Less(t, r.warm(), r.messages)
		}
		for _, name := range []string{"B1/pg/1", "B1/pg/16", "B1/pg/64", "B1/pg/256", "B1/sqlite/64", "B2/pg/64", "B4/pg", "B4b/pg/200", "B5/pg/1", "parse"} {
			require.True(t, seen[name], name)
		}
	}
	some := selected(planned(true), regexp.MustCompile(`B1/pg/(64|16)/hand$`))
	require.Len(t, some, 2)
	require.Equal(t, []string{"hand"}, some[1].contenders)
}

package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
)

// What the gateway's own code makes of each kind of message, and the
// hand-written contenders.
func TestKinds(t *testing.T) {
	t.Parallel()
	gateway := midtrans.Snap(midtrans.Config{ServerKey: serverKey})
	for kind, status := range map[kind]string{
		tellsSettled: "settlement/accept", tellsPending: "pending/accept", tellsExpired: "expire/accept", wrongAmount: "settlement/accept",
	} {
		body := message{"order-1", kind}.body(time.Now())
		n, err := gateway.ReadNotification(payments.RawNotification{Body: body})
		require.NoError(t, err, kind)
		require.Equal(t, status, n.RawStatus, kind)
		require.Equal(t, kind == wrongAmount, n.Amount != payments.IDR(price), kind)
		require.True(t, read(t, body).genuine(), kind)
	}
	body := message{"order-1", forged}.body(time.Now())
	_, err := gateway.ReadNotification(payments.RawNotification{Body: body})
	require.ErrorIs(t, err, payments.ErrForged)
	require.False(t, read(t, body).genuine())

	require.True(t, forged.answered(403))
	require.False(t, forged.answered(200))
	require.False(t, forged.answered(503))
	require.True(t, wrongAmount.answered(200))
	require.False(t, wrongAmount.answered(409))
}

func read(t *testing.T, body []byte) (n notice) {
	t.Helper()
	require.NoError(t, json.Unmarshal(body, &n))
	return n
}

func TestHandWrittenSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind         kind
		before, next string
	}{
		{tellsSettled, handPending, handSettled},
		{tellsSettled, handExpired, handSettled},
		{tellsSettled, handSettled, ""},
		{wrongAmount, handPending, handReview},
		{wrongAmount, handReview, ""},
		{tellsPending, handPending, ""},
		{tellsPending, handSettled, ""},
		{tellsExpired, handPending, handExpired},
		{tellsExpired, handSettled, ""},
	} {
		next, err := read(t, message{"order-1", c.kind}.body(time.Now())).step(c.before, price)
		require.NoError(t, err)
		require.Equal(t, c.next, next, "%s after %s", c.kind, c.before)
	}
}

func TestHostileMix(t *testing.T) {
	t.Parallel()
	var refs []string
	for i := range 400 {
		refs = append(refs, fmt.Sprintf("order-%d", i))
	}
	mix := hostileMix(refs)
	require.Len(t, mix, 400*perOrder)
	count := map[kind]int{}
	of := map[string]map[kind]int{}
	for _, m := range mix {
		count[m.Kind]++
		if of[m.Ref] == nil {
			of[m.Ref] = map[kind]int{}
			require.NotContains(t, []kind{tellsPending, tellsExpired}, m.Kind, "late news comes late")
		}
		of[m.Ref][m.Kind]++
	}
	require.Equal(t, map[kind]int{tellsSettled: 392 * 3, tellsPending: 392, tellsExpired: 392, wrongAmount: 20, forged: 20}, count)
	require.Equal(t, map[kind]int{tellsSettled: 3, tellsPending: 1, tellsExpired: 1}, of["order-0"])

	all := standings(refs, mix)
	require.Len(t, all[standsPaid], 392)
	require.Equal(t, []string{"order-49", "order-149", "order-249", "order-349"}, all[standsReview])
	require.Equal(t, []string{"order-99", "order-199", "order-299", "order-399"}, all[standsOpen], "a forgery moves nothing")
	require.Len(t, standings(refs, mix[:1])[standsOpen], 399)
}

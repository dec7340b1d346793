package fazztest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

// reach brings a new payment to a status.
func (b *bench) reach(ref, status, how string) {
	b.t.Helper()
	b.pay(ref, how)
	steps := map[string][]func(string) error{
		"pending": nil, "processing": {b.Process}, "paid": {func(ref string) error { return b.Pay(ref) }},
		"completed": {func(ref string) error { return b.Pay(ref) }, b.Complete}, "expired": {b.Expire}, "cancelled": {b.Cancel},
		"failed": {func(ref string) error { return b.FailPayment(ref, "fraud score") }},
	}
	for _, step := range steps[status] {
		b.ok(step(ref))
	}
	b.delivered()
	require.Equal(b.t, status, b.Status(ref))
}

var everyStatus = []string{"pending", "processing", "paid", "completed", "expired", "cancelled", "failed"}

func TestMoves(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do   func(*bench) error
		to   string
		from []string
		told string
	}{
		"Pay":         {func(b *bench) error { return b.Pay("r") }, "paid", []string{"pending", "processing"}, "paid"},
		"Pay late":    {func(b *bench) error { return b.Pay("r", fazztest.Late()) }, "paid", []string{"pending", "processing", "expired", "cancelled"}, "paid"},
		"Process":     {func(b *bench) error { return b.Process("r") }, "processing", []string{"pending"}, ""},
		"Complete":    {func(b *bench) error { return b.Complete("r") }, "completed", []string{"paid"}, "completed"},
		"FailPayment": {func(b *bench) error { return b.FailPayment("r", "fraud") }, "failed", []string{"pending", "processing"}, "failed"},
		"Expire":      {func(b *bench) error { return b.Expire("r") }, "expired", []string{"pending"}, "expired"},
		"Cancel":      {func(b *bench) error { return b.Cancel("r") }, "cancelled", []string{"pending"}, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range everyStatus {
				b := newBench(t)
				require.ErrorContains(t, tc.do(b), `no payment with referenceId "r"`)
				b.reach("r", from, byQRIS)
				err := tc.do(b)
				if slices.Contains(tc.from, from) {
					require.NoError(t, err, from)
					require.Equal(t, tc.to, b.Status("r"))
					require.Equal(t, tc.to, b.look("r").at("data.attributes.status"))
					require.Equal(t, tc.told, b.words())
					continue
				}
				require.ErrorContains(t, err, `payment "r" cannot `)
				require.ErrorContains(t, err, "it is "+from)
				require.Equal(t, from, b.Status("r"))
				require.Empty(t, b.words())
			}
		})
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	for action, tc := range map[string]struct {
		to   string
		from []string
	}{
		"cancel": {"cancelled", []string{"pending"}}, "receive_payment": {"paid", []string{"pending", "processing"}}, "settle": {"completed", []string{"paid"}},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			for _, from := range everyStatus {
				b := newBench(t)
				b.reach("r", from, byVA)
				status, got := b.task("r", action)
				if slices.Contains(tc.from, from) {
					require.Equal(t, http.StatusCreated, status, got)
					p, _ := b.Payment("r")
					require.Equal(t, p.ID, got.at("data.attributes.targetId"))
					require.Equal(t, "payment", got.at("data.attributes.targetType"))
					require.Equal(t, action, got.at("data.attributes.action"))
					require.NotEqual(t, "payment", got.at("data.type"))
					require.Equal(t, tc.to, b.words())
					continue
				}
				require.Equal(t, http.StatusBadRequest, status, from)
				codes, details := problems(got)
				require.Equal(t, []string{"005"}, codes)
				require.Contains(t, details[0], from)
				require.Equal(t, from, b.Status("r"))
				require.Empty(t, b.words())
			}
		})
	}
}

func TestOnlyVirtualAccountsCanBeCancelledByTheAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, how := range map[string]string{"retail": byRetail, "qris": byQRIS, "wallet": byShopee} {
		b.pay(name, how)
		status, got := b.task(name, "cancel")
		require.Equal(t, http.StatusForbidden, status, name)
		codes, _ := problems(got)
		require.Equal(t, []string{"003"}, codes)
		require.Equal(t, "pending", b.Status(name))
	}
}

func TestRefusedTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("r", byVA)
	p, _ := b.Payment("r")
	for bad, want := range map[string]string{
		`{`: "body", `{}`: "action", `{"data":{"attributes":{"action":"refund"}}}`: "action must be one of", `{"data":{"attributes":{"action":1}}}`: "action must not be a number",
		`{"data":{"attributes":{"action":"receive_payment","options":{"amount":90000}}}}`: "options.amount",
	} {
		status, got := b.call(http.MethodPost, api+"/"+p.ID+"/tasks", bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
		codes, details := problems(got)
		require.Equal(t, []string{"005"}, codes)
		require.Contains(t, details[0], want)
	}
	require.Equal(t, "pending", b.Status("r"))
	status, _ := b.call(http.MethodPost, api+"/"+p.ID+"/tasks", `{"data":{"attributes":{"action":"receive_payment","options":{"amount":100000}}}}`)
	require.Equal(t, http.StatusCreated, status)
}

func TestFailureReason(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reach("r", "failed", byVA)
	require.Equal(t, "fraud score", b.look("r").at("data.attributes.failureReason"))
	p, ok := b.Payment("r")
	require.True(t, ok)
	require.Equal(t, "fraud score", p.Reason)
	require.Empty(t, b.Status("unknown"))
	_, ok = b.Payment("unknown")
	require.False(t, ok)
}

func TestGettersGiveCopies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pay("r", byVA)
	p, _ := b.Payment("r")
	p.Status = "paid"
	b.Payments()[0].Status = "paid"
	require.Equal(t, "pending", b.Status("r"))
}

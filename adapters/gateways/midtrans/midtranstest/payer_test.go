package midtranstest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

func TestDeniedThenPaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Deny("order-1"))
	denied := b.transaction("order-1").ID
	b.ok(b.Pay("order-1", midtranstest.By("bca_va")))
	paid := b.transaction("order-1").ID
	require.NotEqual(t, denied, paid)
	require.Equal(t, "deny pending settlement", b.words())
	require.Equal(t, paid, b.status("order-1").text("transaction_id"), "by order: the latest")
	require.Equal(t, "deny", b.status(denied).text("transaction_status"))
}

func TestDenyWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, begin := range []func(id string) error{
		func(id string) error { return b.Choose(id) },
		func(id string) error { return b.Choose(id, midtranstest.By("credit_card")) },
		func(id string) error { return b.Challenge(id) },
	} {
		id := fmt.Sprintf("order-%d", i)
		b.order(id)
		b.ok(begin(id))
		b.ok(b.Deny(id))
		o, _ := b.Order(id)
		require.Len(t, o.Transactions, 1)
		require.Equal(t, "deny", o.Transactions[0].Status)
	}
	b.order("order-gopay")
	b.ok(b.Deny("order-gopay", midtranstest.By("gopay")))
	require.Equal(t, "gopay", b.transaction("order-gopay").Channel)
	require.Equal(t, "deny", b.transaction("order-gopay").Status)
}

func TestLateMoney(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	late := midtranstest.Late()

	b.order("expired")
	b.ok(b.Choose("expired"))
	b.clock.Advance(time.Hour)
	require.Equal(t, "pending expire", b.words())
	id := b.transaction("expired").ID
	b.ok(b.Pay("expired", late))
	require.Equal(t, "settlement", b.words())
	require.Equal(t, id, b.transaction("expired").ID, "the same transaction")

	b.order("no-choice")
	b.clock.Advance(25 * time.Hour)
	require.Error(t, b.Pay("no-choice"))
	b.ok(b.Pay("no-choice", late))
	require.Equal(t, "settlement", b.words(), "the page is closed, yet money came")

	b.order("twice")
	b.ok(b.Choose("twice", midtranstest.By("bca_va")))
	b.ok(b.Expire("twice"))
	b.ok(b.Pay("twice"))
	b.ok(b.Pay("twice", late))
	require.Equal(t, "pending expire pending settlement settlement", b.words())
	o, _ := b.Order("twice")
	require.Equal(t, "settlement settlement", o.Transactions[0].Status+" "+o.Transactions[1].Status)
}

func TestAnotherAmount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("bni_va"), midtranstest.Amount("1.00"), midtranstest.Currency("USD")))
	for _, body := range []object{b.delivered()[1].body, b.status("order-1")} {
		require.Equal(t, "1.00", body.text("gross_amount"))
		require.Equal(t, "USD", body.text("currency"))
		require.Equal(t, sha(body, serverKey), body.text("signature_key"))
	}
	b.order("order-2")
	for _, amount := range []string{"1", "1.0", "x.00", "-1.00", "1,00", "99999999999999999999.00"} {
		require.Error(t, b.Pay("order-2", midtranstest.Amount(amount)), amount)
	}
	require.Equal(t, "404", b.status("order-2").text("status_code"))
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for enabled, want := range map[string][]string{
		`["bca_va"]`:                       {"bca_va"},
		`["bank_transfer"]`:                {"bca_va", "bni_va", "bri_va", "cimb_va", "permata_va"},
		`["other_va"]`:                     {"bni_va", "bri_va", "cimb_va", "permata_va"},
		`["cstore","google_pay"]`:          {"indomaret", "alfamart"},
		`["credit_card","gopay","bca_va"]`: {"gopay", "credit_card", "bca_va"},
	} {
		for i, method := range want {
			id := fmt.Sprintf("order-%d", len(b.Orders()))
			b.order(id, `"enabled_payments":`+enabled)
			require.Error(t, b.Choose(id, midtranstest.By("echannel")), enabled)
			if i == 0 {
				b.ok(b.Choose(id))
			} else {
				b.ok(b.Choose(id, midtranstest.By(method)))
			}
			require.Equal(t, method, b.transaction(id).Channel, enabled)
		}
	}
	b.order("unknown", `"enabled_payments":["google_pay"]`)
	require.ErrorContains(t, b.Pay("unknown"), "nothing that the simulator knows")
}

func TestWhatCannotHappen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, act := range map[string]func(id string) error{
		"pay":        func(id string) error { return b.Pay(id) },
		"choose":     func(id string) error { return b.Choose(id) },
		"deny":       func(id string) error { return b.Deny(id) },
		"challenge":  b.Challenge,
		"approve":    b.Approve,
		"settle":     b.Settle,
		"expire":     b.Expire,
		"cancel":     b.Cancel,
		"refund":     func(id string) error { return b.RefundFromDashboard(id, 0) },
		"chargeback": b.PartialChargeback,
		"reverse":    b.Reverse,
		"resend":     func(id string) error { return b.Resend(id, 1) },
	} {
		require.ErrorContains(t, act("nothing"), `no order "nothing"`, name)
	}

	b.order("paid")
	b.ok(b.Pay("paid"))
	b.delivered()
	require.ErrorContains(t, b.Pay("paid"), "settlement")
	require.Error(t, b.Choose("paid"))
	require.Error(t, b.Deny("paid"))
	require.Error(t, b.Challenge("paid"))
	require.Error(t, b.Approve("paid"))
	require.Error(t, b.Settle("paid"))
	require.Error(t, b.Expire("paid"))
	require.Error(t, b.Cancel("paid"))
	require.ErrorContains(t, b.Reverse("paid"), "not reversed")
	require.ErrorContains(t, b.Chargeback("paid"), "no chargeback")
	require.ErrorContains(t, b.RefundFromDashboard("paid", 30_001), "cannot refund")
	require.Error(t, b.RefundFromDashboard("paid", -1))
	require.Empty(t, b.delivered(), "nobody was told anything")

	b.order("waits")
	b.ok(b.Choose("waits", midtranstest.By("bca_va")))
	require.ErrorContains(t, b.Pay("waits", midtranstest.By("gopay")), "by bca_va already")
	require.Error(t, b.RefundFromDashboard("waits", 0))

	b.order("open")
	require.ErrorContains(t, b.Resend("open", 1), "no transaction")
	require.ErrorContains(t, b.Pay("open", midtranstest.Card("4000000000000000")), "not a test card")
	require.ErrorContains(t, b.Pay("open", midtranstest.By("barter")), "not known")
	o, _ := b.Order("open")
	require.Empty(t, o.Transactions)
	_, ok := b.Order("nothing")
	require.False(t, ok)
}

func TestMoneyTakenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, method := range []string{"permata_va", "echannel", "indomaret"} {
		b.order(method)
		b.ok(b.Pay(method, midtranstest.By(method)))
		b.delivered()
		b.ok(b.Reverse(method))
		notices := b.delivered()
		require.Equal(t, "deny 202", notices[0].body.text("transaction_status")+" "+notices[0].body.text("status_code"))
	}
	b.order("card")
	b.ok(b.Pay("card", midtranstest.By("credit_card")))
	require.Error(t, b.Chargeback("card"), "not before it is settled")
	b.ok(b.Settle("card"))
	b.ok(b.PartialChargeback("card"))
	b.ok(b.Chargeback("card"))
	require.Equal(t, "capture settlement partial_chargeback chargeback", b.words())
}

func TestResend(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1"))
	b.ok(b.Resend("order-1", 3))
	require.Equal(t, "pending settlement settlement settlement settlement", b.words())
}

// Orders returns copies: what a test does with them changes nothing.
func TestOrdersAreCopies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.order("order-1")
	b.ok(b.Pay("order-1", midtranstest.By("bca_va")))
	b.order("order-2")
	b.ok(b.Pay("order-2"))
	b.ok(b.RefundFromDashboard("order-2", 1))
	all := b.Orders()
	require.Len(t, all, 2)
	all[0].Transactions[0].Status = "spoiled"
	all[0].Transactions[0].Keys["va_numbers"] = nil
	all[0].Pages[0].Token = "spoiled"
	all[1].Transactions[0].Refunds[0].Amount = 7
	require.Equal(t, "settlement", b.transaction("order-1").Status)
	require.NotNil(t, b.status("order-1")["va_numbers"])
	require.Equal(t, "1.00", b.status("order-2").text("refund_amount"))
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const many = 20
	for i := range many {
		b.order(fmt.Sprintf("order-%d", i))
	}
	var wg sync.WaitGroup
	paid := make([]int, many)
	for i := range many * 4 {
		wg.Go(func() {
			id := fmt.Sprintf("order-%d", i%many)
			if b.Pay(id) == nil {
				b.mu.Lock()
				paid[i%many]++
				b.mu.Unlock()
			}
			_, _ = b.Deliver(t.Context())
			b.Orders()
			b.Answers()
		})
	}
	wg.Wait()
	for i := range many {
		require.Equal(t, 1, paid[i], "an order is paid once")
	}
	b.delivered()
	require.Len(t, b.Answers(), 2*many)
}

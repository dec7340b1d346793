package channels

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// linkWorld is a shop that counts what it is told of links.
type linkWorld struct {
	*world
	settled map[payments.ID]int
	over    []payments.LinkOverLimit
}

func newLinkWorld(t *testing.T, dialect string) *linkWorld {
	t.Helper()
	w := &linkWorld{world: newWorld(t, dialect), settled: map[payments.ID]int{}}
	w.sim.Notify(w.url+"/notifications/midtrans", nil) // a link has no address of its own for them
	w.pay.OnSettled("settled", func(_ context.Context, e payments.Settled) error { w.settled[e.Order.ID]++; return nil })
	w.pay.OnLinkOverLimit("over", func(_ context.Context, e payments.LinkOverLimit) error { w.over = append(w.over, e); return nil })
	return w
}

func (w *linkWorld) link(params payments.LinkParams) *payments.Link {
	w.t.Helper()
	link, err := w.pay.CreateLink(w.t.Context(), params)
	require.NoError(w.t, err)
	w.leads(link.URL)
	return link
}

// pays has somebody pay by the link, and each message arrive three times.
func (w *linkWorld) pays(link string, how ...midtranstest.PayOption) *payments.Payment {
	w.t.Helper()
	ref, err := w.sim.PayLink(link, how...)
	w.happen(payments.ID(ref), err)
	return w.of(ref)
}

// begins opens the link's page, as a browser does: it leads to a page of one
// payer's own, of an order that only the gateway knows yet.
func (w *linkWorld) begins(link *payments.Link) (ref string) {
	w.t.Helper()
	known := map[string]bool{}
	for _, o := range w.sim.Orders() {
		known[o.ID] = true
	}
	resp, err := http.Post(link.URL, "application/x-www-form-urlencoded", bytes.NewReader(nil))
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, resp.StatusCode, "%s", raw)
	for _, o := range w.sim.Orders() {
		if !known[o.ID] {
			ref = o.ID
		}
	}
	require.NotEmpty(w.t, ref)
	return ref
}

// of is the payment that a link has brought under the gateway's order id.
func (w *linkWorld) of(ref string) *payments.Payment {
	w.t.Helper()
	found, err := w.store.Get(w.t.Context(), payments.ByGatewayRef("midtrans", ref))
	require.NoError(w.t, err)
	return found
}

// uses must be so many, each of another payment.
func (w *linkWorld) uses(link string, want int) {
	w.t.Helper()
	w.clock.Advance(time.Second)
	w.settle()
	n, err := w.pay.LinkUses(w.t.Context(), link)
	require.NoError(w.t, err)
	require.Equal(w.t, want, n)
	seen := map[payments.ID]bool{}
	for i := 1; i <= n; i++ {
		p, err := w.pay.LinkPayment(w.t.Context(), link, i)
		require.NoError(w.t, err)
		seen[p.ID] = true
	}
	require.Len(w.t, seen, n)
}

func TestEveryLink(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			for name, walk := range map[string]func(w *linkWorld){
				"fixed": (*linkWorld).fixed, "dynamic": (*linkWorld).dynamic, "plan": (*linkWorld).plan,
				"lost": (*linkWorld).lost, "deleted": (*linkWorld).deleted,
			} {
				t.Run(name, func(t *testing.T) { walk(newLinkWorld(t, dialect)) })
			}
		})
	}
}

// fixed is a link for two that is paid three times.
func (w *linkWorld) fixed() {
	link := w.link(payments.LinkParams{ID: "mugs", Title: "A mug", Items: []payments.Pick{{ID: "mug", Quantity: 1}}, UsageLimit: 2})

	// The first begins, and pays after a while.
	ref := w.begins(link)
	w.happen(payments.ID(ref), w.sim.Choose(ref))
	first := w.of(ref)
	w.is(first.ID, payments.StatusPending)
	w.uses("mugs", 0)
	w.happen(payments.ID(ref), w.sim.Pay(ref))
	w.is(first.ID, payments.StatusSettled)
	w.uses("mugs", 1)

	// The second is denied, and pays on the same page: it is one payment.
	ref = w.begins(link)
	w.happen(payments.ID(ref), w.sim.Deny(ref))
	second := w.of(ref)
	w.is(second.ID, payments.StatusDenied)
	w.uses("mugs", 1)
	w.happen(payments.ID(ref), w.sim.Pay(ref))
	require.Equal(w.t, second.ID, w.of(ref).ID)
	w.is(second.ID, payments.StatusSettled)
	w.uses("mugs", 2)
	require.Empty(w.t, w.over)

	// The third is one too many. The money came, so it is settled.
	third := w.pays("mugs", midtranstest.Late())
	w.is(third.ID, payments.StatusSettled)
	w.uses("mugs", 3)
	w.clock.Advance(24 * time.Hour)
	w.uses("mugs", 3)
	require.Equal(w.t, map[payments.ID]int{first.ID: 1, second.ID: 1, third.ID: 1}, w.settled)
	_, err := w.pay.Refund(w.t.Context(), third.ID, payments.RefundParams{Key: "sold-out", Reason: "sold out"})
	require.NoError(w.t, err)
	w.is(third.ID, payments.StatusRefunded)
	w.uses("mugs", 3) // what is refunded stays counted
	require.Len(w.t, w.over, 1)
	require.Equal(w.t, third.ID, w.over[0].Order.ID)
	require.Equal(w.t, [2]int{3, 2}, [2]int{w.over[0].Use, w.over[0].Limit})
}

// dynamic is a link whose payers choose. What Midtrans should not have let
// them choose is for a person to decide.
func (w *linkWorld) dynamic() {
	w.link(payments.LinkParams{ID: "tips", Title: "Tips", Min: payments.IDR(5_000), Max: payments.IDR(50_000), UsageLimit: 9})
	for _, c := range []struct {
		amount  string
		ordered int64
		status  payments.Status
	}{
		{"5000.00", 5_000, payments.StatusSettled}, {"7000.00", 7_000, payments.StatusSettled}, {"50000.00", 50_000, payments.StatusSettled},
		{"4999.00", 5_000, payments.StatusReview}, {"50001.00", 50_000, payments.StatusReview},
	} {
		p := w.pays("tips", midtranstest.Amount(c.amount))
		require.Equal(w.t, payments.IDR(c.ordered), w.is(p.ID, c.status).Amount)
	}
	w.uses("tips", 5)
	require.Len(w.t, w.settled, 3)
	require.Empty(w.t, w.over)
}

// plan is a link of one person's, who has the plan when it is paid.
func (w *linkWorld) plan() {
	link := w.link(payments.LinkParams{PlanID: "pro", User: ana})
	entitled := func() bool {
		e, err := w.pay.Entitled(w.t.Context(), ana, "pro")
		require.NoError(w.t, err)
		return e.OK
	}
	require.False(w.t, entitled())
	p := w.pays(link.ID, midtranstest.By("bca_va"))
	require.Equal(w.t, ana, w.is(p.ID, payments.StatusSettled).User)
	require.True(w.t, entitled())
	w.uses(link.ID, 1)
	require.Empty(w.t, w.over)
}

// lost: the link was made, and nobody heard of it. Asked again it is found.
func (w *linkWorld) lost() {
	params := payments.LinkParams{ID: "again", Title: "A gift", Amount: payments.IDR(price)}
	w.sim.Fail(simkit.Fault{Op: "create_link", Kind: simkit.Lost})
	link, err := w.pay.CreateLink(w.t.Context(), params)
	require.ErrorIs(w.t, err, payments.ErrOutcomeUnknown)
	require.Empty(w.t, link.URL)

	// A payment by it is known all the same.
	p := w.pays("again")
	w.is(p.ID, payments.StatusSettled)
	link, err = w.pay.CreateLink(w.t.Context(), params)
	require.NoError(w.t, err)
	require.NotEmpty(w.t, link.URL)
	w.uses("again", 1)
}

// deleted: nobody can begin any more, and who has begun may still pay.
func (w *linkWorld) deleted() {
	params := payments.LinkParams{ID: "gone", Title: "A gift", Amount: payments.IDR(price), UsageLimit: 3}
	link := w.link(params)
	ref := w.begins(link)
	w.happen(payments.ID(ref), w.sim.Choose(ref))
	canceled := w.begins(link)
	w.happen(payments.ID(canceled), w.sim.Choose(canceled))
	_, err := w.pay.Cancel(w.t.Context(), w.of(canceled).ID, "")
	require.NoError(w.t, err)
	w.is(w.of(canceled).ID, payments.StatusCanceled)
	require.NoError(w.t, w.pay.DeleteLink(w.t.Context(), "gone"))
	require.NoError(w.t, w.pay.DeleteLink(w.t.Context(), "gone"))
	_, err = w.pay.CreateLink(w.t.Context(), params)
	require.ErrorIs(w.t, err, payments.ErrWrongState)
	_, err = w.sim.PayLink("gone")
	require.Error(w.t, err)
	w.happen(payments.ID(ref), w.sim.Pay(ref))
	w.is(w.of(ref).ID, payments.StatusSettled)
	w.uses("gone", 1)
}

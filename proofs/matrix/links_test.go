package matrix

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// wantLink is what is known of a payment link: how often it was paid, and
// whether it was closed.
type wantLink struct {
	paid    int
	deleted bool
}

// usesOfALink are what the link of the shop allows.
const usesOfALink = 2

var linkScenarios = []scenario{
	{"a link is made", func(w *world) {
		w.admin("link", "id", "mugs")
		w.links["mugs"] = wantLink{}
	}},
	{"a link is paid", func(w *world) {
		w.admin("link", "id", "mugs")
		w.paidBy("mugs", 1)
		w.links["mugs"] = wantLink{paid: 1}
	}},
	beyondTheLimit,
	{"a link is deleted", func(w *world) {
		w.admin("link", "id", "mugs")
		w.admin("unlink", "id", "mugs")
		w.paidBy("mugs", 1, midtranstest.Late()) // who has begun may still pay
		w.links["mugs"] = wantLink{paid: 1, deleted: true}
	}},
}

var beyondTheLimit = scenario{"a link is paid beyond its limit", func(w *world) {
	w.admin("link", "id", "mugs")
	w.paidBy("mugs", 1)
	w.paidBy("mugs", 2)
	w.paidBy("mugs", 3, midtranstest.Late())
	w.links["mugs"] = wantLink{paid: 3}
}}

// The matrix kills at a point's first passing, which is the first use. That a
// use is beyond the limit is told by the third.
func TestKilledBeyondTheLimit(t *testing.T) {
	p := newPlace(t, "sqlite")
	w := newWorld(t, p, target{})
	requireSound(t, w.play(beyondTheLimit))
	passed := map[string]int{}
	for _, point := range w.soFar() {
		if name, _ := site(point); name == "countUse" {
			passed[point]++
		}
	}
	w.end()
	require.Len(t, passed, 4)
	for point, times := range passed {
		t.Run(point, func(t *testing.T) {
			require.Equal(t, usesOfALink+1, times)
			w := newWorld(t, p, target{Point: point, Nth: times})
			defer w.end()
			requireSound(t, w.play(beyondTheLimit))
			require.Equal(t, 1, w.kills)
		})
	}
}

// paidBy has somebody pay by a link. Only the link knows of this order, until
// the shop is told. The use is waited for, so that it is known whose it is.
func (w *world) paidBy(link string, use int, how ...midtranstest.PayOption) {
	w.t.Helper()
	order, err := w.sim.PayLink(link, how...)
	w.ok(err)
	var p *payments.Payment
	w.until("the link's payment is counted", func() bool {
		p, err = w.store.Get(w.t.Context(), payments.ByGatewayRef("midtrans", order))
		return err == nil && p.LinkUse > 0
	})
	require.Equal(w.t, use, p.LinkUse)
	w.is(p.ID, payments.StatusSettled)
	told := settled()
	if use > usesOfALink {
		told[payments.EventLinkOverLimit] = 1
	}
	w.model[p.ID] = want{status: payments.StatusSettled, events: told, orders: 1, in: mug, ref: order}
}

// compareLinks: each link is in the books once and at the gateway once, and
// its uses are numbered without gaps, each that of another payment.
func (w *world) compareLinks(v *verdict) {
	w.t.Helper()
	ctx := w.t.Context()
	found, err := w.store.Records(ctx, payments.RecordQuery{Kind: "link", Limit: 500})
	w.ok(err)
	v.expect(int64(len(found.Items)), int64(len(w.links)), "links")
	for _, r := range found.Items {
		var link payments.Link
		w.ok(json.Unmarshal(r.Doc, &link))
		want := w.links[link.ID]
		v.expect(one(link.URL != ""), 1, "%s: pages", link.ID)
		v.expect(one(!link.DeletedAt.IsZero()), one(want.deleted), "%s: deletions", link.ID)
		counted := map[payments.ID]bool{}
		for n := 1; ; n++ {
			p, err := w.store.Get(ctx, payments.Ref{Kind: payments.RefLinkUse, Scope: link.ID, Value: strconv.Itoa(n)})
			if err != nil {
				require.ErrorIs(w.t, err, payments.ErrNotFound)
				break
			}
			require.Equal(w.t, n, p.LinkUse)
			require.Equal(w.t, link.ID, p.LinkID)
			counted[p.ID] = true
		}
		v.expect(int64(len(counted)), int64(want.paid), "%s: payments that are counted", link.ID)
	}
}

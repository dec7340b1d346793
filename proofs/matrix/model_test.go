package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// model is what there must be in the end, whatever was killed on the way.
type model map[payments.ID]want

// want is what is known of one payment by those who know: the buyer, the
// gateway, the operator.
type want struct {
	status payments.Status
	// events that there are, each so many times. What nobody counts on, such
	// as how often a payment was seen pending, is left out.
	events map[payments.EventKind]int
	// orders are those at the gateway: one for each way to pay that was opened.
	orders int
	// in is what was paid, back what the gateway has sent back, in so many
	// refunds, and byHand what was handed back otherwise.
	in, back int64
	refunds  int
	byHand   int64
	// ref begins the gateway's names of its orders, where that is not its id.
	ref string
	// live: it covers its claim.
	live bool
	// dismissed: its delivery to "fragile" was given up.
	dismissed bool
	// cleaned: its deliveries were deleted.
	cleaned bool
	// ordered: it has an order of the host's.
	ordered bool
}

type counts = map[payments.EventKind]int

// uncounted are kinds that tell how something came about and not what.
var uncounted = []payments.EventKind{payments.EventPending, payments.EventRouted}

// verdict is what a comparison found.
type verdict struct{ lost, doubled []string }

func (v *verdict) expect(got, want int64, format string, args ...any) {
	text := fmt.Sprintf(format, args...) + fmt.Sprintf(": %d, and should be %d", got, want)
	switch {
	case got < want:
		v.lost = append(v.lost, text)
	case got > want:
		v.doubled = append(v.doubled, text)
	}
}

// books are all that the database and the gateway hold in the end.
type books struct {
	payments   []*payments.Payment
	events     map[payments.ID][]payments.Event
	deliveries []payments.Delivery
	claims     []payments.Claim
	parked     []payments.Message
	effects    []Effect
	ordered    []HostOrder
	gateway    []midtranstest.Order
}

func (w *world) read() books {
	w.t.Helper()
	ctx := w.t.Context()
	b := books{events: map[payments.ID][]payments.Event{}, gateway: w.sim.Orders()}
	found, err := w.store.Payments(ctx, payments.PaymentQuery{Limit: 500})
	require.NoError(w.t, err)
	b.payments = found.Items
	for _, p := range found.Items {
		events, err := w.store.Events(ctx, payments.EventQuery{PaymentID: p.ID, Limit: 500})
		require.NoError(w.t, err)
		b.events[p.ID] = events.Items
	}
	deliveries, err := w.store.Deliveries(ctx, payments.DeliveryQuery{Limit: 500})
	require.NoError(w.t, err)
	b.deliveries = deliveries.Items
	claims, err := w.store.Claims(ctx, payments.ClaimQuery{Limit: 500})
	require.NoError(w.t, err)
	b.claims = claims.Items
	parked, err := w.store.Messages(ctx, payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictParked}, Limit: 500})
	require.NoError(w.t, err)
	b.parked = parked.Items
	require.NoError(w.t, w.db.Order("id").Find(&b.effects).Error)
	require.NoError(w.t, w.db.Find(&b.ordered).Error)
	return b
}

// compare compares the books with the model.
func (b books) compare(m model) *verdict {
	v := &verdict{}
	known := 0
	for _, p := range b.payments {
		if _, ok := m[p.ID]; ok {
			known++
		}
	}
	v.expect(int64(known), int64(len(m)), "payments of orders")
	v.expect(int64(len(b.payments)), int64(len(m)), "payments")
	orders := 0
	for _, p := range b.payments {
		want := m[p.ID]
		orders += want.orders
		b.state(v, p, want)
		b.money(v, p, want)
		b.history(v, p, want)
		b.hooks(v, p, want)
	}
	v.expect(int64(len(b.gateway)), int64(orders), "orders at the gateway")
	v.expect(int64(len(b.parked)), 0, "parked notifications")
	b.spurious(v)
	return v
}

// state is the payment's status, its claim, and the host's order of it.
func (b books) state(v *verdict, p *payments.Payment, want want) {
	if p.Status != want.status {
		v.lost = append(v.lost, fmt.Sprintf("%s is %s, and should be %s", p.ID, p.Status, want.status))
	}
	grants, live := 0, 0
	for _, c := range b.claims {
		for _, g := range c.Grants {
			if g.PaymentID == p.ID {
				grants++
				if g.Live {
					live++
				}
			}
		}
	}
	v.expect(int64(live), one(want.live), "%s: live grants", p.ID)
	v.expect(int64(max(grants, 1)), 1, "%s: grants", p.ID)
	ordered := 0
	for _, o := range b.ordered {
		if o.PaymentID == string(p.ID) {
			ordered++
		}
	}
	v.expect(int64(ordered), one(want.ordered), "%s: the host's orders", p.ID)
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// money at the gateway is the money in the books.
func (b books) money(v *verdict, p *payments.Payment, want want) {
	orders, refunds, in, back := 0, 0, int64(0), int64(0)
	for _, o := range b.gateway {
		if !strings.HasPrefix(o.ID, cmp.Or(want.ref, string(p.ID))) {
			continue
		}
		orders++
		for _, t := range o.Transactions {
			if !t.PaidAt.IsZero() && t.Fraud != "deny" { // what was held for fraud never came in
				in += t.Amount()
			}
			back += t.Refunded()
			refunds += len(t.Refunds)
		}
	}
	v.expect(int64(orders), int64(want.orders), "%s: orders at the gateway", p.ID)
	v.expect(in, want.in, "%s: money in at the gateway", p.ID)
	v.expect(p.Totals.In.Amount, want.in, "%s: money in", p.ID)
	v.expect(back, want.back, "%s: money back at the gateway", p.ID)
	v.expect(int64(refunds), int64(want.refunds), "%s: refunds at the gateway", p.ID)
	v.expect(p.Totals.Refunded.Amount, want.back+want.byHand, "%s: money back", p.ID)
}

// history has no gaps, and in it each thing once.
func (b books) history(v *verdict, p *payments.Payment, want want) {
	events := b.events[p.ID]
	v.expect(int64(len(events)), int64(p.LastSeq), "%s: events", p.ID)
	told := counts{}
	for i, e := range events {
		v.expect(int64(e.Seq), int64(i+1), "%s: number of event", p.ID)
		told[e.Kind]++
	}
	for kind := range want.events {
		told[kind] += 0
	}
	for kind, n := range told {
		if !slices.Contains(uncounted, kind) {
			v.expect(int64(n), int64(want.events[kind]), "%s: %s told", p.ID, kind)
		}
	}
}

// lanes are the shop's, with the kinds that they hear of.
var lanes = map[string][]payments.EventKind{"fulfil": fulfilled, "mail": nil, "fragile": {payments.EventSettled}}

// hooks: each event has gone to each lane that it is for, and had its effect:
// once where the hook is transactional, at least once elsewhere, in order.
func (b books) hooks(v *verdict, p *payments.Payment, want want) {
	for lane, kinds := range lanes {
		last := 0
		for _, e := range b.effects {
			if e.Lane == lane && e.PaymentID == string(p.ID) {
				v.expect(int64(max(e.Seq, last)), int64(e.Seq), "%s: event heard by %s in turn", p.ID, lane)
				last = e.Seq
			}
		}
		for _, e := range b.events[p.ID] {
			if kinds != nil && !slices.Contains(kinds, e.Kind) {
				continue
			}
			effects, state := int64(0), payments.DeliveryState("")
			for _, f := range b.effects {
				if f.Lane == lane && f.PaymentID == string(p.ID) && f.Seq == e.Seq {
					effects++
				}
			}
			for _, d := range b.deliveries {
				if d.ID == payments.DeliveryID(e.ID, payments.HookTarget(lane)) {
					state = d.State
				}
			}
			mustBe, least := payments.DeliveryDone, int64(1)
			switch {
			case lane == "fragile" && want.dismissed:
				mustBe, least = payments.DeliveryDismissed, 0
			case want.cleaned:
				mustBe = ""
			}
			if state != mustBe {
				v.lost = append(v.lost, fmt.Sprintf("%s: delivery of %s to %s is %q, and should be %q", p.ID, e.Kind, lane, state, mustBe))
			}
			if lane != "fulfil" && effects > least {
				effects = least // at least once
			}
			v.expect(effects, least, "%s: effects of %s in %s", p.ID, e.Kind, lane)
		}
	}
}

// spurious: no effect and no delivery is of an event that there is not, and
// nothing is open or dead, whoever's it is.
func (b books) spurious(v *verdict) {
	there := map[payments.ID]bool{}
	for _, events := range b.events {
		for _, e := range events {
			there[e.ID] = true
		}
	}
	for _, e := range b.effects {
		if id := payments.EventID(payments.ID(e.PaymentID), e.Seq); !there[id] {
			v.doubled = append(v.doubled, fmt.Sprintf("an effect of event %s, which there is not", id))
		}
	}
	for _, d := range b.deliveries {
		if !there[d.Event.ID] {
			v.doubled = append(v.doubled, fmt.Sprintf("delivery %s of no event", d.ID))
		}
		if d.State == payments.DeliveryOpen || d.State == payments.DeliveryDead {
			v.lost = append(v.lost, fmt.Sprintf("delivery %s is %s: %s", d.ID, d.State, d.LastError))
		}
	}
}

package kill

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// books are all that the database holds in the end, and the gateway's own.
type books struct {
	payments   map[payments.ID]*payments.Payment
	events     map[payments.ID][]payments.Event
	deliveries map[payments.ID]payments.Delivery
	// runs are in the order in which they were written.
	runs     []Run
	claims   map[string]payments.Claim // by user
	accounts map[payments.ID]account
	// believed counts the notifications of each order that were kept and are
	// good for something.
	believed map[payments.ID]int
}

func (w *world) read() books {
	w.t.Helper()
	b := books{
		payments: map[payments.ID]*payments.Payment{}, events: map[payments.ID][]payments.Event{},
		deliveries: map[payments.ID]payments.Delivery{}, claims: map[string]payments.Claim{},
		believed: map[payments.ID]int{},
	}
	ctx := w.t.Context()
	for _, p := range w.payments() {
		b.payments[p.ID] = p
		b.events[p.ID] = all(w.t, func(cursor string) (payments.Page[payments.Event], error) {
			return w.store.Events(ctx, payments.EventQuery{PaymentID: p.ID, Cursor: cursor, Limit: 500})
		})
	}
	for _, d := range w.deliveries(payments.DeliveryQuery{}) {
		b.deliveries[d.ID] = d
	}
	for _, c := range all(w.t, func(cursor string) (payments.Page[payments.Claim], error) {
		return w.store.Claims(ctx, payments.ClaimQuery{Cursor: cursor, Limit: 500})
	}) {
		b.claims[c.UserID] = c
	}
	for _, m := range all(w.t, func(cursor string) (payments.Page[payments.Message], error) {
		return w.store.Messages(ctx, payments.MessageQuery{Cursor: cursor, Limit: 500, Verdict: []payments.Verdict{
			payments.VerdictApplied, payments.VerdictDuplicate, payments.VerdictOutdated,
		}})
	}) {
		b.believed[payments.ID(m.Ref)]++
	}
	b.runs, b.accounts = w.runs(), w.accounts()
	return b
}

func (w *world) payments() []*payments.Payment {
	w.t.Helper()
	return all(w.t, func(cursor string) (payments.Page[*payments.Payment], error) {
		return w.store.Payments(w.t.Context(), payments.PaymentQuery{Cursor: cursor, Limit: 500})
	})
}

func (w *world) deliveries(q payments.DeliveryQuery) []payments.Delivery {
	w.t.Helper()
	return all(w.t, func(cursor string) (payments.Page[payments.Delivery], error) {
		q.Cursor, q.Limit = cursor, 500
		return w.store.Deliveries(w.t.Context(), q)
	})
}

func (w *world) runs() []Run {
	w.t.Helper()
	var runs []Run
	require.NoError(w.t, w.db.Order("id").Find(&runs).Error)
	return runs
}

// all collects the pages of a list.
func all[T any](t *testing.T, next func(cursor string) (payments.Page[T], error)) []T {
	t.Helper()
	var items []T
	for cursor := ""; ; {
		page, err := next(cursor)
		require.NoError(t, err)
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items
		}
	}
}

// unquiet says what is still to be done, or nothing: when it is nothing, no
// process has a reason to change anything any more.
func (w *world) unquiet() string {
	w.t.Helper()
	accounts := w.accounts()
	for _, p := range w.payments() {
		want, known := w.wanted(p.ID)
		if known && p.Status != want.status || !known && !leftAlone(p) {
			return fmt.Sprintf("payment %s is %s (its order %q); it wakes at %s", p.ID, p.Status, want.name, p.WakeAt)
		}
		if book := accounts[p.ID]; p.Totals.In.Amount != book.in || p.Totals.Refunded.Amount != book.out {
			return fmt.Sprintf("payment %s (its order %q) took %s and gave back %s, at the gateway %d and %d; it wakes at %s",
				p.ID, want.name, p.Totals.In, p.Totals.Refunded, book.in, book.out, p.WakeAt)
		}
		for _, r := range p.Refunds() {
			if r.State != payments.RefundDone {
				return fmt.Sprintf("refund %s of payment %s is %s", r.Key, p.ID, r.State)
			}
		}
	}
	// Behind the payments: one that has come to its end makes no new deliveries.
	if open := w.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}}); len(open) > 0 {
		return fmt.Sprintf("%d deliveries are open, such as %s, due %s", len(open), open[0].ID, open[0].Due)
	}
	return ""
}

// wanted is what an order has come to, if a buyer knows of it.
func (w *world) wanted(id payments.ID) (fate, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, known := w.want[id]
	return f, known
}

// leftAlone reports whether a payment is as those are whose buyer never got an
// answer: it waits, or the gateway was not even asked. While a call to the
// gateway is open it is still to be made again.
func leftAlone(p *payments.Payment) bool {
	if p.Status == payments.StatusPending {
		return true
	}
	return p.Status == payments.StatusCreated && len(p.Sessions) == 0
}

// story tells all that is known of a payment.
func (b books) story(id payments.ID) string {
	p := b.payments[id]
	if p == nil {
		return fmt.Sprintf("%s is no payment", id)
	}
	text := fmt.Sprintf("payment %s: %s, in %s, back %s, for %s", id, p.Status, p.Totals.In, p.Totals.Refunded, p.User.ID)
	for _, t := range b.accounts[id].paid {
		text += fmt.Sprintf("\n  paid at the gateway by %s %s: %s, now %s, back %d", t.Channel, t.ID, t.Gross, t.Status, t.Refunded())
	}
	for _, e := range b.events[id] {
		text += fmt.Sprintf("\n  event %d at %s: %s", e.Seq, e.At.Format("15:04:05.000000"), e.Kind)
		for _, d := range b.deliveries {
			if d.Event.ID == e.ID {
				text += fmt.Sprintf("\n    to %s: %s, tries %d, lease %d, %s", d.Target, d.State, d.Tries, d.Lease, d.LastError)
			}
		}
	}
	for _, r := range b.runs {
		if r.PaymentID == string(id) {
			text += fmt.Sprintf("\n  run %d: %s, event %d, %s, %d, by version %d", r.ID, r.Lane, r.Seq, r.Kind, r.Amount, r.Version)
		}
	}
	return text
}

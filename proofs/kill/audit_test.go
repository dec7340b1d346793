package kill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// rule is what was promised to a lane.
type rule struct {
	lane  string
	kinds []payments.EventKind // nil: all
	// once: the lane's hook is transactional, so it takes effect exactly once,
	// and not at least once.
	once bool
	// from is when the lane was known to the database, with these kinds: events
	// that came to be after it must reach the lane. Of those in before none
	// may, and the others are in doubt. The zero time is the beginning.
	from   time.Time
	before map[payments.ID]bool
}

func (r rule) wants(kind payments.EventKind) bool {
	return r.kinds == nil || slices.Contains(r.kinds, kind)
}

// audit compares the books with what the buyers know and the lanes were
// promised. It reports what is wrong, with the stories of some payments.
func (w *world) audit(b books, rules []rule) {
	w.t.Helper()
	a := &auditor{books: b, wrong: map[payments.ID][]string{}}
	a.orders(w.want)
	a.money(slices.ContainsFunc(rules, func(r rule) bool { return r.lane == "ledger" }))
	a.refunds(w.wished)
	a.notifications(w.taken)
	a.claims()
	for id := range b.payments {
		a.history(id)
		for _, e := range b.events[id] {
			a.routes(e, rules)
		}
	}
	a.deliveries(rules)
	a.order()
	told := 0
	w.wrong = len(a.wrong)
	for id, wrong := range a.wrong {
		w.t.Errorf("%s: %s", id, strings.Join(wrong, "; "))
		if told++; told <= 3 {
			w.t.Log(b.story(id))
		}
	}
}

type auditor struct {
	books
	wrong map[payments.ID][]string
}

func (a *auditor) blame(id payments.ID, format string, args ...any) {
	a.wrong[id] = append(a.wrong[id], fmt.Sprintf(format, args...))
}

// orders: each is as its buyer left it, and what was paid has been fulfilled
// exactly once, and nothing else has, whatever the module's own books say.
func (a *auditor) orders(want map[payments.ID]fate) {
	runs := map[payments.ID]map[string]int{}
	for _, r := range a.runs {
		id := payments.ID(r.PaymentID)
		if runs[id] == nil {
			runs[id] = map[string]int{}
		}
		if r.Lane == "fulfil" {
			runs[id][r.Kind]++
		}
	}
	for id, fate := range want {
		p := a.payments[id]
		if p == nil {
			a.blame(id, "the order is %s, and there is no such payment", fate.name)
			continue
		}
		if p.Status != fate.status {
			a.blame(id, "the order is %s, its payment %s", fate.name, p.Status)
		}
		if n := runs[id][string(payments.EventSettled)]; n != map[bool]int{true: 1}[fate.fulfilled] {
			a.blame(id, "the order is %s, and was fulfilled %d times", fate.name, n)
		}
	}
	for id, p := range a.payments {
		if _, known := want[id]; !known && (!leftAlone(p) || len(runs[id]) > 0) {
			a.blame(id, "an order that no buyer knows is %s, with %v", p.Status, runs[id])
		}
	}
}

// notifications: what was answered with 200 is kept, and merged.
func (a *auditor) notifications(taken map[payments.ID]int) {
	for ref, n := range taken {
		if a.believed[ref] < n {
			a.blame(ref, "%d notifications were answered with 200, %d were kept and believed", n, a.believed[ref])
		}
	}
}

// routes: the event was sent to all lanes that were promised it.
func (a *auditor) routes(e payments.Event, rules []rule) {
	for _, r := range rules {
		if !r.wants(e.Kind) {
			continue
		}
		_, sent := a.books.deliveries[payments.DeliveryID(e.ID, payments.HookTarget(r.lane))]
		if !sent && e.At.After(r.from) {
			a.blame(e.PaymentID, "event %d (%s) was never sent to %s", e.Seq, e.Kind, r.lane)
		}
		if sent && r.before[e.ID] {
			a.blame(e.PaymentID, "event %d (%s) is older than what %s may hear", e.Seq, e.Kind, r.lane)
		}
	}
}

// deliveries have all ended, with as many runs as were promised, and there is
// no run without one.
func (a *auditor) deliveries(rules []rule) {
	runs := map[payments.ID]int{}
	for _, r := range a.runs {
		id := payments.DeliveryID(payments.EventID(payments.ID(r.PaymentID), r.Seq), payments.HookTarget(r.Lane))
		if runs[id]++; a.books.deliveries[id].ID == "" {
			a.blame(payments.ID(r.PaymentID), "run %d of %s is of no delivery", r.ID, r.Lane)
		}
	}
	for id, d := range a.books.deliveries {
		payment := d.Event.PaymentID
		if d.State != payments.DeliveryDone {
			a.blame(payment, "delivery %s is %s: %s", id, d.State, d.LastError)
		}
		i := slices.IndexFunc(rules, func(r rule) bool {
			return d.Target == payments.HookTarget(r.lane) && r.wants(d.Event.Kind)
		})
		switch n := runs[id]; {
		case i < 0:
			a.blame(payment, "nobody asked for delivery %s of %s", id, d.Event.Kind)
		case n == 0:
			a.blame(payment, "delivery %s is done, and its hook has no effect", id)
		case n > 1 && rules[i].once:
			a.blame(payment, "the transactional hook of delivery %s has %d effects", id, n)
		}
	}
}

// order: a lane sees the events of a payment one after the other. A repeat
// comes before the next one, as that waits until its predecessor is done.
func (a *auditor) order() {
	type key struct{ payment, lane string }
	last := map[key]Run{}
	for _, r := range a.runs {
		k := key{r.PaymentID, r.Lane}
		if before := last[k]; r.Seq < before.Seq {
			a.blame(payments.ID(r.PaymentID), "%s got event %d (run %d) after event %d (run %d)", r.Lane, r.Seq, r.ID, before.Seq, before.ID)
		}
		last[k] = r
	}
}

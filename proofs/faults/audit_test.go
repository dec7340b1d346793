package faults

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// unfinished says what is still to be done, or nothing.
func (w *world) unfinished() string {
	w.t.Helper()
	var open int64
	require.NoError(w.t, w.db.Table("lunas_delivery").Count(&open).Error)
	if open > 0 {
		return fmt.Sprintf("%d deliveries are open", open)
	}
	for id, status := range w.statuses() {
		if want, known := w.load.wanted(id); known && status != want {
			return fmt.Sprintf("payment %s is %s, its order %s", id, status, want)
		}
	}
	return ""
}

// statuses reads past the code: by plain SQL, on a connection without a proxy.
func (w *world) statuses() map[payments.ID]payments.Status {
	w.t.Helper()
	var rows []struct{ ID, Status string }
	require.NoError(w.t, w.db.Table("lunas_payment").Select("id", "status").Scan(&rows).Error)
	all := make(map[payments.ID]payments.Status, len(rows))
	for _, r := range rows {
		all[payments.ID(r.ID)] = payments.Status(r.Status)
	}
	return all
}

// audit compares the database with what was answered and what became true.
//
//   - Each notification that was answered 200 is in the database, as one that
//     was taken; each other one was sent again until it was.
//   - Each order that was answered 201 is there, and is what its buyer and the
//     gateway know it to be.
//   - Each order that was paid has been settled and fulfilled exactly once, no
//     other one has, and the plain hook has heard of every event.
//   - A lane saw the events of a payment in their order, and nothing is left.
func (w *world) audit(r *result) {
	w.t.Helper()
	r.lost += w.lostAnswers() + w.lostOrders()
	lost, doubled := w.effects()
	r.lost, r.doubled = r.lost+lost, r.doubled+doubled
	w.order()
}

func (w *world) lostAnswers() (lost int) {
	var rows []struct{ Raw []byte }
	require.NoError(w.t, w.db.Table("lunas_message").Select("raw").
		Where("op = 'notification' AND verdict IN ('applied', 'duplicate', 'outdated')").Scan(&rows).Error)
	kept := map[notice]int{}
	for _, r := range rows {
		kept[w.notice(r.Raw)]++
	}
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for _, a := range w.load.answers {
		if a.Status != http.StatusOK {
			continue
		}
		n := w.notice(a.Sent.Body)
		if kept[n]--; kept[n] < 0 {
			lost++
			w.t.Errorf("%+v was answered 200 and is not in the database", n)
		}
	}
	for _, a := range w.load.last {
		if a.Status != http.StatusOK {
			lost++
			w.t.Errorf("%+v was given up by the gateway after %d tries: %d %s", w.notice(a.Sent.Body), a.Sent.Tries, a.Status, a.Err)
		}
	}
	return lost
}

// notice is what tells notifications apart. The shop keeps them without their
// signatures.
type notice struct {
	Order       string `json:"order_id"`
	Transaction string `json:"transaction_id"`
	Word        string `json:"transaction_status"`
}

func (w *world) notice(body []byte) (n notice) {
	require.NoError(w.t, json.Unmarshal(body, &n))
	return n
}

func (w *world) lostOrders() (lost int) {
	statuses := w.statuses()
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for id, want := range w.load.want {
		if statuses[id] != want {
			lost++
			w.t.Errorf("order %s is %s, its payment %q", id, want, statuses[id])
		}
	}
	for id, status := range statuses {
		_, known := w.load.want[id]
		if !known && status != payments.StatusCreated && status != payments.StatusPending && status != payments.StatusExpired {
			w.t.Errorf("order %s, which no buyer got an answer for, is %s", id, status)
		}
	}
	return lost
}

// effects counts events and the rows of hooks.
func (w *world) effects() (lost, doubled int) {
	type key struct {
		payment, lane string
		seq           int
	}
	var events []struct {
		PaymentID, Kind string
		Seq             int
	}
	require.NoError(w.t, w.db.Table("lunas_event").Select("payment_id", "seq", "kind").Scan(&events).Error)
	runs := map[key]int{}
	for _, r := range w.runs() {
		runs[key{r.PaymentID, r.Lane, r.Seq}]++
	}
	settled := map[payments.ID]int{}
	for _, e := range events {
		if runs[key{e.PaymentID, "mail", e.Seq}] == 0 {
			lost++
			w.t.Errorf("payment %s: mail never heard of event %d, %s", e.PaymentID, e.Seq, e.Kind)
		}
		if e.Kind != string(payments.EventSettled) {
			continue
		}
		settled[payments.ID(e.PaymentID)]++
		switch n := runs[key{e.PaymentID, "fulfil", e.Seq}]; {
		case n == 0:
			lost++
			w.t.Errorf("payment %s was settled and not fulfilled", e.PaymentID)
		case n > 1:
			doubled++
			w.t.Errorf("payment %s was fulfilled %d times", e.PaymentID, n)
		}
	}
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for id, status := range w.load.want {
		want := 0
		if status == payments.StatusSettled || status == payments.StatusRefunded {
			want = 1
		}
		switch n := settled[id]; {
		case n < want:
			lost++
			w.t.Errorf("order %s is %s and was never told to be settled", id, status)
		case n > want:
			doubled++
			w.t.Errorf("order %s is %s and was told to be settled %d times", id, status, n)
		}
	}
	return lost, doubled
}

func (w *world) runs() []Run {
	w.t.Helper()
	var runs []Run
	require.NoError(w.t, w.db.Order("id").Find(&runs).Error)
	return runs
}

// order: a lane sees the events of a payment one after the other. A repeat
// comes before the next one, as that waits until its predecessor is done.
func (w *world) order() {
	type key struct{ payment, lane string }
	last := map[key]int{}
	for _, r := range w.runs() {
		k := key{r.PaymentID, r.Lane}
		if r.Seq < last[k] {
			w.t.Errorf("payment %s: %s got event %d after event %d", r.PaymentID, r.Lane, r.Seq, last[k])
		}
		last[k] = r.Seq
	}
}

// wanted is what an order has come to, if a buyer knows of it.
func (l *load) wanted(id payments.ID) (payments.Status, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	status, known := l.want[id]
	return status, known
}

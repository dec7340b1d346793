package kill

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// copies is how often each notification is sent at least.
const copies = 3

// resends are the pauses before a notification that was not taken is sent
// again: those of Midtrans, which are minutes and hours, in seconds.
var resends = []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second, 9 * time.Second, 21 * time.Second}

// letter is a copy of a notification that has not been taken yet.
type letter struct {
	ref   payments.ID
	body  []byte
	due   time.Time
	tries int
}

// collect takes what the gateway has to tell, and puts it into the bag: three
// copies of each, in any order and some of them late.
func (w *world) collect(c chance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sent := range w.sim.Take() {
		if w.untold[sent.Ref] {
			continue // lost for good: nobody will ever send it again
		}
		for range copies {
			l := letter{ref: payments.ID(sent.Ref), body: sent.Body, due: time.Now()}
			if w.hostile && c.one(3) {
				l.due = l.due.Add(c.upTo(time.Second))
			}
			w.bag = slices.Insert(w.bag, c.IntN(len(w.bag)+1), l)
		}
		w.duplicates += copies - 1
	}
}

func (w *world) bagSize() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.bag)
}

// deliverUntil sends what is in the bag, in whatever order.
func (w *world) deliverUntil(c chance, done <-chan struct{}) {
	for {
		pause := time.Duration(0)
		w.collect(c)
		if !w.deliverOne(c, time.Now()) {
			pause = 5 * time.Millisecond
		}
		if !w.someRun() {
			pause = 50 * time.Millisecond
		}
		select {
		case <-done:
			return
		case <-time.After(pause):
		}
	}
}

// deliverAll sends what is left until it is taken, also what the gateway has
// given up: refunds at its dashboard, for instance, nobody else can tell of, so
// somebody there has them sent again.
func (w *world) deliverAll(c chance) {
	w.collect(c)
	w.mu.Lock()
	w.bag = append(w.bag, w.givenUp...)
	w.givenUp = nil
	w.mu.Unlock()
	for deadline := time.Now().Add(patience); w.bagSize() > 0; {
		w.deliverOne(c, deadline)
		if time.Now().After(deadline) {
			w.t.Errorf("%d notifications are not taken", w.bagSize())
			return
		}
	}
}

// deliverOne sends a copy that is due; it goes back into the bag, a few times,
// if nobody takes it or says so. Then the gateway gives up, as the real one does.
func (w *world) deliverOne(c chance, now time.Time) bool {
	w.mu.Lock()
	i := slices.IndexFunc(w.bag, func(l letter) bool { return !l.due.After(now) })
	if i < 0 {
		w.mu.Unlock()
		return false
	}
	l := w.bag[i]
	w.bag = slices.Delete(w.bag, i, i+1)
	w.sent++
	if l.tries > 0 {
		w.duplicates++
	}
	w.mu.Unlock()

	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		"http://"+w.address(c)+"/notifications/midtrans", bytes.NewReader(l.body))
	if err != nil {
		w.t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	r := w.trip(c, req)
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.status == http.StatusOK { // whether that was heard or not
		w.taken[l.ref]++
	}
	if r.ok() {
		return true
	}
	if l.tries == len(resends) {
		l.tries = 1
		w.givenUp = append(w.givenUp, l)
		return true
	}
	l.due = time.Now().Add(resends[l.tries])
	l.tries++
	w.bag = append(w.bag, l)
	return true
}

package crash

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// fate is what becomes of an order.
type fate struct {
	status payments.Status
	happen func(w *world, order string) error
}

// fates are seven, so that both kinds of order meet each of them.
var fates = []fate{
	{payments.StatusSettled, func(w *world, order string) error { return w.sim.Pay(order) }},
	{payments.StatusRefunded, (*world).payAndRefund},
	{payments.StatusDenied, func(w *world, order string) error { return w.sim.Deny(order) }},
	{payments.StatusSettled, func(w *world, order string) error { return w.sim.Pay(order) }},
	{payments.StatusExpired, (*world).chooseAndExpire},
	{payments.StatusPending, func(*world, string) error { return nil }}, // walks away
	{payments.StatusSettled, func(w *world, order string) error { return w.sim.Pay(order) }},
}

func (w *world) payAndRefund(order string) error {
	if err := w.sim.Pay(order); err != nil {
		return err
	}
	return w.sim.RefundFromDashboard(order, 0)
}

func (w *world) chooseAndExpire(order string) error {
	if err := w.sim.Choose(order); err != nil {
		return err
	}
	return w.sim.Expire(order)
}

// buyUntil is a buyer who buys this and that until done.
func (w *world) buyUntil(done <-chan struct{}) {
	user := "buyer-" + rand.Text()[:8]
	for n := 0; ; n++ {
		for w.bagSize() > 50 { // notifications keep pace with orders
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		if _, ok := w.buy(done, user, n); !ok {
			return
		}
	}
}

func (w *world) bagSize() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.bag)
}

// buy places order n of a user, meets its fate, and has the notifications of
// it put into the bag, three times each. It reports false when done came
// before an answer did.
func (w *world) buy(done <-chan struct{}, user string, n int) (payments.ID, bool) {
	body := `{"items":[{"id":"mug","quantity":1}]}`
	if n%2 == 0 {
		body = `{"plan_id":"pro"}`
	}
	order, ok := w.checkout(done, user, body)
	if !ok {
		return "", false
	}
	fate := fates[n%len(fates)]
	if err := fate.happen(w, order); err != nil {
		w.t.Errorf("order %s is to be %s: %v", order, fate.status, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want[payments.ID(order)] = fate.status
	for _, sent := range w.sim.Take() {
		for range 3 {
			w.bag = append(w.bag, letter{body: sent.Body})
		}
	}
	mathrand.Shuffle(len(w.bag), func(i, j int) { w.bag[i], w.bag[j] = w.bag[j], w.bag[i] })
	return payments.ID(order), true
}

// checkout asks under one key until it gets an answer, as a client whose
// connection broke would.
func (w *world) checkout(done <-chan struct{}, user, body string) (order string, ok bool) {
	key := rand.Text()
	for {
		select {
		case <-done:
			return "", false
		default:
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+w.address()+"/checkout", strings.NewReader(body))
		if err != nil {
			w.t.Error(err)
			return "", false
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-User", user)
		req.Header.Set("Idempotency-Key", key)
		status, raw, err := w.answer(req)
		if err == nil && status == http.StatusCreated {
			var answer struct {
				PaymentID string `json:"payment_id"`
			}
			if err := json.Unmarshal(raw, &answer); err != nil || answer.PaymentID == "" {
				w.t.Errorf("answer to a checkout: %s (%v)", raw, err)
				return "", false
			}
			return answer.PaymentID, true
		}
		if err == nil && status == http.StatusConflict {
			// The process that was asked first died while it asked the gateway:
			// the reconciler finishes that one. Take another key.
			key = rand.Text()
		} else if err == nil && status < 500 {
			w.t.Errorf("answer to a checkout: %d %s", status, raw)
			return "", false
		}
		<-time.After(10 * time.Millisecond) // between tries
	}
}

// letter is a copy of a notification that has not been taken yet.
type letter struct {
	body  []byte
	tries int
}

// deliverUntil sends what is in the bag, in whatever order.
func (w *world) deliverUntil(done <-chan struct{}) {
	for {
		pause := time.Duration(0)
		if !w.deliverOne() || !w.someRun() {
			pause = 5 * time.Millisecond
		}
		select {
		case <-done:
			return
		case <-time.After(pause):
		}
	}
}

func (w *world) deliverAll() {
	for w.deliverOne() {
	}
}

// deliverOne sends a copy; it goes back into the bag, a few times, if nobody
// takes it. Then it is lost, as with the real gateway.
func (w *world) deliverOne() bool {
	w.mu.Lock()
	if len(w.bag) == 0 {
		w.mu.Unlock()
		return false
	}
	l := w.bag[0]
	w.bag = w.bag[1:]
	w.sent++
	w.mu.Unlock()

	taken := false
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		fmt.Sprintf("http://%s/notifications/midtrans", w.address()), bytes.NewReader(l.body))
	if err != nil {
		w.t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	if status, _, err := w.answer(req); err == nil {
		taken = status == http.StatusOK
	}
	if l.tries++; !taken && l.tries < 5 {
		w.mu.Lock()
		w.bag = append(w.bag, l)
		w.mu.Unlock()
	}
	return true
}

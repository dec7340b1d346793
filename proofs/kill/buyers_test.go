package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// buyer is somebody who buys this and that, with the host's staff and the
// gateway's that have to do with the orders.
type buyer struct {
	w *world
	// user is whom the buyer buys as. Two do so as one, at the same time.
	user   string
	chance chance
	// gone is closed when there is no more to buy: an order without an answer
	// is left, and one with an answer meets its fate.
	gone <-chan struct{}
}

// order is one that a buyer got an answer for.
type order struct {
	id     payments.ID
	user   string
	amount int64
}

func (o order) ref() string { return string(o.id) }

// renewals is how often a buyer buys before another user comes: half of it is
// the same plan, one period behind the other.
const renewals = 12

// buyUntil buys until the buyer is gone.
func (b *buyer) buyUntil() {
	for n := 0; b.pause(0); n++ {
		for b.w.bagSize() > 100 { // notifications keep pace with orders
			if !b.pause(5 * time.Millisecond) {
				return
			}
		}
		if _, ok := b.buy(fmt.Sprintf("%s-%d", b.user, n/renewals), int(b.w.ordered.Add(1)-1)); !ok {
			return
		}
	}
}

// pause reports whether the buyer is still there after it.
func (b *buyer) pause(d time.Duration) bool {
	select {
	case <-b.gone:
	case <-time.After(d):
	}
	select {
	case <-b.gone:
		return false
	default:
		return true
	}
}

// buy places order n of the world and meets its fate. It reports false when
// the buyer was gone before there was an answer.
func (b *buyer) buy(user string, n int) (payments.ID, bool) {
	body, o := `{"items":[{"id":"mug","quantity":1}]}`, order{user: user, amount: 85_000}
	if n%2 == 0 {
		body, o.amount = `{"plan_id":"pro"}`, 29_000
	}
	if o.id = b.checkout(user, body); o.id == "" {
		return "", false
	}
	fate := fates[n%len(fates)]
	if b.w.hostile && fate.told && b.chance.one(6) {
		b.w.mu.Lock()
		b.w.untold[o.ref()] = true
		b.w.mu.Unlock()
	}
	if err := fate.happen(b, o); err != nil {
		b.w.t.Errorf("order %s is to be %s: %v", o.id, fate.name, err)
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.want[o.id] = fate
	return o.id, true
}

// checkout asks under one key until it gets an answer, as a client whose
// connection broke would. All answers there ever are name the same payment,
// also those that were lost on the way.
func (b *buyer) checkout(user, body string) payments.ID {
	key := fmt.Sprintf("key-%016x", b.chance.Uint64())
	var named payments.ID
	for {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+b.w.address(b.chance)+"/checkout", strings.NewReader(body))
		if err != nil {
			b.w.t.Error(err)
			return ""
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-User", user)
		req.Header.Set("Idempotency-Key", key)
		r := b.w.trip(b.chance, req)
		var answer struct {
			PaymentID payments.ID `json:"payment_id"`
		}
		if r.status == http.StatusCreated {
			if err := json.Unmarshal(r.body, &answer); err != nil || answer.PaymentID == "" || named != "" && answer.PaymentID != named {
				b.w.t.Errorf("answer to the checkout of payment %q: %s (%v)", named, r.body, err)
				return ""
			}
			named = answer.PaymentID
		}
		switch {
		case r.heard && r.status == http.StatusCreated:
			return named
		case r.heard && r.status < 500 && r.status != http.StatusConflict:
			b.w.t.Errorf("answer to a checkout: %d %s", r.status, r.body)
			return ""
		}
		// Nobody knows, or (409) whoever was asked first died, or waits, for
		// the gateway's answer: the same key again, until that is over.
		if !b.pause(20 * time.Millisecond) {
			return ""
		}
	}
}

// refund sends money back by the host's API, under a stable key.
func (b *buyer) refund(o order, name string, amount int64) error {
	key := name + "-" + o.ref()
	b.w.wish(o, key, amount)
	return b.host(o, "refund", url.Values{"key": {key}, "amount": {strconv.FormatInt(amount, 10)}})
}

// refundAtDashboard sends it back behind the host's back; zero is all.
func (b *buyer) refundAtDashboard(o order, amount int64) error {
	if err := b.w.sim.RefundFromDashboard(o.ref(), amount); err != nil {
		return err
	}
	b.w.wish(o, "", max(amount, 0))
	return nil
}

// host does something by the host's own routes, again until it is done.
func (b *buyer) host(o order, what string, form url.Values) error {
	return b.again(what, func() (*http.Request, error) {
		return http.NewRequestWithContext(context.Background(), http.MethodPost,
			"http://"+b.w.address(b.chance)+"/host/"+what+"/"+o.ref()+"?"+form.Encode(), nil)
	}, func(r reply) bool { return r.ok() })
}

// await waits until the app says that the order has come so far.
func (b *buyer) await(o order, want payments.Status) error {
	return b.again("await "+string(want), func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+b.w.address(b.chance)+"/payments/"+o.ref(), nil)
		if err == nil {
			req.Header.Set("X-User", o.user)
		}
		return req, err
	}, func(r reply) bool { return r.ok() && status(r.body) == want })
}

// again repeats a request until it is answered as wanted, for as long as poll
// waits.
func (b *buyer) again(what string, request func() (*http.Request, error), done func(reply) bool) error {
	deadline := time.Now().Add(patience)
	for {
		req, err := request()
		if err != nil {
			return err
		}
		r := b.w.trip(b.chance, req)
		if done(r) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s, again and again, in vain: %d %s", what, r.status, r.body)
		}
		<-time.After(20 * time.Millisecond) // between tries
	}
}

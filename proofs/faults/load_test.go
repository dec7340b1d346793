package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// fate is what becomes of an order.
type fate struct {
	status payments.Status
	happen func(sim *midtranstest.Server, order string) error
}

var fates = []fate{
	{payments.StatusSettled, pay},
	{payments.StatusRefunded, func(sim *midtranstest.Server, order string) error {
		if err := sim.Pay(order); err != nil {
			return err
		}
		return sim.RefundFromDashboard(order, 0)
	}},
	{payments.StatusSettled, pay},
	{payments.StatusDenied, func(sim *midtranstest.Server, order string) error { return sim.Deny(order) }},
	{payments.StatusSettled, pay},
	{payments.StatusPending, func(*midtranstest.Server, string) error { return nil }}, // walks away
}

func pay(sim *midtranstest.Server, order string) error { return sim.Pay(order) }

// load is buyers who check out, payers who pay, and the gateway that notifies.
// Payers take orders from a stock, so that there are notifications when there
// can be no checkouts.
type load struct {
	t      *testing.T
	sim    *midtranstest.Server
	shop   string // its URL
	client *http.Client
	stock  chan payments.ID

	buying, sending context.CancelFunc
	buyers, senders sync.WaitGroup
	busy            atomic.Int64 // senders
	// saving: payers leave some orders in stock, for the time of the fault.
	saving atomic.Bool

	mu        sync.Mutex
	want      map[payments.ID]payments.Status // of each order, as its buyer and the gateway know
	answers   []simkit.Answer
	checkouts []checkout
	// last are the latest answers to the notifications.
	last map[int64]simkit.Answer
}

// checkout is an answer to one; its status is zero if there was none.
type checkout struct {
	status  int
	problem string
	wait    string // Retry-After
	at      time.Time
}

// The pace of each: it bounds the load, whatever the machine.
const (
	buyers, buyerPause = 2, 60 * time.Millisecond
	payerPause         = 60 * time.Millisecond
	senders            = 8
	senderPause        = 50 * time.Millisecond
	reserve            = 15
)

func startLoad(t *testing.T, sim *midtranstest.Server, shopURL string) *load {
	t.Helper()
	l := &load{
		t: t, sim: sim, shop: shopURL, stock: make(chan payments.ID, 40),
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: buyers}},
		want:   map[payments.ID]payments.Status{}, last: map[int64]simkit.Answer{},
	}
	l.saving.Store(true)
	var buying, sending context.Context
	buying, l.buying = context.WithCancel(context.Background())
	sending, l.sending = context.WithCancel(context.Background())
	for range buyers {
		l.buyers.Go(func() { l.buy(buying) })
	}
	l.buyers.Go(func() { l.pay(buying) })
	for range senders {
		l.senders.Go(func() { l.send(sending) })
	}
	t.Cleanup(l.stop)
	return l
}

// stopBuying lets those in flight finish.
func (l *load) stopBuying() {
	l.buying()
	l.buyers.Wait()
}

func (l *load) stop() {
	l.stopBuying()
	l.sending()
	l.senders.Wait()
	l.client.CloseIdleConnections()
}

// every calls f until ctx ends.
func every(ctx context.Context, pause time.Duration, f func(n int)) {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			f(n)
		}
	}
}

func (l *load) buy(ctx context.Context) {
	bodies := []string{`{"plan_id":"pro"}`, `{"items":[{"id":"mug","quantity":1}]}`}
	user, key, bought := "buyer-"+rand.Text()[:8], rand.Text(), 0
	every(ctx, buyerPause, func(int) {
		if len(l.stock) == cap(l.stock) {
			return
		}
		id, c := l.checkout(user, key, bodies[bought%len(bodies)])
		l.mu.Lock()
		l.checkouts = append(l.checkouts, c)
		l.mu.Unlock()
		if id != "" {
			l.stock <- id
		}
		// What had no good answer is asked for again under the same key. 409:
		// the gateway's answer to the first one was lost, and the reconciler is
		// to ask for it; this buyer does not wait for that.
		if id != "" || c.status == http.StatusConflict {
			key = rand.Text()
			bought++
		}
	})
}

func (l *load) checkout(user, key, body string) (payments.ID, checkout) {
	req, err := http.NewRequest(http.MethodPost, l.shop+"/checkout", strings.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return "", checkout{}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-User", user)
	req.Header.Set("Idempotency-Key", key)
	resp, err := l.client.Do(req)
	if err != nil {
		return "", checkout{at: time.Now()}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", checkout{at: time.Now()}
	}
	var answer struct {
		Type      string      `json:"type"`
		PaymentID payments.ID `json:"payment_id"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		l.t.Errorf("answer to a checkout: %d %s", resp.StatusCode, raw)
	}
	c := checkout{status: resp.StatusCode, problem: answer.Type, wait: resp.Header.Get("Retry-After"), at: time.Now()}
	if c.status != http.StatusCreated {
		return "", c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want[answer.PaymentID] = payments.StatusPending
	return answer.PaymentID, c
}

func (l *load) pay(ctx context.Context) {
	every(ctx, payerPause, func(n int) {
		if l.saving.Load() && len(l.stock) <= reserve {
			return
		}
		select {
		case id := <-l.stock:
			fate := fates[n%len(fates)]
			if err := fate.happen(l.sim, string(id)); err != nil {
				l.t.Errorf("order %s is to be %s: %v", id, fate.status, err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.want[id] = fate.status
		case <-ctx.Done():
		}
	})
}

// send is one of the gateway's senders: what is not taken is sent again, as
// the gateway's rule has it.
func (l *load) send(ctx context.Context) {
	every(ctx, senderPause, func(int) {
		l.busy.Add(1)
		defer l.busy.Add(-1)
		answers, err := l.sim.Deliver(ctx)
		if err != nil && ctx.Err() == nil {
			l.t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answers = append(l.answers, answers...)
		for _, a := range answers {
			if a.Sent.Tries > l.last[a.Sent.ID].Sent.Tries {
				l.last[a.Sent.ID] = a
			}
		}
	})
}

// delivered reports whether the gateway has nothing left to send.
func (l *load) delivered() bool {
	if l.busy.Load() > 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.last {
		if !a.Again.IsZero() {
			return false
		}
	}
	return true
}

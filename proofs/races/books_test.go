package races

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// effects are what the hooks of all processes did.
type effects struct {
	mu      sync.Mutex
	runs    map[payments.ID][]run
	running map[payments.ID]int
	// failing payments have hooks that fail for their settlement.
	failing map[payments.ID]bool
	overlap []string
}

type run struct{ process, seq int }

func newEffects() *effects {
	return &effects{runs: map[payments.ID][]run{}, running: map[payments.ID]int{}, failing: map[payments.ID]bool{}}
}

// run is the hook of a process. It takes a while.
func (e *effects) run(ctx context.Context, process int, event payments.Event) error {
	id := event.PaymentID
	e.mu.Lock()
	if e.running[id]++; e.running[id] > 1 {
		e.overlap = append(e.overlap, fmt.Sprintf("two hooks at once for %s", event.ID))
	}
	fails := e.failing[id] && event.Kind == payments.EventSettled
	e.mu.Unlock()
	step(ctx)
	step(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[id]--
	if fails {
		return errors.New("the hook fails")
	}
	e.runs[id] = append(e.runs[id], run{process, event.Seq})
	return nil
}

func (e *effects) fail(id payments.ID, fails bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failing[id] = fails
}

func (e *effects) of(id payments.ID) []run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.runs[id])
}

// overlaps takes what was seen of hooks at once.
func (e *effects) overlaps() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.overlap
	e.overlap = nil
	return seen
}

// books are what is known of one payment when all is quiet: here, and at the
// gateway.
type books struct {
	*payments.Payment
	events []payments.Event
	told   map[payments.EventKind]int
	order  midtranstest.Order
}

// books checks what holds whatever has happened: the history has no gap and
// agrees with the gateway's money; what was settled neither expires nor is
// canceled any more; and each event had its one effect, in order.
func (r *round) books(id payments.ID) books {
	b := r.read(id)
	var effects []int
	for _, run := range r.effects.of(id) {
		effects = append(effects, run.seq)
	}
	var want []int
	for _, e := range b.events {
		want = append(want, e.Seq)
	}
	if !slices.Equal(want, effects) {
		r.wrong("payment %s: events %v had the effects %v", id, want, effects)
	}
	for _, overlap := range r.effects.overlaps() {
		r.wrong("%s", overlap)
	}
	return b
}

// read is books without a look at the effects.
func (r *round) read(id payments.ID) books {
	b := books{told: map[payments.EventKind]int{}}
	var err error
	if b.Payment, err = r.shop(0).pay.Get(r.ctx, id); err != nil {
		r.t.Fatalf("read the books: %v", err)
	}
	back := int64(0)
	for e, err := range r.shop(len(r.shops)-1).pay.Events(r.ctx, id) {
		if err != nil {
			r.t.Fatalf("read the books: %v", err)
		}
		b.events = append(b.events, e)
		if e.Seq != len(b.events) {
			r.wrong("event %d of %s stands where number %d should", e.Seq, id, len(b.events))
		}
		gone := e.Kind == payments.EventExpired || e.Kind == payments.EventCanceled
		if gone && b.told[payments.EventSettled] > 0 {
			r.wrong("%s was told after the settlement of %s", e.Kind, id)
		}
		if e.Kind == payments.EventRefunded {
			refunded, err := payments.Decode[payments.Refunded](e)
			if err != nil {
				r.wrong("decode: %v", err)
			}
			back += refunded.Amount.Amount
		}
		b.told[e.Kind]++
	}
	if len(b.events) != b.LastSeq {
		r.wrong("payment %s has %d events, and the last is number %d", id, len(b.events), b.LastSeq)
	}
	r.agree(&b, back)
	return b
}

// agree compares with the gateway's books.
func (r *round) agree(b *books, back int64) {
	b.order, _ = r.sim.Order(string(b.ID))
	var in, out int64
	for _, t := range b.order.Transactions {
		if !t.PaidAt.IsZero() {
			in += t.Amount()
		}
		out += t.Refunded()
	}
	if out > in {
		r.wrong("the gateway paid %d back, of %d", out, in)
	}
	if in != b.Totals.In.Amount || out != b.Totals.Refunded.Amount || out != back {
		r.wrong("payment %s: %d in and %d back here, and %d told; %d in and %d back at the gateway",
			b.ID, b.Totals.In.Amount, b.Totals.Refunded.Amount, back, in, out)
	}
	want := 0
	if in > 0 {
		want = 1
	}
	if n := b.told[payments.EventSettled]; n != want || b.told[payments.EventOverpaid] > 0 {
		r.wrong("payment %s: %d were paid, and it was settled %d times", b.ID, in, n)
	}
}

// require notes a status that is not the wanted one.
func (r *round) require(b books, want payments.Status) {
	if b.Status != want {
		r.wrong("payment %s is %s, want %s", b.ID, b.Status, want)
	}
}

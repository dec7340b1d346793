package payments

import (
	"context"
	"sync"
)

// finisher writes how tries ended. Those that end while it writes wait, and are
// written together: the first writes for all, then hands over to the next. One
// that ends alone waits for nobody.
type finisher struct {
	store DeliveryStore

	mu      sync.Mutex
	writing bool
	waiting []*ending
}

// ending is how one try ended, and what became of the news.
type ending struct {
	outcome Outcome
	lost    bool // the lease was somebody else's by then: nothing was recorded
	err     error
	woken   chan bool // true: to write for all that wait
}

// maxFinished bounds the outcomes of one write.
const maxFinished = 200

// finish returns when the outcome is recorded, or cannot be.
func (f *finisher) finish(ctx context.Context, o Outcome) (lost bool, err error) {
	own := &ending{outcome: o, woken: make(chan bool, 1)}
	f.mu.Lock()
	lead := !f.writing
	f.writing = true
	if !lead {
		f.waiting = append(f.waiting, own)
	}
	f.mu.Unlock()
	if lead || <-own.woken {
		f.lead(ctx, own)
	}
	return own.lost, own.err
}

// lead writes own and those that wait.
func (f *finisher) lead(ctx context.Context, own *ending) {
	f.mu.Lock()
	n := min(len(f.waiting), maxFinished-1)
	batch := append([]*ending{own}, f.waiting[:n]...)
	f.waiting = append([]*ending(nil), f.waiting[n:]...)
	f.mu.Unlock()
	if f.write(ctx, batch); own.err != nil && len(batch) > 1 {
		for _, one := range batch { // the fault may be that of one
			f.write(ctx, []*ending{one})
		}
	}
	for _, other := range batch[1:] {
		other.woken <- false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writing = len(f.waiting) > 0; f.writing {
		f.waiting[0].woken <- true
		f.waiting = f.waiting[1:]
	}
}

func (f *finisher) write(ctx context.Context, batch []*ending) {
	outcomes := make([]Outcome, len(batch))
	for i, e := range batch {
		outcomes[i] = e.outcome
	}
	lost, err := f.store.Finish(ctx, outcomes)
	gone := map[ID]bool{}
	for _, id := range lost {
		gone[id] = true
	}
	for _, e := range batch {
		e.lost, e.err = gone[e.outcome.DeliveryID], err
	}
}

package gormstore

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/lunaspay/lunas/payments"
)

// Updates that meet share a transaction: the first caller leads and commits
// for those that wait. One that comes alone leads at once and waits for
// nobody; there is no timer, and no goroutine besides the callers'.

// request is one Update on its way.
type request struct {
	ref  payments.Ref
	hash hash // of ref
	fn   payments.UpdateFunc

	// What came of it; set by the batch that it is in, read by the caller once
	// it is woken.
	after *payments.Payment
	err   error
	own   bool // err is fn's, to be returned as it is
	panic any  // fn's, to go on in its caller

	// woken gets true when the caller is to lead, and false when all is done.
	woken chan bool
	state requestState // guarded by committer.mu

	// calling is held while fn runs. A caller that leaves takes it, so that fn
	// never runs behind its back.
	calling sync.Mutex
	left    bool
}

type requestState int

const (
	isWaiting requestState = iota
	isTaken                // by a batch
	isLeading
)

var (
	errNotRun = errors.New("the batch of this update broke off: whether it took place is not known")
	errLeft   = errors.New("the caller has left")
)

func newRequest(ref payments.Ref, fn payments.UpdateFunc) *request {
	return &request{ref: ref, hash: refHash(ref), fn: fn, woken: make(chan bool, 1), err: errNotRun}
}

// call runs fn, unless the caller has left. A panic is the caller's own.
func (r *request) call(snapshot payments.Snapshot) (change payments.Change, err error) {
	r.calling.Lock()
	defer r.calling.Unlock()
	if r.left {
		return change, errLeft
	}
	defer func() {
		if r.panic = recover(); r.panic != nil {
			err = errNotRun
		}
	}()
	return r.fn(snapshot)
}

func (r *request) leave() {
	r.calling.Lock()
	defer r.calling.Unlock()
	r.left = true
}

// maxBatch bounds the updates of one transaction: short ones hold their locks
// for less long.
const maxBatch = 64

// busy is how many must be waiting for a second leader to start. Below that,
// two halves cost more than they save.
const busy = 16

// committer makes batches of requests.
type committer struct {
	// hold waits for what a batch needs before it can be written, until ctx
	// ends; whoever asks meanwhile gets into the batch.
	hold    func(ctx context.Context) (release func(), err error)
	commit  func(ctx context.Context, batch []*request)
	leaders int // at most

	mu      sync.Mutex
	waiting []*request
	leading int
}

// do returns when r has been run, or an error when ctx ends before that.
func (c *committer) do(ctx context.Context, r *request) error {
	c.mu.Lock()
	if c.leading == 0 || c.leading < c.leaders && len(c.waiting) >= busy {
		c.leading++
		c.mu.Unlock()
		c.lead(ctx, r)
		return nil
	}
	c.waiting = append(c.waiting, r)
	c.mu.Unlock()
	select {
	case lead := <-r.woken:
		if lead {
			c.lead(ctx, r)
		}
		return nil
	case <-ctx.Done():
		c.leave(r)
		return ctx.Err()
	}
}

// lead commits r and those that wait, then hands over.
func (c *committer) lead(ctx context.Context, r *request) {
	defer c.handOver()
	release, err := c.hold(ctx)
	if err != nil {
		r.err = err
		return
	}
	defer release()
	runtime.Gosched() // those that are about to ask get in
	batch, ended := c.take(r), false
	defer func() {
		for _, other := range batch[1:] {
			if !ended { // a panic: what has run so far may not be there
				other.after, other.err, other.own = nil, errNotRun, false
			}
			other.woken <- false
		}
	}()
	c.commit(ctx, batch)
	ended = true
}

// take is a batch: r and the first of those that wait.
func (c *committer) take(r *request) []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxBatch-1)
	for _, other := range c.waiting[:n] {
		other.state = isTaken
	}
	batch := append([]*request{r}, c.waiting[:n]...)
	c.waiting = slices.Delete(c.waiting, 0, n)
	return batch
}

// handOver makes the next one that waits a leader. It is taken out of the
// queue here and now: one that stayed there could be served by another leader
// before it wakes, and then be woken twice.
func (c *committer) handOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.leading--
		return
	}
	next := c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	next.state = isLeading
	next.woken <- true
}

// leave is for a caller that waits no longer.
func (c *committer) leave(r *request) {
	c.mu.Lock()
	state := r.state
	if i := slices.Index(c.waiting, r); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	c.mu.Unlock()
	switch state {
	case isLeading:
		c.handOver()
	case isTaken:
		r.leave()
	case isWaiting:
	}
}

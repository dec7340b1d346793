package main

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// B4: hooks that do nothing are committed, then all of them are called. What
// counts is the time of both together, in which nothing may get lost.

// hookQueue is one way to make hooks durable and to call them. Its methods run
// in different processes, so they share nothing but the database.
type hookQueue interface {
	// prepare makes the tables, and what is there before the hooks are, and
	// returns the ids of n hooks to come.
	prepare(ctx context.Context, n int) (ids []string, err error)
	// open connects. What it returns closes the connections.
	open(ctx context.Context) (func(), error)
	// commit makes the hooks durable.
	commit(ctx context.Context, ids []string) error
	// drain calls each hook, and returns when it is on record that all were.
	drain(ctx context.Context, c *calls) error
	// left and done are queries for how many hooks are still to be called,
	// and how many are on record as called.
	left() string
	done() string
}

var hookQueues = map[string]func(setup) hookQueue{
	"lunas":      func(s setup) hookQueue { return &lunasHooks{lunas: lunas{s}} },
	"river":      func(s setup) hookQueue { return &riverHooks{setup: s, batch: hookBatch} },
	"river-each": func(s setup) hookQueue { return &riverHooks{setup: s, batch: 1} },
	"watermill":  func(s setup) hookQueue { return &watermillHooks{setup: s} },
}

// hookBatch is how many hooks a transaction of those contenders has that take
// many at once.
const hookBatch = 1000

// calls counts how often each hook was called.
type calls struct {
	mu    sync.Mutex
	times map[string]int
	want  int
	all   chan struct{} // closed when each was called
}

func newCalls(want int) *calls {
	return &calls{times: make(map[string]int, want), want: want, all: make(chan struct{})}
}

func (c *calls) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times[id]++; c.times[id] == 1 && len(c.times) == c.want {
		close(c.all)
	}
}

// wait returns when each hook was called, or when there is no more time.
func (c *calls) wait(ctx context.Context) error {
	select {
	case <-c.all:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return fmt.Errorf("%d of %d hooks were called: %w", len(c.times), c.want, ctx.Err())
	}
}

// doubled is how many hooks were called more than once.
func (c *calls) doubled() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.times {
		if times > 1 {
			n++
		}
	}
	return n
}

// working is the child that commits hooks and calls them.
type working struct {
	Setup setup         `json:"setup"`
	IDs   []string      `json:"ids"`
	Limit time.Duration `json:"limit"`

	queue hookQueue
	close func()
}

// worked is what became of a command.
type worked struct {
	Seconds float64       `json:"seconds"`
	CPU     time.Duration `json:"cpu"`
	Doubled int           `json:"doubled"`
}

func (w *working) start(ctx context.Context) (any, error) {
	w.queue = hookQueues[w.Setup.Contender](w.Setup)
	var err error
	w.close, err = w.queue.open(ctx)
	return nil, err
}

func (w *working) stop() {
	if w.close != nil {
		w.close()
	}
}

func (w *working) do(ctx context.Context, command string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	called := newCalls(len(w.IDs))
	before, err := processorTime()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	switch command {
	case "commit":
		err = w.queue.commit(ctx, w.IDs)
	case "drain":
		err = w.queue.drain(ctx, called)
	default:
		err = fmt.Errorf("there is no command %q", command)
	}
	took := time.Since(begin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	after, err := processorTime()
	return worked{Seconds: took.Seconds(), CPU: after - before, Doubled: called.doubled()}, err
}

// hooks measures how one contender commits and calls them, and counts the rows
// afterwards.
func (b *bench) hooks(ctx context.Context, run runSpec, contender string, size int) (s sample, err error) {
	db, err := b.places[run.dialect].create(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if dropped := db.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	make, known := hookQueues[contender]
	if !known {
		return s, fmt.Errorf("there is no contender %q", contender)
	}
	made := setup{Contender: contender, Dialect: run.dialect, DSN: db.dsn, Pool: b.pool, Size: size}
	queue := make(made)
	ids, err := queue.prepare(ctx, run.messages)
	if err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	if err := db.calm(ctx); err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	worker, err := spawn(ctx, "work", &working{Setup: made, IDs: ids, Limit: run.limit}, nil)
	if err != nil {
		return s, err
	}
	defer worker.stop()
	var commit, drain worked
	if err := worker.ask("commit", &commit); err != nil {
		return s, err
	}
	if err := worker.ask("drain", &drain); err != nil {
		return s, err
	}
	n := float64(len(ids))
	s = sample{
		Run: run.name, Contender: contender, PerSecond: n / (commit.Seconds + drain.Seconds),
		CPU:   (commit.CPU + drain.CPU).Seconds() * 1e6 / n,
		Extra: map[string]float64{"committed_per_second": n / commit.Seconds, "called_per_second": n / drain.Seconds},
	}
	if drain.Doubled > 0 {
		s.Faults = append(s.Faults, fmt.Sprintf("%d hooks were called more than once", drain.Doubled))
	}
	faults, err := hooksOnRecord(ctx, db, queue, len(ids))
	s.Faults = append(s.Faults, faults...)
	return s, err
}

// hooksOnRecord counts the hooks that the database has as called and as not.
func hooksOnRecord(ctx context.Context, s *scratch, queue hookQueue, want int) (faults []string, err error) {
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	left, err := number(ctx, db, queue.left())
	if err != nil {
		return nil, err
	}
	done, err := number(ctx, db, queue.done())
	if err != nil {
		return nil, err
	}
	if left != 0 || done != want {
		faults = append(faults, fmt.Sprintf("%d hooks are on record as called and %d as not, of %d", done, left, want))
	}
	return faults, nil
}

func number(ctx context.Context, db *sql.DB, query string) (n int, err error) {
	if err := db.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return n, nil
}

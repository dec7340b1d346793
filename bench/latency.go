package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// B4b: how long after the answer to a notification the hook begins, in one
// process that serves and delivers, while so many notifications come in a
// second as a busy shop has. Both times are taken in that process.

// hooked is the child that serves and delivers.
type hooked struct {
	Setup setup `json:"setup"`

	close  func()
	server *http.Server
	watch  *stopwatch
}

func (h *hooked) start(ctx context.Context) (any, error) {
	host := &lunas{h.Setup}
	store, closeDB, err := host.open(ctx)
	if err != nil {
		return nil, err
	}
	h.close = closeDB
	pay, err := payments.New(host.config(store))
	if err != nil {
		return nil, err
	}
	h.watch = newStopwatch()
	pay.OnSettled(lane, func(_ context.Context, e payments.Settled) error {
		h.watch.begun(string(e.Order.ID))
		return nil
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = pay.Run(running) // ends with the context, and says nothing else
	}()
	h.close = func() { stop(); <-ended; closeDB() }

	mux := http.NewServeMux()
	mux.Handle("/pay/", h.watch.answers(http.StripPrefix("/pay", pay.Handler())))
	base, server, err := listen(ctx, mux)
	if err != nil {
		return nil, err
	}
	h.server = server
	return serverReady{URL: base + notificationPath}, nil
}

// hookedResult is what became of the notifications since "begin".
type hookedResult struct {
	Missing int           `json:"missing"` // answered, and no hook was called
	Doubled int           `json:"doubled"` // hooks that were called again
	P50     float64       `json:"p50_ms"`
	P95     float64       `json:"p95_ms"`
	P99     float64       `json:"p99_ms"`
	CPU     time.Duration `json:"cpu"` // so far
}

// hookPatience is how long the last hooks may take.
const hookPatience = 15 * time.Second

func (h *hooked) do(ctx context.Context, command string) (any, error) {
	used, err := processorTime()
	if err != nil {
		return nil, err
	}
	switch command {
	case "begin", "end":
		ctx, cancel := context.WithTimeout(ctx, hookPatience)
		defer cancel()
		h.watch.settle(ctx)
		result := h.watch.result()
		result.CPU = used
		if command == "begin" {
			h.watch.reset()
		}
		return result, nil
	}
	return nil, fmt.Errorf("there is no command %q", command)
}

func (h *hooked) stop() {
	if h.server != nil {
		_ = h.server.Close()
	}
	if h.close != nil {
		h.close()
	}
}

// stopwatch takes, of each order, the times of the answer and of the hook's
// begin.
type stopwatch struct {
	mu       sync.Mutex
	answered map[string]time.Time
	hooks    map[string][]time.Time
}

func newStopwatch() *stopwatch {
	s := &stopwatch{}
	s.reset()
	return s
}

func (s *stopwatch) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered, s.hooks = map[string]time.Time{}, map[string][]time.Time{}
}

func (s *stopwatch) begun(order string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks[order] = append(s.hooks[order], now)
}

// answers notes when the handler has answered with 200.
func (s *stopwatch) answers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		told := &statusKeeper{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(told, r)
		now := time.Now()
		var n notice
		if told.status != http.StatusOK || json.Unmarshal(body, &n) != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answered[n.OrderID] = now
	})
}

type statusKeeper struct {
	http.ResponseWriter
	status int
}

func (k *statusKeeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// settle waits until the hook of each order that was answered has begun, or
// there is no more patience.
func (s *stopwatch) settle(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.result().Missing > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// result has the times from answer to hook. A hook that begins before the
// answer is out took none.
func (s *stopwatch) result() (r hookedResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var took []time.Duration
	for order, at := range s.answered {
		hooks := s.hooks[order]
		if len(hooks) == 0 {
			r.Missing++
			continue
		}
		r.Doubled += len(hooks) - 1
		took = append(took, max(0, hooks[0].Sub(at)))
	}
	slices.Sort(took)
	r.P50, r.P95, r.P99 = percentile(took, 50), percentile(took, 95), percentile(took, 99)
	return r
}

// latency measures the time from answer to hook, and counts the rows
// afterwards.
func (b *bench) latency(ctx context.Context, run runSpec, contender string, size int) (s sample, err error) {
	db, err := b.places[run.dialect].create(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if dropped := db.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	made := setup{Contender: contender, Dialect: run.dialect, DSN: db.dsn, Pool: size, Delivers: true}
	host := &lunas{made}
	refs, err := host.prepare(ctx, run.messages)
	if err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	if err := db.calm(ctx); err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	messages := run.mix(refs)
	m, hooks, err := b.watch(ctx, run, made, messages)
	if err != nil {
		return s, err
	}
	s = m.sample(run.name, contender)
	s.Extra = map[string]float64{"answer_p50_ms": s.P50, "answer_p99_ms": s.P99}
	s.P50, s.P95, s.P99 = hooks.P50, hooks.P95, hooks.P99
	if hooks.Missing+hooks.Doubled > 0 {
		s.Faults = append(s.Faults, fmt.Sprintf("%d hooks were not called, %d were called again", hooks.Missing, hooks.Doubled))
	}
	faults, err := inspectRows(ctx, db, host.audit(), standings(refs, messages[:m.sent()]))
	s.Faults = append(s.Faults, faults...)
	return s, err
}

// watch sends the messages at the run's rate to a process that delivers, too.
func (b *bench) watch(ctx context.Context, run runSpec, made setup, messages []message) (m measurement, hooks hookedResult, err error) {
	var ready serverReady
	server, err := spawn(ctx, "hooked", &hooked{Setup: made}, &ready)
	if err != nil {
		return m, hooks, err
	}
	defer server.stop() // waits until what was called is on record
	load, err := spawn(ctx, "load", &loading{
		URL: ready.URL, Messages: messages, Concurrency: run.concurrency, Warm: run.warm(), Limit: run.limit, Rate: run.rate,
	}, nil)
	if err != nil {
		return m, hooks, err
	}
	defer load.stop()
	if err := load.ask("warm", &m.warm); err != nil {
		return m, hooks, err
	}
	var before hookedResult
	if err := server.ask("begin", &before); err != nil {
		return m, hooks, err
	}
	if err := load.ask("run", &m.run); err != nil {
		return m, hooks, err
	}
	if err := server.ask("end", &hooks); err != nil {
		return m, hooks, err
	}
	m.cpu = hooks.CPU - before.CPU
	return m, hooks, nil
}

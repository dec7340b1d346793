package main

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"
)

// Some benchmarks are of one thing that is done over and over, alone: each
// contender does it in a process of its own.

// loop makes what is to be repeated, with a number that is another each time,
// and what closes it.
type loop func(ctx context.Context, s setup) (func(ctx context.Context, i int) error, func(), error)

// loops by name.
var loops = map[string]loop{
	"checkout/lunas":       checkOutWithLunas,
	"checkout/midtrans-go": checkOutWithSDK,
	"checkout/row":         commitRow,
	"parse/lunas":          parseWithLunas,
	"parse/sha512+json":    parseByHand,
	"scale/history":        readHistory,
	"scale/claim":          claimDeliveries,
}

// looping is the child that repeats.
type looping struct {
	Setup setup  `json:"setup"`
	Loop  string `json:"loop"`
	Warm  int    `json:"warm"`
	Times int    `json:"times"`

	repeat func(ctx context.Context, i int) error
	close  func()
}

// looped is how long it took, and what was allocated.
type looped struct {
	Seconds float64       `json:"seconds"`
	P50     float64       `json:"p50_ms"`
	P95     float64       `json:"p95_ms"`
	P99     float64       `json:"p99_ms"`
	Allocs  float64       `json:"allocs"` // each time
	Bytes   float64       `json:"bytes"`  // each time
	CPU     time.Duration `json:"cpu"`
}

func (l *looping) start(ctx context.Context) (any, error) {
	make, known := loops[l.Loop]
	if !known {
		return nil, fmt.Errorf("there is no loop %q, only %v", l.Loop, slices.Sorted(maps.Keys(loops)))
	}
	var err error
	if l.repeat, l.close, err = make(ctx, l.Setup); err != nil {
		return nil, err
	}
	for i := range l.Warm {
		if err := l.repeat(ctx, i); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (l *looping) stop() {
	if l.close != nil {
		l.close()
	}
}

func (l *looping) do(ctx context.Context, _ string) (any, error) {
	took := make([]time.Duration, l.Times)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	used, err := processorTime()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	last := begin
	for i := range took {
		if err := l.repeat(ctx, l.Warm+i); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Loop, err)
		}
		now := time.Now()
		took[i], last = now.Sub(last), now
	}
	result := looped{Seconds: last.Sub(begin).Seconds()}
	runtime.ReadMemStats(&after)
	n := float64(l.Times)
	result.Allocs, result.Bytes = float64(after.Mallocs-before.Mallocs)/n, float64(after.TotalAlloc-before.TotalAlloc)/n
	used2, err := processorTime()
	result.CPU = used2 - used
	slices.Sort(took)
	result.P50, result.P95, result.P99 = percentile(took, 50), percentile(took, 95), percentile(took, 99)
	return result, err
}

// repeated lets a child loop, and makes a sample of it.
func repeated(ctx context.Context, run runSpec, contender string, l *looping) (s sample, err error) {
	child, err := spawn(ctx, "loop", l, nil)
	if err != nil {
		return s, err
	}
	defer child.stop()
	var r looped
	if err := child.ask("run", &r); err != nil {
		return s, err
	}
	n := float64(l.Times)
	return sample{
		Run: run.name, Contender: contender, PerSecond: n / r.Seconds, P50: r.P50, P95: r.P95, P99: r.P99, CPU: r.CPU.Seconds() * 1e6 / n,
		Extra: map[string]float64{"allocations": r.Allocs, "bytes_allocated": r.Bytes},
	}, nil
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench carries a plan out.
type bench struct {
	places map[string]place // by dialect
	pool   int              // connections to a server of all contenders, unless others were better for the floor
	best   map[string]int   // the floor's, by run, where sizes were tried out
	say    func(format string, args ...any)
	// profiles is the folder for processor profiles of the servers, or empty.
	profiles string
}

// profileOf is the file for the profile of a turn: that of the last round
// stays.
func (b *bench) profileOf(run runSpec, contender string) string {
	if b.profiles == "" {
		return ""
	}
	return filepath.Join(b.profiles, strings.ReplaceAll(run.name, "/", "-")+"-"+contender+".pprof")
}

// sqlitePool is how many connections contenders have to a SQLite file: one
// writes, a few read.
const sqlitePool = 4

func (b *bench) poolOf(run runSpec, contender string) int {
	n, tried := b.best[run.name]
	switch {
	case tried && contender == run.floor:
		return n
	case run.dialect == sqlite:
		return sqlitePool
	}
	return b.pool
}

// round lets every contender of every run have a turn. Their order changes
// from round to round, so that none always follows the other.
func (b *bench) round(ctx context.Context, plan []runSpec, round int) ([]sample, error) {
	var samples []sample
	for _, run := range plan {
		contenders := slices.Clone(run.contenders)
		if round%2 == 1 {
			slices.Reverse(contenders)
		}
		for _, contender := range contenders {
			s, err := b.turn(ctx, run, contender, b.poolOf(run, contender))
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", run.name, contender, err)
			}
			s.Round = round
			b.say("round %d  %s", round+1, s)
			samples = append(samples, s)
		}
	}
	return samples, nil
}

func (s sample) String() string {
	text := fmt.Sprintf("%s %s: %.0f/s, p99 %.2f ms", s.Run, s.Contender, s.PerSecond, s.P99)
	for _, fault := range s.Faults {
		text += "\n    VOID: " + fault
	}
	return text
}

// turn measures one contender, on a database of its own that holds nothing
// but the orders of this turn, and counts the rows afterwards.
func (b *bench) turn(ctx context.Context, run runSpec, contender string, pool int) (s sample, err error) {
	db, err := b.places[run.dialect].create(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if dropped := db.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	made := setup{Contender: contender, Dialect: run.dialect, DSN: db.dsn, Pool: pool}
	if run.lookUp && contender != run.floor {
		var ready serverReady
		status, err := spawn(ctx, "status", struct{}{}, &ready)
		if err != nil {
			return s, err
		}
		defer status.stop()
		made.StatusURL = ready.URL
	}
	c, err := newContender(made)
	if err != nil {
		return s, err
	}
	refs, err := c.prepare(ctx, run.messages)
	if err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	if err := db.calm(ctx); err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	// Payers pay in no order; the same disorder for all.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
	m, err := measure(ctx, run, serving{Setup: made, Profile: b.profileOf(run, contender)}, refs)
	if err != nil {
		return s, err
	}
	s = m.sample(run.name, contender)
	faults, err := inspectRows(ctx, db, c.audit(), refs, m.sent())
	s.Faults = append(s.Faults, faults...)
	return s, err
}

// measurement is what was seen from outside of the server.
type measurement struct {
	warm, run loadResult
	cpu       time.Duration // the server's, during run
}

// sent is how many of the orders' notifications went out: the first ones.
func (m measurement) sent() int { return m.warm.Sent + m.run.Sent }

// measure serves the contender in one process and loads it from another.
func measure(ctx context.Context, run runSpec, contender serving, refs []string) (m measurement, err error) {
	var ready serverReady
	server, err := spawn(ctx, "serve", contender, &ready)
	if err != nil {
		return m, err
	}
	defer server.stop()
	load, err := spawn(ctx, "load", &loading{
		URL: ready.URL, Refs: refs, Concurrency: run.concurrency, Warm: run.warm(), Limit: run.limit,
	}, nil)
	if err != nil {
		return m, err
	}
	defer load.stop()
	if err := load.ask("warm", &m.warm); err != nil {
		return m, err
	}
	var before, after time.Duration
	if err := server.ask("begin", &before); err != nil {
		return m, err
	}
	if err := load.ask("run", &m.run); err != nil {
		return m, err
	}
	if err := server.ask("end", &after); err != nil {
		return m, err
	}
	m.cpu = after - before
	return m, nil
}

func (m measurement) sample(run, contender string) sample {
	s := sample{
		Run: run, Contender: contender, PerSecond: float64(m.run.OK) / m.run.Seconds, P50: m.run.P50, P95: m.run.P95, P99: m.run.P99,
	}
	if m.run.OK > 0 {
		s.CPU = m.cpu.Seconds() * 1e6 / float64(m.run.OK)
		s.LoadCPU = m.run.CPU.Seconds() * 1e6 / float64(m.run.OK)
	} else {
		s.Faults = append(s.Faults, "nothing was answered with 200")
	}
	for _, part := range []loadResult{m.warm, m.run} {
		for failure, n := range part.Failures {
			s.Faults = append(s.Faults, fmt.Sprintf("%d notifications: %s", n, failure))
		}
	}
	return s
}

// inspectRows counts what is stored when the server has ended, against the
// messages that were sent and answered.
func inspectRows(ctx context.Context, s *scratch, a audit, refs []string, sent int) ([]string, error) {
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := readCounts(ctx, db, a)
	if err != nil {
		return nil, err
	}
	return verify(a, found, refs[:sent], refs[sent:]), nil
}

// tryPools finds the floor's best pool size for each run: it would be no
// floor if a better one could be had by changing a number.
func (b *bench) tryPools(ctx context.Context, plan []runSpec, sizes []int) (notes []string, err error) {
	b.best = map[string]int{}
	for _, run := range plan {
		if run.concurrency == 1 || !slices.Contains(run.contenders, run.floor) {
			continue
		}
		sizes := sizes
		if run.dialect == sqlite {
			sizes = []int{1, 2, sqlitePool}
		}
		note, best := run.name+": pool of "+run.floor, 0.0
		for _, size := range sizes {
			s, err := b.turn(ctx, run, run.floor, size)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", run.name, run.floor, err)
			}
			if len(s.Faults) == 0 && s.PerSecond > best {
				best, b.best[run.name] = s.PerSecond, size
			}
			note += fmt.Sprintf(", %d: %.0f/s", size, s.PerSecond)
		}
		note += fmt.Sprintf("; taken: %d", b.best[run.name])
		b.say("%s", note)
		notes = append(notes, note)
	}
	return notes, nil
}

package main

import (
	"context"
	"fmt"
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
	shops  map[int]*shop // by how many payments they have had
	notes  []string      // what is to be said beside the figures
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

// sizeOf is what was best for the floor, where sizes were tried out. Else it
// is a number of connections, which all contenders of a run have, or nothing
// where contenders have their own size.
func (b *bench) sizeOf(run runSpec, contender string) int {
	n, tried := b.best[run.name]
	switch {
	case tried && contender == run.floor:
		return n
	case run.sized != "pool":
		return 0
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
			s, err := run.turn(b, ctx, run, contender, b.sizeOf(run, contender))
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
	text := fmt.Sprintf("%s %s: %.0f/s", s.Run, s.Contender, s.PerSecond)
	if s.P99 > 0 {
		text += fmt.Sprintf(", p99 %s ms", milliseconds(s.P99))
	}
	for _, fault := range s.Faults {
		text += "\n    VOID: " + fault
	}
	return text
}

// notifications measures how one contender takes them, on a database of its
// own that holds nothing but the orders of this turn, and counts the rows
// afterwards.
func (b *bench) notifications(ctx context.Context, run runSpec, contender string, pool int) (s sample, err error) {
	db, err := b.places[run.dialect].create(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if dropped := db.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	made := setup{Contender: contender, Dialect: run.dialect, DSN: db.dsn, Pool: pool, Hostile: run.hostile}
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
	refs, err := c.prepare(ctx, run.orders())
	if err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	if err := db.calm(ctx); err != nil {
		return s, fmt.Errorf("prepare: %w", err)
	}
	messages := run.mix(refs)
	m, err := measure(ctx, run, serving{Setup: made, Profile: b.profileOf(run, contender)}, messages)
	if err != nil {
		return s, err
	}
	s = m.sample(run.name, contender)
	faults, err := inspectRows(ctx, db, c.audit(), standings(refs, messages[:m.sent()]))
	s.Faults = append(s.Faults, faults...)
	return s, err
}

// measurement is what was seen from outside of the server.
type measurement struct {
	warm, run loadResult
	cpu       time.Duration // the server's, during run
}

// sent is how many of the messages went out: the first ones.
func (m measurement) sent() int { return m.warm.Sent + m.run.Sent }

// measure serves the contender in one process and loads it from another.
func measure(ctx context.Context, run runSpec, contender serving, messages []message) (m measurement, err error) {
	var ready serverReady
	server, err := spawn(ctx, "serve", contender, &ready)
	if err != nil {
		return m, err
	}
	defer server.stop()
	load, err := spawn(ctx, "load", &loading{
		URL: ready.URL, Messages: messages, Concurrency: run.concurrency, Warm: run.warm(), Limit: run.limit,
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
		s.Faults = append(s.Faults, "nothing was answered as it should be")
	}
	for _, part := range []loadResult{m.warm, m.run} {
		for failure, n := range part.Failures {
			s.Faults = append(s.Faults, fmt.Sprintf("%d notifications: %s", n, failure))
		}
	}
	return s
}

// inspectRows counts what is stored when the server has ended, against what
// the orders must have come to.
func inspectRows(ctx context.Context, s *scratch, a audit, orders map[standing][]string) ([]string, error) {
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := readCounts(ctx, db, a)
	if err != nil {
		return nil, err
	}
	return verify(a, found, orders), nil
}

// trySizes finds the floor's best size for each run, such as of its pool: it
// would be no floor if a better one could be had by changing a number.
func (b *bench) trySizes(ctx context.Context, plan []runSpec) (notes []string, err error) {
	b.best = map[string]int{}
	for _, run := range plan {
		if len(run.sizes) < 2 || !slices.Contains(run.contenders, run.floor) {
			continue
		}
		note, best := fmt.Sprintf("%s: %s of %s", run.name, run.sized, run.floor), 0.0
		for _, size := range run.sizes {
			s, err := run.turn(b, ctx, run, run.floor, size)
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

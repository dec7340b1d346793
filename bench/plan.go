package main

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// runSpec is one line of the plan: contenders that do the same work by turns.
type runSpec struct {
	// name is benchmark/database/how many at once, and what is special.
	name        string
	dialect     string
	concurrency int
	// messages are sent, or hooks called, or calls made in each turn, unless
	// the limit ends it sooner.
	messages int
	limit    time.Duration
	// rate is how many messages are sent in a second; 0: as many as are
	// answered.
	rate float64
	// lookUp: Lunas confirms each notification with the gateway.
	lookUp bool
	// hostile: a mix of genuine, late, wrong and forged messages.
	hostile    bool
	contenders []string
	// floor is the contender that the others are compared with, by compare;
	// empty where the goal is a time.
	floor   string
	compare comparison
	// turn is how a contender has its turn.
	turn func(b *bench, ctx context.Context, run runSpec, contender string, size int) (sample, error)
	// sizes are tried out for the floor before the rounds, and the best is
	// kept: numbers of what sized names.
	sizes []int
	sized string
	// goals are those of Lunas.
	goals []goal
}

// warm is how many messages go ahead of the measurement, so that connections
// are open, statements prepared and the heap has its size.
func (r runSpec) warm() int { return min(max(4*r.concurrency, 200), r.messages/4) }

// orders are how many are made for a turn.
func (r runSpec) orders() int {
	if r.hostile {
		return r.messages / perOrder
	}
	return r.messages
}

// mix is what is sent of the orders.
func (r runSpec) mix(refs []string) []message {
	if r.hostile {
		return hostileMix(refs)
	}
	return settlements(refs)
}

// planned are the runs in their order. The short form has fewer messages and
// leaves out what nobody waits for in CI.
func planned(short bool) []runSpec {
	few, orm := []string{"lunas", "hand"}, []string{"lunas", "hand-gorm"}
	all := []string{"lunas", "imrenagi", "hand-gorm", "hand"}
	if short {
		return []runSpec{
			b1(postgres, 1, 500, few), b1(postgres, 16, 2_000, few), b1(postgres, 64, 2_500, all), b1(postgres, 256, 3_000, few),
			b1(sqlite, 64, 1_500, orm),
			b2(2_000, few),
			b4(2_000), b4b(600), b5(300), parse(20_000),
		}
	}
	confirmed := b1(postgres, 64, 15_000, few)
	confirmed.name, confirmed.lookUp, confirmed.goals = confirmed.name+"/look-up", true, nil
	runs := []runSpec{
		b1(postgres, 1, 3_000, all), b1(postgres, 16, 20_000, all), b1(postgres, 64, 30_000, all), b1(postgres, 256, 30_000, all),
		confirmed,
		b1(sqlite, 1, 4_000, orm), b1(sqlite, 64, 12_000, orm),
		b1(mariaDB, 1, 4_000, few), b1(mariaDB, 64, 20_000, few),
		b2(30_000, all),
	}
	for i := range runs {
		runs[i].limit = 15 * time.Second
	}
	hooks := b4(100_000)
	hooks.sizes = []int{100, 500, 2000}
	return append(runs, hooks, b4b(4_000), b5(2_000), parse(200_000))
}

// b1Goals by database and how many at once.
var b1Goals = map[string][]goal{
	"B1/pg/1":      {atLeast(0.9)},
	"B1/pg/16":     {atLeast(1.8)},
	"B1/pg/64":     {atLeast(3), p99AtMost(0.5)},
	"B1/pg/256":    {atLeast(4)},
	"B1/sqlite/64": {atLeast(5)},
}

// b1 is benchmark 1: a signed notification over HTTP becomes durable state,
// history, inbox and outbox.
func b1(dialect string, concurrency, messages int, contenders []string) runSpec {
	name := fmt.Sprintf("B1/%s/%d", dialect, concurrency)
	return runSpec{
		name: name, dialect: dialect, concurrency: concurrency, messages: messages, limit: 4 * time.Second,
		contenders: contenders, floor: contenders[len(contenders)-1], compare: byRate, goals: b1Goals[name],
		turn: (*bench).notifications, sized: "pool",
	}
}

// b2 is benchmark 2: the same with duplicates, late news, wrong amounts and
// forgeries.
func b2(messages int, contenders []string) runSpec {
	run := b1(postgres, 64, messages, contenders)
	run.name, run.hostile, run.goals = "B2/pg/64", true, []goal{atLeast(2)}
	return run
}

// b4 is benchmark 4: hooks are committed and called.
func b4(hooks int) runSpec {
	return runSpec{
		name: "B4/pg", dialect: postgres, concurrency: 1, messages: hooks, limit: 10 * time.Minute,
		contenders: []string{"lunas", "watermill", "river", "river-each"}, floor: "river-each", compare: byRate,
		goals: []goal{atLeast(1)}, turn: (*bench).hooks, sized: "workers",
	}
}

// b4b measures how long after the answer the hook begins, at 200 notifications
// a second.
func b4b(messages int) runSpec {
	return runSpec{
		name: "B4b/pg/200", dialect: postgres, concurrency: 64, messages: messages, limit: time.Minute, rate: 200,
		contenders: []string{subject}, goals: []goal{within(10)}, turn: (*bench).latency, sized: "pool",
	}
}

// b5 is benchmark 5: what a checkout adds to the call to Midtrans, measured in
// committed rows.
func b5(checkouts int) runSpec {
	return runSpec{
		name: "B5/pg/1", dialect: postgres, concurrency: 1, messages: checkouts,
		contenders: []string{subject, "midtrans-go", "row"}, floor: "row", compare: addedTo("midtrans-go"),
		goals: []goal{atMost(1)}, turn: (*bench).checkouts, sized: "pool",
	}
}

// parse is reading and verifying one notification, without any database.
func parse(times int) runSpec {
	return runSpec{
		name: "parse", messages: times, contenders: []string{subject, "sha512+json"}, floor: "sha512+json", compare: byTime,
		goals: []goal{atMost(1.5)}, turn: (*bench).parsing,
	}
}

// selected are the runs, with those of their contenders whose "run/contender"
// matches.
func selected(runs []runSpec, pattern *regexp.Regexp) []runSpec {
	var some []runSpec
	for _, r := range runs {
		var left []string
		for _, c := range r.contenders {
			if pattern.MatchString(r.name + "/" + c) {
				left = append(left, c)
			}
		}
		if r.contenders = left; left != nil {
			some = append(some, r)
		}
	}
	return some
}

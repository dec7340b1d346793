package main

import (
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
	// messages are sent in each turn, unless the limit ends it sooner.
	messages int
	limit    time.Duration
	// lookUp: Lunas confirms each notification with the gateway.
	lookUp     bool
	contenders []string
	// floor is the contender that the others are compared with.
	floor string
}

// warm is how many messages go ahead of the measurement, so that connections
// are open, statements prepared and the heap has its size.
func (r runSpec) warm() int { return min(max(4*r.concurrency, 200), r.messages/4) }

// planned are the runs in their order. The short form has fewer messages and
// leaves out what nobody waits for in CI.
func planned(short bool) []runSpec {
	hand, orm := []string{"lunas", "hand"}, []string{"lunas", "hand-gorm"}
	if short {
		return []runSpec{
			b1(postgres, 1, 1_200, hand), b1(postgres, 16, 5_000, hand), b1(postgres, 64, 6_000, hand), b1(postgres, 256, 6_000, hand),
			b1(sqlite, 64, 3_000, orm),
		}
	}
	confirmed := b1(postgres, 64, 15_000, hand)
	confirmed.name, confirmed.lookUp = confirmed.name+"/look-up", true
	runs := []runSpec{
		b1(postgres, 1, 5_000, hand), b1(postgres, 16, 20_000, hand), b1(postgres, 64, 30_000, hand), b1(postgres, 256, 30_000, hand),
		confirmed,
		b1(sqlite, 1, 4_000, orm), b1(sqlite, 64, 12_000, orm),
		b1(mariaDB, 1, 4_000, hand), b1(mariaDB, 64, 20_000, hand),
	}
	for i := range runs {
		runs[i].limit = 30 * time.Second
	}
	return runs
}

// b1 is benchmark 1: a signed notification over HTTP becomes durable state,
// history, inbox and outbox.
func b1(dialect string, concurrency, messages int, contenders []string) runSpec {
	return runSpec{
		name: fmt.Sprintf("B1/%s/%d", dialect, concurrency), dialect: dialect, concurrency: concurrency,
		messages: messages, limit: 6 * time.Second, contenders: contenders, floor: contenders[len(contenders)-1],
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

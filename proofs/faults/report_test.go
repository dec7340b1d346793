package faults

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rounds is how often each fault is injected.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("LUNAS_FAULTS_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 1
}

type span struct{ from, to time.Time }

func (s span) has(at time.Time) bool { return !at.Before(s.from) && !at.After(s.to) }

// answers are counts of them. None: the gateway, or the buyer, got none.
type answers struct {
	taken, later, none        int // notifications: 200, 503
	opened, failed, abandoned int // checkouts: 201, 409 or 5xx
	// odd are answers that are not to be given when the gateway is in trouble:
	// to notifications other ones than 200 and 503, to checkouts other ones
	// than 201, 409 and 503, and each without Retry-After.
	odd []string
}

func (l *load) answered(s span) (n answers) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.answers {
		if !s.has(a.At) {
			continue
		}
		switch a.Status {
		case http.StatusOK:
			n.taken++
		case http.StatusServiceUnavailable:
			n.later++
		case 0:
			n.none++
		default:
			n.odd = append(n.odd, fmt.Sprintf("notification: %d %s", a.Status, a.Body))
		}
	}
	for _, c := range l.checkouts {
		switch {
		case !s.has(c.at):
		case c.status == http.StatusCreated:
			n.opened++
		case c.status == 0:
			n.abandoned++
		default:
			n.failed++
			if c.wait == "" || c.status != http.StatusServiceUnavailable && c.status != http.StatusConflict {
				n.odd = append(n.odd, fmt.Sprintf("checkout: %d %s, Retry-After %q", c.status, c.problem, c.wait))
			}
		}
	}
	return n
}

// firstTaken is when the first notification after a time was answered 200.
func (l *load) firstTaken(after time.Time) (first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.answers {
		if a.Status == http.StatusOK && a.At.After(after) && (first.IsZero() || a.At.Before(first)) {
			first = a.At
		}
	}
	return first
}

// result is a row of the table.
type result struct {
	fault, database string
	answers
	lost, doubled, goroutines int
	longest, first, quiet     time.Duration
	spans                     []span // of the fault, in each round
}

func (r *result) add(a answers) {
	r.taken, r.later, r.none = r.taken+a.taken, r.later+a.later, r.none+a.none
	r.opened, r.failed, r.abandoned = r.opened+a.opened, r.failed+a.failed, r.abandoned+a.abandoned
}

// report collects the rows.
type report struct {
	mu   sync.Mutex
	rows []result
}

func (p *report) add(r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = append(p.rows, r)
}

// print prints the table, in the order of the faults.
func (p *report) print(t *testing.T, order []string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("| fault | database | notifications meanwhile: 200 / 503 / no answer | checkouts: 201 / 4xx or 5xx / no answer | longest answer | goroutines at most | lost | doubled | first 200 after | all done after |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, fault := range slices.Compact(order) {
		for _, r := range p.rows {
			if r.fault == fault {
				fmt.Fprintf(&text, "| %s | %s | %d / %d / %d | %d / %d / %d | %.1f s | %d | %d | %d | %.2f s | %.1f s |\n", r.fault, r.database,
					r.taken, r.later, r.none, r.opened, r.failed, r.abandoned, r.longest.Seconds(), r.goroutines,
					r.lost, r.doubled, r.first.Seconds(), r.quiet.Seconds())
			}
		}
	}
	_, err := os.Stdout.WriteString(text.String())
	require.NoError(t, err)
}

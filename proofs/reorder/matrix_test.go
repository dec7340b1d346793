package reorder

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// planned is how a sequence is tried that is the first, or not, with its words:
// in all its orders, or, of those words that several methods share, in some for
// all methods but the first; then in some with repetitions. Under the race
// detector, which is there for other mistakes, more than four messages are tried
// in some of their orders only. LUNAS_REORDER=all tries everything for every
// method, and a thousand orders with repetitions.
func planned(t *testing.T, first bool, messages int, seed uint64) plan {
	t.Helper()
	switch mode := os.Getenv("LUNAS_REORDER"); {
	case mode == "all":
		return plan{whole: true, repeated: 1000, seed: seed}
	case mode != "":
		require.Failf(t, "LUNAS_REORDER is not known", "it is %q, and may be all", mode)
	case !first:
		return plan{sample: 6, repeated: 4, seed: seed}
	}
	return plan{whole: messages <= 4 || !raceDetector, sample: 60, repeated: 12, seed: seed}
}

// seedOf is the seed of the random orders: printed, and taken from the
// environment to see a failure again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	raw := os.Getenv("LUNAS_REORDER_SEED")
	if raw == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(raw, 10, 64)
	require.NoError(t, err, "LUNAS_REORDER_SEED")
	return seed
}

// tried is what came of a sequence.
type tried struct {
	sequence
	mode   mode
	orders int
	end    outcome
}

// try runs a sequence in the orders of the plan. It returns the first
// difference that it finds, with the order that led there.
func (s sequence) try(m mode, p plan, between wrap) (tried, error) {
	want, err := s.run(m, s.messages, between)
	if err != nil {
		return tried{}, fmt.Errorf("%s, in the natural order: %w", m, err)
	}
	result := tried{sequence: s, mode: m, end: want}
	p.orders(s.messages, func(order []message) bool {
		var got outcome
		if got, err = s.run(m, order, between); err == nil && got != want {
			err = fmt.Errorf("the end is\n%+v\ninstead of\n%+v", got, want)
		}
		if err != nil {
			err = fmt.Errorf("%s, in the order %v: %w", m, order, err)
			return false
		}
		result.orders++
		return true
	})
	return result, err
}

// TestEveryOrderHasOneEnd sends each sequence of each way to pay, as signed
// bytes over HTTP, in all its orders, then with repetitions: once believing
// the notifications, once asking the gateway.
func TestEveryOrderHasOneEnd(t *testing.T) {
	all := sequences(t)
	seed := seedOf(t)
	t.Logf("LUNAS_REORDER_SEED=%d", seed)
	known := map[string]bool{}
	results := make([][2]tried, len(all))
	t.Run("all", func(t *testing.T) {
		for i, s := range all {
			p := planned(t, !known[s.String()], len(s.messages), seed)
			known[s.String()] = true
			for _, m := range []mode{believing, asking} {
				t.Run(s.method+": "+s.String()+" "+m.String(), func(t *testing.T) {
					t.Parallel()
					require.LessOrEqual(t, len(s.messages), 6)
					got, err := s.try(m, p, nil)
					require.NoError(t, err)
					want := s.want
					if m == asking {
						want = want.lookedUp()
					}
					require.Equal(t, want.status, got.end.status)
					require.Equal(t, want.cause, got.end.cause)
					require.Equal(t, []int64{want.in, want.out, want.lost}, []int64{got.end.in, got.end.out, got.end.lost}, "in, back, charged back")
					results[i][m] = got
				})
			}
		}
	})
	if !t.Failed() {
		t.Log("\n" + table(results))
	}
}

// table prints one row for all methods whose sequence, and whose end, is the
// same.
func table(results [][2]tried) string {
	type row struct {
		methods []string
		orders  int
		text    string
	}
	var rows []*row
	known := map[string]*row{}
	total := 0
	for _, r := range results {
		text := cells(r[believing], r[asking])
		if known[text] == nil {
			known[text] = &row{text: text}
			rows = append(rows, known[text])
		}
		have := known[text]
		if !slices.Contains(have.methods, r[0].method) {
			have.methods = append(have.methods, r[0].method)
		}
		have.orders += r[believing].orders + r[asking].orders
		total += r[believing].orders + r[asking].orders
	}
	var b strings.Builder
	b.WriteString("| method | sequence | orders tried | final status | rupiah in / back / charged back | told of each transaction's money |\n|---|---|--:|---|---|---|\n")
	for _, r := range rows {
		parts := strings.SplitN(r.text, "\n", 2)
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", strings.Join(r.methods, ", "), parts[0], r.orders, parts[1])
	}
	fmt.Fprintf(&b, "\n%d sequences, %d orders, one end each.\n", len(results), total)
	return b.String()
}

// cells are the columns that do not depend on the method.
func cells(b, a tried) string {
	sums := fmt.Sprintf("%d / %d / %d", b.end.in, b.end.out, b.end.lost)
	if a.end.in != b.end.in || a.end.out != b.end.out {
		sums += fmt.Sprintf("; looked up %d / %d / %d", a.end.in, a.end.out, a.end.lost)
	}
	status := string(b.end.status)
	if b.end.cause != "" {
		status += " (" + b.end.cause + ")"
	}
	if len(b.want.takenBack) > 0 {
		var words []string
		for _, n := range b.want.takenBack {
			words = append(words, b.messages[n-1].word)
		}
		sums += "; looked up, 503 to " + strings.Join(words, " and ")
	}
	return b.String() + "\n" + status + " | " + sums + " | " + counted(b.end.money)
}

// counted tells what the events said without the transactions' ids.
func counted(money string) string {
	if money == "" {
		return "none"
	}
	var parts []string
	for _, attempt := range strings.Split(money, "; ") {
		_, said, _ := strings.Cut(attempt, ": ")
		parts = append(parts, said)
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

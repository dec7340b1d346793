package kill

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// figures are what one world went through.
type figures struct {
	dialect                      string
	processes, kills             int
	took, recovery               time.Duration
	orders, messages, duplicates int
	faults, runs, repeats        int
	in, back                     int64 // rupiah, by the gateway's books
	wrong                        int   // payments that the audit blamed
	seed                         uint64
}

func (f *figures) count(w *world, b books) {
	f.orders, f.messages, f.duplicates = len(b.payments), w.sent, w.duplicates
	f.faults, f.runs, f.repeats = int(w.faults.Load()), len(b.runs), repeated(b.runs, "mail")
	f.wrong, f.seed = w.wrong, w.seed
	for _, book := range b.accounts {
		f.in, f.back = f.in+book.in, f.back+book.out
	}
}

// table collects the figures of worlds. It is safe for concurrent use.
type table struct {
	mu   sync.Mutex
	rows []figures
}

func (t *table) add(f figures) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, f)
}

// print prints them as a table in Markdown.
func (t *table) print(to *testing.T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.rows, func(a, b figures) int {
		return cmp.Or(cmp.Compare(a.dialect, b.dialect), cmp.Compare(a.processes, b.processes))
	})
	text := "| database | processes | for | kills | orders | messages | of them duplicates | faults | rupiah in / back | hook runs | repeats | recovery | wrong | seed |\n" +
		"| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n"
	for _, f := range t.rows {
		text += fmt.Sprintf("| %s | %d | %s | %d | %d | %d | %d | %d | %d / %d | %d | %d | %s | %d | %d |\n",
			f.dialect, f.processes, f.took.Round(100*time.Millisecond), f.kills, f.orders, f.messages, f.duplicates, f.faults,
			f.in, f.back, f.runs, f.repeats, f.recovery.Round(100*time.Millisecond), f.wrong, f.seed)
	}
	_, _ = fmt.Fprint(to.Output(), text) // for people
}

package races

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// sheet counts how races ended.
type sheet struct {
	mu    sync.Mutex
	rows  map[string]*row
	sites []string
}

type row struct {
	times, wrong int
	ends         map[string]int
}

func newSheet() *sheet { return &sheet{rows: map[string]*row{}} }

func (s *sheet) add(race race, where site, end string, right bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[race.name]
	if r == nil {
		r = &row{ends: map[string]int{}}
		s.rows[race.name] = r
	}
	r.times++
	r.ends[end]++
	if !right {
		r.wrong++
	}
	if name := where.String(); !slices.Contains(s.sites, name) {
		s.sites = append(s.sites, name)
	}
}

// markdown is the table, with the races in their order.
func (s *sheet) markdown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.sites)
	var b strings.Builder
	fmt.Fprintf(&b, "Stores: %s.\n\n", strings.Join(s.sites, ", "))
	b.WriteString("| race | repetitions | ended so, so often | wrong |\n| --- | ---: | --- | ---: |\n")
	for _, race := range all {
		r := s.rows[race.name]
		if r == nil {
			continue
		}
		var ends []string
		for _, end := range race.ends {
			ends = append(ends, fmt.Sprintf("%s: %d", end, r.ends[end]))
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %d |\n", race.name, r.times, strings.Join(ends, "; "), r.wrong)
	}
	return b.String()
}

package main

import (
	"fmt"
	"strings"
)

// goal is what Lunas is to reach in a run.
type goal struct {
	text string
	// figure is what it is about, and missing where there was nothing to
	// compare with.
	figure func(figures) *float64
	most   bool // the bound must not be exceeded; else it must be reached
	bound  float64
}

func ratioOf(f figures) *float64    { return f.Ratio }
func ratioP99Of(f figures) *float64 { return f.RatioP99 }
func p99Of(f figures) *float64      { return &f.P99 }

// atLeast and atMost are goals for the ratio to the floor.
func atLeast(times float64) goal { return goal{fmt.Sprintf("≥ %g ×", times), ratioOf, false, times} }
func atMost(times float64) goal  { return goal{fmt.Sprintf("≤ %g ×", times), ratioOf, true, times} }

// p99AtMost is a goal for the ratio of the 99th percentiles, and within one in
// milliseconds.
func p99AtMost(times float64) goal {
	return goal{fmt.Sprintf("p99 ≤ %g ×", times), ratioP99Of, true, times}
}

func within(ms float64) goal { return goal{fmt.Sprintf("p99 ≤ %g ms", ms), p99Of, true, ms} }

// judge says which goals there are and whether all of them are met; nil: that
// cannot be said.
func judge(goals []goal, f *figures) (text string, met *bool) {
	if len(goals) == 0 {
		return "", nil
	}
	var texts []string
	all, known := true, true
	for _, g := range goals {
		texts = append(texts, g.text)
		switch value := g.value(f); {
		case value == nil:
			known = known && f == nil
			all = false
		case g.most:
			all = all && *value <= g.bound
		default:
			all = all && *value >= g.bound
		}
	}
	if known {
		met = &all
	}
	return strings.Join(texts, ", "), met
}

// value is nil without figures: a void run meets no goal.
func (g goal) value(f *figures) *float64 {
	if f == nil {
		return nil
	}
	return g.figure(*f)
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// sample is what one contender did in one turn of a run.
type sample struct {
	Run, Contender string
	Round          int
	PerSecond      float64
	P50, P95, P99  float64 // ms
	CPU            float64 // ms of the serving process per 1,000 requests
	LoadCPU        float64 // the same of the load generator
	Faults         []string
}

// result is what one contender did in all rounds of a run. Without Correct
// there are no figures: a run that lost or doubled something is void.
type result struct {
	Run       string `json:"run"`
	Contender string `json:"contender"`
	*figures
	Correct bool     `json:"correct"`
	Faults  []string `json:"faults,omitempty"`
}

// figures are medians over the rounds.
type figures struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	CPU       float64 `json:"cpu_ms_per_1000"`
	LoadCPU   float64 `json:"load_cpu_ms_per_1000"`
	// Ratio and RatioP99 compare with the floor: the median of the rounds'
	// own ratios, so that what slowed a round down slowed both sides down.
	// They are missing where the floor did not run, or is void.
	Ratio    *float64 `json:"ratio,omitempty"`
	RatioP99 *float64 `json:"ratio_p99,omitempty"`
	// Spread is the distance between the fastest and the slowest round, as a
	// part of the median.
	Spread float64 `json:"spread"`
	Rounds int     `json:"rounds"`
	Floor  string  `json:"floor,omitempty"`
}

// summarize makes the results of a plan from its samples.
func summarize(plan []runSpec, samples []sample) []result {
	var results []result
	for _, run := range plan {
		floor := of(samples, run.name, run.floor)
		if !faultless(floor) {
			floor = nil
		}
		for _, contender := range run.contenders {
			mine := of(samples, run.name, contender)
			r := result{Run: run.name, Contender: contender, Correct: faultless(mine)}
			for _, s := range mine {
				r.Faults = append(r.Faults, s.Faults...)
			}
			if r.Correct {
				r.figures = compare(mine, floor, run.floor)
			}
			results = append(results, r)
		}
	}
	return results
}

func of(samples []sample, run, contender string) []sample {
	var some []sample
	for _, s := range samples {
		if s.Run == run && s.Contender == contender {
			some = append(some, s)
		}
	}
	return some
}

// faultless reports whether there is something, and nothing is wrong with it.
func faultless(samples []sample) bool {
	return len(samples) > 0 && !slices.ContainsFunc(samples, func(s sample) bool { return len(s.Faults) > 0 })
}

func compare(mine, floor []sample, name string) *figures {
	get := func(what func(sample) float64) []float64 {
		values := make([]float64, len(mine))
		for i, s := range mine {
			values[i] = what(s)
		}
		return values
	}
	rates := get(func(s sample) float64 { return s.PerSecond })
	f := &figures{
		PerSecond: rounded(median(rates), 1),
		P50:       rounded(median(get(func(s sample) float64 { return s.P50 })), 3),
		P95:       rounded(median(get(func(s sample) float64 { return s.P95 })), 3),
		P99:       rounded(median(get(func(s sample) float64 { return s.P99 })), 3),
		CPU:       rounded(median(get(func(s sample) float64 { return s.CPU })), 1),
		LoadCPU:   rounded(median(get(func(s sample) float64 { return s.LoadCPU })), 1),
		Spread:    rounded((slices.Max(rates)-slices.Min(rates))/median(rates), 3),
		Rounds:    len(mine),
	}
	var ratios, ratiosP99 []float64
	for _, a := range mine {
		for _, b := range floor {
			if a.Round == b.Round {
				ratios, ratiosP99 = append(ratios, a.PerSecond/b.PerSecond), append(ratiosP99, a.P99/b.P99)
			}
		}
	}
	if len(ratios) > 0 {
		ratio, ratioP99 := rounded(median(ratios), 3), rounded(median(ratiosP99), 3)
		f.Ratio, f.RatioP99, f.Floor = &ratio, &ratioP99, name
	}
	return f
}

// median of an even number of values is the mean of the middle two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// rounded leaves out digits that no measurement of this kind has.
func rounded(value float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(value*scale) / scale
}

// void reports whether any result is.
func void(results []result) bool {
	return slices.ContainsFunc(results, func(r result) bool { return !r.Correct })
}

// writeJSON writes the machine and the results, one object a line.
func writeJSON(w io.Writer, m machine, results []result) error {
	lines := json.NewEncoder(w)
	if err := lines.Encode(map[string]machine{"machine": m}); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	for _, r := range results {
		if err := lines.Encode(r); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}

// writeTable writes what a page of documentation can take as it is.
func writeTable(w io.Writer, m machine, results []result) error {
	fmt.Fprintf(w, "%s\n\n", m)
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(t, "| "+strings.Join(cells, "\t| ")+"\t|") }
	row("run", "contender", "per second", "× floor", "spread", "p50 ms", "p95 ms", "p99 ms", "p99 × floor", "CPU ms per 1,000", "correct")
	row("---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	for _, r := range results {
		if !r.Correct {
			row(r.Run, r.Contender, "void", "", "", "", "", "", "", "", "no")
			continue
		}
		row(r.Run, r.Contender, fmt.Sprintf("%.0f", r.PerSecond), optional(r.Ratio), fmt.Sprintf("%.0f %%", 100*r.Spread),
			fmt.Sprintf("%.2f", r.P50), fmt.Sprintf("%.2f", r.P95), fmt.Sprintf("%.2f", r.P99), optional(r.RatioP99),
			fmt.Sprintf("%.0f", r.CPU), "yes")
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	for _, r := range results {
		for _, fault := range r.Faults {
			fmt.Fprintf(w, "%s %s: %s\n", r.Run, r.Contender, fault)
		}
	}
	return nil
}

func optional(ratio *float64) string {
	if ratio == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *ratio)
}

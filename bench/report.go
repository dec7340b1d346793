package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
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
	// Extra is what only some benchmarks have, by name.
	Extra  map[string]float64
	Faults []string
}

// result is what one contender did in all rounds of a run. Without Correct
// there are no figures: a run that lost or doubled something is void.
type result struct {
	Run       string `json:"run"`
	Contender string `json:"contender"`
	*figures
	Goal    string   `json:"goal,omitempty"`
	Met     *bool    `json:"met,omitempty"`
	Correct bool     `json:"correct"`
	Faults  []string `json:"faults,omitempty"`
	// peer: a fault is its own affair, and makes no benchmark fail.
	peer bool
}

// figures are medians over the rounds.
type figures struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms,omitempty"`
	P95       float64 `json:"p95_ms,omitempty"`
	P99       float64 `json:"p99_ms,omitempty"`
	CPU       float64 `json:"cpu_ms_per_1000"`
	LoadCPU   float64 `json:"load_cpu_ms_per_1000,omitempty"`
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
	// Extra is what only some benchmarks have, by name.
	Extra map[string]float64 `json:"extra,omitempty"`
}

// subject is what the goals are of.
const subject = "lunas"

// summarize makes the results of a plan from its samples.
func summarize(plan []runSpec, samples []sample) []result {
	var results []result
	for _, run := range plan {
		rounds := sound(run, samples)
		for _, contender := range run.contenders {
			mine := of(samples, run.name, contender)
			r := result{
				Run: run.name, Contender: contender, Correct: faultless(mine),
				peer: contender != subject && contender != run.floor,
			}
			if i := slices.IndexFunc(mine, isFaulty); i >= 0 {
				r.Faults = mine[i].Faults // the other rounds' are much the same
			}
			if r.Correct {
				r.figures = figuresOf(mine)
				r.compare(run, rounds)
			}
			if contender == subject {
				r.Goal, r.Met = judge(run.goals, r.figures)
			}
			results = append(results, r)
		}
	}
	return results
}

// sound are the samples of each round of a run, less those of contenders with
// any fault: nothing is compared with what is void.
func sound(run runSpec, samples []sample) map[int]map[string]sample {
	rounds := map[int]map[string]sample{}
	for _, contender := range run.contenders {
		mine := of(samples, run.name, contender)
		if !faultless(mine) {
			continue
		}
		for _, s := range mine {
			if rounds[s.Round] == nil {
				rounds[s.Round] = map[string]sample{}
			}
			rounds[s.Round][contender] = s
		}
	}
	return rounds
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
	return len(samples) > 0 && !slices.ContainsFunc(samples, isFaulty)
}

func isFaulty(s sample) bool { return len(s.Faults) > 0 }

func figuresOf(mine []sample) *figures {
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
		P50:       rounded(median(get(func(s sample) float64 { return s.P50 })), 4),
		P95:       rounded(median(get(func(s sample) float64 { return s.P95 })), 4),
		P99:       rounded(median(get(func(s sample) float64 { return s.P99 })), 4),
		CPU:       rounded(median(get(func(s sample) float64 { return s.CPU })), 1),
		LoadCPU:   rounded(median(get(func(s sample) float64 { return s.LoadCPU })), 1),
		Spread:    rounded((slices.Max(rates)-slices.Min(rates))/median(rates), 3),
		Rounds:    len(mine),
	}
	for name := range mine[0].Extra {
		if f.Extra == nil {
			f.Extra = map[string]float64{}
		}
		f.Extra[name] = rounded(median(get(func(s sample) float64 { return s.Extra[name] })), 3)
	}
	return f
}

// compare sets the ratios to the floor.
func (r *result) compare(run runSpec, rounds map[int]map[string]sample) {
	if run.floor == "" {
		return
	}
	var ratios, ratiosP99 []float64
	for _, round := range rounds {
		floor, there := round[run.floor]
		if !there {
			continue
		}
		if ratio, ok := run.compare(round, r.Contender, run.floor); ok {
			ratios = append(ratios, ratio)
		}
		if floor.P99 > 0 {
			ratiosP99 = append(ratiosP99, round[r.Contender].P99/floor.P99)
		}
	}
	if len(ratios) > 0 {
		r.Ratio, r.Floor = middle(ratios), run.floor
	}
	if len(ratiosP99) > 0 {
		r.RatioP99 = middle(ratiosP99)
	}
}

func middle(ratios []float64) *float64 {
	m := rounded(median(ratios), 3)
	return &m
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

// void reports whether any result is that may not be. A peer's may: that it
// loses or doubles is what the table then says.
func void(results []result) bool {
	return slices.ContainsFunc(results, func(r result) bool { return !r.Correct && !r.peer })
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
	header := []string{"run", "contender", "per second", "× floor", "spread", "p50 ms", "p95 ms", "p99 ms", "p99 × floor", "CPU ms per 1,000", "correct", "goal", "met"}
	row(header...)
	row(slices.Repeat([]string{"---"}, len(header))...)
	for _, r := range results {
		row(r.cells()...)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	for _, r := range results {
		if r.figures != nil && r.Extra != nil {
			fmt.Fprintf(w, "%s %s: %s\n", r.Run, r.Contender, extras(r.Extra))
		}
		for _, fault := range r.Faults {
			fmt.Fprintf(w, "%s %s: %s\n", r.Run, r.Contender, fault)
		}
	}
	return nil
}

// cells are a line of the table.
func (r result) cells() []string {
	met := ""
	switch {
	case r.Goal == "":
	case r.Met == nil:
		met = "-"
	case *r.Met:
		met = "met"
	default:
		met = "missed"
	}
	if !r.Correct {
		return []string{r.Run, r.Contender, "void", "", "", "", "", "", "", "", "no", r.Goal, met}
	}
	return []string{
		r.Run, r.Contender, fmt.Sprintf("%.0f", r.PerSecond), optional(r.Ratio), fmt.Sprintf("%.0f %%", 100*r.Spread),
		milliseconds(r.P50), milliseconds(r.P95), milliseconds(r.P99), optional(r.RatioP99), fmt.Sprintf("%.0f", r.CPU), "yes", r.Goal, met,
	}
}

// extras are in the order of their names.
func extras(of map[string]float64) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s %.6g", strings.ReplaceAll(name, "_", " "), of[name]))
	}
	return strings.Join(all, ", ")
}

// milliseconds have as many digits as say something: a call may take some
// microseconds. 0: it was not measured.
func milliseconds(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 0.1:
		return fmt.Sprintf("%.4f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

func optional(ratio *float64) string {
	if ratio == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *ratio)
}

package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 3, 2}), 0)
	require.InDelta(t, 7, median([]float64{7}), 0)
}

// rounds are samples of one contender, one a round.
func rounds(contender string, perSecond ...float64) []sample {
	var all []sample
	for i, rate := range perSecond {
		all = append(all, sample{Run: "B1/pg/64", Contender: contender, Round: i, PerSecond: rate, P50: 1, P95: 2, P99: 1000 / rate, CPU: 40})
	}
	return all
}

var samplePlan = []runSpec{b1(postgres, 64, 100, []string{"lunas", "hand"})}

// The second round was slow for both. The ratio is that of the rounds, and
// not that of the medians.
func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()
	results := summarize(samplePlan, append(rounds("lunas", 3000, 1000, 2800), rounds("hand", 1000, 500, 700)...))
	require.Len(t, results, 2)
	f := results[0].figures
	require.Equal(t, "lunas", results[0].Contender)
	require.InDelta(t, 2800, f.PerSecond, 0)
	require.InDelta(t, 3, *f.Ratio, 0, "the median of 3, 2 and 4")
	require.InDelta(t, 0.333, *f.RatioP99, 0)
	require.InDelta(t, 0.714, f.Spread, 0, "(3000-1000)/2800")
	require.Equal(t, 3, f.Rounds)
	require.Equal(t, "hand", f.Floor)
	require.InDelta(t, 1, *results[1].Ratio, 0)
}

func TestVoidRounds(t *testing.T) {
	t.Parallel()
	lunas, hand := rounds("lunas", 3000, 3000), rounds("hand", 1000, 1000)
	lunas[1].Faults = []string{"lost one"}
	results := summarize(samplePlan, append(lunas, hand...))
	require.True(t, void(results))
	require.False(t, results[0].Correct)
	require.Nil(t, results[0].figures, "one bad round spoils all")
	require.Equal(t, []string{"lost one"}, results[0].Faults)
	require.True(t, results[1].Correct)

	lunas[1].Faults, hand[0].Faults = nil, []string{"doubled one"}
	results = summarize(samplePlan, append(lunas, hand...))
	require.True(t, results[0].Correct)
	require.Nil(t, results[0].Ratio, "there is no floor to compare with")

	require.True(t, void(summarize(samplePlan, rounds("hand", 1000))), "what never ran is not correct")
	require.False(t, void(summarize(samplePlan, append(rounds("lunas", 2), rounds("hand", 1)...))))
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	lunas := rounds("lunas", 3000)
	lunas[0].Faults = []string{"lost one"}
	var out bytes.Buffer
	require.NoError(t, writeJSON(&out, machine{Cores: 2}, summarize(samplePlan, append(lunas, rounds("hand", 1000)...))))
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 3)
	require.Contains(t, string(lines[0]), `{"machine":{"cores":2,`)
	require.JSONEq(t, `{"run":"B1/pg/64","contender":"lunas","goal":"≥ 3 ×, p99 ≤ 0.5 ×","met":false,"correct":false,"faults":["lost one"]}`, string(lines[1]))
	require.JSONEq(t, `{"run":"B1/pg/64","contender":"hand","per_second":1000,"p50_ms":1,"p95_ms":2,"p99_ms":1,"cpu_ms_per_1000":40,
		"ratio":1,"ratio_p99":1,"spread":0,"rounds":1,"floor":"hand","correct":true}`, string(lines[2]))
}

func TestTable(t *testing.T) {
	t.Parallel()
	lunas := rounds("lunas", 3000)
	lunas[0].Faults = []string{"lost one"}
	var out bytes.Buffer
	require.NoError(t, writeTable(&out, machine{Cores: 2, Notes: []string{"a note"}}, summarize(samplePlan, append(lunas, rounds("hand", 1000)...))))
	for _, text := range []string{"2 cores", "a note", "| void ", "| no ", "| 1000 ", "| 1.00 ", "| missed ", "B1/pg/64 lunas: lost one"} {
		require.Contains(t, out.String(), text)
	}
	require.NotContains(t, out.String(), "3000", "a void run has no figures")
}

// A peer that loses something is void, and says so; it does not make the
// benchmark fail.
func TestVoidPeer(t *testing.T) {
	t.Parallel()
	plan := []runSpec{b1(postgres, 64, 100, []string{"lunas", "imrenagi", "hand"})}
	peer := rounds("imrenagi", 500)
	peer[0].Faults = []string{"lost one"}
	results := summarize(plan, slices.Concat(rounds("lunas", 3000), peer, rounds("hand", 1000)))
	require.False(t, void(results))
	require.False(t, results[1].Correct)
	require.Nil(t, results[1].figures)
}

func TestGoals(t *testing.T) {
	t.Parallel()
	f := func(ratio, ratioP99, p99 float64) *figures {
		return &figures{Ratio: &ratio, RatioP99: &ratioP99, P99: p99}
	}
	fast := []goal{atLeast(3), p99AtMost(0.5)}
	for name, c := range map[string]struct {
		goals []goal
		got   *figures
		met   any // nil: it cannot be said
	}{
		"both":          {fast, f(3, 0.5, 9), true},
		"too slow":      {fast, f(2.99, 0.4, 9), false},
		"slow at times": {fast, f(4, 0.51, 9), false},
		"void":          {fast, nil, false},
		"no floor":      {fast, &figures{P99: 9}, nil},
		"in time":       {[]goal{within(10)}, f(1, 1, 10), true},
		"too late":      {[]goal{within(10)}, f(1, 1, 10.1), false},
		"cheap":         {[]goal{atMost(1.2)}, f(1.2, 1, 1), true},
		"dear":          {[]goal{atMost(1.2)}, f(1.3, 1, 1), false},
	} {
		text, met := judge(c.goals, c.got)
		require.NotEmpty(t, text)
		if c.met == nil {
			require.Nil(t, met, name)
			continue
		}
		require.NotNil(t, met, name)
		require.Equal(t, c.met, *met, name)
	}
	text, met := judge(nil, f(1, 1, 1))
	require.Empty(t, text)
	require.Nil(t, met)
}

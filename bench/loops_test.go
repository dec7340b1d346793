package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSmallLatencyRun(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec { return []runSpec{b4b(80)} }
	lines, err := runJSON(t, plan, "-rounds", "1", "-postgres", needPostgres(t))
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Equal(t, "B4b/pg/200", lines[1]["run"])
	require.Equal(t, true, lines[1]["correct"])
	require.Contains(t, lines[1], "met")
	require.NotContains(t, lines[1], "ratio", "it has no floor")
	require.Positive(t, lines[1]["extra"].(map[string]any)["answer_p99_ms"])
}

func TestSmallCheckoutRun(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec { return []runSpec{b5(20)} }
	lines, err := runJSON(t, plan, "-rounds", "1", "-postgres", needPostgres(t))
	require.NoError(t, err)
	require.Len(t, lines, 4)
	require.Contains(t, lines[1], "ratio")
	require.NotContains(t, lines[2], "ratio")
	for _, line := range lines[1:] {
		require.Equal(t, true, line["correct"])
		require.Positive(t, line["extra"].(map[string]any)["allocations"])
	}
}

func TestSmallParseRun(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec { return []runSpec{parse(200)} }
	lines, err := runJSON(t, plan, "-rounds", "2")
	require.NoError(t, err)
	requireFigures(t, lines, "parse", "lunas", "sha512+json")
}

// A loop that goes wrong has no figures.
func TestBrokenLoop(t *testing.T) {
	t.Parallel()
	l := &looping{Loop: "no such", Times: 1}
	_, err := l.start(t.Context())
	require.ErrorContains(t, err, "there is no loop")
	l = &looping{Loop: "parse/lunas", Times: 3}
	_, err = l.start(t.Context())
	require.NoError(t, err)
	l.repeat = func(_ context.Context, i int) error { return parsed(i, 2, parsedRef(i)) }
	_, err = l.do(t.Context(), "run")
	require.ErrorContains(t, err, `the order is read as "order-2", not "order-0"`)
}

func TestAddedTime(t *testing.T) {
	t.Parallel()
	round := map[string]sample{"lunas": {P50: 7}, "bare": {P50: 1}, "row": {P50: 4}}
	ratio, ok := addedTo("bare")(round, "lunas", "row")
	require.True(t, ok)
	require.InDelta(t, 1.5, ratio, 0)
	for _, other := range []string{"bare", "row"} {
		_, ok = addedTo("bare")(round, other, "row")
		require.False(t, ok)
	}
	_, ok = addedTo("gone")(round, "lunas", "row")
	require.False(t, ok)
	round = map[string]sample{"a": {PerSecond: 100}, "b": {PerSecond: 50}}
	ratio, _ = byTime(round, "b", "a")
	require.InDelta(t, 2, ratio, 0, "half as many a second take twice the time")
}

func TestStopwatch(t *testing.T) {
	t.Parallel()
	s := newStopwatch()
	send := func(ref string, status int) {
		handler := s.answers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		body := strings.NewReader(string(settlement(ref, time.Now())))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, notificationPath, body))
	}
	s.begun("early")
	for ref, status := range map[string]int{"early": 200, "late": 200, "lost": 200, "refused": 503} {
		send(ref, status)
	}
	s.begun("late")
	s.begun("late")
	r := s.result()
	require.Equal(t, 1, r.Missing)
	require.Equal(t, 1, r.Doubled)
	require.Positive(t, r.P99)
	require.Zero(t, r.P50, "a hook that begins before the answer is out took no time")

	over, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	s.settle(over) // returns, though one is missing
	s.reset()
	require.Zero(t, s.result())
}

// At a rate, messages go out in their time and not before.
func TestLoadAtARate(t *testing.T) {
	t.Parallel()
	l := loadOn(t, func(http.ResponseWriter, *http.Request) {}, 20, 4)
	l.Rate = 200
	begin := time.Now()
	run := send(t, l, "run")
	require.Equal(t, 20, run.OK)
	require.GreaterOrEqual(t, time.Since(begin), 19*time.Second/200)
}

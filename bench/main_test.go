package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// The test program plays the children's roles, too, as the real one does.
func TestMain(m *testing.M) {
	for name, tamper := range map[string]func(*gorm.DB, http.Handler) http.Handler{
		"loses": loses, "doubles": doubles, "invents": invents, "refuses": refuses,
	} {
		contenders[name] = func(s setup) contender { return &faulty{handGORM{s}, tamper} }
	}
	for _, fault := range []string{"", "doubles", "forgets"} {
		hookQueues["toy-"+fault] = func(s setup) hookQueue { return &toyQueue{setup: s, fault: fault} }
	}
	if runChild(os.Args[1:]) {
		return
	}
	os.Exit(m.Run())
}

// faulty is a contender with something wrong.
type faulty struct {
	handGORM
	tamper func(*gorm.DB, http.Handler) http.Handler
}

func (f *faulty) serve(ctx context.Context) (http.Handler, func(), error) {
	handler, closeAll, err := f.handGORM.serve(ctx)
	if err != nil {
		return nil, nil, err
	}
	db, closeDB, err := openGORM(f.setup, &gorm.Config{})
	if err != nil {
		return nil, nil, err
	}
	return f.tamper(db, handler), func() { closeDB(); closeAll() }, nil
}

// tenth hands the tenth notification to another handler than the rest.
func tenth(special, rest http.Handler) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 10 {
			special.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// loses answers a notification with 200 and forgets it.
func loses(_ *gorm.DB, h http.Handler) http.Handler {
	return tenth(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), h)
}

// doubles records an event twice.
func doubles(db *gorm.DB, h http.Handler) http.Handler {
	return tenth(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		db.Exec("INSERT INTO hand_event (payment_id, kind, transaction_id, at) SELECT payment_id, kind, transaction_id, at FROM hand_event LIMIT 1")
	}), h)
}

// invents records an event of a payment that does not exist.
func invents(db *gorm.DB, h http.Handler) http.Handler {
	return tenth(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		db.Create(&handEvent{PaymentID: "nobody's", Kind: handSettled})
	}), h)
}

// refuses a notification.
func refuses(_ *gorm.DB, h http.Handler) http.Handler {
	return tenth(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), h)
}

// tiny is a plan of one small run.
func tiny(dialect string, lookUp bool, contenders ...string) func(bool) []runSpec {
	return func(bool) []runSpec {
		run := b1(dialect, 4, 60, contenders)
		run.lookUp, run.limit = lookUp, time.Minute // the limit is not what ends it, however slow the machine
		return []runSpec{run}
	}
}

// runJSON runs the program and returns its lines.
func runJSON(t *testing.T, plan func(bool) []runSpec, args ...string) ([]map[string]any, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"-short", "-json", "-dir", t.TempDir()}, args...), plan, &out, t.Output())
	var lines []map[string]any
	for text := range strings.Lines(out.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		lines = append(lines, line)
	}
	return lines, err
}

func TestSmallRunOnSQLite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lookUp bool
		rounds string
	}{"believed": {false, "2"}, "confirmed": {true, "1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, err := runJSON(t, tiny(sqlite, c.lookUp, "lunas", "hand-gorm"), "-rounds", c.rounds)
			require.NoError(t, err)
			requireFigures(t, lines, "B1/sqlite/4", "lunas", "hand-gorm")
		})
	}
}

// requireFigures demands a line of the machine and one of each contender.
func requireFigures(t *testing.T, lines []map[string]any, run string, contenders ...string) {
	t.Helper()
	require.Len(t, lines, 1+len(contenders))
	require.Contains(t, lines[0], "machine")
	floor := contenders[len(contenders)-1]
	for i, contender := range contenders {
		line := lines[1+i]
		require.Equal(t, run, line["run"])
		require.Equal(t, contender, line["contender"])
		require.Equal(t, true, line["correct"])
		require.Equal(t, floor, line["floor"])
		for _, figure := range []string{"per_second", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_1000", "ratio", "ratio_p99"} {
			require.Positive(t, line[figure], "%s of %s", figure, contender)
		}
		require.Contains(t, line, "spread")
	}
	require.InDelta(t, 1, lines[len(contenders)]["ratio"], 0, "the floor is its own measure")
}

func TestFaultyRunIsVoid(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"loses":   `"settled" is there 0 times, not 1`,
		"doubles": `"settled" is there 2 times, not 1`,
		"invents": "rows of 1 orders that nobody made",
		"refuses": "answered with 503",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, err := runJSON(t, tiny(sqlite, false, name), "-rounds", "1")
			require.ErrorContains(t, err, "void", "the program must fail")
			require.Len(t, lines, 2)
			require.Equal(t, false, lines[1]["correct"])
			require.Contains(t, strings.ReplaceAll(toText(t, lines[1]["faults"]), `\"`, `"`), fault)
			require.NotContains(t, lines[1], "per_second", "a void run has no figures")
		})
	}
}

func toText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestSmallRunOnServers(t *testing.T) {
	t.Parallel()
	for _, server := range []struct {
		dialect, flag, env, dsn string
		contenders              []string
	}{
		{postgres, "-postgres", "LUNAS_TEST_POSTGRES", localPostgres, []string{"lunas", "imrenagi", "hand-gorm", "hand"}},
		{mariaDB, "-mysql", "LUNAS_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/", []string{"lunas", "hand-gorm", "hand"}},
	} {
		t.Run(server.dialect, func(t *testing.T) {
			t.Parallel()
			dsn := needServer(t, server.dialect, server.env, server.dsn)
			lines, err := runJSON(t, tiny(server.dialect, false, server.contenders...), "-rounds", "1", server.flag, dsn)
			require.NoError(t, err)
			requireFigures(t, lines, "B1/"+server.dialect+"/4", server.contenders...)
		})
	}
}

// needServer is the DSN of a server; without one the test is skipped.
func needServer(t *testing.T, dialect, env, dsn string) string {
	t.Helper()
	if given := os.Getenv(env); given != "" {
		dsn = given
	}
	if _, err := (place{dialect, dsn}).inspect(t.Context()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no server; name one in %s: %v", env, err)
	}
	return dsn
}

func needPostgres(t *testing.T) string {
	t.Helper()
	return needServer(t, postgres, "LUNAS_TEST_POSTGRES", localPostgres)
}

func TestSmallHostileRun(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec {
		run := b2(100*perOrder, []string{"lunas", "hand-gorm"})
		run.dialect, run.limit = sqlite, time.Minute
		return []runSpec{run}
	}
	lines, err := runJSON(t, plan, "-rounds", "1")
	require.NoError(t, err)
	requireFigures(t, lines, "B2/pg/64", "lunas", "hand-gorm")
}

func TestPoolsAreTriedOut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), []string{"-rounds", "1", "-dir", t.TempDir()}, tiny(sqlite, false, "hand-gorm"), &out, t.Output())
	require.NoError(t, err)
	require.Contains(t, out.String(), "B1/sqlite/4: pool of hand-gorm, 1: ")
	require.Contains(t, out.String(), "taken: ")
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for argument, problem := range map[string]string{
		"-rounds=-1":      "at least 1",
		"-pool=-1":        "at least 1",
		"-pools=8,many":   `"many" is no number`,
		"-run=(":          "-run: ",
		"-run=nothing":    "nothing to run",
		"surplus":         "unknown argument",
		"-dir=/no/folder": "make a folder",
	} {
		var out bytes.Buffer
		err := run(t.Context(), []string{argument}, tiny(sqlite, false, "hand-gorm"), &out, &out)
		require.ErrorContains(t, err, problem, argument)
	}
}

// A server that was asked for and is not there is not passed over.
func TestMissingServer(t *testing.T) {
	t.Parallel()
	_, err := runJSON(t, tiny(postgres, false, "hand"), "-postgres", "postgres://127.0.0.1:1/none?connect_timeout=1")
	require.ErrorContains(t, err, "pg: ")
}

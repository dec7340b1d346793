package main

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// toyQueue keeps hooks in a table of a SQLite file, with something wrong.
type toyQueue struct {
	setup setup
	db    *sql.DB
	fault string
}

func (q *toyQueue) open(context.Context) (func(), error) {
	var err error
	q.db, err = openSQL(q.setup.Dialect, q.setup.DSN)
	return func() { _ = q.db.Close() }, err
}

func (q *toyQueue) prepare(ctx context.Context, n int) ([]string, error) {
	closeDB, err := q.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closeDB()
	_, err = q.db.ExecContext(ctx, "CREATE TABLE hook (id text PRIMARY KEY, done boolean)")
	return hookIDs(n), err
}

func (q *toyQueue) commit(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if _, err := q.db.ExecContext(ctx, "INSERT INTO hook VALUES (?, FALSE)", id); err != nil {
			return err
		}
	}
	return nil
}

func (q *toyQueue) drain(ctx context.Context, c *calls) error {
	rows, err := q.db.QueryContext(ctx, "SELECT id FROM hook")
	if err != nil {
		return err
	}
	defer rows.Close()
	var id string
	for rows.Next() {
		if err := rows.Scan(&id); err != nil {
			return err
		}
		c.add(id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	except := ""
	switch q.fault {
	case "doubles":
		c.add(id)
	case "forgets":
		except = id
	}
	_, err = q.db.ExecContext(ctx, "UPDATE hook SET done = TRUE WHERE id <> ?", except)
	return err
}

func (q *toyQueue) left() string { return "SELECT count(*) FROM hook WHERE NOT done" }
func (q *toyQueue) done() string { return "SELECT count(*) FROM hook WHERE done" }

func tinyHooks(dialect string, contenders ...string) func(bool) []runSpec {
	return func(bool) []runSpec {
		run := b4(40)
		run.dialect, run.contenders, run.floor = dialect, contenders, contenders[len(contenders)-1]
		return []runSpec{run}
	}
}

func TestHooksOfEveryContender(t *testing.T) {
	t.Parallel()
	lines, err := runJSON(t, tinyHooks(postgres, "lunas", "watermill", "river-each", "river"), "-rounds", "1", "-postgres", needPostgres(t))
	require.NoError(t, err)
	require.Len(t, lines, 5)
	for _, line := range lines[1:] {
		require.Equal(t, true, line["correct"], line)
		for _, figure := range []string{"per_second", "ratio", "cpu_ms_per_1000"} {
			require.Positive(t, line[figure], "%s of %s", figure, line["contender"])
		}
		require.NotContains(t, line, "p99_ms", "no single hook is timed")
	}
	require.Contains(t, lines[1], "met")
	require.InDelta(t, 1, lines[4]["ratio"], 0)
}

func TestFaultyHooksAreVoid(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"doubles": "1 hooks were called more than once",
		"forgets": "39 hooks are on record as called and 1 as not, of 40",
		"":        "",
	} {
		lines, err := runJSON(t, tinyHooks(sqlite, "toy-"+name), "-rounds", "1")
		if fault == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "void")
		require.Contains(t, toText(t, lines[1]["faults"]), fault)
	}
}

// Hooks that are never called end the benchmark; it does not wait for ever.
func TestCallsRunOutOfTime(t *testing.T) {
	t.Parallel()
	c := newCalls(2)
	c.add("a")
	c.add("a")
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	require.ErrorContains(t, c.wait(ctx), "1 of 2 hooks were called")
	require.Equal(t, 1, c.doubled())
	c.add("b")
	require.NoError(t, c.wait(t.Context()))
}

func TestHookSizesAreTriedOut(t *testing.T) {
	t.Parallel()
	plan := func(bool) []runSpec {
		run := tinyHooks(sqlite, "toy-")(false)[0]
		run.sizes = []int{7, 8}
		return []runSpec{run}
	}
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-rounds", "1", "-dir", t.TempDir()}, plan, &out, t.Output()))
	require.Contains(t, out.String(), "B4/pg: workers of toy-, 7: ")
}

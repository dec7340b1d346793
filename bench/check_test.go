package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var sampleAudit = audit{
	"events": {
		paid: expected{exactly: map[string]int{"settled": 1}, others: 1},
		open: expected{exactly: map[string]int{"settled": 0}, others: 1},
	},
	"messages": {paid: expected{exactly: map[string]int{"notification": 1}}},
}

// correct is what a run leaves that sent a and b, and not c.
func correct() map[string]counts {
	return map[string]counts{
		"events": {
			"a": {"created": 1, "settled": 1}, "b": {"created": 1, "settled": 1}, "c": {"created": 1},
		},
		"messages": {"a": {"notification": 1}, "b": {"notification": 1}},
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(map[string]counts)
		fault string // none: correct
	}{
		"correct":             {func(map[string]counts) {}, ""},
		"lost event":          {func(m map[string]counts) { delete(m["events"]["b"], "settled") }, `events: 1 of 2 paid orders are wrong; order b: "settled" is there 0 times, not 1`},
		"all of an order":     {func(m map[string]counts) { delete(m["events"], "a") }, `order a: "settled" is there 0 times`},
		"doubled event":       {func(m map[string]counts) { m["events"]["a"]["settled"] = 2 }, `"settled" is there 2 times, not 1`},
		"doubled other event": {func(m map[string]counts) { m["events"]["a"]["created"] = 2 }, `"created" is there 2 times`},
		"lost message":        {func(m map[string]counts) { delete(m["messages"], "a") }, `messages: 1 of 2 paid orders are wrong; order a: "notification" is there 0 times`},
		"doubled message":     {func(m map[string]counts) { m["messages"]["b"]["notification"] = 2 }, `"notification" is there 2 times`},
		"other message":       {func(m map[string]counts) { m["messages"]["b"]["status"] = 1 }, `"status" is there 1 times`},
		"settled unasked":     {func(m map[string]counts) { m["events"]["c"]["settled"] = 1 }, `events: 1 of 1 open orders are wrong; order c: "settled" is there 1 times, not 0`},
		"message of an open order": {
			func(m map[string]counts) { m["messages"]["c"] = map[string]int{"notification": 1} }, `messages: 1 of 1 open orders`,
		},
		"nobody's":    {func(m map[string]counts) { m["messages"]["x"] = map[string]int{"notification": 1} }, "messages: there are rows of 1 orders that nobody made"},
		"empty table": {func(m map[string]counts) { clear(m["messages"]) }, `messages: 2 of 2 paid orders are wrong`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := correct()
			c.spoil(found)
			faults := verify(sampleAudit, found, map[standing][]string{standsPaid: {"a", "b"}, standsOpen: {"c"}})
			if c.fault == "" {
				require.Empty(t, faults)
				return
			}
			require.Len(t, faults, 1)
			require.Contains(t, faults[0], c.fault)
		})
	}
}

func TestDatabaseNames(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p@h:5432/shop?sslmode=disable": "postgres://u:p@h:5432/x?sslmode=disable",
		"postgresql://h":            "postgresql://h/x",
		"host=h user=u dbname=shop": "host=h user=u dbname=shop dbname=x",
	} {
		got, err := postgresDSN(dsn, "x")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := postgresDSN("postgres://u:secret@h:port/", "x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")

	got, err := mysqlDSN("root:p@tcp(h:3306)/shop", "x")
	require.NoError(t, err)
	require.Equal(t, "root:p@tcp(h:3306)/x?interpolateParams=true&parseTime=true", got)
}

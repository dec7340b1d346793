package fazztest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listed is the referenceIds of a list, in its order.
func (b *bench) listed(query ...string) string {
	b.t.Helper()
	status, got := b.call(http.MethodGet, api+"?"+form(query...).Encode(), "")
	require.Equal(b.t, http.StatusOK, status, got)
	require.Equal(b.t, []string{"data"}, keys(map[string]any(got)))
	var refs []string
	for _, entry := range got["data"].([]any) {
		refs = append(refs, object(entry.(map[string]any)).at("attributes.referenceId"))
	}
	return strings.Join(refs, " ")
}

func TestList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Empty(t, b.listed())
	for i, amount := range []int{30_000, 10_000, 20_000, 10_000} { // a, b, c, d: a minute apart, c and d at once
		if i < 3 {
			b.clock.Advance(time.Minute)
		}
		b.pay(string(rune('a'+i)), byVA, fmt.Sprintf(`"amount":%d`, amount))
	}
	b.ok(b.Pay("a"))
	b.ok(b.Pay("b"))
	b.ok(b.Complete("b"))
	b.ok(b.Expire("c"))
	for _, tc := range []struct {
		want  string
		query []string
	}{
		{"d c b a", nil},
		{"d c b a", []string{"sort", "-createdAt"}},
		{"a b c d", []string{"sort", "createdAt"}},
		{"d b c a", []string{"sort", "amount"}},
		{"a c d b", []string{"sort", "-amount"}},
		{"d c", []string{"page[size]", "2"}},
		{"b a", []string{"page[size]", "2", "page[number]", "2"}},
		{"b a", []string{"page[size]", "2", "page[number]", "2", "sort", ""}},
		{"a", []string{"page[size]", "3", "page[number]", "2"}},
		{"", []string{"page[number]", "2"}},
		{"", []string{"page[number]", "9223372036854775807", "page[size]", "1000"}},
		{"a", []string{"filter[status]", "paid"}},
		{"b", []string{"filter[status]", "completed"}},
		{"c", []string{"filter[status]", "expired"}},
		{"d", []string{"filter[status]", "pending"}},
		{"", []string{"filter[status]", "failed"}},
		{"c", []string{"filter[referenceId]", "c"}},
		{"", []string{"filter[referenceId]", "C"}},
		{"c", []string{"filter[referenceId]", "c", "filter[status]", "expired"}},
		{"", []string{"filter[referenceId]", "c", "filter[status]", "paid"}},
		{"d c", []string{"filter[createdAfter]", "2026-05-06T10:02:00+07:00"}},
		{"a", []string{"filter[createdBefore]", "2026-05-06T03:02:00Z"}},
		{"b", []string{"filter[createdAfter]", "2026-05-06T03:01:00Z", "filter[createdBefore]", "2026-05-06T03:03:00Z"}},
		{"", []string{"filter[createdAfter]", "2026-05-06T03:03:00Z"}},
		{"d c b a", []string{"other", "ignored"}},
	} {
		require.Equal(t, tc.want, b.listed(tc.query...), tc.query)
	}
	_, got := b.call(http.MethodGet, api+"/?"+form("filter[referenceId]", "a").Encode(), "")
	require.Equal(t, b.look("a")["data"], got["data"].([]any)[0], "as in a look-up")
}

// A payment was created at the second that it shows, so a filter by that second
// leaves it out.
func TestListKnowsSecondsOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.clock.Advance(500 * time.Millisecond)
	require.Equal(t, "2026-05-06T10:00:00+07:00", b.pay("INV-1", byVA).at("data.attributes.createdAt"))
	require.Empty(t, b.listed("filter[createdAfter]", "2026-05-06T03:00:00Z"))
	require.Equal(t, "INV-1", b.listed("filter[createdAfter]", "2026-05-06T02:59:59Z"))
}

func TestListPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const all = 1005
	for i := range all {
		b.pay(fmt.Sprintf("INV-%04d", i), byVA)
	}
	count := func(query ...string) int { return len(strings.Fields(b.listed(query...))) }
	require.Equal(t, 10, count(), "the usual page")
	require.Equal(t, 1000, count("page[size]", "1000"))
	require.Equal(t, 1000, count("page[size]", "5000"), "the largest page")
	require.Equal(t, 5, count("page[size]", "5000", "page[number]", "2"))
	require.Equal(t, 5, count("page[number]", "101"))
	require.True(t, strings.HasPrefix(b.listed(), "INV-1004 INV-1003"))
}

func TestRefusedLists(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, query := range [][2]string{
		{"page[number]", "0"}, {"page[number]", "x"}, {"page[size]", "0"}, {"page[size]", "-1"}, {"page[offset]", "1"},
		{"sort", "fees"}, {"sort", "--amount"}, {"filter[status]", "success"}, {"filter[status]", ""}, {"filter[referenceId]", ""},
		{"filter[createdAfter]", "yesterday"}, {"filter[createdBefore]", "2026-05-06"}, {"filter[createdAfter]", "2026-05-06T10:00:00 07:00"},
		{"filter[reference_id]", "x"},
	} {
		status, got := b.call(http.MethodGet, api+"?"+url.Values{query[0]: {query[1]}}.Encode(), "")
		require.Equal(t, http.StatusBadRequest, status, query)
		codes, details := problems(got)
		require.Equal(t, []string{"005"}, codes)
		require.True(t, strings.HasPrefix(details[0], query[0]+" "), details)
	}
}

package payments

import (
	"testing"
	"time"
	_ "time/tzdata" // the test machine may have no zone data

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// jakarta is the zone in which plans are counted by default.
var jakarta = time.FixedZone("Asia/Jakarta", 7*60*60)

func TestPeriodAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		from       string
		period     Period
		want       string
		inLocation *time.Location
	}{
		{"a month", "2026-01-15T10:00:00+07:00", Monthly, "2026-02-15T10:00:00+07:00", jakarta},
		{"31 January is clamped", "2026-01-31T10:00:00+07:00", Monthly, "2026-02-28T10:00:00+07:00", jakarta},
		{"in a leap year", "2028-01-31T10:00:00+07:00", Monthly, "2028-02-29T10:00:00+07:00", jakarta},
		{"2100 is none", "2100-01-31T10:00:00+07:00", Monthly, "2100-02-28T10:00:00+07:00", jakarta},
		{"two months are clamped once", "2026-01-31T10:00:00+07:00", Monthly.Times(2), "2026-03-31T10:00:00+07:00", jakarta},
		{"31 August", "2026-08-31T10:00:00+07:00", Monthly, "2026-09-30T10:00:00+07:00", jakarta},
		{"over the year", "2026-12-31T10:00:00+07:00", Period{Months: 2}, "2027-02-28T10:00:00+07:00", jakarta},
		{"29 February plus a year", "2028-02-29T10:00:00+07:00", Yearly, "2029-02-28T10:00:00+07:00", jakarta},
		{"29 February plus four", "2028-02-29T10:00:00+07:00", Yearly.Times(4), "2032-02-29T10:00:00+07:00", jakarta},
		{"thirty months", "2026-01-31T10:00:00+07:00", Period{Months: 30}, "2028-07-31T10:00:00+07:00", jakarta},
		{"days", "2026-02-27T10:00:00+07:00", Weekly, "2026-03-06T10:00:00+07:00", jakarta},
		{"months first, then days", "2026-01-31T10:00:00+07:00", Period{Months: 1, Days: 1}, "2026-03-01T10:00:00+07:00", jakarta},
		{"all three", "2026-01-31T10:00:00+07:00", Period{Years: 2, Months: 1, Days: 1}, "2028-03-01T10:00:00+07:00", jakarta},
		// 31 January 01:00 in Jakarta is still 30 January in UTC.
		{"the zone decides the day", "2026-01-30T18:00:00Z", Monthly, "2026-02-27T18:00:00Z", jakarta},
		{"another zone, another day", "2026-01-30T18:00:00Z", Monthly, "2026-02-28T18:00:00Z", time.UTC},
		{"for ever", "2026-01-31T10:00:00+07:00", Lifetime, "", jakarta},
	} {
		from, err := time.Parse(time.RFC3339, c.from)
		require.NoError(t, err)
		var want time.Time
		if c.want != "" {
			want, err = time.Parse(time.RFC3339, c.want)
			require.NoError(t, err)
		}
		got := c.period.After(from, c.inLocation)
		require.True(t, got.Equal(want), "%s: got %s, want %s", c.name, got, want)
		require.Equal(t, time.UTC, got.Location(), c.name)
	}
}

func TestPeriodKeepsTheWallClockWhereClocksAreChanged(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	from := time.Date(2026, 3, 28, 9, 30, 0, 123_000, berlin)
	require.Equal(t, time.Date(2026, 3, 29, 9, 30, 0, 123_000, berlin).UTC(), Daily.After(from, berlin))
	require.Equal(t, 23*time.Hour, Daily.After(from, berlin).Sub(from))
}

func TestPeriodArithmetic(t *testing.T) {
	t.Parallel()
	require.Equal(t, Period{Years: 2, Months: 4, Days: 6}, Period{Years: 1, Months: 2, Days: 3}.Times(2))
	require.Equal(t, Period{Years: 1, Months: 2, Days: 3}, Yearly.Plus(Period{Months: 2}).Plus(Period{Days: 3}))

	rapid.Check(t, func(t *rapid.T) {
		day := rapid.IntRange(0, 40_000).Draw(t, "day")
		from := time.Date(2000, 1, 1, 0, 0, 0, 0, jakarta).AddDate(0, 0, day).Add(time.Duration(day) * time.Minute)
		months := rapid.IntRange(1, 60).Draw(t, "months")
		got := Period{Months: months}.After(from, jakarta).In(jakarta)

		// The month is the one counted to, the day the same or its last one.
		require.Equal(t, from.Year()*12+int(from.Month())+months, got.Year()*12+int(got.Month()))
		last := time.Date(got.Year(), got.Month()+1, 1, 0, 0, 0, 0, jakarta).AddDate(0, 0, -1).Day()
		require.Equal(t, min(from.Day(), last), got.Day())
		require.True(t, got.After(from))

		days := rapid.IntRange(1, 1000).Draw(t, "days")
		require.Equal(t, time.Duration(days)*24*time.Hour, Period{Days: days}.After(from, jakarta).Sub(from))
	})
}

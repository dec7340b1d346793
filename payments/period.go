package payments

import "time"

// Period is how long a plan gives access. The zero value is for ever.
type Period struct {
	Years  int `json:"years,omitempty"`
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

// The usual periods.
var (
	Daily    = Period{Days: 1}
	Weekly   = Period{Days: 7}
	Monthly  = Period{Months: 1}
	Yearly   = Period{Years: 1}
	Lifetime = Period{}
)

// Times returns the period n times over.
func (p Period) Times(n int) Period {
	return Period{Years: p.Years * n, Months: p.Months * n, Days: p.Days * n}
}

// Plus returns p and q one after the other: months are added to months and
// days to days, so that [Period.After] clamps once for the whole chain.
func (p Period) Plus(q Period) Period {
	return Period{Years: p.Years + q.Years, Months: p.Months + q.Months, Days: p.Days + q.Days}
}

// After returns t plus the period by the calendar of loc: first all years
// and months, the day clamped to the last one of the month reached (31
// January plus one month is 28 February), then the days. The result is UTC.
// A lifetime has no end: the zero time.
func (p Period) After(t time.Time, loc *time.Location) time.Time {
	if p == Lifetime {
		return time.Time{}
	}
	t = t.In(loc)
	year, month, day := t.Date()
	month += time.Month(12*p.Years + p.Months)
	// Day 0 of the next month is the last day of this one.
	day = min(day, time.Date(year, month+1, 0, 0, 0, 0, 0, loc).Day())
	hour, minute, second := t.Clock()
	return time.Date(year, month, day+p.Days, hour, minute, second, t.Nanosecond(), loc).UTC()
}

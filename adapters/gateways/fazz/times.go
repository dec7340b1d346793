package fazz

import "time"

// wib is the zone that requests state times in, as Fazz's samples do. It has
// had no other offset since 1964, so no time zone database is needed.
var wib = time.FixedZone("WIB", 7*60*60)

// parseTime reads a time of Fazz's, which always has its offset, and returns
// it in UTC. Payments have the first form, payment links the second. What
// cannot be read, or lies in no plausible year, is the zero time: no rule may
// hang on it, and years beyond what stores can hold must not get that far.
func parseTime(s string) time.Time {
	if s == "" { // most often: what does not parse costs an error for each layout
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 -0700"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if t.Year() < 2000 || t.Year() > 2200 {
			return time.Time{}
		}
		return t.UTC()
	}
	return time.Time{}
}

// formatTime writes a time as requests state it. A fraction of a second is cut
// off, so what is written is never later.
func formatTime(t time.Time) string { return t.In(wib).Format(time.RFC3339) }

package midtrans

import "time"

// wib is the zone of all times that Midtrans sends without one. It has had no
// other offset since 1964, so no time zone database is needed.
var wib = time.FixedZone("WIB", 7*60*60)

// startTimeLayout is how requests state a time.
const startTimeLayout = "2006-01-02 15:04:05 -0700"

// parseTime reads a time of Midtrans's. What cannot be read, or lies in no
// plausible year, is the zero time: no rule may hang on it, and years beyond
// what stores can hold must not get that far.
func parseTime(s string) time.Time {
	if s == "" { // most often: what does not parse costs an error for each layout
		return time.Time{}
	}
	for _, layout := range []string{
		"2006-01-02 15:04:05", startTimeLayout, time.RFC3339, "2006-01-02T15:04:05",
	} {
		t, err := time.ParseInLocation(layout, s, wib)
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

package main

// comparison is the ratio of a contender to others in the same round, so that
// what slowed the round down slowed all of them down. It is missing where
// there is nothing to compare with.
type comparison func(round map[string]sample, mine, floor string) (float64, bool)

// byRate: how many times as much it does in a second.
func byRate(round map[string]sample, mine, floor string) (float64, bool) {
	a, b := round[mine], round[floor]
	return a.PerSecond / b.PerSecond, b.PerSecond > 0
}

// byTime: how many times as long it takes.
func byTime(round map[string]sample, mine, floor string) (float64, bool) {
	return byRate(round, floor, mine)
}

// addedTo: how many times the floor's time it takes more than the base. It is
// said of neither of these.
func addedTo(base string) comparison {
	return func(round map[string]sample, mine, floor string) (float64, bool) {
		bare, there := round[base]
		if !there || mine == base || mine == floor {
			return 0, false
		}
		return (round[mine].P50 - bare.P50) / round[floor].P50, true
	}
}

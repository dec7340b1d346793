//go:build race

package payments

// raceDetector is on: the heart is pure and has nothing to detect, so its
// largest enumerations are sampled instead.
const raceDetector = true

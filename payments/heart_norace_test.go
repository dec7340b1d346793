//go:build !race

package payments

// raceDetector is off: enumerations are complete.
const raceDetector = false

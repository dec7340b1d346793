//go:build !race

package reorder

const raceDetector = false

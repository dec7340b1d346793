//go:build race

package reorder

// raceDetector: everything takes several times as long.
const raceDetector = true

// Package reorder holds the tests that send each way to pay's real sequences
// of notifications in every order, and with repetitions, through the whole
// path from signed bytes to the stored payment, and require one final state.
// It has no code of its own.
package reorder

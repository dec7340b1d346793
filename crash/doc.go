// Package crash holds the tests that kill a process, again and again, while it
// takes payments, and count what it did afterwards. It has no code of its own.
package crash

// Package races holds the tests that let things happen at the same time which
// in life now and then do: copies of one notification, a notification and a
// look-up, two refunds, two checkouts under one key, the sweeper and a payer,
// two dispatchers. Every race is run many times, against services in one
// process and in two, on each store, and must end in one of the ways that are
// allowed. Histories of claims and refunds are checked for linearizability. It
// has no code of its own.
package races

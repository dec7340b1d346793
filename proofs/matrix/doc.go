// Package matrix holds the crash matrix: a shop is killed with SIGKILL at
// every named point of every path on which Lunas writes or calls a gateway,
// on SQLite, PostgreSQL and MariaDB; it is started again, the gateway sends
// its notifications again, timers come due, and what there is in the end is
// compared with what the buyers and the gateway know. The table is printed by
//
//	go test -C proofs/matrix -table -
//
// With -short, or under the race detector as in CI, that is every point on
// SQLite and a random third of those on servers; with -deep the shop is killed
// at each point in every scenario that passes it, and not in the first one only.
//
// Nobody writes the points down, and no code of the product knows of them: a
// point is named after the function that writes or calls. The source is read
// for such functions, and the test fails where one of them is not killed. The
// package has no code of its own.
package matrix

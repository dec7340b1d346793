// Package faults holds the tests that break what stands around a shop while it
// takes payments: the connection to its database, the database, the disk, the
// connection to the gateway, and the clock. It has no code of its own.
//
//	go test -v -run TestFaults ./faults
//
// prints a table of what the gateway was answered meanwhile, what was lost and
// doubled, and how long it took to recover. LUNAS_FAULTS_ROUNDS=20 injects each
// fault so many times.
package faults

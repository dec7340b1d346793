// Package kill holds the tests that kill processes, again and again, while
// they take payments over a hostile network, and compare the books of the
// module, the gateway and the host afterwards: one process and several on one
// database, and three of different versions of an app, on SQLite, PostgreSQL
// and MariaDB. It has no code of its own.
//
// By default it takes a minute or two. For longer,
//
//	LUNAS_CRASH_FOR=5m go test -run 'Killed/postgres/3' -v -count 1 -timeout 30m ./kill
package kill

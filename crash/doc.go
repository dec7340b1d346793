// Package crash holds the tests that kill processes, again and again, while
// they take payments, and count what they did afterwards: one process and two
// on one database, and three of different versions of an app, on SQLite,
// PostgreSQL and MariaDB. It has no code of its own.
package crash

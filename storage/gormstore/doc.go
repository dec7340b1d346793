// Package gormstore keeps payments in the host's own GORM database.
//
//	db, err := gorm.Open(sqlite.Open(gormstore.SQLiteDSN("shop.db")), &gorm.Config{})
//	err = gormstore.Migrate(ctx, db, nil)       // explicit; or your own tool over Migrations
//	store, err := gormstore.Open(ctx, db, nil)  // never changes the schema
//
// GORM supplies the connection pool, the dialect and the host's transactions.
// The store itself sends plain SQL over the pool: naming strategies, callbacks,
// plugins, prepared statement mode and the logger of the host's handle do not
// touch it, and payers' data never reaches that logger.
//
// # Inside the host's transaction
//
// [Store.Tx] is the same store bound to a transaction of the host, so that an
// order row and its payment commit together. [InTx] turns it round: a hook
// gets the very transaction that marks its delivery done, so that what it
// writes happens exactly once.
//
// # Updates share transactions
//
// Updates that come at the same time are written in one transaction: the first
// caller leads, the others wait for it, and each gets its own result once it is
// durable. One that comes alone waits for nobody. On PostgreSQL with pgx such
// a transaction takes two round trips, or three if a payment gets a new name.
// It has ten seconds, whatever the callers' contexts say; a caller whose context
// ends gets its error at once.
//
// # PostgreSQL
//
// Version 12 or newer, with any driver; pgx itself makes the fewest round
// trips.
// Open refuses synchronous_commit=off. Prepared statements may be switched off
// in all of pgx's ways, and a pooler by transaction may stand before the
// server.
//
// # MySQL and MariaDB
//
// MySQL 8.0.1 or MariaDB 10.6 or newer, with a DSN whose character set is
// utf8mb4 (the driver's default) and a strict sql_mode; Open says so. With
// interpolateParams=true in the DSN every statement is one round trip instead
// of two.
//
// # SQLite
//
// Any SQLite 3.35 or newer behind database/sql will do, with cgo or without.
// Three settings are required, and Open says which one is missing:
//
//   - journal_mode WAL, so that readers and the one writer do not wait for
//     each other;
//   - synchronous FULL, so that what was answered survives a power cut;
//   - a busy_timeout, so that the host's own writes wait while the store
//     writes, and the other way round.
//
// The last two belong to a connection, not to the database. A pool opens
// connections whenever it likes, so only the data source name (DSN) reaches
// all of them; a PRAGMA that is executed once reaches one. [SQLiteDSN] makes
// a right one for github.com/glebarez/sqlite and modernc.org/sqlite. For
// gorm.io/driver/sqlite, which needs cgo, the same is
//
//	shop.db?_busy_timeout=5000&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate
//
// The DSN should also say _txlock=immediate, as SQLiteDSN does. The store's
// own transactions do not need it. A transaction of the host that reads first
// and writes later does: without it SQLite refuses the write at once when
// anybody else wrote in between, whatever the busy_timeout.
//
// SQLite has one writer at a time. A hook behind InTx is that writer until it
// returns, so its timeout should be short: five seconds, say. Inside a
// transaction of the host use only the bound store: a write through the
// unbound one would wait for the lock that the transaction itself holds.
//
// An in-memory database belongs to one connection: it needs
// SetMaxOpenConns(1), and then a transaction of the host holds the only
// connection there is.
package gormstore

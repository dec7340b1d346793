package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

var sqlite = dialect{
	name: "sqlite",
	// Taking the lock at once: a transaction that reads first and asks for it
	// later is refused, without any waiting, if another one wrote meanwhile.
	begin:    []string{"BEGIN IMMEDIATE"},
	hasTable: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
	check:    checkSQLite,
	in:       inValues,
	insert:   valuesRows,
	// What fails is rolled back whole, so SQLite need not keep a journal for the
	// case that a part of the rows are in already.
	insertWord: "INSERT OR FAIL",
	upsert:     onConflict,
	returning:  true,
	leaders:    1,
	transient:  sqliteBusy,
	duplicate: func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "UNIQUE constraint failed")
	},
	refused: sqliteBusy,
}

// SQLiteDSN is the data source name of a database file with the settings that
// the store needs, in the form of github.com/glebarez/sqlite and
// modernc.org/sqlite. Path may also be ":memory:"; see the package comment.
func SQLiteDSN(path string) string {
	path = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	return "file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16000)&_txlock=immediate"
}

// sqliteBusy goes by the text, which is SQLite's own and the same with every
// driver; their error types are not, and naming one would link it.
func sqliteBusy(err error) bool {
	return err != nil && strings.Contains(err.Error(), "database is locked")
}

// checkSQLite looks at two connections where the pool may have two: one alone
// may be the only one on which somebody executed a PRAGMA.
func checkSQLite(ctx context.Context, pool *sql.DB) error {
	stats := pool.Stats()
	first, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer first.Close()
	if err := checkSQLiteConn(ctx, first, stats.MaxOpenConnections); err != nil {
		return err
	}
	if free := stats.MaxOpenConnections - stats.InUse; stats.MaxOpenConnections > 0 && free < 2 {
		return nil
	}
	second, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer second.Close()
	return checkSQLiteConn(ctx, second, stats.MaxOpenConnections)
}

func checkSQLiteConn(ctx context.Context, conn *sql.Conn, maxOpen int) error {
	var file, journal string
	var synchronous, busyTimeout int
	for text, into := range map[string]any{
		"SELECT coalesce(file, '') FROM pragma_database_list WHERE name = 'main'": &file,
		"PRAGMA journal_mode": &journal,
		"PRAGMA synchronous":  &synchronous,
		"PRAGMA busy_timeout": &busyTimeout,
	} {
		if err := conn.QueryRowContext(ctx, text).Scan(into); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	if file == "" {
		if maxOpen != 1 {
			return errors.New("a SQLite database in memory belongs to one connection: call SetMaxOpenConns(1)")
		}
		return nil
	}
	const full = 2
	var missing []string
	if journal != "wal" {
		missing = append(missing, "journal_mode(WAL)")
	}
	if synchronous < full {
		missing = append(missing, "synchronous(FULL)")
	}
	if busyTimeout == 0 {
		missing = append(missing, "busy_timeout(5000)")
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("SQLite lacks %s: set it for every connection, by the DSN (\"...?_pragma=%s\", or gormstore.SQLiteDSN)",
		strings.Join(missing, ", "), strings.Join(missing, "&_pragma="))
}

package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// durable lists the settings without which an answer of 200 would promise
// more than the disk has, by the statement that shows them. A database that
// has other ones is not measured.
var durable = map[string]map[string][]string{
	postgres: {
		"SHOW fsync":              {"on"},
		"SHOW full_page_writes":   {"on"},
		"SHOW synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
	},
	mariaDB: {
		"SELECT @@innodb_flush_log_at_trx_commit": {"1"},
		"SELECT @@innodb_doublewrite":             {"1", "ON"},
	},
	sqlite: {
		"PRAGMA synchronous":  {"2", "3"}, // FULL, EXTRA
		"PRAGMA journal_mode": {"wal"},
	},
}

var versionOf = map[string]string{
	postgres: "SHOW server_version",
	mariaDB:  "SELECT VERSION()",
	sqlite:   "SELECT sqlite_version()",
}

// inspect returns the database's version. It fails if the database cannot be
// reached, or does not keep what it has committed.
func (p place) inspect(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := p.create(ctx)
	if err != nil {
		return "", err
	}
	defer func() {
		if dropped := s.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropped
		}
	}()
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return "", err
	}
	defer db.Close()
	for statement, good := range durable[p.dialect] {
		value, err := show(ctx, db, statement)
		if err != nil {
			return "", err
		}
		if !slices.Contains(good, value) {
			return "", fmt.Errorf("%s says %q, so what is committed may be lost: want one of %q", statement, value, good)
		}
	}
	return show(ctx, db, versionOf[p.dialect])
}

func show(ctx context.Context, db *sql.DB, statement string) (string, error) {
	var value string
	if err := db.QueryRowContext(ctx, statement).Scan(&value); err != nil {
		return "", fmt.Errorf("%s: %w", statement, err)
	}
	return value, nil
}

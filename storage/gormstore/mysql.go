package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mysql is MySQL and MariaDB: what follows is common to both.
var mysql = dialect{
	name: "mysql",
	// The first one is for the next transaction only. READ COMMITTED has no
	// locks on gaps, which would make strangers wait for each other.
	begin:      []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"},
	hasTable:   "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = ?",
	check:      checkMySQL,
	in:         inTuples,
	insert:     valuesRows,
	insertWord: "INSERT",
	upsert:     onDuplicateKey,
	hint:       " FORCE INDEX (%s)",
	lock:       " FOR UPDATE",
	skip:       " FOR UPDATE SKIP LOCKED",
	leaders:    2,
	// Also a server that is stopping.
	transient: func(err error) bool { return mysqlConflict(err) || mysqlNumber(err) == 1053 },
	duplicate: func(err error) bool { return mysqlNumber(err) == 1062 },
	// What else fails a COMMIT is a failing disk, a server that is stopping, or
	// a proxy that has lost its server (2013): it may be committed.
	refused: mysqlConflict,
}

// mysqlConflict: lock wait timeout, deadlock, and what group replication says
// of two that met.
func mysqlConflict(err error) bool { return slices.Contains([]int{1205, 1213, 3101}, mysqlNumber(err)) }

var mysqlError = regexp.MustCompile(`\bError (\d+)(?: \(\w+\))?: `)

// mysqlNumber goes by the text, so that the driver is not linked for it.
func mysqlNumber(err error) int {
	if err == nil {
		return 0
	}
	found := mysqlError.FindStringSubmatch(err.Error())
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1]) // digits
	return n
}

var mysqlVersion = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`)

func checkMySQL(ctx context.Context, pool *sql.DB) error {
	var version, charset, mode string
	err := pool.QueryRowContext(ctx, "SELECT version(), @@character_set_client, @@sql_mode").Scan(&version, &charset, &mode)
	if err != nil {
		return err
	}
	oldest := []int{8, 0, 1}
	if strings.Contains(strings.ToLower(version), "mariadb") {
		oldest = []int{10, 6, 0}
	}
	if older(version, oldest) {
		return fmt.Errorf("server version %s lacks SKIP LOCKED: MySQL 8.0.1 or MariaDB 10.6 are the oldest that will do", version)
	}
	if charset != "utf8mb4" {
		return fmt.Errorf("the connection's character set is %s, which does not hold all text: add charset=utf8mb4 to the DSN", charset)
	}
	if !strings.Contains(mode, "STRICT_TRANS_TABLES") && !strings.Contains(mode, "STRICT_ALL_TABLES") {
		return errors.New("sql_mode lacks STRICT_TRANS_TABLES: the server would cut values off without an error")
	}
	return nil
}

// older reports whether a version that begins with three numbers is lower
// than another.
func older(version string, than []int) bool {
	digits := mysqlVersion.FindStringSubmatch(version)
	if digits == nil {
		return false
	}
	has := make([]int, len(than))
	for i := range has {
		has[i], _ = strconv.Atoi(digits[i+1]) // digits
	}
	return slices.Compare(has, than) < 0
}

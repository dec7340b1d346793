package gormstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// bigTables are those that grow with the shop.
var bigTables = []string{
	"lunas_payment", "lunas_ref", "lunas_event", "lunas_delivery", "lunas_delivery_log", "lunas_claim", "lunas_message",
}

// fill makes the rows of a shop that has had n payments. It is SQL that all
// the databases take: through the store a million would take minutes.
func fill(t *testing.T, db *gorm.DB, n int) {
	t.Helper()
	words := strings.NewReplacer(
		"{n}", fmt.Sprint(n), "{n/5}", fmt.Sprint(n/5), "{n/100}", fmt.Sprint(n/100), "{n/200}", fmt.Sprint(n/200),
		"{now}", fmt.Sprint(t0.UnixMicro()),
		"{blob}", map[string]string{"sqlite": "BLOB", "postgres": "bytea", "mysql": "BINARY"}[db.Name()],
		"{payment}", idText("01900000", "id"), "{payment of message}", idText("01900000", "id * 5"), "{message}", idText("01900001", "id"),
		"{digits}", digits("id"), "{tenant}", tenantOf,
	)
	drop, create := indexes(t, db)
	statements := slices.Concat(beforeFill(db.Name()), numbers(n), drop, fillings, create, afterFill(db.Name()))
	require.NoError(t, db.Connection(func(db *gorm.DB) error {
		for _, statement := range statements {
			if err := db.Exec(words.Replace(statement)).Error; err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}))
}

// indexes are statements that drop and create the indexes besides the primary
// keys. It is quicker to sort a million rows than to find the place of each.
func indexes(t *testing.T, db *gorm.DB) (drop, create []string) {
	t.Helper()
	var found []struct{ Dropped, Created string }
	require.NoError(t, db.Raw(map[string]string{
		"sqlite": "SELECT 'DROP INDEX ' || name AS dropped, sql AS created FROM sqlite_master WHERE type = 'index' AND sql <> ''",
		"postgres": `SELECT 'DROP INDEX ' || indexname AS dropped, indexdef AS created FROM pg_indexes
			WHERE schemaname = current_schema() AND indexname LIKE 'lunas%' AND indexname NOT LIKE '%_pkey'`,
		"mysql": `SELECT concat('ALTER TABLE ', table_name, ' ', group_concat('DROP INDEX ', name)) AS dropped,
				concat('ALTER TABLE ', table_name, ' ', group_concat('ADD INDEX ', name, ' (', columns, ')')) AS created
			FROM (SELECT table_name, index_name AS name, group_concat(column_name ORDER BY seq_in_index) AS columns
				FROM information_schema.statistics WHERE table_schema = database() AND index_name LIKE 'lunas%'
				GROUP BY table_name, index_name) AS found GROUP BY table_name`,
	}[db.Name()]).Scan(&found).Error)
	require.NotEmpty(t, found)
	for _, index := range found {
		drop, create = append(drop, index.Dropped), append(create, index.Created)
	}
	return drop, create
}

func beforeFill(dialect string) (statements []string) {
	switch dialect {
	case "postgres":
		// Nothing of this has to outlive a crash, and no vacuum of the server's
		// own is to be counted as ours.
		for _, table := range bigTables {
			statements = append(statements, "ALTER TABLE "+table+" SET UNLOGGED, SET (autovacuum_enabled = off)")
		}
	case "mysql":
		// The mode makes || mean what it means elsewhere. Without the checks
		// MariaDB writes the first rows of an empty table page by page.
		statements = []string{
			"SET sql_mode = 'PIPES_AS_CONCAT,STRICT_ALL_TABLES'", "SET unique_checks = 0", "SET foreign_key_checks = 0",
			"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		}
	}
	return statements
}

// afterFill tidies up, and tells the planner what there is.
func afterFill(dialect string) []string {
	tables := strings.Join(bigTables, ", ")
	return []string{"DROP TABLE numbers", map[string]string{
		"sqlite":   "PRAGMA wal_checkpoint(TRUNCATE)", // SQLite mostly works without statistics
		"postgres": "VACUUM ANALYZE " + tables,
		"mysql":    "ANALYZE TABLE " + tables,
	}[dialect]}
}

// numbers are statements that make a table of the numbers below n.
func numbers(n int) []string {
	statements := []string{"CREATE TABLE numbers (id BIGINT NOT NULL PRIMARY KEY)", "INSERT INTO numbers VALUES (0)"}
	for have := 1; have < n; have *= 2 {
		statements = append(statements, fmt.Sprintf("INSERT INTO numbers SELECT id + %d FROM numbers WHERE id < %d", have, n-have))
	}
	return statements
}

// idText is SQL for an id that has the number in its last digits, so that ids
// sort as numbers do.
func idText(first, number string) string {
	return "'" + first + "-0000-7000-8000-' || " + digits(number)
}

// digits is SQL for a number with twelve digits.
func digits(number string) string {
	return "substr(CAST(1000000000000 + " + number + " AS CHAR(13)), 2)"
}

// tenantOf is SQL for the tenant of user number u: two tenants with many
// users, one of them the empty one, and three with few.
const tenantOf = `CASE WHEN u % 10 < 4 THEN '' WHEN u % 10 < 8 THEN 'shop-1' WHEN u % 10 = 8 THEN 'shop-2' WHEN u % 100 = 9 THEN 'shop-4' ELSE 'shop-3' END`

var fillings = []string{
	// The newest hundredth is not paid yet, and has timers, half of them due.
	// One in ten thousand is to be looked at.
	`INSERT INTO lunas_payment (id, tenant, user_id, plan_key, reference, status, wake_at, version, last_seq, created_at, doc)
	SELECT {payment}, {tenant}, 'user-' || u, CASE WHEN id % 2 = 0 THEN 'pro' ELSE '' END, CASE WHEN id % 11 = 3 THEN 'INV-' || id ELSE '' END,
		CASE WHEN id % {n/100} = 5 THEN 'review' WHEN id >= {n} - {n/100} THEN CASE WHEN id % 2 = 0 THEN 'pending' ELSE 'created' END
			WHEN mixed < 700 THEN 'settled' WHEN mixed < 950 THEN 'expired' WHEN mixed < 985 THEN 'refunded' ELSE 'canceled' END,
		CASE WHEN id >= {n} - {n/100} THEN {now} + ((id * 7919) % 20011 - 10000) * 1000000 END,
		1, 1, {now} - ({n} - id) * 1000000,
		'{"id":"' || {payment} || '","user":{"id":"user-' || u || '"},"amount":{"amount":29000,"currency":"IDR"},"status":"settled","last_seq":1}'
	FROM (SELECT id, id % {n/100} AS u, (id * 7919) % 997 AS mixed FROM numbers) AS payment`,

	`INSERT INTO lunas_ref (hash, payment_id, kind, scope, value)
	SELECT CAST('20 characters, then ' || {digits} AS {blob}), {payment}, 'gateway', 'midtrans', 'order-' || id FROM numbers`,

	`INSERT INTO lunas_event (payment_id, seq, kind, version, at, data)
	SELECT {payment}, 1, 'payment.settled', 1, {now} - ({n} - id) * 1000000, '{"amount":29000}' FROM numbers`,

	// A lane that is gone has a hundred.
	`INSERT INTO lunas_delivery_log (payment_id, seq, target, kind, state, lease, tries, owner, last_error, done_at)
	SELECT {payment}, 1, CASE WHEN id % {n/100} = 9 THEN 'hook:old' WHEN id % 2 = 0 THEN 'hook:fulfil' ELSE 'hook:mail' END, 'payment.settled',
		CASE WHEN id % 100 = 7 THEN 'dismissed' ELSE 'done' END, 1, 1, 'web-1', '', {now} - ({n} - id) * 1000000
	FROM numbers WHERE id < {n} - 2 * {n/100}`,

	// Three in two hundred are in a lane that nobody serves, all of them due.
	`INSERT INTO lunas_delivery (payment_id, target, seq, kind, state, due, lease, tries, owner, last_error)
	SELECT {payment}, 'hook:nobody', 1, 'payment.settled', 'open', {now} - 3600000000 - id, 0, 0, '', ''
	FROM numbers WHERE id >= {n} - 3 * {n/200}`,
	// One in two hundred is in another one, where an eighth is due and the rest
	// waits for another try; 200 are dead.
	`INSERT INTO lunas_delivery (payment_id, target, seq, kind, state, due, lease, tries, owner, last_error)
	SELECT {payment}, 'hook:fulfil', 1, CASE WHEN id % 3 = 0 THEN 'payment.settled' ELSE 'payment.expired' END, 'open',
		{now} + CASE WHEN id % 8 = 0 THEN -60000000 ELSE 60000000 END, 1, 1, 'web-1', 'timeout'
	FROM numbers WHERE id >= {n} - {n/200} AND id % {n/200} <> 7`,
	`INSERT INTO lunas_delivery (payment_id, target, seq, kind, state, due, lease, tries, owner, last_error)
	SELECT {payment}, 'hook:fulfil', 1, 'payment.settled', 'dead', NULL, 20, 20, 'web-1', 'no such user' FROM numbers WHERE id % {n/200} = 7`,

	`INSERT INTO lunas_claim (tenant, user_id, plan_key, doc)
	SELECT {tenant}, 'user-' || u, 'plan-' || (id % 20), '{"user_id":"user-' || u || '","plan_key":"plan-' || (id % 20) || '"}'
	FROM (SELECT id, id % 10007 AS u FROM numbers WHERE id < {n/5}) AS claim`,

	// One in four hundred is parked, of no known payment.
	`INSERT INTO lunas_message (id, payment_id, gateway, op, ref, verdict, note, at, raw)
	SELECT {message}, CASE WHEN id % 400 = 3 THEN '' ELSE {payment of message} END, 'midtrans',
		CASE WHEN id % 5 = 0 THEN 'status' ELSE 'notification' END, 'order-' || (id * 5),
		CASE WHEN id % 400 = 3 THEN 'parked' WHEN id % 5 = 0 THEN '' WHEN id % 5 = 1 THEN 'duplicate' ELSE 'applied' END,
		'', {now} - ({n} - id * 5) * 1000000, CAST('{"transaction_status":"settlement"}' AS {blob})
	FROM numbers WHERE id < {n/5}`,
}

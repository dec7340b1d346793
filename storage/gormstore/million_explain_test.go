package gormstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// witness is a handle of one connection that can tell what the statements on
// it did.
type witness struct {
	*gorm.DB
	modes []mode
	// touched counts what the connection has read so far: rows and pages, rows
	// or pages. It is nil where nothing can be counted.
	touched func(t *testing.T) int
	// pages: they are all that is counted. There are several rows to one.
	pages bool
	// plans explains the store's statements. It returns how many there were,
	// and those that read a big table from end to end.
	plans func(t *testing.T) (explained int, whole []string)
}

// mode is a way in which the database plans statements.
type mode struct {
	name, begin string
	times       int // that each call is made
}

var witnesses = map[string]func(t *testing.T, dsn string) *witness{
	"sqlite": witnessSQLite, "postgres": witnessPostgres, "mysql": witnessMySQL,
}

// big is how many rows a table must have for nobody to read it whole.
const big = 1000

// planned reports whether a statement is the store's and has a plan.
func planned(statement string) bool {
	verb, _, _ := strings.Cut(statement, " ")
	return strings.Contains("SELECT INSERT UPDATE DELETE", verb) && strings.Contains(statement, "lunas_") && !strings.Contains(statement, "migrations")
}

func witnessPostgres(t *testing.T, dsn string) *witness {
	db := limited(t, scratch.Open(t, "postgres", dsn))
	return &witness{
		DB: db,
		modes: []mode{
			{"planned for the values", "SET plan_cache_mode = force_custom_plan", 1},
			// From the sixth time on PostgreSQL may take a plan that is for any
			// values.
			{"planned as ever", "SET plan_cache_mode = auto", 7},
		},
		touched: func(t *testing.T) (n int) {
			// What a connection did is told to the others about once in a
			// second, unless it is asked for.
			require.NoError(t, db.Exec("SELECT pg_stat_force_next_flush()").Error)
			require.NoError(t, db.Raw(`SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
				+ (SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)) FROM pg_statio_user_tables)`).Scan(&n).Error)
			return n
		},
		plans: func(t *testing.T) (explained int, whole []string) {
			require.NoError(t, db.Exec("SET plan_cache_mode = force_generic_plan").Error)
			var prepared []struct { // by pgx: all that it sent
				Name, Statement string
				Parameters      int
			}
			require.NoError(t, db.Raw("SELECT name, statement, cardinality(parameter_types) AS parameters FROM pg_prepared_statements").Scan(&prepared).Error)
			for _, p := range prepared {
				if !planned(p.Statement) {
					continue
				}
				explained++
				nulls := ""
				if p.Parameters > 0 {
					nulls = "(NULL" + strings.Repeat(", NULL", p.Parameters-1) + ")"
				}
				var plan string
				row := db.Raw(`EXPLAIN (FORMAT JSON) EXECUTE "`+p.Name+`"`+nulls, pgx.QueryExecModeSimpleProtocol).Row()
				require.NoError(t, row.Scan(&plan), p.Statement)
				if scansBig(t, db, plan) {
					whole = append(whole, p.Statement+"\n"+plan)
				}
			}
			return explained, whole
		},
	}
}

var seqScan = regexp.MustCompile(`"Node Type": "Seq Scan",[^{}]*?"Relation Name": "(\w+)"`)

// scansBig reads a plan of PostgreSQL's.
func scansBig(t *testing.T, db *gorm.DB, plan string) (is bool) {
	t.Helper()
	for _, scan := range seqScan.FindAllStringSubmatch(plan, -1) {
		var rows float64
		require.NoError(t, db.Raw("SELECT reltuples FROM pg_class WHERE oid = to_regclass(?)", scan[1]).Scan(&rows).Error)
		is = is || rows > big
	}
	return is
}

func witnessMySQL(t *testing.T, dsn string) *witness {
	config, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	sent := map[string][]any{}
	pool := sql.OpenDB(recorder{connector, sent})
	db, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	return &witness{
		DB:    limited(t, db),
		modes: []mode{{"planned as ever", "DO 1", 1}},
		touched: func(t *testing.T) (n int) {
			var status []struct {
				Name  string `gorm:"column:Variable_name"`
				Value int    `gorm:"column:Value"`
			}
			require.NoError(t, db.Raw("SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read_%' OR Variable_name = 'Handler_icp_attempts'").Scan(&status).Error)
			for _, s := range status {
				n += s.Value
			}
			return n
		},
		plans: func(t *testing.T) (explained int, whole []string) {
			for statement, args := range sent {
				if !planned(statement) || strings.HasPrefix(statement, "INSERT") {
					continue
				}
				explained++
				for _, line := range explainMySQL(t, db, statement, args) {
					access, table, rows := line["type"], line["table"], line["rows"]
					n, _ := strconv.Atoi(fmt.Sprint(rows)) // none of a result that is at hand
					if (access == "ALL" || access == "index") && n > big && !strings.HasPrefix(fmt.Sprint(table), "<") {
						whole = append(whole, fmt.Sprintf("%s\n%s of about %v rows of %s", statement, access, rows, table))
					}
				}
			}
			return explained, whole
		},
	}
}

// explainMySQL goes around GORM, which takes a []byte apart.
func explainMySQL(t *testing.T, db *gorm.DB, statement string, args []any) (lines []map[string]any) {
	t.Helper()
	rows, err := db.Statement.ConnPool.QueryContext(t.Context(), "EXPLAIN "+statement, args...)
	require.NoError(t, err, statement)
	defer rows.Close()
	for rows.Next() {
		line := map[string]any{}
		require.NoError(t, db.ScanRows(rows, &line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return lines
}

// recorder connects, and keeps each statement with the values that it was sent
// with first.
type recorder struct {
	driver.Connector
	sent map[string][]any
}

func (r recorder) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return recordedConn{inner, r.sent}, nil
}

type recordedConn struct {
	driver.Conn
	sent map[string][]any
}

func (c recordedConn) keep(statement string, args []driver.NamedValue) {
	if _, has := c.sent[statement]; has {
		return
	}
	c.sent[statement] = make([]any, len(args))
	for i, a := range args {
		c.sent[statement][i] = a.Value
	}
}

func (c recordedConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	c.keep(statement, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args)
}

func (c recordedConn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	c.keep(statement, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, statement, args)
}

func (c recordedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func witnessSQLite(t *testing.T, dsn string) *witness {
	sent := map[string]bool{}
	db := limited(t, openWatched(t, dsn, func(_ context.Context, statement string) error {
		sent[statement] = true
		return nil
	}))
	w := &witness{
		DB:    db,
		pages: true,
		modes: []mode{{"without statistics", "SELECT 1", 1}, {"with statistics", "ANALYZE", 1}},
		plans: func(t *testing.T) (explained int, whole []string) {
			for statement := range sent {
				if !planned(statement) {
					continue
				}
				explained++
				for _, line := range explain(t, db, statement) {
					if strings.HasPrefix(line, "SCAN ") && !small.MatchString(line) {
						whole = append(whole, statement+"\n"+line)
					}
				}
			}
			return explained, whole
		},
	}
	// SQLite counts nothing; but without a cache to speak of it reads all that
	// it needs from its file, and Linux counts that. What is written stays in
	// the log: to move it reads, too.
	require.NoError(t, db.Exec("PRAGMA cache_size = 10").Error)
	require.NoError(t, db.Exec("PRAGMA wal_autocheckpoint = 0").Error)
	if _, err := os.Stat(processIO); err == nil {
		w.touched = pagesRead
	}
	return w
}

const processIO = "/proc/self/io"

var bytesRead = regexp.MustCompile(`rchar: (\d+)`)

func pagesRead(t *testing.T) int {
	t.Helper()
	counted, err := os.ReadFile(processIO)
	require.NoError(t, err)
	found := bytesRead.FindSubmatch(counted)
	require.NotNil(t, found)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	const page = 4096
	return n / page
}

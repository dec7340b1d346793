package gormstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"testing"

	sqlitedriver "github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	mysqldriver "gorm.io/driver/mysql"
	postgresdriver "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// onEachEmpty runs a test on an empty database of each kind.
func onEachEmpty(t *testing.T, test func(t *testing.T, dialect, dsn string)) {
	onEach(t, func(t *testing.T, dialect string) {
		t.Parallel()
		test(t, dialect, scratch.New(t, dialect))
	})
}

// mortal is a process, as far as the database can tell: when it dies, its
// connections break, and it has no last words.
type mortal struct {
	// before is called ahead of every statement. If it returns errKilled the
	// process is dead; any other error is the statement's.
	before func(statement string) error

	driver driver.Driver
	dsn    string
	mu     sync.Mutex
	dead   bool
	open   []driver.Conn
}

var errKilled = errors.New("killed")

// openMortal returns the handle of a process.
func openMortal(t *testing.T, dialect, dsn string, before func(statement string) error) *gorm.DB {
	t.Helper()
	plain, err := sql.Open(map[string]string{"sqlite": sqlitedriver.DriverName, "postgres": "pgx", "mysql": "mysql"}[dialect], dsn)
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	pool := sql.OpenDB(&mortal{before: before, driver: plain.Driver(), dsn: dsn})
	t.Cleanup(func() { _ = pool.Close() }) // its connections may be broken
	db, err := gorm.Open(map[string]gorm.Dialector{
		"sqlite":   sqlitedriver.Dialector{Conn: pool},
		"postgres": postgresdriver.New(postgresdriver.Config{Conn: pool}),
		"mysql":    mysqldriver.New(mysqldriver.Config{Conn: pool, SkipInitializeWithVersion: true}),
	}[dialect], &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return db
}

func (m *mortal) Driver() driver.Driver { return m.driver }

func (m *mortal) Connect(context.Context) (driver.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil, errKilled
	}
	one, err := m.driver.Open(m.dsn)
	if err == nil {
		m.open = append(m.open, one)
	}
	return mortalConn{one, m}, err
}

func (m *mortal) run(statement string) error {
	m.mu.Lock()
	dead := m.dead
	m.mu.Unlock()
	if dead {
		return errKilled
	}
	err := m.before(statement)
	if errors.Is(err, errKilled) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.dead = true
		for _, one := range m.open {
			_ = one.Close()
		}
	}
	return err
}

type mortalConn struct {
	driver.Conn
	*mortal
}

func (c mortalConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.run(statement); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args)
}

func (c mortalConn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.run(statement); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, statement, args)
}

// beginsMigrating is the statement with which a process asks for its turn.
func beginsMigrating(dialect, statement string) bool {
	return strings.Contains(statement, map[string]string{"sqlite": "BEGIN IMMEDIATE", "postgres": "pg_advisory_xact_lock", "mysql": "GET_LOCK"}[dialect])
}

// statementEnd is where a line ends a statement.
var statementEnd = regexp.MustCompile(`;[ \t]*(--[^\n]*)?(\n|$)`)

// statements are those of the migrations up to a version, for a tool that
// knows nothing but plain SQL.
func statements(t *testing.T, dialect string, o *gormstore.Options, version int) (all []string) {
	t.Helper()
	files, err := gormstore.Migrations(dialect, o)
	require.NoError(t, err)
	names, err := fs.Glob(files, "*.sql")
	require.NoError(t, err)
	for _, name := range names[:version] { // Glob sorts
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		all = append(all, statementEnd.Split(strings.TrimSpace(string(text)), -1)...)
		require.Empty(t, all[len(all)-1], "%s must end with a semicolon", name)
		all = all[:len(all)-1]
	}
	return all
}

// execAll executes statements as another tool would.
func execAll(t *testing.T, db *gorm.DB, statements []string) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	for _, statement := range statements {
		_, err := pool.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// tables are the names of all tables in the database.
func tables(t *testing.T, db *gorm.DB) (names []string) {
	t.Helper()
	require.NoError(t, db.Raw(map[string]string{
		"sqlite":   "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
		"postgres": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
		"mysql":    "SELECT table_name FROM information_schema.tables WHERE table_schema = database() ORDER BY 1",
	}[db.Name()]).Scan(&names).Error)
	return names
}

// structure is all tables, columns and indexes as the database describes them.
func structure(t *testing.T, db *gorm.DB) (lines []string) {
	t.Helper()
	switch db.Name() {
	case "sqlite":
		require.NoError(t, db.Raw("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").Scan(&lines).Error)
	case "postgres":
		require.NoError(t, db.Raw(`SELECT concat_ws(' ', table_name, column_name, ordinal_position, data_type, is_nullable, collation_name, column_default)
			FROM information_schema.columns WHERE table_schema = current_schema()
			UNION ALL SELECT replace(indexdef, current_schema() || '.', '') FROM pg_indexes WHERE schemaname = current_schema()
			UNION ALL SELECT concat(relname, reloptions) FROM pg_class WHERE relnamespace = current_schema()::regnamespace
			ORDER BY 1`).Scan(&lines).Error)
	case "mysql":
		for _, table := range tables(t, db) {
			var created struct {
				Text string `gorm:"column:Create Table"`
			}
			require.NoError(t, db.Raw("SHOW CREATE TABLE "+table).Scan(&created).Error)
			lines = append(lines, created.Text)
		}
	}
	return lines
}

package gormstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// engine is a way in which the store's statements reach a database.
type engine struct {
	name, dialect string
	// tapped: with a driver of the test's in between. On PostgreSQL that is
	// also the other way to talk to it, statement by statement.
	tapped bool
}

var engines = []engine{
	{"sqlite", "sqlite", true},
	{"postgres", "postgres", false},
	{"postgres by statements", "postgres", true},
	{"mysql", "mysql", true},
}

func onEngines(t *testing.T, test func(t *testing.T, e engine)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// tap sees the statements on their way to a database.
type tap struct {
	// before and after are called with statements as the store sends them, in
	// whatever goroutine. An error of theirs breaks the connection, and is what
	// the statement failed with. Pipelines of pgx have no after.
	before, after func(statement string) error

	mu     sync.Mutex
	counts map[string]int // of statements, by their first words
	errs   []error        // of statements
	refuse func() error   // connections
}

// refuseConnects has attempts to connect fail.
func (p *tap) refuseConnects(refuse func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

func (p *tap) sent(statement string) error {
	p.mu.Lock()
	if p.counts == nil {
		p.counts = map[string]int{}
	}
	p.counts[strings.Join(strings.Fields(statement)[:1], " ")]++
	p.mu.Unlock()
	if p.before == nil {
		return nil
	}
	return p.before(statement)
}

func (p *tap) ended(statement string, err error) error {
	if err == nil && p.after != nil {
		return p.after(statement)
	}
	if err != nil {
		p.mu.Lock()
		p.errs = append(p.errs, err)
		p.mu.Unlock()
	}
	return nil
}

// count of the statements that began with a word.
func (p *tap) count(word string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[word]
}

// open opens a handle on the database of a DSN, and closes it after the test.
func (e engine) open(t testing.TB, dsn string, p *tap) *gorm.DB {
	t.Helper()
	db := e.handle(t, dsn, p)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return db
}

// handle is for those who close it themselves.
func (e engine) handle(t testing.TB, dsn string, p *tap) *gorm.DB {
	t.Helper()
	if p == nil {
		p = &tap{}
	}
	pool := e.pool(t, dsn, p)
	if e.dialect != "sqlite" {
		pool.SetMaxOpenConns(8)
		pool.SetMaxIdleConns(8)
	}
	return onPool(t, e.dialect, pool)
}

// onPool is GORM's handle on a pool.
func onPool(t testing.TB, dialect string, pool *sql.DB, o ...gorm.Option) *gorm.DB {
	t.Helper()
	if len(o) == 0 {
		o = []gorm.Option{&gorm.Config{Logger: logger.Discard}}
	}
	dialector := map[string]gorm.Dialector{
		"sqlite":   sqlite.Dialector{Conn: pool},
		"postgres": postgres.New(postgres.Config{Conn: pool}),
		"mysql":    mysql.New(mysql.Config{Conn: pool}),
	}[dialect]
	db, err := gorm.Open(dialector, o...)
	require.NoError(t, err)
	return db
}

func (e engine) pool(t testing.TB, dsn string, p *tap) *sql.DB {
	t.Helper()
	switch e.dialect {
	case "postgres":
		config, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		if e.tapped {
			return sql.OpenDB(tapConnector{stdlib.GetConnector(*config), p})
		}
		config.Tracer = pipelineTap{p}
		return stdlib.OpenDB(*config)
	case "mysql":
		config, err := mysqldriver.ParseDSN(dsn)
		require.NoError(t, err)
		connector, err := mysqldriver.NewConnector(config)
		require.NoError(t, err)
		return sql.OpenDB(tapConnector{connector, p})
	}
	plain, err := sql.Open(sqlite.DriverName, dsn)
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	return sql.OpenDB(tapConnector{opener{plain.Driver(), dsn}, p})
}

// create makes a database for the test.
func (e engine) create(t testing.TB) (dsn string) {
	t.Helper()
	return scratch.New(t, e.dialect)
}

// opener is the connector of a driver that has none.
type opener struct {
	driver driver.Driver
	dsn    string
}

func (o opener) Driver() driver.Driver                        { return o.driver }
func (o opener) Connect(context.Context) (driver.Conn, error) { return o.driver.Open(o.dsn) }

type tapConnector struct {
	driver.Connector
	tap *tap
}

func (c tapConnector) Connect(ctx context.Context) (driver.Conn, error) {
	c.tap.mu.Lock()
	refuse := c.tap.refuse
	c.tap.mu.Unlock()
	if refuse != nil {
		if err := refuse(); err != nil {
			return nil, err
		}
	}
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return tapConn{inner, c.tap}, nil
}

// tapConn has what database/sql asks a connection for, but for a
// NamedValueChecker: arguments must be such as every driver takes.
type tapConn struct {
	driver.Conn
	tap *tap
}

func tapped[T any](c tapConn, statement string, call func() (T, error)) (result T, err error) {
	if err := c.tap.sent(statement); err != nil {
		_ = c.Close()
		return result, err
	}
	if result, err = call(); errors.Is(err, driver.ErrSkip) {
		return result, err // it will be prepared
	}
	return result, c.ended(statement, err)
}

func (c tapConn) ended(statement string, err error) error {
	broken := c.tap.ended(statement, err)
	if broken == nil {
		return err
	}
	if !errors.As(broken, &goesOn{}) {
		_ = c.Close()
	}
	return broken
}

// goesOn is an error that does not break the connection.
type goesOn struct{ error }

func (c tapConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	return tapped(c, statement, func() (driver.Result, error) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args)
	})
}

func (c tapConn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	return tapped(c, statement, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, statement, args)
	})
}

func (c tapConn) Prepare(statement string) (driver.Stmt, error) {
	inner, err := c.Conn.Prepare(statement)
	return tapStmt{inner, c, statement}, c.ended("PREPARE", err)
}

func (c tapConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c tapConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c tapConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type tapStmt struct {
	driver.Stmt
	conn      tapConn
	statement string
}

func (s tapStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return result, s.conn.ended(s.statement, err)
}

func (s tapStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	return rows, s.conn.ended(s.statement, err)
}

// pipelineTap is a tap on pgx itself, which sends several statements at once.
type pipelineTap struct{ tap *tap }

func (p pipelineTap) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (p pipelineTap) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (p pipelineTap) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, query := range data.Batch.QueuedQueries {
		if err := p.tap.sent(query.SQL); err != nil {
			_ = conn.PgConn().Conn().Close()
		}
	}
	return ctx
}

func (p pipelineTap) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	_ = p.tap.ended(data.SQL, data.Err)
}

func (p pipelineTap) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

package matrix

import (
	"context"
	"database/sql"
	"net"
	"strings"
	"sync/atomic"

	sqlitedriver "github.com/glebarez/sqlite"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	mysqldialect "gorm.io/driver/mysql"
	postgresdialect "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// watch has the points of the database's driver: right before and right after
// a COMMIT, and where there is a network, when it is on its way and nobody
// has heard of what became of it. While the schema is migrated every
// statement has them.
type watch struct {
	points    *points
	migrating atomic.Bool
	// wire is the point that is passed when the next command is on its way.
	wire atomic.Value // string
}

// before returns the name for after, or nothing.
func (w *watch) before(statement string) (name string) {
	switch {
	case w.migrating.Load():
		name = "Migrate: %s " + brief(statement)
	case strings.EqualFold(strings.TrimSpace(statement), "commit"):
		name = who() + ": %s COMMIT"
	default:
		return ""
	}
	w.points.pass(strings.Replace(name, "%s", "before", 1))
	if !w.migrating.Load() {
		w.wire.Store(strings.Replace(name, "%s", "unanswered", 1))
	}
	return name
}

func (w *watch) after(name string, err error) {
	if name != "" && err == nil {
		w.points.pass(strings.Replace(name, "%s", "after", 1))
	}
}

// sent is called when a command has gone out.
func (w *watch) sent() {
	if name, _ := w.wire.Swap("").(string); name != "" {
		w.points.pass(name)
	}
}

// brief is the beginning of a statement, as far as it says what it is.
func brief(statement string) string {
	var words []string
	for line := range strings.Lines(statement) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			words = append(words, strings.Fields(line)...)
		}
	}
	text := strings.Join(words, " ")
	text, _, _ = strings.Cut(text, "(")
	return strings.Join(strings.Fields(text)[:min(6, len(strings.Fields(text)))], " ")
}

// open opens the database of a DSN with the driver that hosts use, watched.
func (w *watch) open(dialect, dsn string) (*gorm.DB, error) {
	w.wire.Store("")
	config := &gorm.Config{Logger: logger.Discard}
	switch dialect {
	case "postgres":
		c, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, err
		}
		c.Tracer = &pgxTracer{w}
		dial := c.DialFunc
		c.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &watchedWire{conn, w, executes}, err
		}
		return gorm.Open(postgresdialect.New(postgresdialect.Config{Conn: few(stdlib.OpenDB(*c))}), config)
	case "mysql":
		c, err := mysql.ParseDSN(dsn)
		if err != nil {
			return nil, err
		}
		c.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return &watchedWire{conn, w, func([]byte) bool { return true }}, err
		}
		connector, err := mysql.NewConnector(c)
		if err != nil {
			return nil, err
		}
		pool := few(sql.OpenDB(&watchedConnector{connector, w}))
		return gorm.Open(mysqldialect.New(mysqldialect.Config{Conn: pool, SkipInitializeWithVersion: true}), config)
	}
	plain, err := sql.Open(sqlitedriver.DriverName, dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(&watchedConnector{dsnConnector{plain.Driver(), dsn}, w})
	return gorm.Open(sqlitedriver.Dialector{Conn: pool}, config)
}

// few connections are enough for a server.
func few(pool *sql.DB) *sql.DB {
	pool.SetMaxOpenConns(3)
	pool.SetMaxIdleConns(3)
	return pool
}

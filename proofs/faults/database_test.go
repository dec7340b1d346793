package faults

import (
	"database/sql"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

var dialectors = map[string]func(*sql.DB) gorm.Dialector{
	"sqlite":   func(pool *sql.DB) gorm.Dialector { return sqlite.Dialector{Conn: pool} },
	"postgres": func(pool *sql.DB) gorm.Dialector { return postgres.New(postgres.Config{Conn: pool}) },
	"mysql":    func(pool *sql.DB) gorm.Dialector { return mysql.New(mysql.Config{Conn: pool}) },
}

// database is an empty one, on a server.
type database struct {
	name, dialect string
	addr          string // of the server
	// connect opens a pool, through a proxy at addr if there is one.
	connect func(addr string) (*sql.DB, error)
}

var databases = []func(t *testing.T) database{newPostgres, newMariaDB}

func newPostgres(t *testing.T) database {
	t.Helper()
	return postgresAt(t, scratch.Postgres(t))
}

func postgresAt(t *testing.T, dsn string) database {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	return database{
		name: "PostgreSQL", dialect: "postgres", addr: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))),
		connect: func(addr string) (*sql.DB, error) {
			config := config.Copy()
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil {
				return nil, err
			}
			config.Host, config.Port, config.Fallbacks = host, uint16(n), nil
			// As docs/storage.md has it, for hooks whose client vanishes, and for
			// connections that are never answered.
			config.ConnectTimeout = 5 * time.Second
			config.RuntimeParams["idle_in_transaction_session_timeout"] = "5s"
			return limited(stdlib.OpenDB(*config)), nil
		},
	}
}

func newMariaDB(t *testing.T) database {
	t.Helper()
	return mariaDBAt(t, scratch.MySQL(t))
}

func mariaDBAt(t *testing.T, dsn string) database {
	t.Helper()
	config, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	return database{
		name: "MariaDB", dialect: "mysql", addr: config.Addr,
		connect: func(addr string) (*sql.DB, error) {
			config := config.Clone()
			config.Addr, config.InterpolateParams, config.Logger = addr, true, &mysqldriver.NopLogger{}
			if config.Params == nil {
				config.Params = map[string]string{}
			}
			config.Params["idle_transaction_timeout"] = "5"
			config.Timeout, config.ReadTimeout = 5*time.Second, 20*time.Second
			connector, err := mysqldriver.NewConnector(config)
			if err != nil {
				return nil, err
			}
			return limited(sql.OpenDB(connector)), nil
		},
	}
}

func limited(pool *sql.DB) *sql.DB {
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	return pool
}

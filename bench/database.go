package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	gosqlite "github.com/glebarez/sqlite"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	gormmysql "gorm.io/driver/mysql"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/storage/gormstore"
)

// The databases that runs are named by.
const (
	postgres = "pg"
	mariaDB  = "mariadb"
	sqlite   = "sqlite"
)

// place is where scratch databases are made: a server, or a folder of files.
type place struct {
	dialect string
	dsn     string // of the server; of SQLite, the folder
}

// scratch is a database of one contender's one turn.
type scratch struct {
	place
	dsn  string
	name string
}

// create makes an empty database. Its name begins with lunas_bench_.
func (p place) create(ctx context.Context) (*scratch, error) {
	s := &scratch{place: p, name: "lunas_bench_" + strings.ToLower(rand.Text()[:10])}
	var err error
	switch p.dialect {
	case sqlite:
		s.dsn = gormstore.SQLiteDSN(filepath.Join(p.dsn, s.name+".db"))
		return s, nil
	case postgres:
		s.dsn, err = postgresDSN(p.dsn, s.name)
	case mariaDB:
		s.dsn, err = mysqlDSN(p.dsn, s.name)
	}
	if err != nil {
		return nil, err
	}
	if err := p.exec(ctx, "CREATE DATABASE "+s.name); err != nil {
		return nil, fmt.Errorf("make scratch database: %w", err)
	}
	return s, nil
}

// drop removes the database and whatever is still connected to it.
func (s *scratch) drop(ctx context.Context) error {
	var err error
	switch s.dialect {
	case sqlite:
		for _, end := range []string{"", "-wal", "-shm"} {
			if e := os.Remove(filepath.Join(s.place.dsn, s.name+".db"+end)); !errors.Is(e, os.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	case postgres:
		err = s.exec(ctx, "DROP DATABASE IF EXISTS "+s.name+" WITH (FORCE)")
	case mariaDB:
		err = s.exec(ctx, "DROP DATABASE IF EXISTS "+s.name)
	}
	if err != nil {
		return fmt.Errorf("drop scratch database %s: %w", s.name, err)
	}
	return nil
}

// calm finishes what the preparation left to do later, which would otherwise
// be done in the middle of the measurement.
func (s *scratch) calm(ctx context.Context) error {
	db, err := openSQL(s.dialect, s.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range map[string][]string{
		postgres: {"VACUUM (ANALYZE)", "CHECKPOINT"},
		sqlite:   {"PRAGMA wal_checkpoint(TRUNCATE)"},
	}[s.dialect] {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// exec runs a statement on the server, and execOn on the database.
func (p place) exec(ctx context.Context, statement string) error {
	return execOn(ctx, p.dialect, p.dsn, statement)
}

func (s *scratch) execOn(ctx context.Context, statement string) error {
	return execOn(ctx, s.dialect, s.dsn, statement)
}

func execOn(ctx context.Context, dialect, dsn, statement string) error {
	db, err := openSQL(dialect, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// openSQL opens a database past all that is measured.
func openSQL(dialect, dsn string) (*sql.DB, error) {
	driver := map[string]string{postgres: "pgx", mariaDB: "mysql", sqlite: "sqlite"}[dialect]
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// openGORM opens a contender's database as a host that uses GORM does.
func openGORM(s setup, config *gorm.Config) (*gorm.DB, func(), error) {
	config.Logger = logger.Discard
	var dialector gorm.Dialector
	switch s.Dialect {
	case postgres:
		dialector = gormpostgres.Open(s.DSN)
	case mariaDB:
		dialector = gormmysql.Open(s.DSN)
	default:
		dialector = gosqlite.Open(s.DSN)
	}
	db, err := gorm.Open(dialector, config)
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	pool.SetMaxOpenConns(s.Pool)
	pool.SetMaxIdleConns(s.Pool)
	return db, func() { _ = pool.Close() }, nil
}

// openPGX opens a contender's database as a host that uses pgx alone does.
func openPGX(ctx context.Context, s setup) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.DSN)
	if err != nil {
		return nil, fmt.Errorf("read DSN: %w", err)
	}
	config.MaxConns = int32(s.Pool)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return pool, nil
}

// postgresDSN is a server's DSN, of either form, for another database.
func postgresDSN(dsn, database string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + database, nil // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("the DSN of PostgreSQL is no URL") // its own error would show a password
	}
	u.Path = "/" + database
	return u.String(), nil
}

func mysqlDSN(dsn, database string) (string, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", fmt.Errorf("the DSN of MariaDB: %w", err)
	}
	config.DBName, config.InterpolateParams, config.ParseTime = database, true, true
	return config.FormatDSN(), nil
}

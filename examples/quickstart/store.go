package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/memory"
)

// database is what the flags choose for the shop's own tables, and for
// payments beside them.
type database struct {
	dialect gorm.Dialector
	name    string
	// state begins the names of the simulated gateways' files. Each database has
	// its own: they must know the orders that the database knows.
	state string
}

// errDSN does not quote the DSN: there is a password in it.
var errDSN = errors.New("-dsn is not understood: want postgres://user:password@host/name or mysql://user:password@host/name, " +
	"where / ? # @ % in a name or password are written %2F %3F %23 %40 %25")

// patience is how long a database server may take to answer.
const patience = 5 * time.Second

// chooseDatabase is a SQLite file, unless dsn names a database on a server.
func chooseDatabase(file, dsn string) (database, error) {
	scheme, rest, isURL := strings.Cut(dsn, "://")
	if path := strings.IndexAny(rest, "/?#"); isURL && path >= 0 && strings.Contains(rest[path:], "@") {
		return database{}, errDSN // a part of the password would be taken for the database's name
	}
	switch {
	case dsn == "":
		return chooseFile(file)
	case scheme == "postgres", scheme == "postgresql", !isURL && strings.Contains(dsn, "dbname="):
		return choosePostgres(dsn)
	case scheme == "mysql", scheme == "mariadb":
		return chooseMySQL(mysqlURL(dsn))
	case !isURL: // as GORM's MySQL driver has it: user:password@tcp(host)/name
		return chooseMySQL(mysqldriver.ParseDSN(dsn))
	}
	return database{}, errDSN
}

func chooseFile(file string) (database, error) {
	// SQLite's own words for a file that cannot be written are a riddle.
	probe, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = probe.Close()
	}
	if err != nil {
		return database{}, fmt.Errorf("cannot write the database: %w", err)
	}
	return database{dialect: sqlite.Open(gormstore.SQLiteDSN(file)), name: file, state: file}, nil
}

func choosePostgres(dsn string) (database, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return database{}, fmt.Errorf("-dsn: %w", err) // pgx hides the password
	}
	config.ConnectTimeout = patience
	return onServer(postgres.New(postgres.Config{Conn: stdlib.OpenDB(*config)}), config.Database), nil
}

func chooseMySQL(config *mysqldriver.Config, err error) (database, error) {
	if err == nil {
		err = config.Apply(mysqldriver.Charset("utf8mb4", "")) // all text, not only some
	}
	if err != nil {
		return database{}, errDSN
	}
	config.ParseTime = true // the shop has a column of type time.Time
	config.Timeout = patience
	return onServer(mysql.New(mysql.Config{DSNConfig: config}), config.DBName), nil
}

func onServer(dialect gorm.Dialector, name string) database {
	return database{
		dialect: dialect, name: name,
		state: "quickstart-" + dialect.Name() + "-" + url.PathEscape(name),
	}
}

// mysqlURL reads mysql://user:password@host:port/name?parameter=value. The
// driver itself knows another form.
func mysqlURL(dsn string) (*mysqldriver.Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	config, err := mysqldriver.ParseDSN("tcp(" + u.Host + ")/?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	config.User, config.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	config.Passwd, _ = u.User.Password()
	return config, nil
}

// open opens the shop's own database.
func (d database) open() (*gorm.DB, error) {
	db, err := gorm.Open(d.dialect, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %q: %w", d.name, err)
	}
	if err := db.AutoMigrate(&Effect{}); err != nil {
		return nil, fmt.Errorf("cannot write the database %q: %w", d.name, err)
	}
	return db, nil
}

// openStore keeps payments in the shop's own database, or in memory.
func openStore(ctx context.Context, kind string, db *gorm.DB) (payments.Store, error) {
	switch kind {
	case "memory":
		return memory.New(), nil
	case "database":
		if err := gormstore.Migrate(ctx, db, nil); err != nil {
			return nil, err
		}
		return gormstore.Open(ctx, db, nil)
	}
	return nil, fmt.Errorf("-store is database or memory, not %q", kind)
}

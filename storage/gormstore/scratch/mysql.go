package scratch

import (
	"database/sql"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

var mysqlServer = server{
	what:     "MySQL or MariaDB",
	variable: "LUNAS_TEST_MYSQL",
	preset:   "root@tcp(127.0.0.1:3306)/",
}

var mysqlAnswers = sync.OnceValue(func() error { return mysqlAdmin("DO 1") })

func mysqlAdmin(statement string) error {
	ctx, cancel := background()
	defer cancel()
	admin, err := sql.Open("mysql", mysqlServer.dsn())
	if err != nil {
		return err
	}
	defer admin.Close()
	_, err = admin.ExecContext(ctx, statement)
	return err
}

// MySQL creates a database on the MySQL or MariaDB server. Its DSN has what
// GORM's documentation recommends: charset=utf8mb4 and parseTime=true.
func MySQL(t testing.TB) (dsn string) {
	t.Helper()
	if err := mysqlAnswers(); err != nil {
		mysqlServer.missing(t, err)
	}
	name := newName()
	noError(t, mysqlAdmin("CREATE DATABASE "+name))
	t.Cleanup(func() { noError(t, mysqlAdmin("DROP DATABASE IF EXISTS "+name)) })
	config, err := mysql.ParseDSN(mysqlServer.dsn())
	noError(t, err)
	config.DBName, config.ParseTime = name, true
	noError(t, config.Apply(mysql.Charset("utf8mb4", "")))
	return config.FormatDSN()
}

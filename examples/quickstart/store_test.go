package main

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// databaseFlags are the flags for a new database.
func databaseFlags(t *testing.T, dialect string) []string {
	t.Helper()
	if dialect == "sqlite" {
		return []string{"-db", filepath.Join(t.TempDir(), "shop.db")}
	}
	return []string{"-dsn", newDatabase(t, dialect).String()}
}

// newDatabase is a database on a server, as a newcomer would type it.
func newDatabase(t *testing.T, dialect string) *url.URL {
	t.Helper()
	if dialect == "postgres" {
		config, err := pgx.ParseConfig(scratch.Postgres(t))
		require.NoError(t, err)
		return &url.URL{
			Scheme: "postgres", User: userinfo(config.User, config.Password),
			Host: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), Path: "/" + config.Database,
		}
	}
	config, err := mysqldriver.ParseDSN(scratch.MySQL(t))
	require.NoError(t, err)
	return &url.URL{Scheme: "mysql", User: userinfo(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
}

func userinfo(name, password string) *url.Userinfo {
	if password == "" {
		return url.User(name)
	}
	return url.UserPassword(name, password)
}

// refusal is how the shop refuses a DSN.
func refusal(t *testing.T, dsn string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := run(ctx, []string{"-addr", "127.0.0.1:0", "-dsn", dsn}, func(string) { t.Error("it must not open") })
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter", "no part of the password is shown")
	return err.Error()
}

func TestADSNThatCannotBeUsedIsOneClearErrorWithoutItsPassword(t *testing.T) {
	for _, c := range []struct{ name, dsn, want string }{
		{"unknown scheme", "oracle://shop:hunter2@localhost/shop", "-dsn is not understood: want postgres://"},
		{"no scheme", "shop", "-dsn is not understood"},
		{"a bad escape, PostgreSQL", "postgres://shop:hunter%zz@localhost/shop", "-dsn"},
		{"a bad escape, MySQL", "mysql://shop:hunter%zz@localhost/shop", "%25"},
		{"a slash in the password, PostgreSQL", "postgres://shop:1/hunter2@localhost/shop", "%2F"},
		{"a slash in the password, MySQL", "mysql://shop:1/hunter2@localhost/shop", "%2F"},
		{"a question mark in the password", "mysql://shop:1?hunter2@localhost/shop", "%3F"},
		{"a hash in the password", "postgres://shop:1#hunter2@localhost/shop", "%23"},
		{"no at sign", "shop:hunter2/shop", "-dsn is not understood"},
		{"a parameter of the wrong type", "mysql://shop:hunter2@localhost/shop?parseTime=perhaps", "-dsn"},
		{"nobody listens, PostgreSQL", "postgres://shop:hunter2@127.0.0.1:1/shop", "connection refused"},
		{"nobody listens, MySQL", "mysql://shop:hunter2@127.0.0.1:1/shop", "connection refused"},
		{"nobody listens, as GORM writes it", "shop:hunter2@tcp(127.0.0.1:1)/shop", "connection refused"},
		{"nobody listens, in words", "host=127.0.0.1 port=1 user=shop password=hunter2 dbname=shop", "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Contains(t, refusal(t, c.dsn), c.want) })
	}
}

func TestAServerThatRefusesIsQuotedWithoutThePassword(t *testing.T) {
	for dialect, wrong := range map[string]string{"postgres": "does not exist", "mysql": "Access denied for user"} {
		t.Run(dialect, func(t *testing.T) {
			dsn := newDatabase(t, dialect)
			dsn.User = url.UserPassword("lunas_test_nobody", "hunter2")
			require.Contains(t, refusal(t, dsn.String()), wrong)
		})
	}
	for dialect, wrong := range map[string]string{"postgres": `"nowhere" does not exist`, "mysql": "Unknown database 'nowhere'"} {
		t.Run(dialect+" without the database", func(t *testing.T) {
			dsn := newDatabase(t, dialect)
			dsn.Path = "/nowhere"
			require.Contains(t, refusal(t, dsn.String()), wrong)
		})
	}
}

func TestMySQLGetsWhatItNeeds(t *testing.T) {
	for _, dsn := range []string{
		"mysql://shop:h%2Funter@db.example/till",
		"mariadb://shop:h%2Funter@db.example:3306/till?charset=latin1",
		"shop:h/unter@tcp(db.example)/till",
	} {
		chosen, err := chooseDatabase("", dsn)
		require.NoError(t, err)
		dialect, ok := chosen.dialect.(*mysql.Dialector)
		require.True(t, ok)
		config, err := mysqldriver.ParseDSN(dialect.DSN)
		require.NoError(t, err)
		require.Equal(t, []string{"shop", "h/unter", "db.example:3306", "till"}, []string{config.User, config.Passwd, config.Addr, config.DBName}, dsn)
		require.True(t, config.ParseTime, dsn)
		require.Contains(t, dialect.DSN, "charset=utf8mb4", dsn)
		require.Equal(t, "quickstart-mysql-till", chosen.state)
	}
}

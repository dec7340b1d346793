package gormstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// dialect is what the store has to know about one kind of database. The
// statements themselves stand where they are used.
type dialect struct {
	// name is GORM's, and that of the folder in migrations.
	name string
	// begin opens a transaction that may write, and whose every statement sees
	// what others have committed by then.
	begin []string
	// tune, if not nil, gives a statement that follows begin in transactions of
	// the store's own, if not empty.
	tune func(ctx context.Context, pool *sql.DB) (statement string, err error)
	// hasTable counts the tables of a name.
	hasTable string
	// check refuses settings under which the store cannot keep its promises.
	check func(ctx context.Context, pool *sql.DB) error

	// numbered: placeholders are $1, $2, and not "?".
	numbered bool
	// in and insert write many rows of values, to look for or to insert.
	in, insert placeholders
	// insertWord begins an INSERT of many rows.
	insertWord string
	// upsert is what follows an INSERT that replaces rows that exist: key names
	// the columns of the key, and columns the others.
	upsert func(key string, columns []string) string
	// returning: DELETE can return the rows.
	returning bool
	// hint names the index that a statement goes by, behind the table's name,
	// with "%s" for it. The MySQL family often takes another, and locks rows in
	// the order in which it scans them, whatever ORDER BY says.
	hint string
	// lock is what a locking read ends with, and skip one that leaves alone
	// what others have locked. SQLite's one writer needs neither.
	lock, skip string

	// leaders is how many batches of updates may be written at once.
	leaders int
	// transient: the database gave the transaction up, and the same one may
	// succeed when it is repeated.
	transient func(error) bool
	// duplicate: a key existed already.
	duplicate func(error) bool
	// refused: the database has answered with this error, so nothing of the
	// transaction is there, even if it is COMMIT that failed.
	refused func(error) bool
}

// by is the hint for an index.
func (d *dialect) by(index string) string { return strings.ReplaceAll(d.hint, "%s", index) }

// byKey is the hint for the primary key.
func (d *dialect) byKey() string { return d.by("PRIMARY") }

var dialects = []*dialect{&sqlite, &postgres, &mysql}

func dialectOf(db *gorm.DB) (*dialect, error) { return dialectNamed(db.Name()) }

func dialectNamed(name string) (*dialect, error) {
	var names []string
	for _, d := range dialects {
		if d.name == name {
			return d, nil
		}
		names = append(names, d.name)
	}
	return nil, fmt.Errorf("database %q is not supported: want one of %s", name, strings.Join(names, ", "))
}

// onConflict is the upsert of SQLite and PostgreSQL.
func onConflict(key string, columns []string) string {
	return " ON CONFLICT (" + key + ") DO UPDATE SET " + assign(columns, "excluded.%[1]s")
}

// onDuplicateKey is the upsert of the MySQL family.
func onDuplicateKey(_ string, columns []string) string {
	return " ON DUPLICATE KEY UPDATE " + assign(columns, "VALUES(%[1]s)")
}

func assign(columns []string, value string) string {
	parts := make([]string, len(columns))
	for i, column := range columns {
		parts[i] = column + " = " + fmt.Sprintf(value, column)
	}
	return strings.Join(parts, ", ")
}

// lost reports whether the connection to the database broke. It goes by what
// the drivers have in common, so that none is linked for it.
func lost(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) { // the store's patience is at its end, and closed the connection
		return false
	}
	if strings.HasPrefix(sqlState(err), "57P") { // PostgreSQL says so before it hangs up
		return true
	}
	for _, broken := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, broken) {
			return true
		}
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return !network.Timeout()
	}
	return err != nil && slices.ContainsFunc([]string{"invalid connection", "conn closed"}, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

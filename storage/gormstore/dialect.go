package gormstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

// dialect is what the store has to know about one kind of database. The
// statements themselves stand where they are used.
type dialect struct {
	// name is GORM's, and that of the folder in migrations.
	name  string
	goose goose.Dialect
	// begin opens a transaction that may write.
	begin string
	// hasTable counts the tables of a name.
	hasTable string
	// check refuses settings under which the store cannot keep its promises.
	check func(ctx context.Context, pool *sql.DB) error
	// transient: the same transaction may succeed when it is repeated.
	transient func(error) bool
}

func dialectOf(db *gorm.DB) (dialect, error) {
	return dialectNamed(db.Name())
}

func dialectNamed(name string) (dialect, error) {
	switch name {
	case sqlite.name:
		return sqlite, nil
	}
	return dialect{}, fmt.Errorf("database %q is not supported, only %s is", name, sqlite.name)
}

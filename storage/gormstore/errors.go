package gormstore

import (
	"errors"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// What Open and Migrate say about the schema, wrapped with the versions.
var (
	// ErrSchemaMissing is returned by Open when there are no tables of that
	// prefix: run Migrate.
	ErrSchemaMissing = errors.New("gormstore: the schema is missing")
	// ErrSchemaOld is returned by Open when migrations have yet to run: run
	// Migrate.
	ErrSchemaOld = errors.New("gormstore: the schema is older than this code")
	// ErrSchemaNew is returned by Open and Migrate when a later version of
	// this module has migrated the schema.
	ErrSchemaNew = errors.New("gormstore: the schema is newer than this code")
)

// errTransaction refuses a handle that is a transaction where the database
// itself is needed.
var errTransaction = errors.New("this needs the database handle, not a transaction")

func notFound(ref payments.Ref) error {
	return fmt.Errorf("payment %s %q: %w", ref.Kind, ref.Value, payments.ErrNotFound)
}

func badCursor(cursor string) error {
	return payments.Invalid("cursor", "%q is not one that this store gave", cursor)
}

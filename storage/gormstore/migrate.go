package gormstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

// Migrate brings the schema up to date. It may run in several processes at
// once: one migrates, and the others wait for it while their ctx lasts (on
// SQLite for five times the busy_timeout, as for any writer). The turn of a
// process that dies ends with its connection. One connection is enough, and
// nothing is left in its session, so poolers by transaction will do.
//
// All that has yet to run takes place at once, or not at all. MySQL and
// MariaDB commit with every statement that changes a table's definition; there
// a migration that was cut off runs again from its beginning. Migrate goes on
// from wherever another tool got to with the files of [Migrations].
//
// It returns ErrSchemaNew, and does nothing, when a later version of this
// module has been here. It refuses a handle that is a transaction.
func Migrate(ctx context.Context, db *gorm.DB, o *Options) error {
	s, err := connect(ctx, db, o)
	if err == nil {
		err = s.migrate(ctx, embedded, latestVersion)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// migrate runs the migrations up to a version, the latest of all.
func (s *Store) migrate(ctx context.Context, all fs.FS, latest int) error {
	// The turn is a transaction already.
	files, err := rewritten(all, s.dialect, func(text string) string {
		return "-- +goose NO TRANSACTION\n" + s.prefixed(text)
	})
	if err != nil {
		return err
	}
	return repeat(ctx, s.again, func() error {
		version, err := s.schemaVersion(ctx)
		if err != nil {
			return err
		}
		if err := compareVersion(version, latest); err == nil || errors.Is(err, ErrSchemaNew) {
			return err
		}
		t := &turn{store: s, latest: latest}
		provider, err := goose.NewProvider(goose.DialectCustom, s.pool, files,
			goose.WithStore(t), goose.WithSessionLocker(t), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil {
			return errors.Join(ctx.Err(), err) // a driver may say no more than that its connection is closed
		}
		if version, err = s.schemaVersion(ctx); err != nil { // another version of this module may have been here
			return err
		}
		return compareVersion(version, latest)
	})
}

// noSchema is the version where there are no tables.
const noSchema = -1

func (s *Store) schemaVersion(ctx context.Context) (int, error) {
	return versionOn(ctx, s.reader())
}

func versionOn(ctx context.Context, c *conn) (int, error) {
	tables, err := query(ctx, c, scanOne[int], c.store.dialect.hasTable, c.store.prefix+"schema")
	if err == nil && tables[0] == 0 {
		return noSchema, nil
	}
	var versions []int
	if err == nil {
		versions, err = query(ctx, c, scanOne[int], "SELECT version FROM lunas_schema")
	}
	if err != nil {
		return 0, fmt.Errorf("read version of the schema: %w", err)
	}
	if len(versions) == 0 {
		return 0, nil // the first migration was cut off
	}
	return versions[0], nil
}

// checkVersion says what is wrong with a schema of a version, if anything is.
func checkVersion(version int) error { return compareVersion(version, latestVersion) }

func compareVersion(version, latest int) error {
	switch {
	case version == noSchema:
		return fmt.Errorf("%w: there are no tables of this prefix; run gormstore.Migrate", ErrSchemaMissing)
	case version < latest:
		return fmt.Errorf("%w: it is at version %d, this code needs %d; run gormstore.Migrate", ErrSchemaOld, version, latest)
	case version > latest:
		return fmt.Errorf("%w: it is at version %d, this code knows %d", ErrSchemaNew, version, latest)
	}
	return nil
}

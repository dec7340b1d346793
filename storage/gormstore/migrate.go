package gormstore

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

//go:embed migrations
var embedded embed.FS

// Migrate brings the schema up to date. It may run in several processes at
// once. It runs outside of transactions only, and keeps its own list of what
// it did in a table of its own.
//
// It returns ErrSchemaNew, and does nothing, when a later version of this
// module has been here.
func Migrate(ctx context.Context, db *gorm.DB, o *Options) error {
	s, err := connect(ctx, db, o)
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	migrations, err := Migrations(s.dialect.name, &Options{Prefix: s.prefix})
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.pool, migrations,
		goose.WithTableName(s.prefix+"migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// Two processes that begin at once get into each other's way: one waits for
	// the lock in vain, or finds done what it was about to do. It looks again.
	overtaken := false
	again := func(err error) bool { return overtaken || s.dialect.transient(err) }
	return repeat(ctx, again, func() error {
		overtaken = false
		before, err := s.schemaVersion(ctx)
		if err != nil {
			return err
		}
		if err := checkVersion(before); err == nil || errors.Is(err, ErrSchemaNew) {
			return err
		}
		if _, err = provider.Up(ctx); err == nil {
			return nil
		}
		now, unreadable := s.schemaVersion(ctx)
		overtaken = unreadable == nil && now > before
		return err
	})
}

// latestVersion is that of the newest migration.
const latestVersion = 1

// noSchema is the version where there are no tables.
const noSchema = -1

func (s *Store) schemaVersion(ctx context.Context) (int, error) {
	c := s.reader()
	tables, err := query(ctx, c, scanOne[int], s.dialect.hasTable, s.prefix+"schema")
	if err != nil || tables[0] == 0 {
		return noSchema, err
	}
	versions, err := query(ctx, c, scanOne[int], "SELECT version FROM lunas_schema")
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return versions[0], nil
}

func checkVersion(version int) error {
	switch {
	case version == noSchema:
		return fmt.Errorf("%w: there are no tables of this prefix; run gormstore.Migrate", ErrSchemaMissing)
	case version < latestVersion:
		return fmt.Errorf("%w: it is at version %d, this code needs %d; run gormstore.Migrate", ErrSchemaOld, version, latestVersion)
	case version > latestVersion:
		return fmt.Errorf("%w: it is at version %d, this code knows %d", ErrSchemaNew, version, latestVersion)
	}
	return nil
}

// Migrations are the files that Migrate runs, for hosts with a migration tool
// of their own: plain SQL with the annotations of goose, which are comments
// to others. Dialect is as GORM names it: "sqlite". Open does not care who
// ran them.
func Migrations(dialect string, o *Options) (fs.FS, error) {
	d, err := dialectNamed(dialect)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	prefix, err := o.prefix()
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	// An archive in memory is the shortest way to a whole fs.FS.
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	files, err := embedded.ReadDir(path.Join("migrations", d.name))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	for _, file := range files {
		text, err := embedded.ReadFile(path.Join("migrations", d.name, file.Name()))
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		out, err := w.Create(file.Name())
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		if _, err := out.Write([]byte(strings.ReplaceAll(string(text), defaultPrefix, prefix))); err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

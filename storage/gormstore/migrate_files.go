package gormstore

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed migrations
var embedded embed.FS

// latestVersion is that of the newest migration. They are numbered from 1 on,
// for all databases alike.
var latestVersion = func() int {
	files, _ := embedded.ReadDir("migrations/" + sqlite.name) // is there: see above
	return len(files)
}()

// Migrations are the files that Migrate runs, for hosts with a migration tool
// of their own: plain SQL with the annotations of goose, which are comments
// to others. Dialect is as GORM names it: "sqlite", "postgres" or "mysql".
// Open does not care who ran them.
func Migrations(dialect string, o *Options) (fs.FS, error) {
	d, err := dialectNamed(dialect)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	prefix, err := o.prefix()
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	files, err := rewritten(embedded, d, (&Store{prefix: prefix}).prefixed)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return files, nil
}

// prefixed is a text with the store's own names of tables.
func (s *Store) prefixed(text string) string {
	return strings.ReplaceAll(text, defaultPrefix, s.prefix)
}

// rewritten are the dialect's files with another text.
func rewritten(all fs.FS, d *dialect, rewrite func(string) string) (fs.FS, error) {
	// An archive in memory is the shortest way to a whole fs.FS.
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	folder := path.Join("migrations", d.name)
	files, err := fs.ReadDir(all, folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(all, path.Join(folder, file.Name()))
		if err != nil {
			return nil, err
		}
		out, err := w.Create(file.Name())
		if err != nil {
			return nil, err
		}
		if _, err := out.Write([]byte(rewrite(string(text)))); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

package gormstore

import (
	"context"
	"fmt"
	"testing/fstest"

	"gorm.io/gorm"
)

// LatestVersion is what Migrate brings a schema to.
var LatestVersion = latestVersion

// MigrateFurther is Migrate of a module that has more migrations: one for each
// text. What a migration ends with, that it sets the version, is added if the
// text does not have it.
func MigrateFurther(ctx context.Context, db *gorm.DB, texts ...string) error {
	s, err := connect(ctx, db, nil)
	if err != nil {
		return err
	}
	all := fstest.MapFS{}
	folder := "migrations/" + s.dialect.name
	files, err := embedded.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := embedded.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return err
		}
		all[folder+"/"+file.Name()] = &fstest.MapFile{Data: text}
	}
	for i, text := range texts {
		version := latestVersion + 1 + i
		text = fmt.Sprintf("-- +goose Up\n%s\nUPDATE lunas_schema SET version = %d;\n", text, version)
		all[fmt.Sprintf("%s/%05d_more.sql", folder, version)] = &fstest.MapFile{Data: []byte(text)}
	}
	return s.migrate(ctx, all, latestVersion+len(texts))
}

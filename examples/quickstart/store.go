package main

import (
	"context"
	"fmt"
	"os"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/memory"
)

// openDB opens the shop's own database.
func openDB(file string) (*gorm.DB, error) {
	// SQLite's own words for a file that cannot be written are a riddle.
	probe, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the database: %w", err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("cannot write the database: %w", err)
	}
	db, err := gorm.Open(sqlite.Open(gormstore.SQLiteDSN(file)), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w", file, err)
	}
	if err := db.AutoMigrate(&Effect{}); err != nil {
		return nil, fmt.Errorf("cannot write the database %s: %w", file, err)
	}
	return db, nil
}

// openStore keeps payments in the shop's own database, or in memory.
func openStore(ctx context.Context, kind string, db *gorm.DB) (payments.Store, error) {
	switch kind {
	case "memory":
		return memory.New(), nil
	case "sqlite":
		if err := gormstore.Migrate(ctx, db, nil); err != nil {
			return nil, err
		}
		return gormstore.Open(ctx, db, nil)
	}
	return nil, fmt.Errorf("-store is sqlite or memory, not %q", kind)
}

package gormstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// turn is what goose needs to know of the store, while it is this process's
// turn to migrate.
//
// As goose's locker it opens a transaction on the connection that goose then
// runs the statements on, and takes the dialect's lock in it. Goose's own
// lockers will not do: the one of PostgreSQL's sessions is lost behind a
// pooler of transactions; those in tables need a second connection, leave a
// table behind, are taken from a slow process as from a dead one, and the one
// of MySQL reads times, which it can with some settings of the DSN only.
//
// As goose's version store it is the schema table, which every migration
// writes at its end. Goose's own table would not know of migrations that
// another tool ran.
type turn struct {
	store  *Store
	latest int
	done   bool
}

var (
	_ lock.SessionLocker     = (*turn)(nil)
	_ database.StoreExtender = (*turn)(nil)
)

// SessionLock begins the turn.
func (t *turn) SessionLock(ctx context.Context, one *sql.Conn) error {
	t.done = false
	c := t.store.conn(sqlWire{one})
	for _, begin := range t.store.dialect.begin {
		if _, err := c.exec(ctx, begin); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	if err := t.wait(ctx, c); err != nil {
		return errors.Join(fmt.Errorf("wait for others that migrate: %w", err), t.SessionUnlock(ctx, one))
	}
	return nil
}

func (t *turn) wait(ctx context.Context, c *conn) error {
	ask, _ := t.lock()
	for mine := ask == ""; !mine; {
		answer, err := query(ctx, c, scanOne[int], ask)
		if err == nil {
			err = ctx.Err() // there are drivers that skip a statement then
		}
		if err != nil {
			return err
		}
		mine = answer[0] == 1
	}
	return nil
}

// lock is the dialect's way to let one process migrate the tables of a prefix
// at a time: ask, within a transaction, waits and gives 1, or 0 if it is to be
// asked again, and release is sent after the transaction.
func (t *turn) lock() (ask, release string) {
	switch t.store.dialect {
	case &postgres:
		// The transaction's lock and not the session's: a pooler may give the
		// session to somebody else at any time.
		return "SELECT count(pg_advisory_xact_lock(hashtextextended(concat(current_schema(), '.lunas_schema'), 0)))", ""
	case &mysql:
		// The session's lock: every DDL statement ends the transaction. Its name
		// is known to the whole server, and has 64 characters at most.
		const name = "LOCK(SHA1(CONCAT(DATABASE(), '.lunas_schema'))"
		return "SELECT GET_" + name + ", 1)", "DO RELEASE_" + name + ")"
	}
	return "", "" // the transaction excludes all other writers
}

// SessionUnlock ends the turn. A connection that may still be in it is closed.
func (t *turn) SessionUnlock(ctx context.Context, one *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	end := []string{"ROLLBACK"}
	if t.done {
		end[0] = "COMMIT"
	}
	if _, release := t.lock(); release != "" {
		end = append(end, release)
	}
	c := t.store.conn(sqlWire{one})
	for _, statement := range end {
		_, err := c.exec(ctx, statement)
		if err == nil {
			continue
		}
		discard := one.Raw(func(any) error { return driver.ErrBadConn })
		if lost(err) && !t.done {
			return nil // and with the connection, the turn
		}
		if !lost(discard) {
			err = errors.Join(err, discard)
		}
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Tablename names the table that the versions are in.
func (t *turn) Tablename() string { return t.store.prefix + "schema" }

// TableExists always: what is not there is version 0.
func (t *turn) TableExists(context.Context, database.DBTxConn) (bool, error) { return true, nil }

// CreateVersionTable is never called: the first migration creates it.
func (t *turn) CreateVersionTable(context.Context, database.DBTxConn) error {
	return errors.ErrUnsupported
}

// ListMigrations are those that have run, the last one first.
func (t *turn) ListMigrations(ctx context.Context, db database.DBTxConn) (ran []*database.ListMigrationsResult, err error) {
	version, err := t.GetLatestVersion(ctx, db)
	for ; version >= 0 && err == nil; version-- {
		ran = append(ran, &database.ListMigrationsResult{Version: version, IsApplied: true})
	}
	return ran, err
}

// GetLatestVersion is that of the schema.
func (t *turn) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	version, err := versionOn(ctx, t.store.conn(sqlWire{db}))
	return int64(max(version, 0)), err
}

// Insert is called when a migration has run, and the version is set.
func (t *turn) Insert(ctx context.Context, db database.DBTxConn, ran database.InsertRequest) error {
	version, err := t.GetLatestVersion(ctx, db)
	if err == nil {
		err = ctx.Err() // there are drivers that skip a statement then
	}
	if err == nil && version != ran.Version {
		err = fmt.Errorf("migration %d has left the schema at version %d", ran.Version, version)
	}
	t.done = err == nil && version == int64(t.latest)
	return err
}

// Delete is never called: there is no way down.
func (t *turn) Delete(context.Context, database.DBTxConn, int64) error { return errors.ErrUnsupported }

// GetMigration is never called.
func (t *turn) GetMigration(context.Context, database.DBTxConn, int64) (*database.GetMigrationResult, error) {
	return nil, errors.ErrUnsupported
}

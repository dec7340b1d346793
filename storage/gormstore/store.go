package gormstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
)

// Options of a store. The zero value is good.
type Options struct {
	// Prefix of the names of all tables, "lunas_" if empty: small letters,
	// digits and underscores, at most 32. Stores with different prefixes share
	// nothing.
	Prefix string
}

// defaultPrefix is the one that statements and migrations are written with.
const defaultPrefix = "lunas_"

var validPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (o *Options) prefix() (string, error) {
	if o == nil || o.Prefix == "" {
		return defaultPrefix, nil
	}
	if !validPrefix.MatchString(o.Prefix) {
		return "", fmt.Errorf("prefix %q: want a small letter, then small letters, digits or underscores, at most 32", o.Prefix)
	}
	return o.Prefix, nil
}

// Store is a payments.Store in a GORM database. It is safe for concurrent
// use; make one with [Open].
type Store struct {
	db      *gorm.DB
	pool    *sql.DB
	dialect *dialect
	prefix  string
	begin   []string
	// pgx: the pool's connections are pgx's own.
	pgx     bool
	updates *committer
	served  *served
	cleaned *cleaned
	// writer holds a token while a transaction of this store is open, on a
	// database with one writer: those of one process queue here, in order, and
	// do not fight for the database's lock. Nil on others.
	writer chan struct{}
	// bound is the host's transaction that the store works in, or nil.
	bound querier
}

var (
	_ payments.Store       = (*Store)(nil)
	_ payments.Listener    = (*Store)(nil)
	_ payments.Cleaner     = (*Store)(nil)
	_ payments.RecordStore = (*Store)(nil)
)

// Open returns a store on the host's database. It checks the database's
// settings and the schema, and changes neither: see the package comment and
// [Migrate]. The errors to branch on are ErrSchemaMissing, ErrSchemaOld and
// ErrSchemaNew.
func Open(ctx context.Context, db *gorm.DB, o *Options) (*Store, error) {
	s, err := connect(ctx, db, o)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.dialect.check(ctx, s.pool); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	version, err := s.schemaVersion(ctx)
	if err == nil {
		err = checkVersion(version)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// connect is a store that has not looked at its schema yet.
func connect(ctx context.Context, db *gorm.DB, o *Options) (*Store, error) {
	prefix, err := o.prefix()
	if err != nil {
		return nil, err
	}
	d, err := dialectOf(db)
	if err != nil {
		return nil, err
	}
	if isTransaction(db) {
		return nil, errTransaction
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, pool: pool, dialect: d, prefix: prefix, served: &served{}, cleaned: &cleaned{}}
	if s.pgx, err = isPgx(ctx, pool); err != nil {
		return nil, err
	}
	s.begin = d.begin
	if d.tune != nil {
		tuned, err := d.tune(ctx, pool)
		if err != nil {
			return nil, err
		}
		if tuned != "" {
			s.begin = append(slices.Clone(d.begin), tuned)
		}
	}
	if d.leaders == 1 {
		s.writer = make(chan struct{}, 1)
	}
	s.updates = &committer{leaders: d.leaders, hold: s.lockWriter, commit: s.commitAll}
	return s, nil
}

func isTransaction(db *gorm.DB) bool {
	_, ok := db.Statement.ConnPool.(gorm.TxCommitter)
	return ok
}

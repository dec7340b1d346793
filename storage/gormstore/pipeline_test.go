package gormstore_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// A host's pool, or an operator, may have the server forget what was prepared.
func TestStatementsThatTheServerHasForgottenArePreparedAnew(t *testing.T) {
	t.Parallel()
	db := openNew(t, "postgres")
	store := openStore(t, db, nil)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	id := createPayment(t, store, "hook:fulfil").ID
	update(t, store, payments.ByID(id), mark("before"))
	_, err = pool.ExecContext(t.Context(), "DEALLOCATE ALL")
	require.NoError(t, err)
	for range 3 {
		update(t, store, payments.ByID(id), mark("after"))
	}
}

// tracer counts the batches that a host hears of.
type tracer struct{ batches atomic.Int64 }

func (*tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (*tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (tr *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	tr.batches.Add(1)
	return ctx
}
func (*tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// A host that traces pgx hears of the store's statements, too.
func TestATracerHearsOfTheStoresBatches(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(scratch.New(t, "postgres"))
	require.NoError(t, err)
	heard := &tracer{}
	config.Tracer = heard
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{})
	require.NoError(t, err)
	createPayment(t, openStore(t, db, nil), "hook:fulfil")
	require.Positive(t, heard.batches.Load())
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sync/errgroup"
)

// riverHooks are jobs of River. With a batch they are inserted many at once by
// COPY, without it each by InsertTx in its own transaction, as a host does that
// wants one along with what it stores. A job is a row, and nothing else is
// written.
type riverHooks struct {
	setup setup
	batch int
	pool  *pgxpool.Pool
}

const (
	// riverWorkers is MaxWorkers, if no other number was tried out.
	riverWorkers = 500
	// riverInserters insert at once.
	riverInserters = 16
)

// hookJob is what River stores of a hook.
type hookJob struct {
	ID string `json:"id"`
}

func (hookJob) Kind() string { return "hook" }

// hookWorker calls the hook.
type hookWorker struct {
	river.WorkerDefaults[hookJob]
	calls *calls
}

func (w *hookWorker) Work(_ context.Context, job *river.Job[hookJob]) error {
	w.calls.add(job.Args.ID)
	return nil
}

func (r *riverHooks) prepare(ctx context.Context, n int) ([]string, error) {
	closePool, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closePool()
	migrator, err := rivermigrate.New(riverpgxv5.New(r.pool), &rivermigrate.Config{Logger: riverLogger()})
	if err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	return hookIDs(n), nil
}

func hookIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7()).String()
	}
	return ids
}

func (r *riverHooks) open(ctx context.Context) (func(), error) {
	var err error
	if r.pool, err = openPGX(ctx, r.setup); err != nil {
		return nil, err
	}
	return r.pool.Close, nil
}

func (r *riverHooks) commit(ctx context.Context, ids []string) error {
	client, err := river.NewClient(riverpgxv5.New(r.pool), &river.Config{Logger: riverLogger()})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(riverInserters)
	for some := range slices.Chunk(ids, r.batch) {
		group.Go(func() error {
			return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
				if r.batch == 1 {
					_, err := client.InsertTx(ctx, tx, hookJob{some[0]}, nil)
					return err
				}
				jobs := make([]river.InsertManyParams, len(some))
				for i, id := range some {
					jobs[i].Args = hookJob{id}
				}
				_, err := client.InsertManyFastTx(ctx, tx, jobs)
				return err
			})
		})
	}
	return group.Wait()
}

func (r *riverHooks) drain(ctx context.Context, c *calls) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &hookWorker{calls: c})
	size := r.setup.Size
	if size == 0 {
		size = riverWorkers
	}
	client, err := river.NewClient(riverpgxv5.New(r.pool), &river.Config{
		Logger: riverLogger(), Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: size}},
		FetchCooldown: time.Millisecond, FetchPollInterval: 10 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	if err := c.wait(ctx); err != nil {
		return err
	}
	return client.Stop(ctx) // waits until what was called is on record
}

func riverLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

func (r *riverHooks) left() string {
	return "SELECT count(*) FROM river_job WHERE state <> 'completed'"
}

func (r *riverHooks) done() string {
	return "SELECT count(*) FROM river_job WHERE state = 'completed'"
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	watersql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	watermsg "github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// watermillHooks are messages of Watermill, published many in a transaction,
// and read in order by one subscriber of one consumer group. A message is a
// row; that it was handled is on record as how far the group has come, in one
// row for a whole batch. So none can fail alone, be tried later, or be looked
// up.
type watermillHooks struct {
	setup setup
	pool  *pgxpool.Pool
}

const (
	watermillTopic = "hooks"
	watermillGroup = "bench"
	// watermillPublishers publish at once.
	watermillPublishers = 16
)

func (w *watermillHooks) schema() watersql.DefaultPostgreSQLSchema {
	return watersql.DefaultPostgreSQLSchema{SubscribeBatchSize: hookBatch}
}

func (w *watermillHooks) subscriber() (*watersql.Subscriber, error) {
	return watersql.NewSubscriber(watersql.BeginnerFromPgx(w.pool), watersql.SubscriberConfig{
		ConsumerGroup: watermillGroup, PollInterval: 10 * time.Millisecond, InitializeSchema: true,
		SchemaAdapter: w.schema(), OffsetsAdapter: watersql.DefaultPostgreSQLOffsetsAdapter{},
	}, nil)
}

func (w *watermillHooks) prepare(ctx context.Context, n int) ([]string, error) {
	closePool, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closePool()
	s, err := w.subscriber()
	if err != nil {
		return nil, err
	}
	if err := s.SubscribeInitialize(watermillTopic); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	return hookIDs(n), nil
}

func (w *watermillHooks) open(ctx context.Context) (func(), error) {
	var err error
	if w.pool, err = openPGX(ctx, w.setup); err != nil {
		return nil, err
	}
	return w.pool.Close, nil
}

func (w *watermillHooks) commit(ctx context.Context, ids []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(watermillPublishers)
	for some := range slices.Chunk(ids, hookBatch) {
		group.Go(func() error {
			return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
				publisher, err := watersql.NewPublisher(watersql.TxFromPgx(tx), watersql.PublisherConfig{SchemaAdapter: w.schema()}, nil)
				if err != nil {
					return err
				}
				messages := make([]*watermsg.Message, len(some))
				for i, id := range some {
					messages[i] = watermsg.NewMessage(id, []byte(`{"id":"`+id+`"}`))
				}
				return publisher.Publish(watermillTopic, messages...)
			})
		})
	}
	return group.Wait()
}

func (w *watermillHooks) drain(ctx context.Context, c *calls) error {
	s, err := w.subscriber()
	if err != nil {
		return err
	}
	messages, err := s.Subscribe(ctx, watermillTopic)
	if err != nil {
		return err
	}
	go func() {
		for m := range messages {
			c.add(m.UUID)
			m.Ack()
		}
	}()
	err = c.wait(ctx)
	if err == nil {
		err = w.recorded(ctx)
	}
	return errors.Join(err, s.Close())
}

// recorded waits until the last batch is on record as handled. A subscriber
// that is closed before might forget it.
func (w *watermillHooks) recorded(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var left int
		if err := w.pool.QueryRow(ctx, w.left()).Scan(&left); err != nil {
			return fmt.Errorf("look whether all is done: %w", err)
		}
		if left == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watermillHooks) left() string {
	return `SELECT count(*) FROM watermill_hooks m JOIN watermill_offsets_hooks o ON o.consumer_group = '` + watermillGroup + `'
		WHERE (m.transaction_id, m."offset") > (o.last_processed_transaction_id, o.offset_acked)`
}

func (w *watermillHooks) done() string {
	return `SELECT count(*) FROM watermill_hooks m JOIN watermill_offsets_hooks o ON o.consumer_group = '` + watermillGroup + `'
		WHERE (m.transaction_id, m."offset") <= (o.last_processed_transaction_id, o.offset_acked)`
}

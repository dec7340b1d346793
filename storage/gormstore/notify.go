package gormstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// On PostgreSQL a commit that makes deliveries which this process has no
// dispatcher for tells the others. A process that delivers its own events
// sends nothing: it has woken itself.

// channel is what is notified, with the store's prefix.
const channel = defaultPrefix + "delivery"

// served are the targets that this process leases deliveries of.
type served struct {
	mu      sync.Mutex
	targets map[string]bool
}

func (s *served) add(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.targets == nil {
		s.targets = map[string]bool{}
	}
	s.targets[target] = true
}

func (s *served) has(target string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.targets[target]
}

// notify tells other processes, with the commit, of deliveries that are
// theirs. In a transaction of the host it always does: nobody wakes this
// process when the host commits.
func (b *batch) notify() {
	s := b.c.store
	if s.dialect != &postgres {
		return
	}
	for _, d := range b.deliveries {
		if s.bound != nil || !s.served.has(d.target) {
			text, _ := s.render(channel, nil)
			b.c.later(b.c.step("SELECT pg_notify(?, '')", text))
			return
		}
	}
}

// Listen implements payments.Listener on PostgreSQL, by LISTEN on a connection
// of its own besides the pool's. Where there can be none it returns
// errors.ErrUnsupported. Behind a pooler in transaction mode it hears nothing,
// and does no harm.
func (s *Store) Listen(ctx context.Context, heard func()) error {
	if !s.pgx {
		return fmt.Errorf("listen: %w: this takes PostgreSQL and pgx", errors.ErrUnsupported)
	}
	if err := s.listen(ctx, heard); ctx.Err() == nil {
		if sqlState(err) == "0A000" {
			err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		return fmt.Errorf("listen: %w", err)
	}
	return ctx.Err()
}

func (s *Store) listen(ctx context.Context, heard func()) error {
	config, err := s.pgxConfig(ctx)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // there is nothing on it to lose
	name, _ := s.render(channel, nil)
	if _, err := conn.Exec(ctx, "LISTEN "+name); err != nil {
		return err
	}
	heard() // whatever came before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		heard()
	}
}

// pgxConfig is that of the pool's connections.
func (s *Store) pgxConfig(ctx context.Context) (config *pgx.ConnConfig, err error) {
	one, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	err = one.Raw(func(c any) error {
		config = c.(*stdlib.Conn).Conn().Config()
		return nil
	})
	return config, err
}

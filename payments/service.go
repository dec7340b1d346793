package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Service takes payments. Make one with [New], register hooks, mount
// [Service.Handler], and keep [Service.Run] running in at least one process.
// It is safe for concurrent use.
type Service struct {
	cfg      Config
	store    Store
	clock    Clock
	log      *slog.Logger
	gateways map[string]Gateway
	nudge    chan struct{} // a commit of this process may have made deliveries or timers
	traces   budget
	notices  budget
	recur    budget
	health   monitor

	mu      sync.Mutex
	hooks   map[string]map[EventKind]func(context.Context, Event) error // by lane and kind, or anyKind
	started bool
	// The hooks so far, and those that the store knows the lanes of, since when.
	registered, recorded int
	recordedAt           time.Time
}

// New returns a Service, or an error that names every field of the Config
// that cannot work.
func New(c Config) (*Service, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Catalog == nil {
		c.Catalog = staticCatalog{plans: c.Plans, items: c.Items}
	}
	s := &Service{
		cfg: c, store: c.Store, clock: c.Clock, log: c.Logger,
		gateways: map[string]Gateway{}, nudge: make(chan struct{}, 1), recur: budget{most: recurringPerMinute},
		hooks: map[string]map[EventKind]func(context.Context, Event) error{},
	}
	for _, g := range c.Gateways {
		s.gateways[g.Name()] = g
	}
	return s, nil
}

func (s *Service) now() time.Time { return stamp(s.clock.Now()) }

// wakeUp tells Run that there may be something to do.
func (s *Service) wakeUp() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// gateway returns the account of that name.
func (s *Service) gateway(name string) (Gateway, error) {
	if g, ok := s.gateways[name]; ok {
		return g, nil
	}
	return nil, fmt.Errorf("gateway %q: %w", clip(name), ErrNotFound)
}

// guard refuses calls that would wait for a lock that their caller holds.
func guard(ctx context.Context) error {
	if inTransaction(ctx) {
		return errors.New("payments: called inside a transaction of the store: use Within")
	}
	return ctx.Err()
}

type actorKey struct{}

// WithActor returns a ctx whose calls are recorded as made by actor, e.g.
// "ops:budi".
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

func actor(ctx context.Context) string {
	a, _ := ctx.Value(actorKey{}).(string)
	return a
}

package races

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
	"github.com/lunaspay/lunas/storage/memory"
)

// site is where races take place: on a store, by services as one process has
// them or as two do, each with its own handle on the database.
type site struct {
	store     string
	processes int
}

func (s site) String() string {
	name := map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL or MariaDB"}[s.store]
	return fmt.Sprintf("%s by %d", cmp.Or(name, s.store), s.processes)
}

func sites() []site {
	var all []site
	for _, store := range append([]string{"memory"}, scratch.Dialects...) {
		all = append(all, site{store, 1}, site{store, 2})
	}
	return all
}

var (
	begin = time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)

	pro  = payments.Plan{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}
	pass = payments.Plan{ID: "pass", Price: payments.IDR(29_000), Period: payments.Period{Days: passDays}}
	free = payments.Plan{ID: "free", Price: payments.IDR(0)}
	mug  = payments.Item{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}
)

const passDays = 30

// shop is a host app as one process of it has it.
type shop struct {
	pay *payments.Service
	web http.Handler
	url string
}

// world has one kind of race on one site: its own database, gateway and time,
// which stands still unless the race moves it.
type world struct {
	sim     *midtranstest.Server
	clock   *paymentstest.Clock
	shops   []*shop
	client  *http.Client
	effects *effects
	asked   atomic.Int64 // look-ups
}

// newWorld opens shops. Wrap, if not nil, stands before the store of each.
func newWorld(t *testing.T, where site, wrap func(payments.Store) payments.Store) *world {
	t.Helper()
	w := &world{
		clock: paymentstest.NewClock(begin), effects: newEffects(),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	t.Cleanup(w.client.CloseIdleConnections)
	w.sim = midtranstest.New(midtranstest.WithClock(w.clock))
	for i, store := range openStores(t, where) {
		if wrap != nil {
			store = wrap(store)
		}
		w.shops = append(w.shops, w.newShop(t, i, &stepping{store}))
	}
	return w
}

// openStores opens one for each process.
func openStores(t *testing.T, where site) []payments.Store {
	t.Helper()
	var stores []payments.Store
	if where.store == "memory" {
		store := memory.New()
		for range where.processes {
			stores = append(stores, store)
		}
		return stores
	}
	dsn := scratch.New(t, where.store)
	for i := range where.processes {
		db := scratch.Open(t, where.store, dsn)
		pool, err := db.DB()
		require.NoError(t, err)
		if where.store != "sqlite" {
			pool.SetMaxOpenConns(8) // tests of other packages use the server, too
		}
		if i == 0 {
			require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
		}
		store, err := gormstore.Open(t.Context(), db, nil)
		require.NoError(t, err)
		stores = append(stores, store)
	}
	return stores
}

func (w *world) newShop(t *testing.T, i int, store payments.Store) *shop {
	t.Helper()
	gateway := w.sim.Config()
	gateway.HTTPClient = &http.Client{Transport: &wire{next: gateway.HTTPClient.Transport, seen: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/status") {
			w.asked.Add(1)
		}
	}}}
	pay, err := payments.New(payments.Config{
		Store: store, Clock: w.clock, Gateways: []payments.Gateway{midtrans.Snap(gateway)},
		Plans: payments.Plans{pro, pass, free}, Items: payments.Items{mug},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			return payments.EndUser{ID: r.Header.Get("X-User")}, nil
		},
		Limit:     payments.Unlimited,
		PublicURL: "https://shop.test", ReturnURLs: []string{"https://shop.test/thanks"},
		// A hook that fails is tried again at once, and soon given up.
		Hooks:  payments.HookPolicy{MaxTries: 3, Backoff: func(int) time.Duration { return 0 }},
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, pay.Register(payments.Hook{Name: "fulfil", Handle: func(ctx context.Context, e payments.Event) error {
		return w.effects.run(ctx, i, e)
	}}))
	server := httptest.NewServer(pay.Handler())
	t.Cleanup(server.Close)
	return &shop{pay: pay, web: pay.Handler(), url: server.URL}
}

// shop is that of a process; numbers go round.
func (w *world) shop(i int) *shop { return w.shops[i%len(w.shops)] }

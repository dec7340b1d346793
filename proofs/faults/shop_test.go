package faults

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

const serverKey = "SB-Mid-server-faults"

// maxConns of the shop's pool: the store's four, and one for hooks.
const maxConns = 5

// Run is a row of the host's own that a hook writes. It has no unique key but
// its number: a second run would show.
type Run struct {
	ID        uint
	Lane      string `gorm:"size:64"`
	PaymentID string `gorm:"size:64"`
	Seq       int
	Kind      string `gorm:"size:64"`
}

// shop is an ordinary host app in this process. All of its goroutines carry
// its name as a label, so that they can be counted.
type shop struct {
	name   string
	url    string
	watch  *watch
	server *httptest.Server
	pool   *sql.DB
	calls  *http.Transport // to the gateway
	stop   context.CancelFunc
	ended  chan error
	closed sync.Once
}

// needs are what a shop depends on.
type needs struct {
	dialect string
	connect func() (*sql.DB, error)
	gateway string                           // its URL
	front   func(shop string) (front string) // where the gateway sees the shop
	clock   payments.Clock
}

// openShop opens a shop and runs it.
func openShop(t *testing.T, n needs) *shop {
	t.Helper()
	s := &shop{
		name: t.Name(), watch: &watch{}, calls: &http.Transport{MaxIdleConnsPerHost: 8},
		server: httptest.NewUnstartedServer(nil), ended: make(chan error, 1),
	}
	s.url = "http://" + s.server.Listener.Addr().String()
	front := n.front(s.url) // whose goroutines are not the shop's
	n.front = func(string) string { return front }
	var err error
	pprof.Do(context.Background(), pprof.Labels("shop", s.name), func(ctx context.Context) {
		ctx, s.stop = context.WithCancel(ctx)
		err = s.open(ctx, n)
	})
	require.NoError(t, err)
	t.Cleanup(func() { s.close(t) })
	return s
}

func (s *shop) open(ctx context.Context, n needs) (err error) {
	if s.pool, err = n.connect(); err != nil {
		return err
	}
	db, err := handle(n.dialect, s.pool)
	if err != nil {
		return err
	}
	if err := gormstore.Migrate(ctx, db, nil); err != nil {
		return err
	}
	if err := db.AutoMigrate(&Run{}); err != nil {
		return err
	}
	store, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		return err
	}
	pay, err := payments.New(s.config(store, n))
	if err != nil {
		return err
	}
	if err := register(pay, db, store); err != nil {
		return err
	}
	s.server.Config.Handler = s.watch.over(pay.Handler())
	s.server.Start()
	go func() { s.ended <- pay.Run(ctx) }()
	return nil
}

func (s *shop) config(store payments.Store, n needs) payments.Config {
	return payments.Config{
		Store: store,
		Gateways: []payments.Gateway{midtrans.Snap(midtrans.Config{
			ServerKey: serverKey, SnapURL: n.gateway, CoreURL: n.gateway, HTTPClient: &http.Client{Transport: s.calls},
		})},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
		Plans: payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			return payments.EndUser{ID: r.Header.Get("X-User")}, nil
		},
		Limit:     payments.Unlimited,
		PublicURL: s.url, NotificationURL: n.front(s.url) + "/notifications",
		Clock: n.clock,
		// A hook whose process heard no answer to its lease is called when that
		// is over, 15 s after the hook's timeout.
		Hooks: payments.HookPolicy{
			Timeout: 3 * time.Second, MaxTries: 1000, Poll: 100 * time.Millisecond,
			Backoff: func(int) time.Duration { return 50 * time.Millisecond },
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// register: "fulfil" writes in the store's transaction, "mail" by itself.
func register(pay *payments.Service, db *gorm.DB, store *gormstore.Store) error {
	write := func(tx *gorm.DB, lane string, e payments.Event) error {
		return tx.Create(&Run{Lane: lane, PaymentID: string(e.PaymentID), Seq: e.Seq, Kind: string(e.Kind)}).Error
	}
	err := pay.Register(payments.Hook{Name: "mail", Handle: func(ctx context.Context, e payments.Event) error {
		// One statement ends with ctx; a COMMIT does not, and would wait for ever
		// for a server that has vanished.
		return write(db.Session(&gorm.Session{Context: ctx, SkipDefaultTransaction: true}), "mail", e)
	}})
	if err != nil {
		return err
	}
	return pay.Register(payments.Hook{
		Name: "fulfil", Kinds: []payments.EventKind{payments.EventSettled},
		Handle: gormstore.InTx(store, func(_ context.Context, tx *gorm.DB, e payments.Event) error {
			return write(tx, "fulfil", e)
		}),
	})
}

// handle is GORM's on a pool.
func handle(dialect string, pool *sql.DB) (*gorm.DB, error) {
	return gorm.Open(dialectors[dialect](pool), &gorm.Config{Logger: logger.Discard})
}

// close stops the shop, and requires that nothing of it is left.
func (s *shop) close(t *testing.T) {
	t.Helper()
	s.closed.Do(func() {
		s.stop()
		require.NoError(t, <-s.ended)
		s.server.CloseClientConnections()
		s.server.Close()
		require.NoError(t, s.pool.Close())
		s.calls.CloseIdleConnections()
		await(t, "the shop's goroutines end", patience, func() bool { return goroutines(s.name) == 0 })
	})
}

// watch sees the shop's answers as they leave it.
type watch struct {
	mu      sync.Mutex
	counts  map[string]map[int]int // by path and status
	longest map[string]time.Duration
}

func (w *watch) over(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		begun, path, seen := time.Now(), r.URL.Path, &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		defer func() { w.add(path, seen.status, time.Since(begun)) }()
		h.ServeHTTP(seen, r)
	})
}

func (w *watch) add(path string, status int, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counts == nil {
		w.counts, w.longest = map[string]map[int]int{}, map[string]time.Duration{}
	}
	if w.counts[path] == nil {
		w.counts[path] = map[int]int{}
	}
	w.counts[path][status]++
	w.longest[path] = max(w.longest[path], took)
}

// count of the answers with a status so far.
func (w *watch) count(path string, status int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[path][status]
}

// took is the longest that an answer took so far.
func (w *watch) took(path string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.longest[path]
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController, and http.MaxBytesReader.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

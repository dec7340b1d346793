package kill

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// world is everything outside the apps: the gateway, the buyers, the network,
// whoever pulls the plug, and who counts in the end.
type world struct {
	t    *testing.T
	sim  *midtranstest.Server
	http *http.Client
	apps []*process
	// db and store are the test's own look at the apps' database.
	db    *gorm.DB
	store *gormstore.Store

	clock clock
	seed  uint64
	dice  chance // of whoever pulls the plug
	// hostile: the network is as bad as it may be, in both directions.
	hostile bool

	answered atomic.Int64 // requests of buyers, of the host's and notifications
	ordered  atomic.Int64
	faults   atomic.Int64

	mu sync.Mutex
	// want is what has become of each order, as its buyer and the gateway know.
	want map[payments.ID]fate
	// wished are the refunds of each order that somebody asked for: by key, or
	// at the dashboard.
	wished map[payments.ID][]wish
	// untold are orders of which the gateway's notifications are all lost.
	untold map[string]bool
	// bag holds letters to be sent, givenUp those that were not taken however
	// often.
	bag, givenUp []letter
	sent         int
	// taken counts the notifications of each order that an app answered with
	// 200.
	taken map[payments.ID]int
	// duplicates are those sent of what had been sent before.
	duplicates int
	wrong      int // payments that the audit blamed
	quiet      time.Time
}

// wish is a refund that was asked for, by the host if it has a key.
type wish struct {
	key    string
	amount int64
}

func (w *world) wish(o order, key string, amount int64) {
	if amount == 0 {
		amount = o.amount
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wished[o.id] = append(w.wished[o.id], wish{key, amount})
}

// busy bounds how many worlds have traffic at the same time. What comes after
// it is mostly waiting, for what killed processes had leased, and any number
// may do that at once.
var busy = make(chan struct{}, 2)

// newWorld has an empty database, and an app of each version, not started. Its
// time goes so much faster than the machine's.
func newWorld(t *testing.T, dialect string, speed int, versions ...version) *world {
	t.Helper()
	seed := seed(t)
	t.Logf("LUNAS_CRASH_SEED=%d", seed)
	clock := newClock(speed)
	dsn := newDSN(t, dialect)
	db, err := openDB(dialect, dsn, 2)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	require.NoError(t, db.AutoMigrate(&Run{}))
	sim := midtranstest.NewServer(midtranstest.WithKeys(serverKey, "SB-Mid-client-crash-test"), midtranstest.WithClock(clock))
	t.Cleanup(sim.Close)
	w := &world{
		t: t, sim: sim, db: db, clock: clock, seed: seed, dice: chanceOf(seed, "killer"),
		want: map[payments.ID]fate{}, wished: map[payments.ID][]wish{}, untold: map[string]bool{},
		taken: map[payments.ID]int{},
		http:  &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 20}},
	}
	t.Cleanup(w.http.CloseIdleConnections)
	for _, v := range versions {
		w.apps = append(w.apps, newProcess(t, spec{Dialect: dialect, DSN: dsn, Simulator: sim.URL, Version: v, Clock: clock}))
	}
	return w
}

// startAll starts those that do not run, at once.
func (w *world) startAll() {
	w.t.Helper()
	var started []*process
	for _, p := range w.apps {
		if !p.up.Load() {
			p.launch()
			started = append(started, p)
		}
	}
	for _, p := range started {
		p.ready()
	}
	w.open()
}

// open takes the test's own look at the database, which has its tables once an
// app is ready.
func (w *world) open() {
	w.t.Helper()
	if w.store != nil {
		return
	}
	var err error
	w.store, err = gormstore.Open(w.t.Context(), w.db, nil)
	require.NoError(w.t, err)
}

func (w *world) stopAll() {
	for _, p := range w.apps {
		p.stop()
	}
}

func (w *world) someRun() bool {
	for _, p := range w.apps {
		if p.up.Load() {
			return true
		}
	}
	return false
}

// address is that of an app that is up; or of one that is not, if none is.
func (w *world) address(c chance) string {
	for _, i := range c.Perm(len(w.apps)) {
		if w.apps[i].up.Load() {
			return w.apps[i].spec.Addr
		}
	}
	return w.apps[0].spec.Addr
}

// after waits until so many more requests have been answered, and a moment:
// what comes next falls into the middle of one of them. So a slow machine has
// as much done by then as a fast one.
func (w *world) after(answers int) {
	w.t.Helper()
	from := w.answered.Load()
	poll(w.t, "the apps answer", func() bool { return w.answered.Load() >= from+int64(answers) })
	<-time.After(w.dice.upTo(5 * time.Millisecond))
}

// traffic lets buyers buy, and notifications come, until the function that it
// returns is called; then what is left is delivered.
func (w *world) traffic() (stop func()) {
	busy <- struct{}{}
	gone, done := make(chan struct{}), make(chan struct{})
	var buyers, postmen sync.WaitGroup
	for i := range 8 {
		b := &buyer{
			w: w, user: fmt.Sprintf("user-%d", i/2), chance: chanceOf(w.seed, fmt.Sprintf("buyer-%d", i)), gone: gone,
		}
		buyers.Go(b.buyUntil)
	}
	for i := range 3 {
		c := chanceOf(w.seed, fmt.Sprintf("postman-%d", i))
		postmen.Go(func() { w.deliverUntil(c, done) })
	}
	stop = sync.OnceFunc(func() {
		close(gone)
		buyers.Wait() // what was ordered meets its fate
		close(done)
		postmen.Wait()
		w.relent()
		w.deliverAll(w.dice)
		<-busy
	})
	w.t.Cleanup(stop) // if the test ends early
	return stop
}

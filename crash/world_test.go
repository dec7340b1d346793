package crash

import (
	"io"
	"math/rand/v2"
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

	answered atomic.Int64 // requests of buyers and notifications

	mu sync.Mutex
	// want is what has become of each order, as the buyer and the gateway know.
	want map[payments.ID]payments.Status
	bag  []letter
	sent int
}

// busy bounds how many worlds have traffic at the same time. What comes after
// it is mostly waiting, for what killed processes had leased, and any number
// may do that at once.
var busy = make(chan struct{}, 2)

// newWorld has an empty database, and an app of each version, not started.
func newWorld(t *testing.T, dialect string, versions ...version) *world {
	t.Helper()
	dsn := newDSN(t, dialect)
	db, err := openDB(dialect, dsn, 2)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	require.NoError(t, db.AutoMigrate(&Run{}))
	sim := midtranstest.NewServer(midtranstest.WithKeys(serverKey, "SB-Mid-client-crash-test"))
	t.Cleanup(sim.Close)
	w := &world{
		t: t, sim: sim, db: db, want: map[payments.ID]payments.Status{},
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 10}},
	}
	t.Cleanup(w.http.CloseIdleConnections)
	for _, v := range versions {
		w.apps = append(w.apps, newProcess(t, spec{Dialect: dialect, DSN: dsn, Simulator: sim.URL, Version: v}))
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
func (w *world) address() string {
	for _, i := range rand.Perm(len(w.apps)) {
		if w.apps[i].up.Load() {
			return w.apps[i].spec.Addr
		}
	}
	return w.apps[0].spec.Addr
}

// answer sends a request and reads the answer to its end.
func (w *world) answer(req *http.Request) (status int, body []byte, err error) {
	resp, err := w.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil {
		w.answered.Add(1)
	}
	return resp.StatusCode, body, err
}

// after waits until so many more requests have been answered, and a moment:
// what comes next falls into the middle of one of them. So a slow machine has
// as much done by then as a fast one.
func (w *world) after(answers int) {
	w.t.Helper()
	from := w.answered.Load()
	poll(w.t, "the apps answer", func() bool { return w.answered.Load() >= from+int64(answers) })
	<-time.After(rand.N(5 * time.Millisecond))
}

// traffic lets buyers buy, and notifications come, until the function that it
// returns is called; then what is left is delivered.
func (w *world) traffic() (stop func()) {
	busy <- struct{}{}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { w.buyUntil(done) })
	}
	for range 2 {
		all.Go(func() { w.deliverUntil(done) })
	}
	stop = sync.OnceFunc(func() {
		close(done)
		all.Wait()
		w.deliverAll()
		<-busy
	})
	w.t.Cleanup(stop) // if the test ends early
	return stop
}

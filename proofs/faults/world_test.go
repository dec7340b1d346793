package faults

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

const notifications, checkouts = "/notifications/midtrans", "/checkout"

// world is a shop with all that stands around it.
type world struct {
	t        *testing.T
	fault    string
	database database
	sim      *midtranstest.Server
	shop     *shop
	load     *load
	// db and store look at the database past all proxies.
	db    *gorm.DB
	store *gormstore.Store
}

// around is what stands around a shop; the zero value is in good health.
type around struct {
	database string                  // address to reach it at, if not its own
	connect  func() (*sql.DB, error) // instead of the database's
	gateway  func(t *testing.T, simulator string) toxic
	front    func(t *testing.T, shop string) toxic // for notifications
	clock    payments.Clock
}

// retries of the gateway: Midtrans's rule with pauses of a test's length.
var retries = []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second, 10 * time.Second, 20 * time.Second}

func newWorld(t *testing.T, fault string, d database, a around) *world {
	t.Helper()
	w := &world{t: t, fault: fault, database: d}
	w.sim = midtranstest.NewServer(midtranstest.WithKeys(serverKey, "SB-Mid-client-faults"), midtranstest.WithRetry(retries...))
	t.Cleanup(w.sim.Close)
	through := func(proxy func(*testing.T, string) toxic, url string) string {
		if proxy == nil {
			return url
		}
		return "http://" + proxy(t, strings.TrimPrefix(url, "http://")).addr()
	}
	if a.database == "" {
		a.database = d.addr
	}
	if a.connect == nil {
		a.connect = func() (*sql.DB, error) { return d.connect(a.database) }
	}
	w.shop = openShop(t, needs{
		dialect: d.dialect, connect: a.connect, clock: a.clock, gateway: through(a.gateway, w.sim.URL),
		front: func(shop string) string { return through(a.front, shop) },
	})
	w.open()
	return w
}

// open takes the test's own look at the database.
func (w *world) open() {
	w.t.Helper()
	pool, err := w.database.connect(w.database.addr)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, pool.Close()) })
	w.db, err = handle(w.database.dialect, pool)
	require.NoError(w.t, err)
	w.store, err = gormstore.Open(w.t.Context(), w.db, nil)
	require.NoError(w.t, err)
}

// trial is one fault.
type trial struct {
	inject func() (heal func())
	last   time.Duration
	// refuses: notifications are answered 503 meanwhile. Otherwise it was no
	// fault, so it lasts until some have been.
	refuses bool
	// check, if not nil, looks at what was answered meanwhile, and says what is
	// wrong with it.
	check func(during answers) string
}

// run lets a shop with customers meet a fault, recover, and finish what there
// is to do; then it counts.
func (w *world) run(tr trial) result {
	w.t.Helper()
	r := w.meet(tr)
	w.finish(tr, &r)
	return r
}

func (w *world) meet(tr trial) result {
	w.t.Helper()
	w.load = startLoad(w.t, w.sim, w.shop.url)
	r := result{fault: w.fault, database: w.database.name}
	for range rounds() {
		w.taken(enough)
		w.load.saving.Store(false)
		during, refused := span{from: time.Now()}, w.shop.watch.count(notifications, http.StatusServiceUnavailable)
		heal := tr.inject()
		w.hold(tr.last, &r)
		await(w.t, "notifications are refused", patience, func() bool {
			return !tr.refuses || w.shop.watch.count(notifications, http.StatusServiceUnavailable) >= refused+some
		})
		heal()
		during.to = time.Now()
		w.load.saving.Store(true)
		w.taken(enough)
		r.spans = append(r.spans, during)
	}
	w.load.stopBuying()
	w.untilQuiet()
	r.quiet = time.Since(r.spans[len(r.spans)-1].to)
	return r
}

func (w *world) finish(tr trial, r *result) {
	w.t.Helper()
	w.load.stop() // now all answers have been told
	r.longest = w.shop.watch.took(notifications)
	for i, s := range r.spans {
		seen := w.load.answered(s)
		if tr.check != nil {
			require.Empty(w.t, tr.check(seen), "round %d: %+v", i+1, seen)
		}
		r.add(seen)
		r.first = max(r.first, w.load.firstTaken(s.to).Sub(s.to))
	}
	w.audit(r)
	require.Less(w.t, r.goroutines, maxGoroutines, "goroutines of the shop")
	w.shop.close(w.t)
}

// maxGoroutines of a shop that has eight requests from the gateway and two
// from buyers at a time, and may run 16 hooks.
const maxGoroutines = 120

// enough notifications to say that a shop works, and some to say that it does
// not.
const enough, some = 10, 4

// taken waits until so many more notifications were answered 200. Those that
// follow a fault may be on their way again only after a while.
func (w *world) taken(more int) {
	w.t.Helper()
	from := w.shop.watch.count(notifications, http.StatusOK)
	await(w.t, fmt.Sprintf("%d more notifications are taken", more), time.Minute, func() bool {
		return w.shop.watch.count(notifications, http.StatusOK) >= from+more
	})
}

// hold waits for the fault's time to pass, and keeps an eye on the shop.
func (w *world) hold(last time.Duration, r *result) {
	over := time.After(last)
	for {
		r.goroutines = max(r.goroutines, goroutines(w.shop.name))
		select {
		case <-over:
			return
		case <-time.After(400 * time.Millisecond):
		}
	}
}

// untilQuiet waits until neither the gateway nor the shop has anything left to
// do.
func (w *world) untilQuiet() {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		left := "notifications are to be sent again"
		if w.load.delivered() {
			left = w.unfinished()
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			require.FailNow(w.t, "waited in vain: "+left)
		}
		<-time.After(200 * time.Millisecond) // before the next look
	}
}

package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// place is a database and the shop on it. Many cases take place there, one
// after the other: to clear the tables is quicker than to make new ones, and
// the process that took over in one case is killed in the next.
type place struct {
	t     *testing.T
	birth birth
	shop  *process
	http  *http.Client
	// db and store are the test's own look at the database.
	db    *gorm.DB
	store *gormstore.Store
	dir   string
}

func newPlace(t *testing.T, dialect string) *place {
	t.Helper()
	p := bare(t, dialect)
	require.NoError(t, gormstore.Migrate(t.Context(), p.db, nil))
	p.open(t)
	return p
}

// bare has no tables of Lunas yet.
func bare(t *testing.T, dialect string) *place {
	t.Helper()
	dsn := ""
	switch dialect {
	case "postgres": // a schema cannot be dropped while a killed process's transaction lingers
		dsn = scratch.Postgres(t)
	case "sqlite":
		dsn = gormstore.SQLiteDSN(filepath.Join(inMemory(t), "shop.db"))
	default:
		dsn = scratch.New(t, dialect)
	}
	p := &place{
		t: t, birth: birth{Dialect: dialect, DSN: dsn}, dir: t.TempDir(), db: scratch.Open(t, dialect, dsn),
		http: &http.Client{Timeout: 3 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
	require.NoError(t, p.db.AutoMigrate(&Effect{}, &HostOrder{}))
	t.Cleanup(p.http.CloseIdleConnections)
	t.Cleanup(func() {
		if p.shop != nil {
			p.shop.stop()
		}
	})
	return p
}

// inMemory is a folder that is not on a disk, if there can be one: what was
// written when a process is killed is there, and nothing waits for the disk.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lunas-matrix-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func (p *place) open(t *testing.T) {
	t.Helper()
	var err error
	p.store, err = gormstore.Open(t.Context(), p.db, nil)
	require.NoError(t, err)
}

var tables = []string{
	"lunas_payment", "lunas_ref", "lunas_event", "lunas_delivery", "lunas_delivery_log", "lunas_claim", "lunas_message",
	"lunas_lane", "lunas_record", "effects", "host_orders",
}

// world is one case: everything outside the shop, and what it knows.
type world struct {
	*place
	sim   *midtranstest.Server
	clock *paymentstest.Clock
	spec  spec
	model model
	links map[string]wantLink
	kills int
	// passed are the points of the shop until it was made anew.
	passed []string
	stuck  string // what the last look at timers met, if anything
}

// newWorld begins a case in which the shop dies at kill.
func newWorld(t *testing.T, p *place, kill target) *world {
	t.Helper()
	p.t = t
	for _, table := range tables {
		require.NoError(p.t, p.db.Exec("DELETE FROM "+table).Error)
	}
	clock := paymentstest.NewClock(time.Now().UTC().Truncate(time.Second))
	w := &world{place: p, clock: clock, model: model{}, links: map[string]wantLink{}}
	w.sim = midtranstest.NewServer(midtranstest.WithClock(clock), midtranstest.WithKeys(serverKey, clientKey))
	w.sim.Notify(publicURL+"/notifications/midtrans", http.HandlerFunc(w.forward))
	w.spec = spec{Simulator: w.sim.URL, Kill: kill, Mended: filepath.Join(p.dir, "mended")}
	_ = os.Remove(w.spec.Mended)
	w.begin()
	return w
}

func (w *world) end() { w.sim.Close() }

// begin makes the shop, which is started if there is none, that of this case.
func (w *world) begin() {
	w.t.Helper()
	if w.shop == nil || !w.shop.alive() {
		w.shop = start(w.t, w.birth)
	}
	w.spec.Now = w.clock.Now()
	body, err := json.Marshal(w.spec)
	require.NoError(w.t, err)
	answer, err := w.http.Post("http://"+w.shop.addr+"/begin", "application/json", bytes.NewReader(body))
	require.NoError(w.t, err)
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	require.Equal(w.t, http.StatusOK, answer.StatusCode, "%s", text)
}

// deploy makes the shop one of another version.
func (w *world) deploy(change func(*spec)) {
	w.t.Helper()
	w.passed = w.soFar()
	change(&w.spec)
	w.begin()
}

// soFar are the points that the shop has passed.
func (w *world) soFar() (passed []string) {
	w.t.Helper()
	answer, err := w.http.Get("http://" + w.shop.addr + "/points")
	require.NoError(w.t, err)
	defer answer.Body.Close()
	require.NoError(w.t, json.NewDecoder(answer.Body).Decode(&passed))
	return append(w.passed, passed...)
}

// died: the shop does not answer. Its successor takes its place, and lives.
func (w *world) died() {
	w.t.Helper()
	require.True(w.t, w.shop.killed(), "the shop ended by itself, or hangs: %v", w.shop.died)
	w.kills++
	require.Equal(w.t, 1, w.kills)
	w.spec.Kill = target{}
	w.begin()
}

// ask sends a request. A status of zero says that no answer came.
func (w *world) ask(method, path string, header http.Header, body []byte) (status int, answer []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.shop.addr+path, bytes.NewReader(body))
	require.NoError(w.t, err)
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("X-Now", w.clock.Now().Format(time.RFC3339Nano))
	resp, err := w.http.Do(req)
	if err == nil {
		defer resp.Body.Close()
		if answer, err = io.ReadAll(resp.Body); err == nil {
			return resp.StatusCode, answer
		}
	}
	w.died()
	return 0, nil
}

// forward takes the gateway's notifications to wherever the shop is by now.
func (w *world) forward(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	status, answer := w.ask(r.Method, r.URL.Path, r.Header, body)
	if status == 0 {
		panic(http.ErrAbortHandler) // nobody answers: it will be sent again
	}
	rw.WriteHeader(status)
	_, _ = rw.Write(answer)
}

// insist sends a request again until it is answered, as whoever needs the
// answer does: after a minute, for a call that broke off may still count as
// running.
func (w *world) insist(what, method, path string, header http.Header, body []byte) string {
	w.t.Helper()
	var status int
	var answer []byte
	for range 10 {
		status, answer = w.ask(method, path, header, body)
		switch {
		case status == http.StatusOK, status == http.StatusCreated, status == http.StatusSeeOther:
			var found struct {
				PaymentID string `json:"payment_id"`
			}
			_ = json.Unmarshal(answer, &found) // a page has none
			return found.PaymentID
		case status == http.StatusConflict && w.kills > 0 && !strings.Contains(path, "/checkout"):
			return "" // done before it died, or by a timer since
		}
		w.clock.Advance(time.Minute)
	}
	require.Failf(w.t, "not answered", "%s: %d %s", what, status, answer)
	return ""
}

// admin calls a route of the shop's own.
func (w *world) admin(op string, args ...string) payments.ID {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	return payments.ID(w.insist(op, http.MethodPost, "/admin/"+op+"?"+form.Encode(), nil, nil))
}

// checkout is a buyer's, under one key, until it is answered.
func (w *world) checkout(body string, more ...string) payments.ID {
	w.t.Helper()
	header := http.Header{"Content-Type": {"application/json"}, "X-User": {"ana"}, "Idempotency-Key": {"cart-1"}}
	for i := 0; i < len(more); i += 2 {
		header.Set(more[i], more[i+1])
	}
	return payments.ID(w.insist("checkout", http.MethodPost, "/checkout", header, []byte(body)))
}

const (
	aMug  = `{"items":[{"id":"mug","quantity":1}]}`
	aPlan = `{"plan_id":"pro"}`
	free  = `{"plan_id":"free"}`
)

// drain lets the shop do what is due: hooks and timers.
func (w *world) drain() {
	w.t.Helper()
	if status, answer := w.ask(http.MethodPost, "/admin/drain", nil, nil); status != 0 && status != http.StatusOK {
		w.stuck = fmt.Sprintf("drain: %d %s", status, answer) // told if it stays so
	}
}

// until lets time go by until ok: the gateway sends what is due, and the shop
// does what is.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for round := range 40 {
		_, err := w.sim.Deliver(w.t.Context())
		require.NoError(w.t, err)
		w.drain()
		if ok() {
			return
		}
		step := 50 * time.Second // leases of what died are over after 45
		if round > 2 {
			step = 3 * time.Minute
		}
		w.clock.Advance(step)
	}
	require.Failf(w.t, "waited in vain", "%s; %s", what, w.stuck)
}

// is waits until a payment has a status and nothing of it is on its way.
func (w *world) is(id payments.ID, status payments.Status) {
	w.t.Helper()
	w.until(fmt.Sprintf("payment %s is %s", id, status), func() bool {
		p, err := w.store.Get(w.t.Context(), payments.ByID(id))
		return err == nil && p.Status == status && w.quiet()
	})
}

// quiet: nothing is on its way to a hook.
func (w *world) quiet() bool {
	open, err := w.store.Deliveries(w.t.Context(), payments.DeliveryQuery{
		State: []payments.DeliveryState{payments.DeliveryOpen}, Limit: 1,
	})
	require.NoError(w.t, err)
	return len(open.Items) == 0
}

// later lets a time go by at once, and what is due then happen.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	w.until("nothing is on its way", w.quiet)
}

func (w *world) ok(err error) {
	w.t.Helper()
	require.NoError(w.t, err)
}

// afterwards the gateway repeats itself, and a day goes by: nothing may come
// of it.
func (w *world) afterwards() {
	w.t.Helper()
	for _, o := range w.sim.Orders() {
		if len(o.Transactions) > 0 {
			w.ok(w.sim.Resend(o.ID, 2))
		}
	}
	w.until("nothing is on its way", w.quiet)
	w.later(day)
}

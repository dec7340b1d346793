package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/payments/routing"
	"github.com/lunaspay/lunas/storage/gormstore"
)

const (
	serverKey = "SB-Mid-server-crash-matrix"
	clientKey = "SB-Mid-client-crash-matrix"
	publicURL = "http://shop.test"
	mug, pro  = 85_000, 29_000 // what they cost
)

// Effect is what a hook did: a row of the host's own. It has no unique key
// but its number, so a second one would show.
type Effect struct {
	ID        uint
	Lane      string `gorm:"size:64"`
	PaymentID string `gorm:"size:64"`
	Seq       int
	Kind      string `gorm:"size:64"`
}

// HostOrder is the host's own order, which it stores in one transaction with
// its payment.
type HostOrder struct {
	Key       string `gorm:"size:64;primaryKey"`
	PaymentID string `gorm:"size:64"`
}

// birth is what a process is told when it starts.
type birth struct {
	Dialect, DSN string
	// Migrate: it brings its schema up to date first, and dies at Kill.
	Migrate bool
	Kill    target
}

// spec is what it is told at the beginning of a case, and again when it has
// taken the place of one that died.
type spec struct {
	Simulator string
	Now       time.Time
	Kill      target
	// Mended is a file: while there is none, the hook "fragile" fails.
	Mended string
	// Old: the version of the app has the lane "old". Cleans: it deletes what
	// is old.
	Old, Cleans bool
	// Spare: it has a second account, which is asked where the first fails, and
	// sends back by itself what is paid twice.
	Spare bool
}

// shop is the host app, in a process that can be killed.
type shop struct {
	db     *gorm.DB
	points *points
	now    atomic.Pointer[today]
}

// today is the shop of one case.
type today struct {
	spec
	*shop
	store *watchedStore
	clock *paymentstest.Clock
	pay   *payments.Service
	mux   *http.ServeMux
}

// live is the life of the process. It tells its address on its output, and
// serves until its input ends.
func live(raw string) error {
	var b birth
	if err := json.Unmarshal([]byte(raw), &b); err != nil {
		return err
	}
	s := &shop{points: &points{}}
	w := &watch{points: s.points}
	deadline := time.Now().Add(20 * time.Second)
	db, err := w.open(b.Dialect, b.DSN)
	for err != nil && time.Now().Before(deadline) { // a server may have too many clients for a moment
		<-time.After(100 * time.Millisecond)
		db, err = w.open(b.Dialect, b.DSN)
	}
	if err != nil {
		return err
	}
	s.db = db
	if b.Migrate {
		s.points.begin(b.Kill)
		w.migrating.Store(true)
		if err := gormstore.Migrate(context.Background(), db, nil); err != nil {
			return err
		}
		w.migrating.Store(false)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Println(listener.Addr()); err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// ServeHTTP takes requests that say what time it is.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/begin":
		if err := s.begin(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		return
	case "/points":
		_ = json.NewEncoder(w).Encode(s.points.soFar())
		return
	}
	t := s.now.Load()
	now, err := time.Parse(time.RFC3339Nano, r.Header.Get("X-Now"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if late := now.Sub(t.clock.Now()); late > 0 {
		t.clock.Advance(late)
	}
	t.mux.ServeHTTP(w, r)
}

// begin opens the shop anew.
func (s *shop) begin(r *http.Request) error {
	t := &today{shop: s}
	if err := json.NewDecoder(r.Body).Decode(&t.spec); err != nil {
		return err
	}
	s.points.begin(t.Kill)
	store, err := gormstore.Open(r.Context(), s.db, nil)
	if err != nil {
		return err
	}
	t.store, t.clock = &watchedStore{store, s.points}, paymentstest.NewClock(t.Now)
	if t.pay, err = payments.New(t.config()); err != nil {
		return err
	}
	t.hooks()
	t.routes()
	s.now.Store(t)
	return nil
}

func (t *today) config() payments.Config {
	c := payments.Config{
		Store:    t.store,
		Gateways: []payments.Gateway{t.account("midtrans")},
		Plans: payments.Plans{
			{ID: "pro", Price: payments.IDR(pro), Period: payments.Monthly},
			{
				ID: "club", Price: payments.IDR(pro), Period: payments.Period{Days: 30},
				Renewal: &payments.Renewal{Grace: 5 * day, Reminders: []time.Duration{0}},
			},
			{ID: "free", Price: payments.IDR(0), Period: payments.Monthly},
		},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(mug)}},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			return payments.EndUser{ID: r.Header.Get("X-User")}, nil
		},
		Prepare: func(r *http.Request, p *payments.CreateParams) error {
			if r.Header.Get("X-Fragile") != "" {
				p.Metadata = map[string]string{"fragile": "yes"}
			}
			return nil
		},
		Limit:     payments.Unlimited,
		PublicURL: publicURL,
		Hooks:     payments.HookPolicy{MaxTries: 3, Backoff: func(int) time.Duration { return time.Minute }},
		Clock:     t.clock,
		Logger:    slog.New(slog.DiscardHandler),
	}
	if t.Spare {
		c.Gateways = append(c.Gateways, t.account("spare"))
		c.Router = routing.Rules(routing.Rule{Use: []string{"midtrans", "spare"}})
	}
	if t.Cleans {
		c.Retention = payments.Retention{Deliveries: 24 * time.Hour, Messages: 24 * time.Hour}
	}
	return c
}

func (t *today) account(name string) payments.Gateway {
	return &watchedGateway{midtrans.Snap(midtrans.Config{
		Name: name, ServerKey: serverKey, SnapURL: t.Simulator, CoreURL: t.Simulator, Timeout: time.Minute,
	}), t.points}
}

// fulfilled are the kinds that the transactional hook hears of.
var fulfilled = []payments.EventKind{
	payments.EventSettled, payments.EventRefunded, payments.EventExpired, payments.EventCanceled, payments.EventClaimGranted,
	payments.EventClaimRevoked,
}

func (t *today) hooks() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(t.pay.Register(payments.Hook{Name: "fulfil", Kinds: fulfilled, Handle: gormstore.InTx(t.store.Store, t.fulfil)}))
	must(t.pay.Register(payments.Hook{Name: "mail", Handle: t.mail}))
	must(t.pay.Register(payments.Hook{Name: "fragile", Kinds: []payments.EventKind{payments.EventSettled}, Handle: t.fragile}))
	if t.Spare {
		t.pay.RefundOverpaid("give-back")
	}
	if t.Old {
		must(t.pay.Register(payments.Hook{Name: "old", Handle: t.old}))
	}
}

func (s *shop) write(db *gorm.DB, lane string, e payments.Event) error {
	return db.Create(&Effect{Lane: lane, PaymentID: string(e.PaymentID), Seq: e.Seq, Kind: string(e.Kind)}).Error
}

// fulfil is transactional: its row and the end of its delivery are one commit.
func (s *shop) fulfil(_ context.Context, tx *gorm.DB, e payments.Event) error {
	s.points.pass("transactional hook: before its row")
	err := s.write(tx, "fulfil", e)
	s.points.pass("transactional hook: after its row")
	return err
}

// mail is plain: its row is committed by itself, before the delivery ends.
func (s *shop) mail(ctx context.Context, e payments.Event) error {
	s.points.pass("plain hook: before its effect")
	err := s.write(s.db.WithContext(ctx), "mail", e)
	s.points.pass("plain hook: after its effect")
	return err
}

var errBroken = errors.New("the printer is out of paper")

// fragile fails for some orders until somebody mends it.
func (t *today) fragile(ctx context.Context, e payments.Event) error {
	if _, err := os.Stat(t.Mended); err != nil && e.Order.Metadata["fragile"] != "" {
		return errBroken
	}
	return t.write(t.db.WithContext(ctx), "fragile", e)
}

func (s *shop) old(ctx context.Context, e payments.Event) error {
	return s.write(s.db.WithContext(ctx), "old", e)
}

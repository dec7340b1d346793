package kill

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

const serverKey = "SB-Mid-server-crash-test"

// version is that of the app. All versions take checkouts and notifications.
type version int

const (
	// web has no hooks at all.
	web version = iota
	// v1 has two lanes: "fulfil", in the store's transaction and for
	// settlements only, and "mail", a plain hook that hears of everything.
	v1
	// v2 has a third lane, "points", and knows more kinds in "fulfil".
	v2
	// v3 keeps accounts besides: its lane "ledger" writes down each amount.
	v3
)

// kinds are what the transactional lanes of a version hear of.
var kinds = map[version]map[string][]payments.EventKind{
	v1: {"fulfil": {payments.EventSettled}},
	v2: {
		"fulfil": {payments.EventSettled, payments.EventRefunded, payments.EventExpired},
		"points": {payments.EventSettled, payments.EventRefunded},
	},
	v3: {
		"fulfil": {payments.EventSettled, payments.EventRefunded, payments.EventExpired},
		"ledger": {payments.EventSettled, payments.EventOverpaid, payments.EventRefunded},
	},
}

// Run is a row of the host's own that a hook writes. It has no unique key but
// its number: a second run would show.
type Run struct {
	ID        uint
	Lane      string `gorm:"size:64"`
	PaymentID string `gorm:"size:64"`
	Seq       int
	Kind      string `gorm:"size:64"`
	// Amount is what the event tells of; zero if it tells of none.
	Amount  int64
	Version version
}

// spec is what a child process is told.
type spec struct {
	Addr, Dialect, DSN, Simulator, Log string
	Version                            version
	Clock                              clock
}

// app is an ordinary host app: its own table and payments in one database,
// three routes, and the hooks of its version. It runs until it is killed, or
// asked to stop by SIGTERM.
func app(raw string) error {
	var s spec
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := openDB(s.Dialect, s.DSN, 5)
	if err != nil {
		return err
	}
	if err := gormstore.Migrate(ctx, db, nil); err != nil {
		return err
	}
	store, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	pay, err := payments.New(config(s, store, slog.New(slog.NewTextHandler(log, nil))))
	if err != nil {
		return err
	}
	if s.Version != web {
		if err := register(pay, db, store, s.Version); err != nil {
			return err
		}
	}
	return serve(ctx, s.Addr, pay)
}

func config(s spec, store payments.Store, log *slog.Logger) payments.Config {
	return payments.Config{
		Store: store,
		Gateways: []payments.Gateway{midtrans.Snap(midtrans.Config{
			ServerKey: serverKey, SnapURL: s.Simulator, CoreURL: s.Simulator, Timeout: time.Second,
		})},
		Plans: payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			return payments.EndUser{ID: r.Header.Get("X-User")}, nil
		},
		Limit:     payments.Unlimited, // buyers who buy as fast as they can
		PublicURL: "http://" + s.Addr,
		Clock:     s.Clock,
		// No fate takes as long, however fast the clock is.
		ExpiresIn: 6 * 24 * time.Hour,
		// A lost notification is healed within the test's time.
		Reconcile: schedule(s.Clock),
		Hooks: payments.HookPolicy{
			// A lease is this and 15 seconds by the clock: at ten times the
			// speed 7.5 s. The hooks give themselves hookLimit, which is less, so
			// that on a slow machine none outruns its lease.
			Timeout:  s.Clock.of(6 * time.Second),
			MaxTries: 100, Poll: s.Clock.of(100 * time.Millisecond),
			Backoff: func(int) time.Duration { return s.Clock.of(50 * time.Millisecond) },
		},
		Logger: log,
	}
}

// schedule is one second of the machine's, two, four, and so on for an hour.
func schedule(c clock) (s payments.Schedule) {
	for d := time.Second; d < time.Hour; d *= 2 {
		s = append(s, c.of(d))
	}
	return s
}

func register(pay *payments.Service, db *gorm.DB, store *gormstore.Store, v version) error {
	const hookLimit = time.Second // of the machine's
	write := func(tx *gorm.DB, lane string, e payments.Event, linger time.Duration) error {
		var told struct {
			Amount payments.Money `json:"amount"`
		}
		err := json.Unmarshal(e.Data, &told)
		err = errors.Join(err, tx.Create(&Run{
			Lane: lane, PaymentID: string(e.PaymentID), Seq: e.Seq, Kind: string(e.Kind), Amount: told.Amount.Amount, Version: v,
		}).Error)
		<-time.After(linger) // the row is written, the hook has not returned: a good moment to die
		return err
	}
	err := pay.Register(payments.Hook{Name: "mail", Handle: func(ctx context.Context, e payments.Event) error {
		ctx, cancel := context.WithTimeout(ctx, hookLimit)
		defer cancel()
		return write(db.WithContext(ctx), "mail", e, 30*time.Millisecond)
	}})
	for lane, kinds := range kinds[v] {
		err = errors.Join(err, pay.Register(payments.Hook{
			Name: lane, Kinds: kinds,
			Handle: gormstore.InTx(store, func(_ context.Context, tx *gorm.DB, e payments.Event) error {
				return write(tx, lane, e, 3*time.Millisecond)
			}),
		}))
	}
	return err
}

func serve(ctx context.Context, addr string, pay *payments.Service) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pay.Handler())
	hostRoutes(mux, pay)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return pay.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return server.Shutdown(stopping)
	})
	return group.Wait()
}

package crash

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// Effect is a row that the transactional hook writes; Call one of the plain
// hook. Neither table has a unique key: a second run would show.
type (
	Effect struct {
		ID      uint
		OrderID string
		Kind    string
	}
	Call struct {
		ID      uint
		OrderID string
	}
)

// child is an ordinary host app: its own tables and payments in one SQLite
// file, three routes, two hooks. It runs until it is killed.
func child(addr, file, simulator string) error {
	db, err := openDB(file)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := db.AutoMigrate(&Effect{}, &Call{}); err != nil {
		return err
	}
	if err := gormstore.Migrate(ctx, db, nil); err != nil {
		return err
	}
	store, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		return err
	}
	pay, err := payments.New(payments.Config{
		Store: store,
		Gateways: []payments.Gateway{midtrans.Snap(midtrans.Config{
			ServerKey: serverKey, SnapURL: simulator, CoreURL: simulator, Timeout: 5 * time.Second,
		})},
		Plans: payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
		Identify: func(r *http.Request) (payments.EndUser, error) {
			return payments.EndUser{ID: r.Header.Get("X-User")}, nil
		},
		PublicURL: "http://" + addr,
		// A lost notification is healed within the test's time.
		Reconcile: payments.Schedule{time.Second, 3 * time.Second, 6 * time.Second, 10 * time.Second},
		Hooks: payments.HookPolicy{
			Timeout: 2 * time.Second, MaxTries: 100, Poll: 50 * time.Millisecond,
			Backoff: func(int) time.Duration { return 50 * time.Millisecond },
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	write := func(tx *gorm.DB, order payments.ID, kind string) error {
		err := tx.Create(&Effect{OrderID: string(order), Kind: kind}).Error
		linger(5 * time.Millisecond) // in the transaction
		return err
	}
	pay.OnSettled("fulfil", gormstore.InTx(store, func(_ context.Context, tx *gorm.DB, e payments.Settled) error {
		return write(tx, e.Order.ID, "settled")
	}))
	pay.OnExpired("fulfil", gormstore.InTx(store, func(_ context.Context, tx *gorm.DB, e payments.Expired) error {
		return write(tx, e.Order.ID, "expired")
	}))
	pay.OnSettled("mail", func(ctx context.Context, e payments.Settled) error {
		err := db.WithContext(ctx).Create(&Call{OrderID: string(e.Order.ID)}).Error
		linger(30 * time.Millisecond) // the effect is there, the hook has not returned: a good moment to die
		return err
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pay.Handler())
	go func() {
		server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		fmt.Fprintln(os.Stderr, "serve:", server.Serve(listener))
		os.Exit(1)
	}()
	return pay.Run(ctx)
}

// linger is work that takes a while.
func linger(d time.Duration) { <-time.After(d) }

func openDB(file string) (*gorm.DB, error) {
	return gorm.Open(sqlite.Open(gormstore.SQLiteDSN(file)), &gorm.Config{Logger: logger.Discard})
}

const serverKey = "SB-Mid-server-crash-test"

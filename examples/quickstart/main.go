// Command quickstart is a small shop that sells plans and a mug, in one
// process: its own GORM database on SQLite, payments beside it, and a
// simulated Midtrans. It needs no account and no key.
//
//	go run ./examples/quickstart
//
// With another gateway, or with two: then the second takes what the first does
// not, or cannot at the moment.
//
//	go run ./examples/quickstart -gateway fazz
//	go run ./examples/quickstart -gateway midtrans,fazz
//
// The database may be on a server, where it must exist already:
//
//	go run ./examples/quickstart -dsn postgres://user:password@localhost/shop
//	go run ./examples/quickstart -dsn mysql://user:password@localhost/shop
//
// With MIDTRANS_SERVER_KEY and MIDTRANS_CLIENT_KEY set it uses the real
// Midtrans sandbox instead; with FAZZ_API_KEY, FAZZ_SECRET_KEY and
// FAZZ_SIGNING_SECRET that of Fazz.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lunaspay/lunas/payments"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], func(url string) {
		fmt.Printf("The shop is open: %s\nStop it with Ctrl-C, or kill it: nothing is lost.\n", url)
	})
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// run opens the shop and keeps it open until ctx ends.
func run(ctx context.Context, args []string, opened func(url string)) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "address to listen on")
	file := flags.String("db", "quickstart.db", "SQLite file of the shop's database")
	dsn := flags.String("dsn", "", "database on a server, instead of the file: postgres://user:password@host/name, or mysql://… for MySQL and MariaDB")
	gateways := flags.String("gateway", "midtrans", "who takes the money: midtrans, fazz, or several with commas between")
	keep := flags.String("store", "database", "where payments are kept: the shop's database, or memory (lost at exit)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (is something running there?): %w", *addr, err)
	}
	defer listener.Close() //nolint:errcheck // the server closes it first
	base := "http://" + listener.Addr().String()

	chosen, err := chooseDatabase(*file, *dsn)
	if err != nil {
		return err
	}
	db, err := chosen.open()
	if err != nil {
		return err
	}
	store, err := openStore(ctx, *keep, db) // or just: store := memory.New()
	if err != nil {
		return err
	}
	providers, err := openGateways(*gateways, base, chosen.state)
	if err != nil {
		return err
	}
	config := payments.Config{
		Store: store,
		Plans: payments.Plans{
			{ID: "free", DisplayName: "Starter", Price: payments.IDR(0)},
			{ID: "pro", DisplayName: "Pro", Price: payments.IDR(29_000), Period: payments.Monthly},
			{ID: "team", DisplayName: "Team", Price: payments.IDR(99_000), Period: payments.Monthly},
		},
		Items:      payments.Items{{ID: "mug", Name: "Lunas mug", Price: payments.IDR(85_000)}},
		Identify:   identify,
		PublicURL:  base + "/pay",
		ReturnURLs: []string{base + "/"},
		ExpiresIn:  30 * time.Minute,
		// A demo's patience: ask the gateway soon when it is silent, and give
		// up a killed process's hooks soon. The defaults are minutes.
		Reconcile: payments.Schedule{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute},
		Hooks:     payments.HookPolicy{Timeout: 5 * time.Second},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	use(&config, providers)
	pay, err := payments.New(config)
	if err != nil {
		return err
	}
	shop := &shop{pay: pay, db: db, providers: providers}
	shop.registerHooks(store)

	mux := http.NewServeMux()
	mux.Handle("/pay/", http.StripPrefix("/pay", pay.Handler()))
	mux.Handle("/", shop.handler())
	for _, p := range providers {
		if p.simulator != nil {
			mux.Handle("/"+p.Name()+"/", http.StripPrefix("/"+p.Name(), p.simulator.Handler()))
		}
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return pay.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	for _, p := range providers {
		if p.simulator != nil {
			group.Go(func() error { return p.simulator.Run(ctx) })
		}
	}
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(stopping)
	})
	opened(base)
	return group.Wait()
}

// Command midtrans-sim is a simulated Midtrans for developers of any
// language: Snap and the Core API on one address, with pages on which a person
// pays, and a dashboard at / that plays the bank and the merchant.
//
//	go run ./adapters/gateways/midtrans/midtranstest/cmd/midtrans-sim -notify-url http://localhost:3000/notifications
//
// Point your client at the printed address for both of Midtrans's hosts, and
// use the printed keys. Notifications are signed with the server key, and sent
// again as Midtrans does. Without -state, orders are forgotten at the end.
//
// Never let strangers reach it: whoever sees a page decides that an order is
// paid.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "midtrans-sim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("midtrans-sim", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8090", "address to listen on")
	serverKey := flags.String("server-key", "SB-Mid-server-simulated", "what your server authorizes itself with")
	clientKey := flags.String("client-key", "SB-Mid-client-simulated", "what your pages name themselves with")
	notifyURL := flags.String("notify-url", "", "where notifications are sent (default: nowhere, unless a request says so)")
	state := flags.String("state", "", "file that keeps the orders (default: none)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if u, err := url.Parse(*notifyURL); *notifyURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("-notify-url %q must be an http or https URL", *notifyURL)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (is something running there?): %w", *addr, err)
	}
	base := "http://" + listener.Addr().String()
	options := []midtranstest.Option{midtranstest.WithURL(base), midtranstest.WithKeys(*serverKey, *clientKey)}
	if *notifyURL != "" {
		options = append(options, midtranstest.WithNotificationURL(*notifyURL))
	}
	if *state != "" {
		options = append(options, midtranstest.WithStateFile(*state))
	}
	simulator := midtranstest.New(options...)
	_, _ = fmt.Fprintf(out, "Simulated Midtrans: %s  (its dashboard, and the base of /snap/v1, /v1 and /v2)\nserver key %s\nclient key %s\nnotifications go to %s\n",
		base, *serverKey, *clientKey, nowhere(*notifyURL)) // who does not read it does not need it
	return simkit.Serve(ctx, listener, simulator)
}

func nowhere(notifyURL string) string {
	if notifyURL == "" {
		return "nobody (see -notify-url)"
	}
	return notifyURL
}

// Command fazz-sim is a simulated Fazz (API v4, Indonesia) for developers of
// any language, with pages on which a person pays, and a dashboard at / that
// plays the banks and the merchant.
//
//	go run ./adapters/gateways/fazz/fazztest/cmd/fazz-sim -notify-url http://localhost:3000/callbacks
//
// Point your client at the printed address, and use the printed keys. Callbacks
// are signed with the signing secret, and sent again until they are answered by
// 200. Without -state, payments are forgotten at the end.
//
// Never let strangers reach it: whoever sees a page decides that a payment is
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

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fazz-sim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fazz-sim", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8091", "address to listen on")
	apiKey := flags.String("api-key", "test_simulated", "user that your server authorizes itself as")
	secretKey := flags.String("secret-key", "test_secret_simulated", "password that it does so with")
	signingSecret := flags.String("signing-secret", "ss_simulated0001", "what callbacks are signed with")
	notifyURL := flags.String("notify-url", "", "where callbacks are sent (default: nowhere)")
	state := flags.String("state", "", "file that keeps the payments (default: none)")
	settleAfter := flags.Duration("settle-after", -1, "when paid payments complete by themselves (default: never)")
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
	options := []fazztest.Option{fazztest.WithURL(base), fazztest.WithKeys(*apiKey, *secretKey, *signingSecret)}
	if *notifyURL != "" {
		options = append(options, fazztest.WithNotificationURL(*notifyURL))
	}
	if *state != "" {
		options = append(options, fazztest.WithStateFile(*state))
	}
	if *settleAfter >= 0 {
		options = append(options, fazztest.WithSettleAfter(*settleAfter))
	}
	simulator := fazztest.New(options...)
	_, _ = fmt.Fprintf(out, "Simulated Fazz: %s  (its dashboard; the API is at %s)\nAPI key %s\nsecret key %s\nsigning secret %s\ncallbacks go to %s\n",
		base, simulator.Config().BaseURL, *apiKey, *secretKey, *signingSecret, nowhere(*notifyURL)) // who does not read it does not need it
	return simkit.Serve(ctx, listener, simulator)
}

func nowhere(notifyURL string) string {
	if notifyURL == "" {
		return "nobody (see -notify-url)"
	}
	return notifyURL
}

package gatewaytest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaytest"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// broken is a good gateway with one thing spoiled.
type broken struct {
	*midtrans.Gateway
	how string
}

// mutants are ways to be broken, each with the case that must catch it and
// the rule that it must name.
var mutants = map[string]struct{ run, rule string }{
	"bad name":                {"Name_is", "Name is lower-case letters"},
	"another ref":             {"Checkout_with_the_same", "ErrWrongState"},
	"outcome not unknown":     {"no_answer_after", "must wrap ErrOutcomeUnknown"},
	"refusal not final":       {"final_refusal", "final refusal is a"},
	"calls with bad input":    {"Checkout_refuses_bad_input", "bad input is an"},
	"failure is not found":    {"Status_that_fails", "not ErrNotFound"},
	"nothing is found":        {"is_not_found", "ErrNotFound if the gateway knows"},
	"money too early":         {"facts:_pending", "words become facts"},
	"answers tell less":       {"facts:_refunded", "tell the same"},
	"a new key each time":     {"twice_with_one_key", "never refunds twice"},
	"amount cut":              {"too_much", "refused finally"},
	"late cancel":             {"Cancel_of_what_is_settled", "ErrWrongState if it is too late"},
	"unsigned":                {"without_its_signature", "ErrForged for a missing signature"},
	"any key":                 {"another_key", "ErrForged for a wrong signature"},
	"only looks at the start": {"signature_that_was_changed", "ErrForged for a wrong signature"},
	"one wrong word":          {"garbage", "ErrMalformed for a body"},
	"keeps all":               {"is_no_proof", "Raw is without secrets"},
	"keeps too little":        {"can_be_read_again", "Raw is readable"},
	"tells the key":           {"no_error_shows", "never hold a secret"},
	"deaf":                    {"before_it_begins", "honour ctx"},
}

const breakEnv = "GATEWAYTEST_BREAK"

// The suite is worth something only if it catches what it claims to catch.
// A case that fails ends its test, so each mutant has a process of its own.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for how, m := range mutants {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$/"+m.run)
			cmd.Env = append(os.Environ(), breakEnv+"="+how)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "not caught:\n%s", out)
			require.Contains(t, string(out), "broken rule: ")
			require.Contains(t, string(out), m.rule)
		})
	}
}

// TestBroken is what TestSuiteCatches runs.
func TestBroken(t *testing.T) {
	how := os.Getenv(breakEnv)
	if how == "" {
		t.Skip("it is run by TestSuiteCatches")
	}
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.Simulator {
		clock := paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
		sim := midtranstest.New(midtranstest.WithClock(clock), midtranstest.WithNotificationURL("http://shop.test/n"))
		return brokenSimulator{sim, clock, how}
	})
}

type brokenSimulator struct {
	*midtranstest.Server
	clock *paymentstest.Clock
	how   string
}

func (s brokenSimulator) Setup() gatewaytest.Setup {
	config := s.Config()
	stranger := config
	stranger.ServerKey = "SB-Mid-server-of-a-stranger"
	return gatewaytest.Setup{
		Gateway: broken{midtrans.Snap(config), s.how}, Stranger: broken{midtrans.Snap(stranger), s.how},
		Secrets: []string{config.ServerKey}, Signature: "signature_key",
	}
}

func (s brokenSimulator) Pay(ref string) error    { return s.Server.Pay(ref) }
func (s brokenSimulator) Advance(d time.Duration) { s.clock.Advance(d) }

func (s brokenSimulator) Do(ref string, act gatewaytest.Act) error {
	switch act {
	case gatewaytest.Begin:
		return s.Choose(ref)
	case gatewaytest.Refund:
		return s.RefundFromDashboard(ref, 0)
	}
	return payments.ErrUnsupported
}

func (b broken) Name() string {
	if b.how == "bad name" {
		return "Mid Trans"
	}
	return b.Gateway.Name()
}

func (b broken) Checkout(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	switch b.how {
	case "another ref":
		if got, err := b.Gateway.Checkout(ctx, r); !errors.Is(err, payments.ErrWrongState) {
			return got, err
		}
		r.Ref += "-2"
	case "calls with bad input":
		r.Order.Amount, r.Order.Lines = payments.IDR(1), nil
	case "deaf":
		ctx = context.WithoutCancel(ctx)
	}
	got, err := b.Gateway.Checkout(ctx, r)
	switch {
	case err == nil:
	case b.how == "outcome not unknown":
		err = errors.New("timeout")
	case b.how == "refusal not final":
		err = &payments.GatewayError{Gateway: "midtrans", Op: "checkout", Retry: true, Err: err}
	case b.how == "tells the key":
		err = fmt.Errorf("post with SB-Mid-server-simulated: %w", err)
	}
	return got, err
}

func (b broken) Status(ctx context.Context, a payments.AttemptRef) (payments.Observation, error) {
	o, err := b.Gateway.Status(ctx, a)
	switch b.how {
	case "failure is not found":
		if err != nil {
			err = payments.ErrNotFound
		}
	case "nothing is found":
		err = nil
	case "answers tell less":
		o.Facts = o.Facts[:1]
	case "money too early":
		o.Facts = append(o.Facts, payments.Fact{Kind: payments.FactPaid})
	}
	return o, err
}

func (b broken) Cancel(ctx context.Context, a payments.AttemptRef) error {
	err := b.Gateway.Cancel(ctx, a)
	if b.how == "late cancel" {
		return nil
	}
	return err
}

func (b broken) Refund(ctx context.Context, a payments.AttemptRef, r payments.RefundRequest) error {
	switch b.how {
	case "a new key each time":
		r.Key = uuid.NewString()
	case "amount cut":
		r.Amount = payments.IDR(1)
	}
	return b.Gateway.Refund(ctx, a, r)
}

func (b broken) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	n, err := b.Gateway.ReadNotification(raw)
	read := func() (payments.Notification, error) {
		raw.Verified = true
		return b.Gateway.ReadNotification(raw)
	}
	switch {
	case b.how == "any key" && errors.Is(err, payments.ErrForged):
		return read()
	case b.how == "unsigned" && errors.Is(err, payments.ErrForged):
		return read()
	case b.how == "only looks at the start" && errors.Is(err, payments.ErrForged):
		return read()
	case b.how == "one wrong word" && err != nil:
		return n, errors.New("bad notification")
	case b.how == "keeps all":
		n.Raw = raw.Body
	case b.how == "keeps too little":
		n.Raw = []byte("{}")
	}
	return n, err
}

package paymentstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/memory"
)

// gateway is one that opens everything and knows of nothing.
type gateway struct{}

func (gateway) Name() string { return "toy" }
func (gateway) Checkout(context.Context, payments.CheckoutRequest) (payments.CheckoutResult, error) {
	return payments.CheckoutResult{RedirectURL: "https://toy.test"}, nil
}
func (gateway) ReadNotification(payments.RawNotification) (payments.Notification, error) {
	return payments.Notification{}, payments.ErrForged
}
func (gateway) Status(context.Context, payments.AttemptRef) (payments.Observation, error) {
	return payments.Observation{}, payments.ErrNotFound
}

// silent is a store that cannot say which lanes there are.
type silent struct{ payments.Store }

func (silent) Lanes(context.Context, payments.LaneChange) ([]payments.Lane, error) {
	return nil, errors.New("database is down")
}

// failing runs f with a testing.TB that remembers how f failed it.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}
func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func failure(f func(testing.TB)) string {
	tb := &failing{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(tb)
	}()
	<-done
	return tb.message
}

func newService(t *testing.T, store payments.Store, clock payments.Clock) *payments.Service {
	t.Helper()
	pay, err := payments.New(payments.Config{
		Store: store, Clock: clock, Gateways: []payments.Gateway{gateway{}},
		Plans:     payments.Plans{{ID: "pro", Price: payments.IDR(29_000), Period: payments.Monthly}},
		PublicURL: "https://shop.test/pay",
		Logger:    slog.New(slog.NewTextHandler(leak.Watch(t, io.Discard), nil)),
	})
	require.NoError(t, err)
	return pay
}

func buy(t *testing.T, pay *payments.Service) payments.ID {
	t.Helper()
	out, err := pay.Checkout(t.Context(), payments.CreateParams{User: payments.EndUser{ID: "ana"}, PlanID: "pro"})
	require.NoError(t, err)
	return out.Payment.ID
}

func TestDrainDoesWhatIsDue(t *testing.T) {
	t.Parallel()
	clock := paymentstest.NewClock(noon)
	pay := newService(t, memory.New(), clock)
	expired := 0
	pay.OnExpired("stock", func(context.Context, payments.Expired) error { expired++; return nil })
	id := buy(t, pay)
	paymentstest.Drain(t, pay)
	require.Zero(t, expired)
	clock.Advance(25 * time.Hour)
	paymentstest.Drain(t, pay)
	require.Equal(t, 1, expired)
	p := paymentstest.RequireStatus(t, pay, id, payments.StatusExpired)
	require.Equal(t, id, p.ID)
}

func TestDrainFailsTheTestOnAnError(t *testing.T) {
	t.Parallel()
	pay := newService(t, silent{memory.New()}, paymentstest.NewClock(noon))
	require.Contains(t, failure(func(tb testing.TB) { paymentstest.Drain(tb, pay) }), "database is down")
}

func TestOnlyWantsExactlyOne(t *testing.T) {
	t.Parallel()
	pay := newService(t, memory.New(), paymentstest.NewClock(noon))
	require.Contains(t, failure(func(tb testing.TB) { paymentstest.Only(tb, pay) }), "there are 0 payments")
	id := buy(t, pay)
	require.Equal(t, id, paymentstest.Only(t, pay).ID)
	buy(t, pay)
	require.Contains(t, failure(func(tb testing.TB) { paymentstest.Only(tb, pay) }), "there are 2 payments")
}

func TestRequireStatusTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	pay := newService(t, memory.New(), paymentstest.NewClock(noon))
	id := buy(t, pay)
	require.Equal(t, id, paymentstest.RequireStatus(t, pay, id, payments.StatusPending).ID)
	message := failure(func(tb testing.TB) { paymentstest.RequireStatus(tb, pay, id, payments.StatusSettled) })
	require.Contains(t, message, "is pending, want settled")
	require.Contains(t, failure(func(tb testing.TB) {
		paymentstest.RequireStatus(tb, pay, payments.NewID(), payments.StatusSettled)
	}), "not found")
}

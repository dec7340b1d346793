package payments_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// begun is an order of one mug whose transaction "tx1" stands at word.
func (s *shop) begun(word string) *payments.Payment {
	s.t.Helper()
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.fake.set(string(p.ID), "tx1", word, 85_000)
	code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: word, Amount: 85_000})
	require.Equal(s.t, 200, code)
	return s.get(p.ID)
}

func TestWhatCanBeCanceled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		make  func(*shop) *payments.Payment
		want  payments.Status
		cause string
		calls []string
	}{
		{"created", func(s *shop) *payments.Payment {
			p, err := s.pay.Create(s.t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
			require.NoError(s.t, err)
			return p
		}, payments.StatusCanceled, "host", nil},
		{"open", func(s *shop) *payments.Payment { return s.open(ana, "pro") }, payments.StatusCanceled, "host", []string{"cancel"}},
		{"unanswered", func(s *shop) *payments.Payment {
			s.fake.answers(errTimeout)
			out, err := s.pay.Checkout(s.t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
			require.Error(s.t, err)
			return out.Payment
		}, payments.StatusCanceled, "host", nil},
		{"pending", func(s *shop) *payments.Payment { return s.begun("pending") }, payments.StatusCanceled, "host", []string{"status", "cancel", "status", "cancel"}},
		{"authorized", func(s *shop) *payments.Payment { return s.begun("authorize") }, payments.StatusCanceled, "host", []string{"status", "cancel", "status", "cancel"}},
		{"challenged", func(s *shop) *payments.Payment { return s.begun("challenge") }, payments.StatusCanceled, "host", []string{"status", "cancel", "status", "cancel"}},
		{"denied", func(s *shop) *payments.Payment { return s.begun("deny") }, payments.StatusCanceled, "host", []string{"cancel"}},
		{"expired", func(s *shop) *payments.Payment {
			p := s.open(ana, "pro")
			s.clock.Advance(2 * day)
			s.drain()
			return s.status(p, payments.StatusExpired)
		}, payments.StatusCanceled, "host", nil},
		{"captured", func(s *shop) *payments.Payment { return s.begun("capture") }, payments.StatusCanceled, "void", []string{"status", "cancel", "status", "cancel"}},
	} {
		s := newShop(t)
		p := c.make(s)
		before := len(s.fake.calls)
		ctx := payments.WithActor(t.Context(), "ops:budi")
		got, err := s.pay.Cancel(ctx, p.ID, "out of stock")
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got.Status, c.name)
		require.Equal(t, c.cause, got.Cause, c.name)
		require.Equal(t, strings.Join(c.calls, " "), strings.Join(s.fake.calls[before:], " "), c.name)
		kinds := s.kinds(p)
		if c.cause == "void" {
			require.Equal(t, 1, s.told(p, payments.EventRefunded), c.name)
		} else {
			require.Contains(t, kinds, payments.EventCanceled, c.name)
		}
		found := false
		for _, f := range got.Facts {
			found = found || f.Kind == payments.FactHostCanceled && f.By == "ops:budi" && f.Text == "out of stock"
		}
		require.True(t, found, c.name)
		_, open := got.Session()
		require.False(t, open, c.name)

		again, err := s.pay.Cancel(ctx, p.ID, "")
		require.NoError(t, err, c.name)
		require.Equal(t, got.Version, again.Version, "to cancel twice is to cancel once")
		s.clock.Advance(60 * day)
		s.drain()
		s.status(p, c.want)
		require.Equal(t, kinds, s.kinds(p), c.name)
		require.True(t, s.get(p.ID).WakeAt.IsZero(), c.name)
	}
}

func TestWhatCannotBeCanceledOrExpired(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(*shop) *payments.Payment{
		"settled":      (*shop).paid,
		"charged back": func(s *shop) *payments.Payment { return s.begun("chargeback") },
		"partly refunded": func(s *shop) *payments.Payment {
			p := s.paid()
			_, err := s.refund(p, "r1", 1)
			require.NoError(s.t, err)
			return p
		},
		"wrong amount": func(s *shop) *payments.Payment {
			p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
			s.fake.set(string(p.ID), "tx1", "settlement", 84_999)
			s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: 84_999})
			return s.status(p, payments.StatusReview)
		},
		"free": func(s *shop) *payments.Payment { return s.open(ana, "free") },
	} {
		s := newShop(t)
		p := make(s)
		before, version := len(s.fake.calls), s.get(p.ID).Version
		for _, end := range []func() (*payments.Payment, error){
			func() (*payments.Payment, error) { return s.pay.Cancel(t.Context(), p.ID, "") },
			func() (*payments.Payment, error) { return s.pay.Expire(t.Context(), p.ID, "") },
		} {
			got, err := end()
			require.ErrorIs(t, err, payments.ErrWrongState, name)
			require.Equal(t, p.ID, got.ID)
			require.Equal(t, version, s.get(p.ID).Version, name)
			require.Len(t, s.fake.calls, before, "the gateway is left alone")
		}
	}
	s := newShop(t)
	_, err := s.pay.Cancel(t.Context(), "none", "")
	require.ErrorIs(t, err, payments.ErrNotFound)
}

// What is paid stays as it is, with all that was begun beside it.
func TestACancelationOfAPaidOrderTouchesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.set(string(p.ID), "tx2", "pending", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx2", Word: "pending", Amount: 85_000})
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Zero(t, s.fake.count("cancel"))
}

// Only a cancelation may give money back.
func TestExpireNeverVoids(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.begun("capture")
	_, err := s.pay.Expire(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Zero(t, s.fake.count("expire")+s.fake.count("cancel"))
	s.status(p, payments.StatusSettled)
}

func TestAHostCanExpireEarly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.begun("pending")
	got, err := s.pay.Expire(t.Context(), p.ID, "sold out")
	require.NoError(t, err)
	require.Equal(t, payments.StatusExpired, got.Status)
	require.Equal(t, 1, s.fake.count("expire"))
	require.Equal(t, 1, s.told(p, payments.EventExpired))
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.ErrorIs(t, err, payments.ErrWrongState)
	again, err := s.pay.Expire(t.Context(), p.ID, "")
	require.NoError(t, err)
	require.Equal(t, got.Version, again.Version)
}

// The payer paid while we canceled: the gateway says so, and money wins.
func TestACancelationThatLosesTheRace(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]func(*shop, *payments.Payment) func(payments.AttemptRef) error{
		"at the transaction": func(s *shop, p *payments.Payment) func(payments.AttemptRef) error {
			return func(a payments.AttemptRef) error {
				s.fake.set(string(p.ID), "tx1", "settlement", 85_000)
				return &payments.GatewayError{Gateway: "fake", Op: "cancel", Code: "412", Err: payments.ErrWrongState}
			}
		},
		"at the page": func(s *shop, p *payments.Payment) func(payments.AttemptRef) error {
			return func(a payments.AttemptRef) error {
				if a.TransactionID != "" {
					s.fake.set(a.Ref, "tx1", "cancel", 85_000)
					return nil
				}
				s.fake.set(string(p.ID), "tx2", "settlement", 85_000)
				return payments.ErrWrongState
			}
		},
		"behind our back": func(s *shop, p *payments.Payment) func(payments.AttemptRef) error {
			return func(a payments.AttemptRef) error {
				if a.TransactionID != "" {
					s.fake.set(a.Ref, "tx1", "cancel", 85_000)
					return nil
				}
				s.fake.set(string(p.ID), "tx2", "settlement", 85_000)
				code, _ := s.notify(note{Ref: string(p.ID), Tx: "tx2", Word: "settlement", Amount: 85_000})
				require.Equal(s.t, 200, code)
				return nil
			}
		},
	} {
		s := newShop(t)
		p := s.begun("pending")
		s.fake.cancel = cancel(s, p)
		got, err := s.pay.Cancel(t.Context(), p.ID, "")
		require.ErrorIs(t, err, payments.ErrWrongState, name)
		require.NotNil(t, got)
		p = s.status(p, payments.StatusSettled)
		require.Equal(t, 1, s.told(p, payments.EventSettled), name)
		require.Equal(t, map[string]int{"at the transaction": 1}[name] == 1, s.fake.count("cancel") == 1, "a paid page is left alone")
		for _, f := range p.Facts {
			require.NotEqual(t, payments.FactHostCanceled, f.Kind, name)
		}
	}
}

// The payer has begun, and the notification of it is late or lost: the gateway
// refuses to close the page, and what was begun is ended all the same.
func TestWhatWasBegunUnheardIsEndedToo(t *testing.T) {
	t.Parallel()
	for want, end := range map[payments.Status]func(*shop, payments.ID) (*payments.Payment, error){
		payments.StatusCanceled: func(s *shop, id payments.ID) (*payments.Payment, error) { return s.pay.Cancel(s.t.Context(), id, "") },
		payments.StatusExpired:  func(s *shop, id payments.ID) (*payments.Payment, error) { return s.pay.Expire(s.t.Context(), id, "") },
	} {
		s := newShop(t)
		p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
		s.fake.set(string(p.ID), "tx1", "pending", 85_000)
		s.fake.cancel = func(a payments.AttemptRef) error {
			if s.fake.states["tx1"].RawStatus == "pending" && a.TransactionID == "" {
				return payments.ErrWrongState
			}
			if a.TransactionID != "" {
				s.fake.set(a.Ref, a.TransactionID, "cancel", 85_000)
			}
			return nil
		}
		_, err := end(s, p.ID)
		require.NoError(t, err, want)
		p = s.status(p, want)
		require.Len(t, p.Attempts, 1, want)
	}
}

func TestACancelationWithAnUnknownOutcomeIsNotOne(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.begun("pending")
	s.fake.cancel = func(payments.AttemptRef) error { return fmt.Errorf("fake: %w", payments.ErrOutcomeUnknown) }
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	s.status(p, payments.StatusPending)
	s.fake.cancel = nil
	_, err = s.pay.Cancel(t.Context(), p.ID, "")
	require.NoError(t, err)
	s.status(p, payments.StatusCanceled)
}

func TestAGatewayThatCannotCancel(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{readOnly{c.Gateways[0].(*fakeGateway)}}
	}))
	p := s.begun("pending")
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrUnsupported)
	s.status(p, payments.StatusPending)
	// Where nothing was begun, it is enough that we close it.
	q := s.open(ana, "pro")
	_, err = s.pay.Cancel(t.Context(), q.ID, "")
	require.NoError(t, err)
	s.status(q, payments.StatusCanceled)
}

// After a cancelation somebody pays all the same: the next one says so.
func TestACancelationThatMoneyOvertook(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.open(ana, "pro")
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.NoError(t, err)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.status(p, payments.StatusPending)
	_, err = s.pay.Cancel(t.Context(), p.ID, "") // there is something to cancel again
	require.NoError(t, err)
	s.status(p, payments.StatusCanceled)
	s.settle(p, "tx2")
	_, err = s.pay.Cancel(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrWrongState)
	s.status(p, payments.StatusSettled)
}

// One who begins to pay after the end is expired at the gateway, too.
func TestWhatIsBegunAfterACancelationExpires(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.open(ana, "pro")
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.NoError(t, err)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "pending", Amount: 29_000})
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.clock.Advance(day + 3*time.Minute)
	s.drain()
	require.Equal(t, 1, s.fake.count("expire"))
	s.status(p, payments.StatusCanceled)
	require.True(t, s.get(p.ID).WakeAt.IsZero())
}

// A void is money back, told once, and a new try is possible.
func TestAVoidThatTheGatewayMadeItself(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.begun("capture")
	s.fake.set(string(p.ID), "tx1", "cancel", 85_000)
	for range 3 {
		s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "cancel", Amount: 85_000})
	}
	p = s.status(p, payments.StatusCanceled)
	require.Equal(t, "void", p.Cause)
	require.Equal(t, 1, s.told(p, payments.EventRefunded))
	s.settle(p, "tx2")
	s.status(p, payments.StatusSettled)
	require.Equal(t, 2, s.told(p, payments.EventSettled))
	s.clock.Advance(time.Hour)
	s.drain()
}

package payments_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

// event is one to be put into the store as it is.
type event struct {
	kind    payments.EventKind
	version int // 1 if zero
}

// emit appends events to a payment, with their deliveries, as a commit would.
func (s *shop) emit(p *payments.Payment, events ...event) {
	s.t.Helper()
	_, err := s.store.Update(s.t.Context(), payments.ByID(p.ID), func(snap payments.Snapshot) (payments.Change, error) {
		c := payments.Change{Payment: snap.Payment}
		for _, e := range events {
			c.Payment.LastSeq++
			seq := c.Payment.LastSeq
			c.Events = append(c.Events, payments.Event{
				ID: payments.EventID(p.ID, seq), PaymentID: p.ID, Kind: e.kind, Version: max(e.version, 1), Seq: seq,
				At: s.clock.Now(), Data: []byte("{}"),
			})
			for _, lane := range snap.Lanes {
				if lane.Kinds != nil && !slices.Contains(lane.Kinds, e.kind) {
					continue
				}
				target := payments.HookTarget(lane.Name)
				c.Deliveries = append(c.Deliveries, payments.Delivery{
					ID: payments.DeliveryID(payments.EventID(p.ID, seq), target), Target: target, Event: c.Events[len(c.Events)-1],
					State: payments.DeliveryOpen, Due: s.clock.Now(),
				})
			}
		}
		return c, nil
	})
	require.NoError(s.t, err)
}

// mug creates a payment for a mug, without asking the gateway: one event.
func (s *shop) mug(user payments.EndUser) *payments.Payment {
	s.t.Helper()
	p, err := s.pay.Create(s.t.Context(), payments.CreateParams{User: user, Items: []payments.Pick{{ID: "mug", Quantity: 1}}})
	require.NoError(s.t, err)
	return p
}

// events are a payment's, which must be numbered without a gap.
func (s *shop) events(p *payments.Payment) []payments.Event {
	s.t.Helper()
	var all []payments.Event
	for e, err := range s.pay.Events(s.t.Context(), p.ID) {
		require.NoError(s.t, err)
		all = append(all, e)
		require.Equal(s.t, len(all), e.Seq)
	}
	return all
}

func (s *shop) deliveries(q payments.DeliveryQuery) []payments.Delivery {
	s.t.Helper()
	var all []payments.Delivery
	for d, err := range s.pay.Deliveries(s.t.Context(), q) {
		require.NoError(s.t, err)
		all = append(all, d)
	}
	return all
}

// delivery is that of a payment's event number seq to a lane.
func (s *shop) delivery(p *payments.Payment, seq int, lane string) payments.Delivery {
	s.t.Helper()
	id := payments.DeliveryID(payments.EventID(p.ID, seq), payments.HookTarget(lane))
	found := s.deliveries(payments.DeliveryQuery{ID: id})
	require.Len(s.t, found, 1)
	return found[0]
}

// logbook keeps what is logged. It is safe for concurrent use.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) count(text string) int { return strings.Count(l.String(), text) }

func withLog(t *testing.T, l *logbook) func(*payments.Config) {
	return func(c *payments.Config) { c.Logger = slog.New(slog.NewTextHandler(leak.Watch(t, l), nil)) }
}

// die leases a delivery as a process would that dies before it has ended.
func (s *shop) die(target string, lease time.Duration) payments.Delivery {
	s.t.Helper()
	now := s.clock.Now()
	leased, err := s.store.LeaseDeliveries(s.t.Context(), payments.DeliveryLease{
		Lease: payments.Lease{Now: now, Until: now.Add(lease), Limit: 1}, Owner: "dead", Targets: []payments.Target{{Name: target}},
	})
	require.NoError(s.t, err)
	require.Len(s.t, leased, 1)
	return leased[0]
}

var errOut = errors.New("out of order")

func TestDrainDoesWhatHooksBringAbout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	created := 0
	s.pay.OnCreated("chain", func(ctx context.Context, e payments.Created) error {
		if created++; created < 5 {
			_, err := s.pay.Create(ctx, payments.CreateParams{User: e.Order.User, PlanID: "pro", Key: string(e.EventID)})
			return err
		}
		return nil
	})
	s.mug(ana)
	s.drain()
	require.Equal(t, 5, created)
	require.Empty(t, s.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}}))
}

func TestDrainDoesTimersAndTheHooksTheyBringAbout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var heard []payments.EventKind
	s.pay.OnEvent("all", func(ctx context.Context, e payments.Event) error {
		if heard = append(heard, e.Kind); e.Kind == payments.EventExpired {
			s.mug(budi) // which is due for nothing yet
		}
		return nil
	})
	s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.clock.Advance(25 * time.Hour)
	s.drain()
	require.Equal(t, []payments.EventKind{payments.EventCreated, payments.EventPending, payments.EventExpired, payments.EventCreated}, heard)
}

func TestDrainDoesMoreThanFitsABatch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	expired, mails := 0, 0 // without a lock: Drain calls one hook at a time
	s.pay.OnExpired("stock", func(context.Context, payments.Expired) error { expired++; return nil })
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { mails++; return nil })
	for range 50 {
		s.mug(ana)
	}
	s.clock.Advance(25 * time.Hour)
	s.drain()
	require.Equal(t, 50, expired)
	require.Equal(t, 50, mails)
	for _, d := range s.deliveries(payments.DeliveryQuery{}) {
		require.Equal(t, payments.DeliveryDone, d.State)
		require.Equal(t, 1, d.Tries)
	}
}

func TestDrainEndsThoughHooksFail(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls := 0
	s.pay.OnCreated("mail", func(context.Context, payments.Created) error { calls++; return errOut })
	s.mug(ana)
	s.drain() // without an error: see Deliveries
	s.drain()
	require.Equal(t, 1, calls)
}

func TestDrainEndsWhenACheckoutWentUnansweredUntilItsDeadline(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{24 * time.Hour, 24*time.Hour + time.Minute, 24*time.Hour + 2*time.Minute, 48 * time.Hour} {
		s := newShop(t)
		s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
			return payments.CheckoutResult{}, &payments.GatewayError{Gateway: "fake", Op: "checkout", Retry: true, Err: payments.ErrOutcomeUnknown}
		}
		_, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
		s.clock.Advance(after)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		require.NoError(t, s.pay.Drain(ctx), "after %s", after)
		cancel()
	}
}

func TestDrainTellsWhatTimersMet(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	heard := hears(s, "mail")
	p, q := s.buy("ana", `{"plan_id":"pro"}`), s.buy("budi", `{"plan_id":"pro"}`)
	failed := &payments.GatewayError{Gateway: "fake", Op: "status", Code: "500", Retry: true}
	s.fake.status = func(a payments.AttemptRef) (payments.Observation, error) {
		if a.PaymentID == p.ID {
			return payments.Observation{}, failed
		}
		return payments.Observation{}, payments.ErrNotFound
	}
	s.clock.Advance(25 * time.Hour)
	err := s.pay.Drain(t.Context())
	require.ErrorIs(t, err, failed)
	require.ErrorContains(t, err, string(p.ID))
	s.status(p, payments.StatusPending)
	s.status(q, payments.StatusExpired)
	require.Len(t, *heard, 5, "the rest was done all the same")

	s.fake.status = nil
	s.clock.Advance(2 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
}

func TestAGatewayThatPanicsIsAnErrorOfItsPayment(t *testing.T) {
	t.Parallel()
	var log logbook
	s := newShop(t, withLog(t, &log))
	p, q := s.buy("ana", `{"plan_id":"pro"}`), s.buy("budi", `{"plan_id":"pro"}`)
	s.fake.status = func(a payments.AttemptRef) (payments.Observation, error) {
		if a.PaymentID == p.ID {
			panic("unexpected answer")
		}
		return payments.Observation{}, payments.ErrNotFound
	}
	s.clock.Advance(25 * time.Hour)
	require.ErrorContains(t, s.pay.Drain(t.Context()), "panic: unexpected answer")
	require.Contains(t, log.String(), "drain_test.go", "the log says where")
	s.status(q, payments.StatusExpired)

	s.fake.status = nil
	s.clock.Advance(2 * time.Minute)
	s.drain()
	s.status(p, payments.StatusExpired)
}

func TestDrainTellsOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"Lanes", "LeasePayments", "LeaseDeliveries"} {
		var store *faulty
		s := newShop(t, withFaults(&store))
		heard := hears(s, "mail")
		s.mug(ana)
		store.failing(op)
		require.ErrorIs(t, s.pay.Drain(t.Context()), errDown, op)
		store.failing()
		s.drain()
		require.Equal(t, []int{1}, *heard, op)
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	s.pay.OnCreated("mail", func(ctx context.Context, _ payments.Created) error {
		if calls++; calls == 1 {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	p := s.mug(ana)
	require.ErrorIs(t, s.pay.Drain(ctx), context.Canceled)
	require.ErrorIs(t, s.pay.Drain(ctx), context.Canceled)
	d := s.delivery(p, 1, "mail")
	require.Equal(t, payments.DeliveryOpen, d.State)
	require.Zero(t, d.Tries, "cut off is not failed")
	s.drain()
	require.Equal(t, 2, calls)
}

func TestDrainsAtTheSameTimeShareTheWork(t *testing.T) {
	t.Parallel()
	a := newShop(t)
	shops := []*shop{a, a.sibling(), a.sibling()}
	var mu sync.Mutex
	heard := map[payments.ID][]int{}
	for _, s := range shops {
		s.pay.OnEvent("all", func(_ context.Context, e payments.Event) error {
			mu.Lock()
			defer mu.Unlock()
			heard[e.PaymentID] = append(heard[e.PaymentID], e.Seq)
			return nil
		})
	}
	for range 40 {
		p := a.mug(ana)
		a.emit(p, event{kind: payments.EventPending}, event{kind: payments.EventSettled}, event{kind: payments.EventRefunded})
	}
	var group sync.WaitGroup
	for _, s := range shops {
		group.Go(func() {
			if err := s.pay.Drain(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	a.drain() // a process returns when nothing is due for it, though another may be at work
	require.Len(t, heard, 40)
	for id, seqs := range heard {
		require.Equal(t, []int{1, 2, 3, 4}, seqs, "payment %s: each once, in order", id)
	}
}

func TestAHistoryHasNoGapsWhoeverWrites(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	heard := hears(s, "all")
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "settlement", p.Amount.Amount)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if i%2 == 0 {
				s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "settlement", Amount: p.Amount.Amount})
			} else if _, err := s.pay.Sync(context.Background(), p.ID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1"})
	require.NoError(t, err)
	s.drain()
	events := s.events(p)
	var kinds []payments.EventKind
	var seqs []int
	for _, e := range events {
		kinds, seqs = append(kinds, e.Kind), append(seqs, e.Seq)
		require.Equal(t, payments.EventID(p.ID, e.Seq), e.ID)
	}
	require.Equal(t, seqs, *heard)
	require.Equal(t, p.ID, events[0].PaymentID)
	for _, once := range []payments.EventKind{payments.EventSettled, payments.EventRefunded, payments.EventClaimGranted, payments.EventClaimRevoked} {
		require.Equal(t, 1, len(slices.DeleteFunc(slices.Clone(kinds), func(k payments.EventKind) bool { return k != once })), once)
	}
	require.Equal(t, len(events), s.status(p, payments.StatusRefunded).LastSeq)
}

func TestInsideATransactionTheServiceIsUsedThroughWithin(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.mug(ana)
	ctx := payments.InTransaction(t.Context())
	first := func(next func(func(error) bool)) error {
		for err := range next {
			return err
		}
		return nil
	}
	for name, call := range map[string]func() error{
		"Create":    func() error { _, err := s.pay.Create(ctx, payments.CreateParams{User: ana, PlanID: "pro"}); return err },
		"Get":       func() error { _, err := s.pay.Get(ctx, p.ID); return err },
		"Refund":    func() error { _, err := s.pay.Refund(ctx, p.ID, payments.RefundParams{Key: "r"}); return err },
		"Cancel":    func() error { _, err := s.pay.Cancel(ctx, p.ID, ""); return err },
		"Explain":   func() error { _, err := s.pay.Explain(ctx, p.ID); return err },
		"Redeliver": func() error { return s.pay.Redeliver(ctx, "x") },
		"Lanes":     func() error { _, err := s.pay.Lanes(ctx); return err },
		"Retire":    func() error { return s.pay.RetireLane(ctx, "x") },
		"Drain":     func() error { return s.pay.Drain(ctx) },
		"List": func() error {
			return first(func(yield func(error) bool) {
				s.pay.List(ctx, payments.PaymentQuery{})(func(_ *payments.Payment, err error) bool { return yield(err) })
			})
		},
		"Deliveries": func() error {
			return first(func(yield func(error) bool) {
				s.pay.Deliveries(ctx, payments.DeliveryQuery{})(func(_ payments.Delivery, err error) bool { return yield(err) })
			})
		},
		"Events": func() error {
			return first(func(yield func(error) bool) {
				s.pay.Events(ctx, p.ID)(func(_ payments.Event, err error) bool { return yield(err) })
			})
		},
		"Messages": func() error {
			return first(func(yield func(error) bool) {
				s.pay.Messages(ctx, payments.MessageQuery{})(func(_ payments.Message, err error) bool { return yield(err) })
			})
		},
	} {
		require.ErrorContains(t, call(), "use Within", name)
	}
	_, err := s.pay.Within(s.store).Get(ctx, p.ID)
	require.NoError(t, err)
}

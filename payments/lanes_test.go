package payments_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// sibling is another process of the same shop: same store, same clock, hooks
// of its own.
func (s *shop) sibling(change ...func(*payments.Config)) *shop {
	s.t.Helper()
	same := func(c *payments.Config) { c.Store, c.Clock = s.store, s.clock }
	other := newShop(s.t, append([]func(*payments.Config){same}, change...)...)
	other.store, other.clock, other.fake = s.store, s.clock, s.fake
	return other
}

// hears registers a hook that remembers the numbers of the events it is called
// for; those of several payments come at the same time.
func hears(s *shop, lane string, kinds ...payments.EventKind) *[]int {
	s.t.Helper()
	heard := &[]int{}
	var mu sync.Mutex
	require.NoError(s.t, s.pay.Register(payments.Hook{Name: lane, Kinds: kinds, Handle: func(_ context.Context, e payments.Event) error {
		mu.Lock()
		defer mu.Unlock()
		*heard = append(*heard, e.Seq)
		return nil
	}}))
	return heard
}

func TestAProcessWithoutHooksCommitsForOneThatHasThem(t *testing.T) {
	t.Parallel()
	worker := newShop(t)
	heard := hears(worker, "mail")
	worker.drain() // it runs, and nothing has happened yet
	web := worker.sibling()
	web.mug(ana)
	web.drain()
	require.Empty(t, *heard, "it is not the web's to deliver")
	worker.drain()
	require.Equal(t, []int{1}, *heard)
}

func TestALaneIsKnownBeforeTheFirstEventThoughNobodyRuns(t *testing.T) {
	t.Parallel()
	web := newShop(t)
	hears(web, "mail")
	web.mug(ana)

	worker := web.sibling()
	heard := hears(worker, "mail")
	worker.drain()
	require.Equal(t, []int{1}, *heard)
}

func TestALaneIsKnownBeforeTheFirstEventOfTheHostsTransaction(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	heard := hears(s, "mail")
	tx := &faulty{Store: s.store} // stands for the store in a transaction
	create := func() {
		t.Helper()
		_, err := s.pay.Within(tx).Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
		require.NoError(t, err)
	}
	create()
	create()
	require.Len(t, tx.lanes, 2, "a transaction may be rolled back, so each records them")
	s.mug(ana)
	create()
	require.Len(t, tx.lanes, 2, "by now they are recorded for good")
	s.drain()
	require.Equal(t, []int{1, 1, 1, 1}, *heard)
}

func TestAHookRegisteredWhileLanesAreRecordedIsNotForgotten(t *testing.T) {
	t.Parallel()
	var store *faulty
	s := newShop(t, withFaults(&store))
	mail := hears(s, "mail")
	var stock *[]int
	store.fail = func(op string) error {
		if op == "Lanes" && stock == nil {
			stock = hears(s, "stock")
		}
		return nil
	}
	s.mug(ana)
	s.mug(ana)
	s.drain()
	require.Equal(t, []int{1, 1}, *mail)
	require.Equal(t, []int{1}, *stock, "it hears of what came after it")
}

func TestNothingIsCommittedWhileLanesCannotBeRecorded(t *testing.T) {
	t.Parallel()
	var store *faulty
	s := newShop(t, withFaults(&store))
	heard := hears(s, "mail")
	store.failing("Lanes")
	_, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, errDown)
	store.failing()
	s.mug(ana)
	s.drain()
	require.Equal(t, []int{1}, *heard)
}

func TestANewLaneSeesWhatHappensFromThenOn(t *testing.T) {
	t.Parallel()
	v1 := newShop(t)
	old := hears(v1, "mail")
	p := v1.mug(ana)
	v1.drain()
	v2 := v1.sibling()
	mail, points := hears(v2, "mail"), hears(v2, "points")
	v2.drain()
	require.Empty(t, *points, "the past is not told again")
	v2.emit(p, event{kind: payments.EventSettled})
	v2.drain()
	require.Equal(t, []int{1}, *old)
	require.Equal(t, []int{2}, *mail)
	require.Equal(t, []int{2}, *points)
}

func TestTwoVersionsShareALane(t *testing.T) {
	t.Parallel()
	v1 := newShop(t)
	old := hears(v1, "fulfil", payments.EventCreated, payments.EventSettled)
	v2 := v1.sibling()
	fresh := hears(v2, "fulfil", payments.EventCreated, payments.EventSettled, payments.EventRefunded)
	v1.drain()
	v2.drain()
	v1.drain() // it says again what it knows, which takes nothing from the other

	p := v1.mug(ana)
	v1.emit(p, event{kind: payments.EventRefunded}, event{kind: payments.EventSettled})
	v1.drain()
	require.Equal(t, []int{1}, *old, "the next is of a kind that it does not know, and nothing overtakes")
	v2.drain()
	require.Equal(t, []int{2, 3}, *fresh)
	v1.drain()
	require.Equal(t, []int{1}, *old)
	require.Empty(t, v1.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}}))
	for _, d := range v1.deliveries(payments.DeliveryQuery{}) {
		require.Equal(t, 1, d.Tries, "what is of no use to a process is not leased by it")
	}
}

func TestAKindThatOnlyTheWebKnowsYetIsKeptForTheWorkerToCome(t *testing.T) {
	t.Parallel()
	v1 := newShop(t)
	hears(v1, "fulfil", payments.EventSettled)
	web := v1.sibling() // of version 2, deployed an hour before its worker
	hears(web, "fulfil", payments.EventSettled, payments.EventCreated)
	for range 60 {
		web.mug(ana)
		v1.drain()
		v1.clock.Advance(time.Minute)
	}
	worker := v1.sibling()
	heard := hears(worker, "fulfil", payments.EventSettled, payments.EventCreated)
	worker.drain()
	require.Len(t, *heard, 60)
}

func TestALaneThatIsGoneRaisesAnAlarmAndBlocksNothing(t *testing.T) {
	t.Parallel()
	var log logbook
	v1 := newShop(t)
	hears(v1, "points")
	p := v1.mug(ana)
	v2 := v1.sibling(withLog(t, &log))
	mail := hears(v2, "mail")
	v1.clock.Advance(payments.LaneOverlap)
	v2.drain()
	require.NotContains(t, log.String(), "points", "its process may be starting anew")
	v1.clock.Advance(time.Second)
	v2.drain()
	require.Equal(t, 1, log.count("no process has this lane any more"))
	require.Contains(t, log.String(), "lane=points")

	v2.emit(p, event{kind: payments.EventSettled})
	v2.drain()
	require.Equal(t, []int{2}, *mail)
	open := v2.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}})
	require.Len(t, open, 2, "kept for the process that has the lane")
	points := hears(v1.sibling(), "points")
	require.Empty(t, *points)

	v3 := v1.sibling(withLog(t, &log))
	points = hears(v3, "points")
	v3.drain()
	require.Equal(t, []int{1, 2}, *points, "deployed again, it gets all it has missed")
}

func TestALaneCanBeRetiredWhenNobodyHasIt(t *testing.T) {
	t.Parallel()
	var log logbook
	v1 := newShop(t)
	hears(v1, "points")
	p := v1.mug(ana)
	v2 := v1.sibling(withLog(t, &log))
	mail := hears(v2, "mail")
	v2.drain()
	require.ErrorIs(t, v2.pay.RetireLane(t.Context(), "points"), payments.ErrWrongState, "v1 may still run")
	require.ErrorIs(t, v2.pay.RetireLane(t.Context(), "point"), payments.ErrNotFound)

	v1.clock.Advance(payments.LaneOverlap + time.Second)
	require.NoError(t, v2.pay.RetireLane(t.Context(), "points"))
	require.NoError(t, v2.pay.RetireLane(t.Context(), "points"), "a second time changes nothing")
	require.Equal(t, payments.DeliveryDismissed, v2.delivery(p, 1, "points").State)
	v2.emit(p, event{kind: payments.EventSettled})
	v2.drain()
	require.Equal(t, []int{2}, *mail)
	require.Len(t, v2.deliveries(payments.DeliveryQuery{Target: "hook:points"}), 1, "no more is made for it")
	require.Zero(t, log.count("no process has this lane"))
	lanes, err := v2.pay.Lanes(t.Context())
	require.NoError(t, err)
	require.Equal(t, "points", lanes[1].Name)
	require.Equal(t, v1.clock.Now(), lanes[1].RetiredAt)

	v3 := v1.sibling() // somebody wants it after all
	points := hears(v3, "points")
	v3.drain()
	v3.emit(p, event{kind: payments.EventRefunded})
	v3.drain()
	require.Equal(t, []int{3}, *points)
}
func TestADeadDeliveryHoldsItsLaneForItsPaymentOnly(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Hooks.MaxTries, c.Hooks.Concurrency = 1, 1 })
	var sick payments.ID
	healed := false
	heard := map[string][]payments.ID{}
	listen := func(lane string) {
		s.pay.OnEvent(lane, func(_ context.Context, e payments.Event) error {
			if lane == "mail" && e.ID == sick && !healed {
				return errOut
			}
			heard[lane] = append(heard[lane], e.ID)
			return nil
		})
	}
	listen("mail")
	listen("stock")
	p, q := s.mug(ana), s.mug(budi)
	sick = payments.EventID(p.ID, 1)
	for _, x := range []*payments.Payment{p, q} {
		s.emit(x, event{kind: payments.EventPending}, event{kind: payments.EventExpired})
	}
	of := func(x *payments.Payment) (ids []payments.ID) {
		for _, e := range s.events(x) {
			ids = append(ids, e.ID)
		}
		return ids
	}
	s.drain()
	require.Equal(t, of(q), heard["mail"])
	require.ElementsMatch(t, append(of(p), of(q)...), heard["stock"])
	dead := s.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDead}})
	require.Len(t, dead, 1)
	require.Equal(t, sick, dead[0].Event.ID)
	require.Len(t, s.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}}), 2)

	s.emit(p, event{kind: payments.EventSettled})
	s.clock.Advance(time.Hour)
	s.drain()
	require.Len(t, heard["mail"], 3, "new events wait behind it, too")

	healed = true
	require.NoError(t, s.pay.Redeliver(t.Context(), dead[0].ID))
	require.Equal(t, 0, s.delivery(p, 1, "mail").Tries)
	s.drain()
	require.Equal(t, append(of(q), of(p)...), heard["mail"], "the lane went on after it, in order")
	require.Equal(t, payments.DeliveryDone, s.delivery(p, 1, "mail").State)
}

func TestADismissedDeliveryLetsItsLaneGoOnWithoutIt(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Hooks.MaxTries = 1 })
	var heard []int
	s.pay.OnEvent("mail", func(_ context.Context, e payments.Event) error {
		if heard = append(heard, e.Seq); e.Seq == 1 {
			return errOut
		}
		return nil
	})
	p := s.mug(ana)
	s.emit(p, event{kind: payments.EventPending})
	s.drain()
	id := payments.DeliveryID(payments.EventID(p.ID, 1), "hook:mail")
	require.NoError(t, s.pay.Dismiss(t.Context(), id, "the address is gone"))
	s.drain()
	require.Equal(t, []int{1, 2}, heard)
	require.Equal(t, payments.DeliveryDismissed, s.delivery(p, 1, "mail").State)
	require.Equal(t, payments.DeliveryDone, s.delivery(p, 2, "mail").State)
}

func TestOnlyTheDeadAreRedeliveredOrDismissed(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Hooks.MaxTries = 1 })
	s.pay.OnEvent("mail", func(_ context.Context, e payments.Event) error {
		if e.Seq == 2 {
			return errOut
		}
		return nil
	})
	p := s.mug(ana)
	s.emit(p, event{kind: payments.EventPending}, event{kind: payments.EventDenied})
	s.drain()
	id := func(seq int) payments.ID { return payments.DeliveryID(payments.EventID(p.ID, seq), "hook:mail") }
	refused := func(what string, d payments.ID, want error) {
		t.Helper()
		require.ErrorIs(t, s.pay.Redeliver(t.Context(), d), want, what)
		require.ErrorIs(t, s.pay.Dismiss(t.Context(), d, ""), want, what)
	}
	refused("done", id(1), payments.ErrWrongState)
	refused("open", id(3), payments.ErrWrongState)
	refused("none", id(4), payments.ErrNotFound)
	refused("no id at all", "it's no id", payments.ErrNotFound)
	require.NoError(t, s.pay.Dismiss(t.Context(), id(2), ""))
	refused("dismissed", id(2), payments.ErrWrongState)
	s.drain()
	require.Equal(t, payments.DeliveryDone, s.delivery(p, 3, "mail").State)
}

func TestDeliveriesAreListed(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *payments.Config) { c.Hooks.MaxTries = 1 })
	for _, lane := range []string{"b", "a"} {
		s.pay.OnEvent(lane, func(_ context.Context, e payments.Event) error {
			if lane == "b" && e.Seq == 2 {
				return errOut
			}
			return nil
		})
	}
	p, q := s.mug(ana), s.mug(budi)
	for _, x := range []*payments.Payment{p, q} {
		s.emit(x, event{kind: payments.EventPending}, event{kind: payments.EventSettled})
	}
	s.drain()
	list := func(query payments.DeliveryQuery) (ids []payments.ID) {
		for _, d := range s.deliveries(query) {
			require.Equal(t, payments.DeliveryID(d.Event.ID, d.Target), d.ID)
			ids = append(ids, d.ID)
		}
		return ids
	}
	of := func(x *payments.Payment, seq int, lane string) payments.ID {
		return payments.DeliveryID(payments.EventID(x.ID, seq), "hook:"+lane)
	}
	all := []payments.ID{
		of(q, 3, "b"), of(q, 3, "a"), of(q, 2, "b"), of(q, 2, "a"), of(q, 1, "b"), of(q, 1, "a"),
		of(p, 3, "b"), of(p, 3, "a"), of(p, 2, "b"), of(p, 2, "a"), of(p, 1, "b"), of(p, 1, "a"),
	}
	require.Equal(t, all, list(payments.DeliveryQuery{}), "newest payment first, then last number and target")
	require.Equal(t, all, list(payments.DeliveryQuery{Limit: 5}), "page by page")
	require.Equal(t, all[6:], list(payments.DeliveryQuery{PaymentID: p.ID}))
	require.Equal(t, []payments.ID{of(q, 2, "b"), of(p, 2, "b")}, list(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDead}}))
	require.Equal(t, []payments.ID{of(p, 3, "b")}, list(payments.DeliveryQuery{
		PaymentID: p.ID, Target: "hook:b", State: []payments.DeliveryState{payments.DeliveryOpen},
	}))
	story, err := s.pay.Explain(t.Context(), p.ID)
	require.NoError(t, err)
	require.Len(t, story.Deliveries, 6)
}

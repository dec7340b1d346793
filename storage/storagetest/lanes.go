package storagetest

import (
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// laneCases are about the record of lanes.
var laneCases = []testCase{
	{"lanes/recorded and listed by name", lanesListed},
	{"lanes/kinds of two versions", lanesKinds},
	{"lanes/kinds of an old version go", lanesOldKinds},
	{"lanes/retired", lanesRetired},
	{"lanes/retired deliveries", lanesRetiredDeliveries},
}

const (
	created  = payments.EventCreated
	settled  = payments.EventSettled
	refunded = payments.EventRefunded
)

func kinds(k ...payments.EventKind) []payments.EventKind {
	slices.Sort(k)
	return k
}

// allKinds fails the case unless kinds is nil: an empty list would mean none.
func (c *checker) allKinds(got []payments.EventKind, what string) {
	c.t.Helper()
	if got != nil {
		c.failf("%s: want nil, which means all, got %q", what, got)
	}
}

func lanesListed(c *checker) {
	c.rule("Lanes records lanes and returns all, by name")
	c.same([]payments.Lane{}, c.lanes(payments.LaneChange{}), "lanes of an empty store")
	b := payments.Lane{Name: "b.c-d_e", Kinds: kinds(settled, refunded), SeenAt: at(time.Microsecond)}
	a := payments.Lane{Name: "a", SeenAt: epoch}
	c.same([]payments.Lane{a, b}, c.lanes(payments.LaneChange{Seen: []payments.Lane{b, a}, At: epoch}), "lanes, as recorded")
	a.SeenAt = at(time.Minute)
	b2 := payments.Lane{Name: "b", SeenAt: at(time.Minute)}
	c.same([]payments.Lane{a, b2, b}, c.lanes(payments.LaneChange{Seen: []payments.Lane{a, b2}}), "lanes, one of them seen again")
	c.same([]payments.Lane{a, b2, b}, c.lanes(payments.LaneChange{}), "lanes, asked for without a change")
}

func lanesKinds(c *checker) {
	see := func(seenAt time.Time, k ...payments.EventKind) []payments.EventKind {
		c.t.Helper()
		lane := c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", Kinds: k, SeenAt: seenAt}}})[0]
		c.same(seenAt, lane.SeenAt, "SeenAt")
		return lane.Kinds
	}
	c.rule("Kinds are joined with those recorded less than LaneOverlap before")
	see(epoch, settled)
	c.same(kinds(settled, refunded), see(at(payments.LaneOverlap-time.Microsecond), refunded, settled), "kinds, joined")
	c.rule("Kinds recorded LaneOverlap before, or longer, are replaced")
	c.same(kinds(created), see(at(2*payments.LaneOverlap), created), "kinds, replaced")

	c.rule("nil Kinds, which mean all, joined with some are all; and are replaced by some after LaneOverlap")
	start := 2 * payments.LaneOverlap
	c.allKinds(see(at(start+time.Minute)), "kinds, after a version with all joined")
	c.allKinds(see(at(start+2*time.Minute), created), "kinds, while the version with all may still run")
	c.same(kinds(created), see(at(start+time.Minute+payments.LaneOverlap), created), "kinds, when the version with all is gone")

	c.rule("Snapshot.Lanes has the joined kinds")
	see(at(start+2*payments.LaneOverlap), settled)
	var got []payments.Lane
	c.update(payments.Ref{}, func(s payments.Snapshot) (payments.Change, error) {
		got = s.Lanes
		return payments.Change{}, nil
	})
	c.same(1, len(got), "number of lanes in a Snapshot")
	slices.Sort(got[0].Kinds)
	c.same(kinds(created, settled), got[0].Kinds, "kinds in a Snapshot")
}

func lanesOldKinds(c *checker) {
	c.rule("a kind that no version has recorded for LaneOverlap goes, even if another version recorded the lane every minute: nobody would handle its deliveries, and they would hold the lane")
	see := func(minute int, k ...payments.EventKind) []payments.EventKind {
		return c.lanes(payments.LaneChange{
			Seen: []payments.Lane{{Name: "a", Kinds: k, SeenAt: at(time.Duration(minute) * time.Minute)}},
		})[0].Kinds
	}
	see(0, settled, refunded)
	overlap := int(payments.LaneOverlap / time.Minute)
	for minute := 1; minute < overlap; minute++ {
		c.same(kinds(created, settled, refunded), see(minute, created, settled), "kinds while the old version may still run")
	}
	c.same(kinds(created, settled), see(overlap, created, settled), "kinds when the old version was last seen LaneOverlap ago")

	c.rule("the same holds for nil Kinds, which mean all")
	see(overlap + 1)
	for minute := overlap + 2; minute < 2*overlap+1; minute++ {
		c.allKinds(see(minute, created), "kinds while the version with all may still run")
	}
	c.same(kinds(created), see(2*overlap+1, created), "kinds when the version with all was last seen LaneOverlap ago")
}

func lanesRetired(c *checker) {
	c.rule("a retired lane has RetiredAt, is still listed, and is not among Snapshot.Lanes; the others stay")
	a, b := payments.Lane{Name: "a", Kinds: kinds(settled), SeenAt: epoch}, payments.Lane{Name: "b", SeenAt: epoch}
	c.lanes(payments.LaneChange{Seen: []payments.Lane{a, b}})
	live := func() []payments.Lane {
		var got []payments.Lane
		c.update(payments.Ref{}, func(s payments.Snapshot) (payments.Change, error) {
			got = s.Lanes
			return payments.Change{}, nil
		})
		slices.SortFunc(got, func(x, y payments.Lane) int { return len(x.Kinds) - len(y.Kinds) })
		return got
	}
	retired := a
	retired.RetiredAt = at(time.Minute)
	c.same([]payments.Lane{retired, b}, c.lanes(payments.LaneChange{Retire: []string{"a"}, At: at(time.Minute)}), "lanes")
	c.same([]payments.Lane{b}, live(), "lanes in a Snapshot")
	c.allKinds(live()[0].Kinds, "kinds in a Snapshot")

	c.rule("a retired lane that is seen lives again")
	a.SeenAt = at(2 * time.Minute)
	c.same([]payments.Lane{a, b}, c.lanes(payments.LaneChange{Seen: []payments.Lane{a}}), "lanes")
	c.same([]payments.Lane{b, a}, live(), "lanes in a Snapshot, those with fewer kinds first")
}

func lanesRetiredDeliveries(c *checker) {
	c.rule("retiring a lane finishes its open and dead deliveries as dismissed at At, and no others")
	c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", SeenAt: epoch}, {Name: "ab", SeenAt: epoch}, {Name: "b", SeenAt: epoch}}})
	add := func(events int) payments.ID {
		id := c.create(c.payment()).ID
		c.emit(id, []string{laneA, "hook:ab", laneB}, slices.Repeat(kinds(settled), events)...)
		return id
	}
	p := add(4)
	done := c.leaseOne(epoch, laneA)
	c.end(done, payments.DeliveryDone)
	dead := c.leaseOne(epoch, laneA)
	c.end(dead, payments.DeliveryDead)
	q := add(2)
	leased := c.leaseOne(epoch, laneA)

	c.lanes(payments.LaneChange{Retire: []string{"a"}, At: at(time.Minute)})
	want := []payments.ID{deliveryID(q, 2, laneA), deliveryID(q, 1, laneA), deliveryID(p, 4, laneA), deliveryID(p, 3, laneA), deliveryID(p, 2, laneA)}
	gone := c.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDismissed}})
	c.same(want, ids(gone), "ids of the dismissed ones")
	for _, d := range gone {
		c.same(at(time.Minute), d.DoneAt, "DoneAt of a dismissed one")
	}
	c.same(payments.DeliveryDone, c.delivery(done.ID).State, "state of the one that was done before")
	c.same(12, len(c.deliveries(payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryOpen}})), "number of open ones in the other lanes")
	c.same([]payments.ID{}, ids(c.leaseAll(at(1000*time.Hour), laneA)), "leased in the retired lane")
	c.same([]payments.ID{leased.ID}, c.finish(outcome(leased, payments.DeliveryDone)), "lost: the outcome of one that was leased meanwhile")
	c.same(payments.DeliveryDismissed, c.delivery(leased.ID).State, "its state")

	c.rule("a lane that came back to life gets new deliveries")
	c.lanes(payments.LaneChange{Seen: []payments.Lane{{Name: "a", SeenAt: at(time.Hour)}}})
	c.emit(p, []string{laneA}, settled)
	c.same(deliveryID(p, 5, laneA), c.leaseOne(at(time.Hour), laneA).ID, "leased")
}

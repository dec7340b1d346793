package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// pageCases are about lists in parts.
var pageCases = []testCase{
	{"pages/payments", pagesOfPayments},
	{"pages/events", pagesOfEvents},
	{"pages/messages", pagesOfMessages},
	{"pages/deliveries", pagesOfDeliveries},
	{"pages/claims", pagesOfClaims},
	{"pages/foreign cursors", pagesOfForeignCursors},
	{"pages/default and greatest limit", pagesLimits},
}

// pager reads a part of a list: the ids of its items, and its cursor.
type pager func(cursor string, limit int) ([]string, string)

// pages checks a list that holds want, in that order.
func (c *checker) pages(want []string, read pager) {
	c.t.Helper()
	c.rule("a list has Limit items, and Next only if there are more; its parts together are the whole, in order")
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for cursor := ""; ; {
			items, next := read(cursor, limit)
			more := len(got)+len(items) < len(want)
			if len(items) > limit || more != (next != "") || (more && len(items) != limit) {
				c.failf("limit %d: a part has %d items and the cursor %q, after %d of %d items", limit, len(items), next, len(got), len(want))
			}
			if got, cursor = append(got, items...), next; cursor == "" {
				break
			}
		}
		c.same(want, got, fmt.Sprintf("items, read %d at a time", limit))
	}
}

// growing checks that a cursor stays where it is when add puts new items at
// the head or the end of a list of at least four; from is what follows the
// first two items, at the time of the call.
func (c *checker) growing(read pager, add func(), from func() []string) {
	c.t.Helper()
	c.rule("a cursor stays in its place while new items arrive: none is repeated and none left out")
	_, cursor := read("", 2)
	add()
	got, _ := read(cursor, 100)
	c.same(from(), got, "items after the first two, read when more had arrived")
}

func text[T ~string](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

func pagesOfPayments(c *checker) {
	var want []string
	add := func() {
		p := c.payment()
		p.User.Tenant, p.Reference = "shop", "INV-1"
		want = append([]string{string(c.create(p).ID)}, want...)
		c.create(c.payment())
	}
	for range 5 {
		add()
	}
	for _, q := range []payments.PaymentQuery{
		{Tenant: "shop"}, {Tenant: "shop", UserID: "siti"}, {Reference: "INV-1"},
		{Reference: "INV-1", Status: []payments.Status{payments.StatusPending, payments.StatusCreated}},
	} {
		read := func(cursor string, limit int) ([]string, string) {
			q.Cursor, q.Limit = cursor, limit
			page, err := c.store.Payments(c.ctx, q)
			c.ok(err, "Payments")
			return text(paymentIDs(page.Items)), page.Next
		}
		c.pages(want, read)
		old := want
		c.growing(read, add, func() []string { return old[2:] })
	}
}

func pagesOfEvents(c *checker) {
	p := c.create(c.payment())
	c.emit(c.create(c.payment()).ID, nil, payments.EventCreated)
	var want []string
	add := func() {
		c.emit(p.ID, nil, payments.EventCreated)
		want = append(want, string(payments.EventID(p.ID, len(want)+1)))
	}
	for range 11 {
		add()
	}
	read := func(cursor string, limit int) ([]string, string) {
		page, err := c.store.Events(c.ctx, payments.EventQuery{PaymentID: p.ID, Cursor: cursor, Limit: limit})
		c.ok(err, "Events")
		var got []string
		for _, e := range page.Items {
			got = append(got, string(e.ID))
		}
		return got, page.Next
	}
	c.pages(want, read)
	c.growing(read, add, func() []string { return want[2:] })
}

func pagesOfMessages(c *checker) {
	payment := payments.NewID()
	var want []string
	add := func() {
		m, other := c.fullMessage(), c.fullMessage()
		m.PaymentID, m.Gateway, m.Ref, m.Raw, other.Gateway = payment, "snap", "R-1", nil, "fazz"
		c.keep(m, other)
		want = append(want, string(m.ID))
	}
	for range 5 {
		add()
	}
	for _, q := range []payments.MessageQuery{
		{PaymentID: payment}, {Gateway: "snap"}, {Gateway: "snap", Ref: "R-1", Verdict: []payments.Verdict{payments.VerdictParked}},
	} {
		read := func(cursor string, limit int) ([]string, string) {
			q.Cursor, q.Limit = cursor, limit
			page, err := c.store.Messages(c.ctx, q)
			c.ok(err, "Messages")
			return text(messageIDs(page.Items)), page.Next
		}
		c.pages(want, read)
		c.growing(read, add, func() []string { return want[2:] })
	}
}

func pagesOfDeliveries(c *checker) {
	older, newer := c.create(c.payment()), c.create(c.payment())
	var want []string
	for _, p := range []*payments.Payment{newer, older} {
		c.emit(p.ID, []string{"hook:b", "hook:a"}, payments.EventCreated, payments.EventPending)
		for seq := 2; seq >= 1; seq-- {
			for _, target := range []string{"hook:b", "hook:a"} {
				want = append(want, string(payments.DeliveryID(payments.EventID(p.ID, seq), target)))
			}
		}
	}
	// Of every state, and so perhaps not from one place.
	leased := c.leaseAll(epoch, "hook:a")
	c.end(leased[0], payments.DeliveryDone)
	c.end(leased[1], payments.DeliveryDead)
	for _, q := range []payments.DeliveryQuery{
		{}, {State: []payments.DeliveryState{payments.DeliveryOpen, payments.DeliveryDone, payments.DeliveryDead}},
	} {
		read := func(cursor string, limit int) ([]string, string) {
			q.Cursor, q.Limit = cursor, limit
			page, err := c.store.Deliveries(c.ctx, q)
			c.ok(err, "Deliveries")
			return text(ids(page.Items)), page.Next
		}
		c.pages(want, read)
		c.growing(read, func() { c.emit(c.create(c.payment()).ID, []string{"hook:a"}, payments.EventCreated) },
			func() []string { return want[2:] })
		want = append([]string{string(c.deliveries(payments.DeliveryQuery{})[0].ID)}, want...)
	}
}

func pagesOfClaims(c *checker) {
	// Ids that sort differently by letter case, and one that looks like
	// another with its plan.
	users := []string{"a", "B", "b", "a/pro", `a"`, "é", "🧧"}
	for _, user := range users {
		u := payments.EndUser{ID: user, Tenant: "shop"}
		for _, plan := range []string{"pro", "basic"} {
			claim := fullClaim(u, plan)
			c.change(c.create(c.buying(u, plan, "")).ID, payments.Change{Claim: &claim})
		}
	}
	read := func(cursor string, limit int) ([]string, string) {
		page, err := c.store.Claims(c.ctx, payments.ClaimQuery{Tenant: "shop", Cursor: cursor, Limit: limit})
		c.ok(err, "Claims")
		var got []string
		for _, claim := range page.Items {
			got = append(got, claimName(claim))
		}
		return got, page.Next
	}
	want, _ := read("", 100) // in whatever order
	c.pages(want, read)
	slices.Sort(want)
	c.same(2*len(users), len(slices.Compact(want)), "number of different claims")
}

// foreignCursors are what a stranger may send in a cursor's place. Databases
// refuse the zero byte and what is not UTF-8, each in its own way.
var foreignCursors = []string{
	"\x00", "a\x00b", "\xff", "\xc3\x28", "nonsense", "🧧", "'", `"`, "%", "-1", "1e9", "99999999999999999999", "9223372036854775808", "null", "[]", "{}",
	`["a"]`, `[1,2]`, `["\u0000","\ud800"]`, "/", "-/", "a-1/b", "a-x/b", "\x00-1/\x00", "\xff-1/\xff", strings.Repeat("z", 5000),
}

func pagesOfForeignCursors(c *checker) {
	c.rule("a cursor that no page gave is an *InvalidError, or some page; never a failure of the store")
	p := c.create(c.payment())
	c.emit(p.ID, nil, payments.EventCreated)
	for _, cursor := range foreignCursors {
		for list, read := range map[string]func() error{
			"Payments": func() error { _, err := c.store.Payments(c.ctx, payments.PaymentQuery{Cursor: cursor}); return err },
			"Payments of a user": func() error {
				_, err := c.store.Payments(c.ctx, payments.PaymentQuery{UserID: p.User.ID, Tenant: p.User.Tenant, Cursor: cursor})
				return err
			},
			"Events": func() error {
				_, err := c.store.Events(c.ctx, payments.EventQuery{PaymentID: p.ID, Cursor: cursor})
				return err
			},
			"Messages":   func() error { _, err := c.store.Messages(c.ctx, payments.MessageQuery{Cursor: cursor}); return err },
			"Deliveries": func() error { _, err := c.store.Deliveries(c.ctx, payments.DeliveryQuery{Cursor: cursor}); return err },
			"Claims": func() error {
				_, err := c.store.Claims(c.ctx, payments.ClaimQuery{Tenant: p.User.Tenant, Cursor: cursor})
				return err
			},
		} {
			err := read()
			if invalid := (*payments.InvalidError)(nil); err != nil && !errors.As(err, &invalid) {
				c.failf("%s with the cursor %.40q: %v", list, cursor, err)
			}
		}
	}
}

func pagesLimits(c *checker) {
	c.rule("a query's Limit is 50 if zero and at most 500")
	p := c.create(c.payment())
	var change payments.Change
	change.Payment = p
	for seq := 1; seq <= 501; seq++ {
		e := payments.Event{
			ID: payments.EventID(p.ID, seq), PaymentID: p.ID, Kind: payments.EventPending, Version: 1, Seq: seq,
			At: at(time.Duration(seq) * time.Second), Data: []byte(`{}`),
		}
		change.Events = append(change.Events, e)
		change.Deliveries = append(change.Deliveries, deliveryOf(e, "hook:a", epoch))
		change.Messages = append(change.Messages, payments.Message{ID: payments.NewID(), Gateway: "snap", Op: "status", At: e.At})
	}
	p.LastSeq = 501
	c.change(p.ID, change)
	claim := fullClaim(p.User, "")
	for i := range 50 {
		q := c.create(c.payment())
		claim.PlanKey = fmt.Sprintf("plan-%d", i)
		c.change(q.ID, payments.Change{Claim: &claim})
	}
	claim.PlanKey = "one more"
	c.change(p.ID, payments.Change{Claim: &claim})

	for limit, want := range map[int]int{0: 50, -1: 50, 500: 500, 501: 500, 10_000: 500} {
		events, err := c.store.Events(c.ctx, payments.EventQuery{PaymentID: p.ID, Limit: limit})
		c.ok(err, "Events")
		c.same(want, len(events.Items), fmt.Sprintf("events with limit %d", limit))
		messages, err := c.store.Messages(c.ctx, payments.MessageQuery{Limit: limit})
		c.ok(err, "Messages")
		c.same(want, len(messages.Items), fmt.Sprintf("messages with limit %d", limit))
		deliveries, err := c.store.Deliveries(c.ctx, payments.DeliveryQuery{Limit: limit})
		c.ok(err, "Deliveries")
		c.same(want, len(deliveries.Items), fmt.Sprintf("deliveries with limit %d", limit))
	}
	list, err := c.store.Payments(c.ctx, payments.PaymentQuery{})
	c.ok(err, "Payments")
	c.same(50, len(list.Items), "payments with limit 0")
	claims, err := c.store.Claims(c.ctx, payments.ClaimQuery{})
	c.ok(err, "Claims")
	c.same(50, len(claims.Items), "claims with limit 0")
}

package payments_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

// try is what the gateway tells of somebody's payment by a link.
func try(link, suffix, word string, amount int64) note {
	ref := link + "-" + suffix
	return note{Ref: ref, Tx: "tx-" + ref, Word: word, Amount: amount, Links: []string{link}}
}

// tell makes the note the gateway's truth, and sends it.
func (s *shop) tell(n note) *payments.Payment {
	s.t.Helper()
	s.fake.set(n.Ref, n.Tx, n.Word, n.Amount)
	code, verdict := s.notify(n)
	require.Equal(s.t, 200, code)
	require.Equal(s.t, payments.VerdictApplied, verdict)
	p, err := s.store.Get(s.t.Context(), payments.ByGatewayRef("fake", n.Ref))
	require.NoError(s.t, err)
	return p
}

func (s *shop) link(params payments.LinkParams) *payments.Link {
	s.t.Helper()
	link, err := s.pay.CreateLink(s.t.Context(), params)
	require.NoError(s.t, err)
	return link
}

// uses must be so many, without gaps, and each of another payment.
func (s *shop) uses(link string, want int) {
	s.t.Helper()
	s.clock.Advance(time.Second)
	s.drain()
	n, err := s.pay.LinkUses(s.t.Context(), link)
	require.NoError(s.t, err)
	require.Equal(s.t, want, n)
	seen := map[payments.ID]bool{}
	for i := 1; i <= n; i++ {
		p, err := s.pay.LinkPayment(s.t.Context(), link, i)
		require.NoError(s.t, err)
		require.Equal(s.t, i, p.LinkUse)
		seen[p.ID] = true
	}
	require.Len(s.t, seen, n)
	_, err = s.pay.LinkPayment(s.t.Context(), link, n+1)
	require.ErrorIs(s.t, err, payments.ErrNotFound)
}

// A payment by a link is created by the first that is told of it, whatever
// that is, and once, however often. (Vector 41 of the state model.)
func TestALinksPayments(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var over []payments.LinkOverLimit
	s.pay.OnLinkOverLimit("over", func(_ context.Context, e payments.LinkOverLimit) error { over = append(over, e); return nil })
	settled := map[payments.ID]int{}
	s.pay.OnSettled("shop", func(_ context.Context, e payments.Settled) error { settled[e.Order.ID]++; return nil })
	link := s.link(payments.LinkParams{
		ID: "order123", Title: "Concert", Items: []payments.Pick{{ID: "mug", Quantity: 2}}, UsageLimit: 2,
		Reference: "show-7", Metadata: map[string]string{"hall": "A"}, ExpiresIn: 24 * time.Hour,
	})
	require.Equal(t, "https://gateway.test/links/order123", link.URL)
	asked := s.fake.linked[0]
	require.Equal(t, payments.IDR(170_000), asked.Amount)
	require.Equal(t, "https://shop.test/thanks", asked.ReturnURL)
	require.Equal(t, start.Add(24*time.Hour), asked.ExpiresAt)

	first := try("order123", "1647944535605", "settlement", 170_000)
	p := s.tell(first)
	s.status(p, payments.StatusSettled)
	require.Equal(t, "order123", p.LinkID)
	require.Equal(t, "show-7", p.Reference)
	require.Equal(t, map[string]string{"hall": "A"}, p.Metadata)
	require.Equal(t, payments.IDR(170_000), p.Amount)
	for range 3 {
		code, _ := s.notify(first)
		require.Equal(t, 200, code)
	}
	s.uses("order123", 1)

	// The second begins, and pays later. The third is one too many.
	second := try("order123", "1647944535606", "pending", 170_000)
	q := s.tell(second)
	s.status(q, payments.StatusPending)
	s.uses("order123", 1)
	third := s.tell(try("order123", "1647944535607", "settlement", 170_000))
	s.uses("order123", 2)
	require.Empty(t, over)
	second.Word = "settlement"
	require.Equal(t, q.ID, s.tell(second).ID)
	s.uses("order123", 3)
	s.status(q, payments.StatusSettled)
	require.Equal(t, map[payments.ID]int{p.ID: 1, q.ID: 1, third.ID: 1}, settled, "each is settled, over the limit or not")
	require.Len(t, over, 1)
	require.Equal(t, q.ID, over[0].Order.ID)
	require.Equal(t, [2]int{3, 2}, [2]int{over[0].Use, over[0].Limit})
	s.uses("order123", 3)
	require.Len(t, over, 1)
}

// A link for one is a payment of one.
func TestALinkToAPlan(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	link := s.link(payments.LinkParams{PlanID: "pro", User: ana})
	require.Len(t, link.ID, 36)
	require.Equal(t, 1, s.fake.linked[0].UsageLimit)
	require.Equal(t, "pro", s.fake.linked[0].Plan.ID)
	p := s.tell(try(link.ID, "1", "settlement", 29_000))
	s.uses(link.ID, 1)
	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.True(t, e.OK)
	_, err = s.pay.GetFor(t.Context(), ana, p.ID)
	require.NoError(t, err)
}

// Where the payer chooses, what is in the range is what was ordered.
func TestALinkOfAnyAmount(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "tips", Title: "Tips", Min: payments.IDR(5_000), Max: payments.IDR(50_000), UsageLimit: 9})
	for amount, want := range map[int64]payments.Status{
		5_000: payments.StatusSettled, 7_000: payments.StatusSettled, 50_000: payments.StatusSettled,
		4_999: payments.StatusReview, 1: payments.StatusReview, 50_001: payments.StatusReview,
	} {
		p := s.tell(try("tips", fmt.Sprint(amount), "settlement", amount))
		s.status(p, want)
		require.Equal(t, payments.IDR(min(max(amount, 5_000), 50_000)), p.Amount)
		require.Equal(t, "Tips", p.Lines[0].Name)
	}
	s.uses("tips", 6)
}

// Another amount than a link's is a matter for a person, as everywhere.
func TestALinkPaidByAnotherAmount(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	p := s.tell(try("a", "1", "settlement", 1))
	s.status(p, payments.StatusReview)
	s.drain()
	s.status(p, payments.StatusReview)
}

// What is no link's is parked, as before.
func TestNoLinksPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	other := try("b", "1", "settlement", 10_000)
	code, verdict := s.notify(other)
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictParked, verdict)
	test := try("a", "1", "settlement", 10_000)
	test.Test = true
	_, verdict = s.notify(test)
	require.Equal(t, payments.VerdictTest, verdict)

	// The second of two names may be the one.
	n := try("a", "1", "settlement", 10_000)
	n.Links = []string{"zz", "a"}
	s.tell(n)

	// A payment's own reference comes first, whatever it looks like.
	p := s.open(ana, "pro")
	own := note{Ref: string(p.ID), Tx: "t", Word: "settlement", Amount: 29_000, Links: []string{"a"}}
	require.Equal(t, p.ID, s.tell(own).ID)
}

// Without the gateway's word nothing is settled by a link either.
func TestALinksPaymentIsAskedAbout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	n := try("a", "1", "settlement", 10_000)
	code, verdict := s.notify(n)
	require.Equal(t, 503, code)
	require.Empty(t, verdict)
	p, err := s.store.Get(t.Context(), payments.ByGatewayRef("fake", n.Ref))
	require.NoError(t, err)
	s.status(p, payments.StatusPending)
	s.uses("a", 0)

	// The reconciler finds it, even if the message is never sent again.
	s.fake.set(n.Ref, n.Tx, "settlement", 10_000)
	s.clock.Advance(2 * time.Minute)
	s.drain()
	s.status(p, payments.StatusSettled)
	s.uses("a", 1)
}

// Somebody begins at a link, and does not pay: it ends as every payment.
func TestALinksPaymentExpires(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	p := s.tell(try("a", "1", "pending", 10_000))
	s.clock.Advance(25 * time.Hour)
	s.drain()
	s.status(p, payments.StatusExpired)
	s.uses("a", 0)
}

// While the store is down, nothing is lost.
func TestALinksPaymentMeetsAFault(t *testing.T) {
	t.Parallel()
	var flaky *flakyStore
	s := newShop(t, withFlaky(&flaky))
	_, err := s.pay.CreateLink(t.Context(), payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	require.ErrorIs(t, err, payments.ErrUnsupported, "this store keeps no records")
	_, err = s.pay.Link(t.Context(), "a")
	require.ErrorIs(t, err, payments.ErrUnsupported)
	_, verdict := s.notify(try("a", "1", "settlement", 10_000))
	require.Equal(t, payments.VerdictParked, verdict)
}

// recordFaults is a store whose records fail when the test says so.
type recordFaults struct {
	*memory.Store
	fail error
}

func (s *recordFaults) Record(ctx context.Context, ref payments.RecordRef) (*payments.Record, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	return s.Store.Record(ctx, ref)
}

func TestALinkCannotBeRead(t *testing.T) {
	t.Parallel()
	faults := &recordFaults{Store: memory.New()}
	s := newShop(t, with(func(c *payments.Config) { c.Store = faults }))
	s.store = faults.Store
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)})
	n := try("a", "1", "settlement", 10_000)
	s.fake.set(n.Ref, n.Tx, "settlement", 10_000)
	faults.fail = errors.New("no disk")
	require.Equal(t, 503, s.do("POST", "/notifications/fake", "", `{"Sign":"good","Ref":"a-1","Tx":"tx-a-1","Word":"settlement","Amount":10000,"Links":["a"]}`).Code)
	require.Empty(t, s.verdicts())
	faults.fail = nil
	p := s.tell(n)
	faults.fail = errors.New("no disk")
	s.clock.Advance(time.Second)
	require.Error(t, s.pay.Drain(t.Context()), "it cannot be counted")
	s.status(p, payments.StatusSettled)
	faults.fail = nil
	s.clock.Advance(time.Hour)
	s.uses("a", 1)
}

// Copies of one message, and messages of many payments, all at once.
func TestALinkInAStorm(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.link(payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000), UsageLimit: 5})
	over := 0
	s.pay.OnLinkOverLimit("over", func(context.Context, payments.LinkOverLimit) error { over++; return nil })
	var all sync.WaitGroup
	for i := range 8 {
		n := try("a", fmt.Sprint(i), "settlement", 10_000)
		s.fake.set(n.Ref, n.Tx, "settlement", 10_000)
		for range 3 {
			all.Go(func() { s.notify(n) })
		}
	}
	s.clock.Advance(time.Second)
	for range 4 {
		all.Go(func() { _ = s.pay.Drain(t.Context()) })
	}
	all.Wait()
	s.uses("a", 8)
	require.Equal(t, 3, over)
}

func TestCreateLinkAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	params := payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)}
	s.fake.link = func(string, string) error { return fmt.Errorf("lost: %w", payments.ErrOutcomeUnknown) }
	link, err := s.pay.CreateLink(ctx, params)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.Empty(t, link.URL+link.Refused)

	s.tell(try("a", "1", "settlement", 10_000)) // it was made, and somebody found it
	s.uses("a", 1)

	s.fake.link = func(string, string) error { return &payments.GatewayError{Gateway: "fake", Message: "no such thing"} }
	link, err = s.pay.CreateLink(ctx, params)
	require.Error(t, err)
	require.Contains(t, link.Refused, "no such thing")

	s.fake.link = nil
	link, err = s.pay.CreateLink(ctx, params)
	require.NoError(t, err)
	require.NotEmpty(t, link.URL)
	require.Empty(t, link.Refused)
	again, err := s.pay.CreateLink(ctx, params)
	require.NoError(t, err)
	require.Equal(t, link, again)
	require.Equal(t, 3, s.fake.count("create link"), "one that is there is not asked for")

	params.Title = "B"
	_, err = s.pay.CreateLink(ctx, params)
	require.ErrorIs(t, err, payments.ErrKeyReused)
}

func TestDeleteLink(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	params := payments.LinkParams{ID: "a", Title: "A", Amount: payments.IDR(10_000)}
	s.link(params)
	require.ErrorIs(t, s.pay.DeleteLink(ctx, "b"), payments.ErrNotFound)
	s.fake.link = func(string, string) error { return fmt.Errorf("lost: %w", payments.ErrOutcomeUnknown) }
	require.ErrorIs(t, s.pay.DeleteLink(ctx, "a"), payments.ErrOutcomeUnknown)
	s.fake.link = func(string, string) error { return payments.ErrNotFound } // the first call did it
	require.NoError(t, s.pay.DeleteLink(ctx, "a"))
	require.NoError(t, s.pay.DeleteLink(ctx, "a"))
	require.Equal(t, 2, s.fake.count("delete link"))
	link, err := s.pay.Link(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, start, link.DeletedAt)
	_, err = s.pay.CreateLink(ctx, params)
	require.ErrorIs(t, err, payments.ErrWrongState)

	// Who has begun may still pay.
	s.status(s.tell(try("a", "1", "settlement", 10_000)), payments.StatusSettled)
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, l := range [][2]string{{"a", "x"}, {"b", "y"}, {"c", "x"}} {
		s.link(payments.LinkParams{ID: l[0], Tenant: l[1], Title: "A", Amount: payments.IDR(10_000)})
	}
	page, err := s.pay.Links(t.Context(), payments.LinkQuery{Tenant: "x", Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "c", page.Items[0].ID)
	page, err = s.pay.Links(t.Context(), payments.LinkQuery{Tenant: "x", Limit: 1, Cursor: page.Next})
	require.NoError(t, err)
	require.Equal(t, "a", page.Items[0].ID)
}

func TestCreateLinkRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	idr := payments.IDR
	for field, p := range map[string]payments.LinkParams{
		"id":             {ID: "A B", Title: "A", Amount: idr(1)},
		"usage_limit":    {UsageLimit: -1, Title: "A", Amount: idr(1)},
		"expires_in":     {ExpiresIn: time.Second, Title: "A", Amount: idr(1)},
		"user.id":        {PlanID: "pro"},
		"user.tenant":    {PlanID: "pro", User: ana, Tenant: "x"},
		"user.email":     {Title: "A", Amount: idr(1), User: payments.EndUser{ID: "x", Email: "nonsense"}},
		"plan_id":        {PlanID: "gold", User: ana},
		"items[0].id":    {Items: []payments.Pick{{ID: "cup", Quantity: 1}}},
		"title":          {Amount: idr(1)},
		"amount":         {PlanID: "pro", User: ana, Amount: idr(1)},
		"lines[0]":       {Title: "A", Amount: payments.Money{Amount: 5}},
		"max":            {Title: "A", Min: idr(5), Max: idr(4)},
		"metadata[long]": {Title: "A", Amount: idr(1), Metadata: map[string]string{"long": strings.Repeat("x", 501)}},
		"reference":      {Title: "A", Amount: idr(1), Reference: strings.Repeat("x", 129)},
		"return_url":     {Title: "A", Amount: idr(1), ReturnURL: "https://evil.test"},
		"extra":          {Title: "A", Amount: idr(1), Extra: func() {}},
	} {
		_, err := s.pay.CreateLink(t.Context(), p)
		require.Equal(t, []string{field}, fields(t, err), field)
	}
	for _, p := range []payments.LinkParams{
		{Title: "A", Amount: idr(0)}, {PlanID: "free", User: ana}, {Title: "A", Min: idr(2), Max: idr(9), Amount: idr(1)},
		{Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Max: idr(9)},
	} {
		_, err := s.pay.CreateLink(t.Context(), p)
		require.Equal(t, []string{"amount"}, fields(t, err))
	}
	require.Empty(t, s.fake.linked)

	blind := newShop(t, with(func(c *payments.Config) { c.Gateways = []payments.Gateway{readOnly{newFake()}} }))
	_, err := blind.pay.CreateLink(t.Context(), payments.LinkParams{Title: "A", Amount: idr(1)})
	require.ErrorIs(t, err, payments.ErrUnsupported)
}

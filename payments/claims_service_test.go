package payments_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// buys has the user buy the plan and pay for it by tx.
func (s *shop) buys(user, planID, tx string) *payments.Payment {
	s.t.Helper()
	p := s.buy(user, `{"plan_id":"`+planID+`"}`)
	s.settle(p, tx)
	return p
}

func (s *shop) entitled(user payments.EndUser) payments.Entitlement {
	s.t.Helper()
	e, err := s.pay.Entitled(s.t.Context(), user, "pro")
	require.NoError(s.t, err)
	return e
}

func TestAccessThroughALife(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.Equal(t, "never", s.entitled(ana).Reason)
	p := s.buys("ana", "pro", "tx1")
	e := s.entitled(ana)
	require.True(t, e.OK)
	require.Equal(t, "active", e.Reason)
	require.Equal(t, start.AddDate(0, 1, 0), e.Until)
	require.False(t, s.entitled(budi).OK)
	require.False(t, s.entitled(payments.EndUser{ID: "ana", Tenant: "acme"}).OK)

	s.clock.Advance(10 * day)
	q := s.buys("ana", "pro", "tx2")
	require.Equal(t, start.AddDate(0, 2, 0), s.entitled(ana).Until, "no day is lost")
	_, err := s.refund(p, "r1", 0)
	require.NoError(t, err)
	require.Equal(t, start.Add(10*day).AddDate(0, 1, 0), s.entitled(ana).Until, "the second begins when it was paid")
	s.clock.Advance(50 * day)
	s.drain()
	e = s.entitled(ana)
	require.False(t, e.OK)
	require.Equal(t, "ended", e.Reason)
	s.buys("ana", "pro", "tx3")
	require.True(t, s.entitled(ana).OK)
	_, err = s.refund(q, "r1", 0)
	require.NoError(t, err)
	require.True(t, s.entitled(ana).OK, "what was used up already takes nothing away")
	claims, err := s.pay.Claims(t.Context(), ana)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	require.Len(t, claims[0].Grants, 3)
}

func TestSettledCarriesTheClaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var got []payments.Settled
	s.pay.OnSettled("x", func(_ context.Context, e payments.Settled) error { got = append(got, e); return nil })
	for _, buy := range []func(){
		func() { s.buys("ana", "pro", "tx-a") }, func() { s.buys("ana", "pro", "tx-b") }, func() { s.paid() },
	} {
		buy()
		s.drain()
	}
	require.Len(t, got, 3)
	require.Equal(t, start.AddDate(0, 1, 0), got[0].Claim.End)
	require.Equal(t, start.AddDate(0, 2, 0), got[1].Claim.End)
	require.Nil(t, got[1].Claim.Grants)
	require.Nil(t, got[2].Claim, "things are no claim")
}

// Two payments of one claim at once: the claim is locked, so none is lost.
func TestPaymentsAtOnceExtendOneClaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var group sync.WaitGroup
	var all []*payments.Payment
	for range 10 {
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx-"+string(p.ID), "settlement", 29_000)
		all = append(all, p)
	}
	for _, p := range all {
		group.Go(func() {
			w := s.do("POST", "/notifications/fake", "", `{"Sign":"good","Ref":"`+string(p.ID)+`","Tx":"tx-`+string(p.ID)+`","Word":"settlement","Amount":29000}`)
			if w.Code != 200 {
				t.Errorf("answered %d", w.Code)
			}
		})
	}
	group.Wait()
	require.Equal(t, start.AddDate(0, 10, 0), s.entitled(ana).Until)
	granted, extended := 0, 0
	for _, p := range all {
		granted, extended = granted+s.told(p, payments.EventClaimGranted), extended+s.told(p, payments.EventClaimExtended)
	}
	require.Positive(t, granted)
	require.Equal(t, 10, granted+extended)
}

func TestAPartialRefundAndAccess(t *testing.T) {
	t.Parallel()
	for policy, want := range map[payments.PartialRefund]time.Time{
		payments.KeepAccess:    start.AddDate(0, 1, 0),
		payments.RevokeAccess:  {},
		payments.ProrateAccess: start.AddDate(0, 0, 15), // half of 31 days, in whole ones
	} {
		s := newShop(t, with(func(c *payments.Config) { c.Claims.PartialRefund = policy }))
		p := s.buys("ana", "pro", "tx1")
		_, err := s.refund(p, "r1", 14_500)
		require.NoError(t, err)
		e := s.entitled(ana)
		require.Equal(t, want, e.Until, policy)
		require.Equal(t, !want.IsZero(), e.OK, policy)
		require.Equal(t, policy == payments.RevokeAccess, s.told(p, payments.EventClaimRevoked) == 1)
		s.clock.Advance(40 * day)
		s.drain()
		require.Equal(t, policy != payments.RevokeAccess, s.told(p, payments.EventClaimExpired) == 1, policy)
		require.True(t, s.get(p.ID).WakeAt.IsZero())
	}
}

// The host's own word on what gives access.
func TestAHostCanDecideWhatCovers(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Claims.Covers = func(p *payments.Payment, def bool) bool {
			return def || p.Status == payments.StatusAuthorized
		}
	}))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	require.False(t, s.entitled(ana).OK)
	s.fake.set(string(p.ID), "tx1", "authorize", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "authorize", Amount: 29_000})
	require.True(t, s.entitled(ana).OK)
	s.fake.set(string(p.ID), "tx1", "cancel", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "cancel", Amount: 29_000})
	require.False(t, s.entitled(ana).OK)
	require.Equal(t, "revoked", s.entitled(ana).Reason)
}

// An overpaid order is one period, and the money of either gives access.
func TestOverpaidMoneyIsNotTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buys("ana", "pro", "tx1")
	s.fake.set(string(p.ID), "tx2", "settlement", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx2", Word: "settlement", Amount: 29_000})
	require.Equal(t, start.AddDate(0, 1, 0), s.entitled(ana).Until)
	_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r", Attempt: "tx1"})
	require.NoError(t, err)
	require.True(t, s.entitled(ana).OK)
	require.Zero(t, s.told(p, payments.EventClaimRevoked))
}

// The claim and the settlement are one commit: there is never one without
// the other.
func TestAClaimCommitsWithItsPayment(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	store.set(func() error { return errors.New("the store is down") }, nil)
	code, _ := s.notify(settlement(p, "tx1"))
	require.Equal(t, 503, code)
	require.False(t, s.entitled(ana).OK)
	s.status(p, payments.StatusPending)
	store.set(nil, nil)
	code, _ = s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.True(t, s.entitled(ana).OK)
}

package payments

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
)

// wib is ten o'clock in Jakarta on a day of 2026.
func wib(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 10, 0, 0, 0, jakarta).UTC()
}

func shown(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.In(jakarta).Format("2 Jan")
}

// subscriber is one user with one plan, and the payments made for it.
type subscriber struct {
	t        require.TestingT
	svc      *Service
	plan     Plan
	claim    *Claim
	payments map[ID]*Payment
	events   []string // of the claim
}

func newSubscriber(t require.TestingT, policy ClaimPolicy) *subscriber {
	c := Config{Claims: policy}
	c.setDefaults()
	return &subscriber{
		t: t, svc: &Service{cfg: c}, payments: map[ID]*Payment{},
		plan: Plan{ID: "pro-monthly", Key: "pro", Price: IDR(ordered), Period: Monthly},
	}
}

// do is one Update of a payment at a time, as the service makes it.
func (s *subscriber) do(id ID, at time.Time, fn func(*unit)) {
	p := s.payments[id]
	if p == nil {
		p = testPayment(s.plan.Price)
		plan := s.plan
		p.ID, p.Plan, p.CreatedAt, p.ExpiresAt = id, &plan, at, at.AddDate(0, 0, 1)
	}
	u := &unit{step: step{p: p.Clone(), at: at}, svc: s.svc, claim: s.claim}
	fn(u)
	change, err := u.finish()
	require.NoError(s.t, err)
	s.payments[id] = change.Payment
	if change.Claim != nil {
		s.claim = change.Claim
	}
	for _, d := range u.events {
		switch e := d.body.(type) {
		case *ClaimGranted:
			s.events = append(s.events, fmt.Sprintf("granted %s until %s", id, shown(e.Claim.End)))
		case *ClaimExtended:
			s.events = append(s.events, fmt.Sprintf("extended %s until %s", id, shown(e.Claim.End)))
		case *ClaimRevoked:
			s.events = append(s.events, fmt.Sprintf("revoked %s from %s to %s", id, shown(e.OldEnd), shown(e.Claim.End)))
		case *ClaimExpired:
			s.events = append(s.events, fmt.Sprintf("expired %s on %s", id, shown(e.Claim.End)))
		}
	}
}

// hears merges what the gateway tells of a payment.
func (s *subscriber) hears(id ID, at time.Time, n news) {
	s.do(id, at, func(u *unit) { u.observe(testGateway, n.told) })
}

// pays settles an attempt, paid at a time by the gateway's clock.
func (s *subscriber) pays(id ID, attempt string, at time.Time) {
	n := settle(attempt)
	n.told.GatewayAt = at
	s.hears(id, at, n)
}

func (s *subscriber) decides(id ID, at time.Time, n news) {
	s.do(id, at, func(u *unit) { u.record(u.p.attempt(testGateway, n.attempt), n.own) })
}

// timer fires for a payment.
func (s *subscriber) timer(id ID, at time.Time) { s.do(id, at, (*unit).tellClaimEnd) }

func (s *subscriber) requireChain(start, end time.Time, events ...string) {
	require.Equal(s.t, shown(start), shown(s.claim.Start), "start")
	require.Equal(s.t, shown(end), shown(s.claim.End), "end")
	require.Equal(s.t, events, s.events)
}

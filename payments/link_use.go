package payments

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
)

// byLink creates the payment that a notification tells of, if one of our links
// has brought it. The gateway has made its reference, of the link's.
func (s *Service) byLink(ctx context.Context, gateway string, n Notification) error {
	for _, id := range n.Links {
		link, err := s.Link(ctx, id)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnsupported) {
			continue
		}
		if err != nil {
			return err
		}
		if link.Gateway != gateway {
			continue
		}
		_, err = s.update(ctx, s.store, ByGatewayRef(gateway, n.Ref), func(u *unit) error {
			if u.p == nil { // else a copy of the message was faster
				u.begun(link.order(n.Observation), Session{Gateway: gateway, Ref: n.Ref, RedirectURL: link.URL})
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("create a payment of link %s: %w", id, err)
		}
		return nil
	}
	return nil
}

// begun creates a payment that the gateway has opened by itself.
func (u *unit) begun(o Order, session Session) {
	o.ID, o.CreatedAt, o.ExpiresAt = NewID(), u.at, stamp(u.at.Add(u.svc.cfg.ExpiresIn))
	session.TriedAt, session.Tries, session.OpenedAt = u.at, 1, u.at
	u.p = &Payment{Order: o, Sessions: []Session{session}}
	u.change.Refs = append(u.change.Refs, ByGatewayRef(session.Gateway, session.Ref))
	u.tell(EventCreated, "life/created", &Created{})
	u.learn(Fact{Kind: FactOpened, Key: session.Ref})
}

// order is what somebody who began to pay by the link is to pay. Of an amount
// that the payer was not free to choose, the nearest one that he was: what he
// pays is then not what was ordered, and a person decides.
func (l *Link) order(o Observation) Order {
	amount := l.Amount
	if l.Max != (Money{}) {
		amount = l.clamp(o.Amount)
	}
	lines := l.Lines
	if l.Plan == nil && lines == nil {
		lines = []Line{{Item: Item{ID: l.ID, Name: l.Title, Price: amount}, Quantity: 1}}
	}
	return Order{Reference: l.Reference, User: l.User, Plan: l.Plan, Lines: lines, Amount: amount, LinkID: l.ID, Metadata: l.Metadata}
}

// countSchedule is when a use is counted, and tried again to be.
var countSchedule = Schedule{time.Second, time.Minute, 5 * time.Minute, time.Hour}

// uncounted: paid by a link, and not counted among its uses yet.
func (p *Payment) uncounted() bool {
	return p.LinkID != "" && p.LinkUse == 0 && p.Totals.In.Amount > 0
}

func byLinkUse(link string, n int) Ref { return Ref{Kind: RefLinkUse, Scope: link, Value: itoa(n)} }

// countUse numbers the payment among those that its link was paid by. The
// number is a name of the payment, and names are unique: so no two payments
// have the same one, and each has one at most, whoever counts at once.
func (s *Service) countUse(ctx context.Context, p *Payment) (*Payment, error) {
	if !p.uncounted() {
		return p, nil
	}
	link, err := s.Link(ctx, p.LinkID)
	if err != nil {
		return p, err
	}
	used, err := s.LinkUses(ctx, link.ID)
	if err != nil {
		return p, err
	}
	for {
		used++
		counted, err := s.updateID(ctx, p.ID, func(u *unit) error {
			if !u.p.uncounted() {
				return nil
			}
			u.p.LinkUse = used
			u.change.Refs = append(u.change.Refs, byLinkUse(link.ID, used))
			if used > link.UsageLimit {
				u.tell(EventLinkOverLimit, "link/"+itoa(used), &LinkOverLimit{Use: used, Limit: link.UsageLimit})
			}
			return nil
		})
		if !errors.Is(err, ErrRefTaken) { // else somebody else has just got it
			return counted, err
		}
	}
}

// LinkUses is how often a link was paid. Payments are counted soon after they
// are paid, by Run; what is refunded stays counted.
func (s *Service) LinkUses(ctx context.Context, id string) (n int, failed error) {
	used := func(n int) bool {
		_, err := s.LinkPayment(ctx, id, n)
		if err != nil && !errors.Is(err, ErrNotFound) {
			failed = err
		}
		return err == nil
	}
	bound := 1 // the numbers have no gaps
	for used(bound) {
		bound *= 2
	}
	n = bound/2 + sort.Search(bound-bound/2, func(i int) bool { return !used(bound/2 + i + 1) })
	return n, failed
}

// LinkPayment returns the nth paid payment of a link, from 1, or ErrNotFound
// (wrapped).
func (s *Service) LinkPayment(ctx context.Context, id string, n int) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	p, err := s.store.Get(ctx, byLinkUse(id, n))
	if err != nil {
		return nil, fmt.Errorf("payment %d of link %s: %w", n, clip(id), err)
	}
	return p, nil
}

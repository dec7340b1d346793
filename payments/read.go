package payments

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Get returns a payment, or ErrNotFound (wrapped).
func (s *Service) Get(ctx context.Context, id ID) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	p, err := s.store.Get(ctx, ByID(id))
	if err != nil {
		return nil, fmt.Errorf("payment %s: %w", clip(string(id)), err)
	}
	return p, nil
}

// GetFor returns a payment of the user. Somebody else's is ErrNotFound, as if
// it did not exist.
func (s *Service) GetFor(ctx context.Context, user EndUser, id ID) (*Payment, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.User.ID != user.ID || p.User.Tenant != user.Tenant {
		return nil, fmt.Errorf("payment %s: %w", id, ErrNotFound)
	}
	return p, nil
}

// Page returns one page of payments, newest first.
func (s *Service) Page(ctx context.Context, q PaymentQuery) (Page[*Payment], error) {
	if err := guard(ctx); err != nil {
		return Page[*Payment]{}, err
	}
	return s.store.Payments(ctx, q)
}

// List walks all pages, newest first. It stops after the first error.
func (s *Service) List(ctx context.Context, q PaymentQuery) iter.Seq2[*Payment, error] {
	return walk(func(cursor string) (Page[*Payment], error) {
		q.Cursor = cursor
		return s.Page(ctx, q)
	})
}

// Deliveries walks deliveries to hooks: open, dead and finished ones.
func (s *Service) Deliveries(ctx context.Context, q DeliveryQuery) iter.Seq2[Delivery, error] {
	return walk(func(cursor string) (Page[Delivery], error) {
		if err := guard(ctx); err != nil {
			return Page[Delivery]{}, err
		}
		q.Cursor = cursor
		return s.store.Deliveries(ctx, q)
	})
}

// Messages walks the raw talk with gateways, oldest first.
func (s *Service) Messages(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return walk(func(cursor string) (Page[Message], error) {
		if err := guard(ctx); err != nil {
			return Page[Message]{}, err
		}
		q.Cursor = cursor
		return s.store.Messages(ctx, q)
	})
}

// Events walks a payment's history, oldest first.
func (s *Service) Events(ctx context.Context, id ID) iter.Seq2[Event, error] {
	return walk(func(cursor string) (Page[Event], error) {
		if err := guard(ctx); err != nil {
			return Page[Event]{}, err
		}
		return s.store.Events(ctx, EventQuery{PaymentID: id, Cursor: cursor})
	})
}

func walk[T any](page func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			p, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}

// Story is all there is to know about a payment, for operators.
type Story struct {
	Payment *Payment
	// Why says in words what the status rests on.
	Why        []string
	Events     []Event
	Messages   []Message
	Deliveries []Delivery
	Claim      *Claim
}

// Explain tells a payment's story.
func (s *Service) Explain(ctx context.Context, id ID) (*Story, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	story := &Story{Payment: p, Why: p.why()}
	if story.Events, err = collect(s.Events(ctx, id)); err != nil {
		return nil, err
	}
	if story.Messages, err = collect(s.Messages(ctx, MessageQuery{PaymentID: id})); err != nil {
		return nil, err
	}
	if story.Deliveries, err = collect(s.Deliveries(ctx, DeliveryQuery{PaymentID: id})); err != nil {
		return nil, err
	}
	slices.Reverse(story.Deliveries) // a story begins at its beginning
	if p.Plan != nil {
		story.Claim, err = findClaim(ctx, s.store, p.User, p.PlanKey())
	}
	return story, err
}

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// why puts the outlook into words.
func (p *Payment) why() []string {
	o := p.look()
	decider := "the payment itself"
	if o.decider != "" {
		decider = "attempt " + o.decider
	}
	lines := []string{fmt.Sprintf("%s, decided by %s", o.status, decider)}
	for _, st := range o.attempts {
		line := fmt.Sprintf("attempt %s is %s: in %s, back %s", st.id, st.status,
			Money{Amount: st.in, Currency: p.Amount.Currency}, Money{Amount: st.out, Currency: p.Amount.Currency})
		if st.in > 0 && !st.acceptable {
			line += fmt.Sprintf("; ordered were %s", p.Amount)
		}
		lines = append(lines, line)
	}
	for _, d := range p.Watch.Doubts {
		lines = append(lines, fmt.Sprintf("unconfirmed: %s of %s, since %s", d.Word, d.TransactionID, d.Since.Format(time.RFC3339)))
	}
	return append(lines, p.Notes...)
}

// Redeliver puts a dead delivery back; its lane goes on after it.
//
// Errors: ErrNotFound; ErrWrongState if the delivery is not dead.
func (s *Service) Redeliver(ctx context.Context, id ID) error {
	return s.release(ctx, id, DeliveryOpen, "")
}

// Dismiss gives a dead delivery up; its lane goes on without it. Errors are
// as those of Redeliver.
func (s *Service) Dismiss(ctx context.Context, id ID, reason string) error {
	return s.release(ctx, id, DeliveryDismissed, reason)
}

func (s *Service) release(ctx context.Context, id ID, state DeliveryState, note string) error {
	if err := guard(ctx); err != nil {
		return err
	}
	page, err := s.store.Deliveries(ctx, DeliveryQuery{ID: id, Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		return fmt.Errorf("delivery %s: %w", clip(string(id)), ErrNotFound)
	}
	d := page.Items[0]
	if d.State != DeliveryDead {
		return fmt.Errorf("delivery %s: %w: it is %s", id, ErrWrongState, d.State)
	}
	if by := actor(ctx); by != "" {
		note = by + ": " + note
	}
	_, err = s.updateID(ctx, d.Event.PaymentID, func(u *unit) error {
		u.change.Releases = []Release{{DeliveryID: id, State: state, Due: u.at, Note: note}}
		return nil
	})
	if err != nil {
		return err
	}
	return s.released(ctx, id, state)
}

// released looks whose decision it was: the store leaves alone what is not dead
// any more, as when somebody else has decided meanwhile.
func (s *Service) released(ctx context.Context, id ID, state DeliveryState) error {
	page, err := s.store.Deliveries(ctx, DeliveryQuery{ID: id, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	now := page.Items[0].State
	if (now == DeliveryDismissed) != (state == DeliveryDismissed) {
		return fmt.Errorf("delivery %s: %w: somebody else has decided otherwise, and it is %s", id, ErrWrongState, now)
	}
	return nil
}

// Lanes lists the lanes that the store knows, with when each was last served.
func (s *Service) Lanes(ctx context.Context) ([]Lane, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	return s.store.Lanes(ctx, LaneChange{At: s.now()})
}

// RetireLane ends a lane that no version of the app has any more: it gets no
// further events, and what waits for it is dismissed. For a lane that is
// retired already it does nothing.
//
// Errors: ErrNotFound if there is no such lane; ErrWrongState if a process has
// said within the last ten minutes (LaneOverlap) that it has it.
func (s *Service) RetireLane(ctx context.Context, name string) error {
	lanes, err := s.Lanes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(lanes, func(l Lane) bool { return l.Name == name })
	if i < 0 {
		return fmt.Errorf("lane %q: %w", clip(name), ErrNotFound)
	}
	if lane := lanes[i]; lane.RetiredAt.IsZero() && !lane.gone(s.now()) {
		return fmt.Errorf("retire lane %q: %w: a process had it at %s", name, ErrWrongState, lane.SeenAt.Format(time.RFC3339))
	}
	_, err = s.store.Lanes(ctx, LaneChange{Retire: []string{name}, At: s.now()})
	return err
}

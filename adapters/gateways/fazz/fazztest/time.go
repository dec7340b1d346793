package fazztest

import (
	"cmp"
	"slices"
	"time"
)

// move changes a payment's status, and tells the merchant if that is told.
func (s *Server) move(p *Payment, status string, at time.Time) {
	p.Status = status
	switch status {
	case paid:
		p.PaidAt = at.UTC().Round(0) // without what a file would not keep
		s.notify(p, at)
	case completed:
		s.notify(p, at)
	case expired, cancelled, failed:
		if s.endCallbacks {
			s.notify(p, at)
		}
	}
	s.expect(p)
}

// nextAt is when the clock brings something for the payment, or zero. One that
// is being processed does not expire: its money is on the way.
func (s *Server) nextAt(p *Payment) time.Time {
	switch {
	case p.is(pending):
		return p.ExpiresAt
	case p.is(paid) && s.settleAfter >= 0:
		return p.PaidAt.Add(s.settleAfter)
	}
	return time.Time{}
}

// expect notes when the clock will bring something for p.
func (s *Server) expect(p *Payment) {
	at := s.nextAt(p)
	if !at.IsZero() && (s.state.nextAt.IsZero() || at.Before(s.state.nextAt)) {
		s.state.nextAt = at
		s.wake()
	}
}

// advance does all that the clock has brought by now, in the order of time.
func (s *Server) advance(now time.Time) {
	for !s.state.nextAt.IsZero() && !s.state.nextAt.After(now) {
		s.state.nextAt = time.Time{}
		var due []*Payment
		for _, p := range s.state.Payments {
			if at := s.nextAt(p); !at.IsZero() && !at.After(now) {
				due = append(due, p)
			} else {
				s.expect(p)
			}
		}
		slices.SortFunc(due, func(a, b *Payment) int {
			return cmp.Or(s.nextAt(a).Compare(s.nextAt(b)), cmp.Compare(a.seq, b.seq))
		})
		for _, p := range due {
			to := expired
			if p.is(paid) {
				to = completed
			}
			s.move(p, to, s.nextAt(p)) // nothing follows by itself
		}
	}
}

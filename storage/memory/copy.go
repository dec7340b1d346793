package memory

import (
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// Whatever goes in or out is copied, so that no caller holds a part of the
// store.

func copyPayment(p *payments.Payment) *payments.Payment {
	q := p.Clone()
	if q == nil {
		return nil
	}
	q.Extra = slices.Clone(q.Extra)
	for i := range q.Sessions {
		q.Sessions[i].Extra = slices.Clone(q.Sessions[i].Extra)
	}
	for i := range q.Watch.Doubts {
		q.Watch.Doubts[i].Facts = slices.Clone(q.Watch.Doubts[i].Facts)
	}
	return q
}

func copyClaim(c *payments.Claim) *payments.Claim {
	if c == nil {
		return nil
	}
	d := *c
	d.Grants = slices.Clone(c.Grants)
	return &d
}

// copyEvent leaves out what is not stored with an event.
func copyEvent(e payments.Event) payments.Event {
	e.Order, e.Now = payments.Order{}, payments.Totals{}
	e.Data = slices.Clone(e.Data)
	return e
}

func copyMessage(m payments.Message) payments.Message {
	m.Raw = slices.Clone(m.Raw)
	return m
}

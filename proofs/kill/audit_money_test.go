package kill

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// money: what came in and went out by the gateway's own books is what the
// payment says, and what the host's ledger says that its hook wrote. Orders at
// the gateway and payments are of each other, one to one.
func (a *auditor) money(ledger bool) {
	entries := map[payments.ID]int64{}
	for _, r := range a.runs {
		switch {
		case r.Lane != "ledger":
		case r.Kind == string(payments.EventRefunded):
			entries[payments.ID(r.PaymentID)] -= r.Amount
		default:
			entries[payments.ID(r.PaymentID)] += r.Amount
		}
	}
	for ref := range a.accounts {
		if a.payments[ref] == nil {
			a.blame(ref, "the gateway has an order that no payment knows of")
		}
	}
	for id, p := range a.payments {
		if len(p.Sessions) > 1 || len(p.Sessions) == 1 && p.Sessions[0].Ref != string(id) {
			a.blame(id, "several orders at the gateway: %v", p.Sessions)
		}
		book := a.accounts[id]
		if p.Totals.In.Amount != book.in || p.Totals.Refunded.Amount != book.out {
			a.blame(id, "the gateway took %d and sent back %d, the payment says %s and %s", book.in, book.out, p.Totals.In, p.Totals.Refunded)
		}
		net := book.in - book.out
		if book.wrong(p) && !accepted(p) {
			net = 0
		}
		if ledger && entries[id] != net {
			a.blame(id, "the gateway keeps %d for the order, the host's ledger says %d", net, entries[id])
		}
	}
}

// refunds: each that was wished for was sent once, and no other one.
func (a *auditor) refunds(wished map[payments.ID][]wish) {
	for id, book := range a.accounts {
		left := slices.Clone(wished[id])
		for _, r := range book.refunds {
			i := slices.IndexFunc(left, func(w wish) bool {
				dashboard := w.key == "" && strings.HasPrefix(r.Key, "midtrans-")
				return (w.key == r.Key || dashboard) && w.amount == r.Amount
			})
			if i < 0 {
				a.blame(id, "nobody asked for refund %s of %d, or it was sent before", r.Key, r.Amount)
				continue
			}
			left = slices.Delete(left, i, i+1)
		}
		for _, w := range left {
			a.blame(id, "refund %q of %d was never sent", w.key, w.amount)
		}
		byHost, answered := 0, 0
		for _, w := range wished[id] {
			byHost += map[bool]int{true: 1}[w.key != ""]
		}
		for _, e := range a.events[id] {
			answered += map[bool]int{true: 1}[e.Kind == payments.EventRefundSucceeded]
		}
		if answered != byHost {
			a.blame(id, "the host asked for %d refunds, and was told of %d", byHost, answered)
		}
	}
}

// fold retells a payment from its history alone.
type fold struct {
	in, out map[string]int64 // by transaction
	// disputed holds what was paid wrongly and not accepted.
	disputed map[string]bool
	life     payments.Status // as last told
	cause    string          // of the last money that went back
	told     map[string]bool // events by what they tell: each is told once
	trouble  []string
}

func (f *fold) add(e payments.Event) {
	var told struct {
		TransactionID string         `json:"transaction_id"`
		Amount, Total payments.Money // of money events
		Paid          payments.Money
		Cause, Key    string
		Full          bool
	}
	if err := json.Unmarshal(e.Data, &told); err != nil {
		f.trouble = append(f.trouble, err.Error())
	}
	id := told.TransactionID
	news := fmt.Sprint(e.Kind, id, told.Key, told.Total.Amount, told.Cause)
	if f.told[news] && !strings.HasPrefix(string(e.Kind), "claim.") {
		f.trouble = append(f.trouble, "told twice: "+news)
	}
	f.told[news] = true
	switch e.Kind {
	case payments.EventSettled, payments.EventOverpaid:
		if f.in[id] > 0 && !f.disputed[id] {
			f.trouble = append(f.trouble, "money of "+id+" was told twice")
		}
		if live := f.live() > 0; live != (e.Kind == payments.EventOverpaid) {
			f.trouble = append(f.trouble, string(e.Kind)+" was told of "+id+" where it was not true")
		}
		f.in[id], f.disputed[id] = told.Amount.Amount, false
	case payments.EventReview:
		f.in[id], f.disputed[id] = told.Paid.Amount, true
	case payments.EventRefunded:
		if f.out[id] += told.Amount.Amount; f.out[id] != told.Total.Amount || told.Full != (f.out[id] == f.in[id]) {
			f.trouble = append(f.trouble, "refunds of "+id+" do not follow one another")
		}
		f.cause = told.Cause
	case payments.EventCreated, payments.EventPending, payments.EventDenied, payments.EventCanceled, payments.EventExpired:
		f.life = payments.Status(strings.TrimPrefix(string(e.Kind), "payment."))
	}
}

// live is what the order holds.
func (f *fold) live() (sum int64) {
	for id, in := range f.in {
		if !f.disputed[id] {
			sum += in - f.out[id]
		}
	}
	return sum
}

// status is what the history comes to.
func (f *fold) status(ordered int64) payments.Status {
	var most, left int64
	for id, in := range f.in {
		most, left = max(most, in), left+in-f.out[id]
	}
	switch {
	case f.live() > 0 && f.live() >= min(ordered, most):
		return payments.StatusSettled
	case f.live() > 0:
		return payments.StatusPartiallyRefunded
	case left > 0:
		return payments.StatusReview
	case most == 0:
		return f.life
	}
	return map[string]payments.Status{
		"void": payments.StatusCanceled, "reversal": payments.StatusDenied,
	}[f.cause]
}

// history is dense, and folded it gives the payment's status and sums.
func (a *auditor) history(id payments.ID) {
	p, events := a.payments[id], a.events[id]
	if len(events) != p.LastSeq {
		a.blame(id, "%d events, and the last is number %d", len(events), p.LastSeq)
	}
	f := fold{in: map[string]int64{}, out: map[string]int64{}, disputed: map[string]bool{}, told: map[string]bool{}}
	for i, e := range events {
		if e.Seq != i+1 {
			a.blame(id, "event %d stands where event %d should", e.Seq, i+1)
		}
		f.add(e)
	}
	for _, trouble := range f.trouble {
		a.blame(id, "%s", trouble)
	}
	status := f.status(p.Amount.Amount)
	if status == "" {
		status = payments.StatusRefunded
	}
	if status != p.Status {
		a.blame(id, "the history comes to %s, the payment is %s", status, p.Status)
	}
	var in, out int64
	for tx := range f.in {
		in, out = in+f.in[tx], out+f.out[tx]
	}
	if in != p.Totals.In.Amount || out != p.Totals.Refunded.Amount {
		a.blame(id, "the history tells of %d in and %d out, the payment of %s and %s", in, out, p.Totals.In, p.Totals.Refunded)
	}
}

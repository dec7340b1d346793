package reorder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// outcome is all that must be the same in any order.
type outcome struct {
	status        payments.Status
	cause         string
	in, out, lost int64
	live          int64
	disputed      bool
	// money is what the events told of each attempt's money, in one text.
	money string
}

// told is what the events said about one attempt. How refunds are cut into
// events, and which of several paid attempts settled the order, depends on
// the order of arrival; what they add up to does not.
type told struct {
	in, out     int64
	funds, full bool
	level       int // of the chargeback: 1 partial, 2 full
}

func (t told) String() string {
	text := fmt.Sprintf("in %d", t.in)
	if t.funds {
		text += ", funds"
	}
	if t.out > 0 {
		text += fmt.Sprintf(", back %d in %s", t.out, map[bool]string{true: "full", false: "part"}[t.full])
	}
	if t.level > 0 {
		text += ", charged back in " + map[bool]string{true: "full", false: "part"}[t.level == 2]
	}
	return text
}

// books are kept from the events alone, and hold them against the promises.
type books struct {
	attempts map[string]*told
	lives    map[string]bool
	settled  int
	last     payments.Totals
}

func (s *shop) outcome() (outcome, error) {
	p, err := s.pay.Get(context.Background(), s.payment.ID)
	if err != nil {
		return outcome{}, err
	}
	b := books{attempts: map[string]*told{}, lives: map[string]bool{}}
	for e, err := range s.pay.Events(context.Background(), p.ID) {
		if err == nil {
			err = b.hear(e)
		}
		if err != nil {
			return outcome{}, fmt.Errorf("event %d (%s): %w", e.Seq, e.Kind, err)
		}
	}
	if err := b.close(p); err != nil {
		return outcome{}, err
	}
	return outcome{
		status: p.Status, cause: p.Cause, in: p.Totals.In.Amount, out: p.Totals.Refunded.Amount, lost: p.Totals.ChargedBack.Amount,
		live: p.Totals.Live.Amount, disputed: p.Disputed, money: b.text(),
	}, nil
}

func (b *books) of(id string) *told {
	if b.attempts[id] == nil {
		b.attempts[id] = &told{}
	}
	return b.attempts[id]
}

// hear takes in one event.
func (b *books) hear(e payments.Event) error {
	switch e.Kind {
	case payments.EventSettled:
		d, err := payments.Decode[payments.Settled](e)
		b.settled++
		return b.paid(d.TransactionID, d.Amount, d.Then, err)
	case payments.EventOverpaid:
		d, err := payments.Decode[payments.Overpaid](e)
		return b.paid(d.TransactionID, d.Amount, d.Then, err)
	case payments.EventFundsAvailable:
		d, err := payments.Decode[payments.FundsAvailable](e)
		t := b.of(d.TransactionID)
		if t.funds {
			return fmt.Errorf("of %s was told before", d.TransactionID)
		}
		t.funds, b.last = true, d.Then
		return err
	case payments.EventRefunded:
		d, err := payments.Decode[payments.Refunded](e)
		if err != nil {
			return err
		}
		b.last = d.Then
		return b.refunded(b.of(d.TransactionID), d)
	case payments.EventChargedBack:
		d, err := payments.Decode[payments.ChargedBack](e)
		t, level := b.of(d.TransactionID), 1
		if d.Full {
			level = 2
		}
		if level <= t.level {
			return fmt.Errorf("level %d after level %d", level, t.level)
		}
		t.level, b.last = level, d.Then
		return err
	case payments.EventPending, payments.EventAuthorized, payments.EventChallenged, payments.EventDenied,
		payments.EventCanceled, payments.EventExpired:
		return b.life(e)
	case payments.EventCreated:
		return nil
	}
	return fmt.Errorf("no such event is expected")
}

// paid: once per attempt.
func (b *books) paid(id string, amount payments.Money, then payments.Totals, err error) error {
	t := b.of(id)
	if t.in > 0 {
		return fmt.Errorf("money of %s was told before", id)
	}
	t.in, b.last = amount.Amount, then
	return err
}

// refunded: slices without gaps, behind the money that came in.
func (b *books) refunded(t *told, d payments.Refunded) error {
	if d.Amount.Amount <= 0 || d.Total.Amount != t.out+d.Amount.Amount {
		return fmt.Errorf("%s to a total of %s does not follow %d", d.Amount, d.Total, t.out)
	}
	if t.in < d.Total.Amount {
		return fmt.Errorf("%s went back of %d that came in", d.Total, t.in)
	}
	t.out, t.full = d.Total.Amount, d.Full
	if d.Full != (t.out == t.in) {
		return fmt.Errorf("full is %t, but %d of %d went back", d.Full, t.out, t.in)
	}
	return nil
}

// life: each once per attempt, and no expiry once money has come.
func (b *books) life(e payments.Event) error {
	d, err := payments.Decode[payments.Pending](e) // all have its fields
	if err != nil {
		return err
	}
	key := string(e.Kind) + " " + d.TransactionID
	if b.lives[key] {
		return fmt.Errorf("of %q was told before", d.TransactionID)
	}
	b.lives[key] = true
	if e.Kind == payments.EventExpired && len(b.attempts) > 0 {
		return fmt.Errorf("told after money came in")
	}
	return nil
}

// close holds the books against the payment as it is stored.
func (b *books) close(p *payments.Payment) error {
	var in, out int64
	for _, t := range b.attempts {
		in, out = in+t.in, out+t.out
	}
	if in != p.Totals.In.Amount || out != p.Totals.Refunded.Amount {
		return fmt.Errorf("events tell of %d in and %d back, the payment of %s and %s", in, out, p.Totals.In, p.Totals.Refunded)
	}
	if len(b.attempts) > 0 && b.last != (payments.Totals{}) && b.last.In != p.Totals.In {
		return fmt.Errorf("the last event of money says %s in, the payment %s", b.last.In, p.Totals.In)
	}
	if out == 0 && in > 0 && b.settled != 1 {
		return fmt.Errorf("no money went back, yet settled was told %d times", b.settled)
	}
	return nil
}

func (b *books) text() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(b.attempts)) {
		parts = append(parts, id+": "+b.attempts[id].String())
	}
	return strings.Join(parts, "; ")
}

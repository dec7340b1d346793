package payments

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// witness checks the promises that docs/states.md makes about events. It keeps
// its own books from the bare observations, computes what is true of each
// attempt from the formulas of that page, and so shares no code with what it
// checks.
type witness struct {
	ordered Money
	free    bool
	facts   map[string][]Fact // per attempt, as they came, repetitions and all
	told    map[string]*told
	answers map[string]int // refund answers by key and kind
	lives   map[string]bool
	money   bool // money has come in
	settled int
}

// told is what events have said of one attempt.
type told struct {
	in              int
	out             int64
	level           int
	funds, reversed int
}

func newWitness(ordered Money) *witness {
	return &witness{
		ordered: ordered, facts: map[string][]Fact{}, told: map[string]*told{}, answers: map[string]int{}, lives: map[string]bool{},
	}
}

func (w *witness) of(attempt string) *told {
	if w.told[attempt] == nil {
		w.told[attempt] = &told{}
	}
	return w.told[attempt]
}

// truth is what the facts of an attempt come to.
type truth struct {
	in, out, lost int64
	level         int
	good          bool // it is the amount that was ordered, or was accepted
	funds, won    bool
	answered      map[string]bool // refunds of ours that were carried out
}

func (t truth) live() bool { return t.good && t.in > t.out+t.lost }

func (w *witness) truth(attempt string) truth {
	t := truth{answered: map[string]bool{}}
	seen := map[FactKind]bool{}
	captures := map[Money]bool{}
	asked, yes := map[string]int64{}, map[string]bool{}
	byKey, byID, byHand := map[string]int64{}, map[string]int64{}, map[string]int64{}
	var listed, backKnown int64
	put := func(m map[string]int64, key string, amount int64) {
		if key != "" {
			m[key] = max(m[key], amount)
		}
	}
	for _, f := range w.facts[attempt] {
		seen[f.Kind] = true
		switch amount := f.Amount.Amount; f.Kind {
		case FactCaptureRequested:
			captures[f.Amount] = true
		case FactPaid:
			t.in = max(t.in, amount)
		case FactRefundRequested:
			put(asked, f.Key, amount)
		case FactRefundDone:
			yes[f.Key] = true
		case FactRefund:
			put(byKey, f.Key, amount)
			put(byID, f.ID, amount)
			t.answered[f.Key] = true
		case FactRefundTotal:
			listed = max(listed, amount)
		case FactManualRefund:
			put(byHand, f.ID, amount)
		case FactChargebackAmount:
			backKnown = max(backKnown, amount)
		}
	}
	for key := range yes {
		t.answered[key] = true
		if amount, ours := asked[key]; ours {
			put(byKey, key, amount)
		}
	}
	maps.DeleteFunc(t.answered, func(key string, _ bool) bool { _, ours := asked[key]; return !ours })

	for _, f := range w.facts[attempt] {
		if f.Kind == FactPaid && (f.Amount == w.ordered || captures[f.Amount] || seen[FactAccepted]) {
			t.good = true
		}
	}
	sum := func(m map[string]int64) (n int64) {
		for _, amount := range m {
			n += amount
		}
		return n
	}
	t.out = max(sum(byKey), sum(byID), listed)
	void := seen[FactCaptured] && seen[FactCanceled]
	reversed := seen[FactPaid] && (seen[FactReversed] || seen[FactDenied] && seen[FactReversible])
	if seen[FactRefunded] || void || reversed {
		t.out = max(t.out, t.in)
	}
	t.out = min(t.in, t.out+sum(byHand))
	if seen[FactPartialChargeback] {
		t.level, t.lost = 1, backKnown
	}
	if seen[FactChargeback] {
		t.level, t.lost = 2, t.in
	}
	if t.won = seen[FactDisputeWon]; t.won {
		t.lost = 0
	}
	t.funds = seen[FactFunds]
	return t
}

// attempts that are known of, in a fixed order.
func (w *witness) attempts() []string { return slices.Sorted(maps.Keys(w.facts)) }

// step hears of one step: the observations that went in, the events that came
// out, and the payment after it.
func (w *witness) step(p *Payment, events []draft, in ...news) error {
	anyLive, wasGood := w.free, map[string]bool{}
	for _, id := range w.attempts() {
		t := w.truth(id)
		anyLive = anyLive || t.live()
		wasGood[id] = t.good && t.in > 0
	}
	for _, n := range in {
		w.free = w.free || n.own.Kind == FactFree
		if n.attempt != "" {
			w.facts[n.attempt] = append(w.facts[n.attempt], n.facts(p)...)
		}
	}
	totals := Totals{Status: p.Status}
	now := map[string]truth{}
	for _, m := range []*Money{&totals.In, &totals.Refunded, &totals.ChargedBack, &totals.Net, &totals.Live} {
		m.Currency = w.ordered.Currency
	}
	for _, id := range w.attempts() {
		t := w.truth(id)
		now[id] = t
		w.money = w.money || t.in > 0
		totals.In.Amount += t.in
		totals.Refunded.Amount += t.out
		totals.ChargedBack.Amount += t.lost
		totals.Net.Amount += t.in - t.out - t.lost
		if t.live() {
			totals.Live.Amount += t.in - t.out - t.lost
		}
	}
	if p.Totals != totals {
		return fmt.Errorf("totals are %+v, the observations come to %+v", p.Totals, totals)
	}
	for _, d := range events {
		if err := w.hear(d, now, wasGood, &anyLive, totals); err != nil {
			return fmt.Errorf("event %q: %w", brief(d), err)
		}
	}
	return w.owed(now)
}

// owed checks, after each step, that nothing is left untold.
func (w *witness) owed(now map[string]truth) error {
	for id, t := range now {
		told := w.of(id)
		owed := []struct {
			what      string
			want, got int64
		}{
			{"settled or overpaid", oneIf(t.good && t.in > 0), int64(told.in)},
			{"refunded, in all", t.out, told.out},
			{"chargeback level", int64(t.level), int64(told.level)},
			{"funds_available", oneIf(t.funds), int64(told.funds)},
			{"chargeback_reversed", oneIf(t.won && t.level > 0), int64(told.reversed)},
		}
		for _, o := range owed {
			if o.want != o.got {
				return fmt.Errorf("%s: %s: %d is true, %d was told", id, o.what, o.want, o.got)
			}
		}
		for key := range t.answered {
			if w.answers[key+"/ok"] != 1 {
				return fmt.Errorf("refund_succeeded of %s was told %d times", key, w.answers[key+"/ok"])
			}
		}
	}
	return nil
}

func oneIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func (w *witness) hear(d draft, now map[string]truth, wasGood map[string]bool, anyLive *bool, totals Totals) error {
	once := func(name string) error {
		if w.lives[name] {
			return errors.New("was told before")
		}
		w.lives[name] = true
		return nil
	}
	life := func(meta EventMeta, a About) error {
		if meta.Then != totals {
			return fmt.Errorf("says then %+v", meta.Then)
		}
		return once(string(d.kind) + a.TransactionID)
	}
	switch e := d.body.(type) {
	case *Settled:
		if e.TransactionID == "" {
			w.settled++
			return once("free")
		}
		if *anyLive {
			return errors.New("although something pays for the order already")
		}
		*anyLive = true
		w.settled++
		return w.moneyIn(e.TransactionID, e.Amount, now, wasGood)
	case *Overpaid:
		if !*anyLive {
			return errors.New("although nothing else pays for the order")
		}
		return w.moneyIn(e.TransactionID, e.Amount, now, wasGood)
	case *FundsAvailable:
		w.of(e.TransactionID).funds++
	case *Refunded:
		told, t := w.of(e.TransactionID), now[e.TransactionID]
		if e.Amount.Amount <= 0 || e.Total.Amount != told.out+e.Amount.Amount {
			return fmt.Errorf("does not follow %d", told.out)
		}
		if t.good && told.in == 0 {
			return errors.New("goes out before it came in")
		}
		if e.Full != (e.Total.Amount == t.in) {
			return fmt.Errorf("of %d that came in", t.in)
		}
		told.out = e.Total.Amount
	case *ChargedBack:
		level := 1 + int(oneIf(e.Full))
		told := w.of(e.TransactionID)
		if level <= told.level {
			return fmt.Errorf("after level %d", told.level)
		}
		told.level = level
	case *ChargebackReversed:
		w.of(e.TransactionID).reversed++
	case *RefundSucceeded:
		w.answers[e.Key+"/ok"]++
	case *RefundFailed:
		if w.answers[e.Key+"/ok"] > 0 {
			return errors.New("after its success")
		}
		return once("failed" + e.Key)
	case *Review:
		return once("review" + e.Cause + e.TransactionID)
	case *Expired:
		if w.money {
			return errors.New("although money came in")
		}
		return life(e.EventMeta, e.About)
	case *Canceled:
		return life(e.EventMeta, e.About)
	case *Denied:
		return life(e.EventMeta, e.About)
	case *Pending:
		return life(e.EventMeta, e.About)
	case *Authorized:
		return life(e.EventMeta, e.About)
	case *Challenged:
		return life(e.EventMeta, e.About)
	default:
		return errors.New("is of a kind the witness does not know")
	}
	return nil
}

func (w *witness) moneyIn(attempt string, amount Money, now map[string]truth, wasGood map[string]bool) error {
	told, t := w.of(attempt), now[attempt]
	told.in++
	if told.in > 1 || wasGood[attempt] {
		return errors.New("was told before")
	}
	if !t.good || amount.Amount != t.in {
		return fmt.Errorf("but %d came in, good: %t", t.in, t.good)
	}
	return nil
}

// end checks what can only be said of the whole: as long as no money went
// back, one attempt settles the order and all others overpay it.
func (w *witness) end() error {
	good := 0
	for _, id := range w.attempts() {
		t := w.truth(id)
		if t.out > 0 || t.lost > 0 || t.won {
			return nil
		}
		good += int(oneIf(t.good && t.in > 0))
	}
	if want := int(oneIf(good > 0 || w.free)); w.settled != want {
		return fmt.Errorf("%d good attempts, no money went back, settled was told %d times", good, w.settled)
	}
	return nil
}

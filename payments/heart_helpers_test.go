package payments

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// firstNews is when the first observation of a sequence is made; each later
// one comes a minute after the one before. The times belong to the
// observations: shuffled, they keep them.
var firstNews = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)

const (
	testGateway = "gw"
	ordered     = 100_000
)

// news is one observation: what a gateway told, or one fact of our own about
// an attempt or, if that is empty, about the payment.
type news struct {
	attempt string
	told    Observation
	own     Fact
	at      time.Time
}

// word is what a gateway tells about an attempt, with the ordered amount.
func word(attempt, raw string, kinds ...FactKind) news {
	o := Observation{Ref: "ref-1", TransactionID: attempt, RawStatus: raw, Amount: IDR(ordered)}
	for _, kind := range kinds {
		o.Facts = append(o.Facts, Fact{Kind: kind})
	}
	return news{attempt: attempt, told: o}
}

// of tells another amount.
func (n news) of(m Money) news {
	n.told.Amount = m
	return n
}

// with tells more.
func (n news) with(more ...Fact) news {
	n.told.Facts = slices.Concat(n.told.Facts, more)
	return n
}

// via tells the channel; a bank may take back what came through a reversible
// one.
func (n news) via(m Method, reversible bool) news {
	n.told.Method = m
	if reversible {
		return n.with(Fact{Kind: FactReversible})
	}
	return n
}

func pending(id string) news   { return word(id, "pending", FactPending) }
func authorize(id string) news { return word(id, "authorize", FactAuthorized) }
func challenge(id string) news { return word(id, "capture/challenge", FactCaptureChallenged) }
func capture(id string) news   { return word(id, "capture/accept", FactCaptured) }
func settle(id string) news    { return word(id, "settlement", FactPaid, FactFunds) }
func deny(id string) news      { return word(id, "deny", FactDenied) }
func cancel(id string) news    { return word(id, "cancel", FactCanceled) }
func expire(id string) news    { return word(id, "expire", FactExpired) }
func failure(id string) news   { return word(id, "failure", FactFailed) }

func chargeback(id string) news        { return word(id, "chargeback", FactChargeback) }
func partialChargeback(id string) news { return word(id, "partial_chargeback", FactPartialChargeback) }

// refunded and partlyRefunded are the words, with the refunds they list.
func refunded(id string, list ...Fact) news {
	return word(id, "refund", FactRefunded).with(list...)
}

func partlyRefunded(id string, list ...Fact) news {
	return word(id, "partial_refund", FactPartlyRefunded).with(list...)
}

func entry(key, id string, amount int64) Fact {
	return Fact{Kind: FactRefund, Key: key, ID: id, Amount: IDR(amount)}
}

func total(amount int64) Fact { return Fact{Kind: FactRefundTotal, Amount: IDR(amount)} }

// ours is a command of ours, or an operator's decision, about an attempt.
func ours(attempt string, f Fact) news { return news{attempt: attempt, own: f} }

func request(id, key string, amount int64) news {
	return ours(id, Fact{Kind: FactRefundRequested, Key: key, Amount: IDR(amount)})
}

func done(id, key string) news { return ours(id, Fact{Kind: FactRefundDone, Key: key}) }

func failed(id, key string) news {
	return ours(id, Fact{Kind: FactRefundFailed, Key: key, Text: "412"})
}

func manual(id, key string, amount int64) news {
	return ours(id, Fact{Kind: FactManualRefund, ID: key, Amount: IDR(amount), By: "ops:budi"})
}

func decide(id string, kind FactKind) news { return ours(id, Fact{Kind: kind, By: "ops:budi"}) }

func askCapture(id string, amount int64) news {
	return ours(id, Fact{Kind: FactCaptureRequested, Amount: IDR(amount)})
}

func checkout() news     { return news{own: Fact{Kind: FactOpened, Key: "ref-1"}} }
func lapsed() news       { return news{own: Fact{Kind: FactLapsed}} }
func hostCanceled() news { return news{own: Fact{Kind: FactHostCanceled}} }
func free() news         { return news{own: Fact{Kind: FactFree}} }

// timed gives each observation its own time, in the order given.
func timed(all ...news) []news {
	all = slices.Clone(all)
	for i := range all {
		all[i].at = firstNews.Add(time.Duration(i) * time.Minute)
		all[i].told.GatewayAt = all[i].at.Add(-time.Second)
	}
	return all
}

// facts are what the observation adds, closed and timed.
func (n news) facts(p *Payment) []Fact {
	if n.own.Kind != "" {
		f := n.own
		f.At = n.at
		return []Fact{f}
	}
	var closed []Fact
	for _, f := range n.told.facts(n.at) {
		closed = append(closed, p.inCurrency(f))
	}
	return closed
}

// testPayment is as stored at its creation.
func testPayment(amount Money) *Payment {
	return &Payment{
		Order:  Order{ID: "P1", User: EndUser{ID: "u1"}, Amount: amount, CreatedAt: firstNews.Add(-time.Minute)},
		Status: StatusCreated,
	}
}

// history is a payment on its way through observations, with all its events,
// and the witness who checks them.
type history struct {
	p      *Payment
	events []draft
	check  *witness
}

func newHistory(p *Payment) *history { return &history{p: p, check: newWitness(p.Amount)} }

// take merges one observation the way the service does.
func (h *history) take(n news) error {
	s := step{p: h.p, at: n.at}
	switch {
	case n.own.Kind == "":
		s.observe(testGateway, n.told)
	case n.attempt == "":
		s.learn(n.own)
	default:
		s.record(h.p.attempt(testGateway, n.attempt), n.own)
	}
	h.events = append(h.events, s.events...)
	return h.check.step(h.p, s.events, n)
}

// takeAtOnce merges several observations in one step.
func (h *history) takeAtOnce(batch []news) error {
	s := step{p: h.p, at: batch[0].at}
	s.change(func() {
		for _, n := range batch {
			for _, f := range n.facts(h.p) {
				if n.attempt == "" {
					h.p.Facts = h.p.Facts.join(f)
				} else {
					a := h.p.attempt(testGateway, n.attempt)
					a.Facts = a.Facts.join(f)
				}
			}
		}
	})
	h.events = append(h.events, s.events...)
	return h.check.step(h.p, s.events, batch...)
}

// takeAll merges one after the other and hears the witness out.
func (h *history) takeAll(all []news) error {
	for i, n := range all {
		if err := h.take(n); err != nil {
			return fmt.Errorf("at observation %d (%s): %w", i+1, n, err)
		}
	}
	return h.check.end()
}

func (n news) String() string {
	if n.own.Kind != "" {
		return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s%s", n.own.Kind, n.attempt, n.own.Key, amountOf(n.own))), " ")
	}
	kinds := []string{n.attempt, n.told.RawStatus, n.told.Amount.String()}
	for _, f := range n.told.Facts {
		kinds = append(kinds, string(f.Kind)+amountOf(f))
	}
	return strings.Join(kinds, " ")
}

func amountOf(f Fact) string {
	if f.Amount.IsZero() {
		return ""
	}
	return " " + f.Amount.String()
}

// outcome is all that must be the same in any order.
type outcome struct {
	status   Status
	cause    string
	decider  string
	totals   Totals
	disputed bool
	own      Facts
	attempts []Attempt
}

func outcomeOf(p *Payment) outcome {
	attempts := slices.Clone(p.Attempts)
	slices.SortFunc(attempts, func(a, b Attempt) int { return strings.Compare(a.TransactionID, b.TransactionID) })
	return outcome{p.Status, p.Cause, p.look().decider, p.Totals, p.Disputed, p.Facts, attempts}
}

func (o outcome) equal(other outcome) bool {
	return o.status == other.status && o.cause == other.cause && o.decider == other.decider && o.totals == other.totals && o.disputed == other.disputed &&
		slices.Equal(o.own, other.own) &&
		slices.EqualFunc(o.attempts, other.attempts, func(a, b Attempt) bool {
			return a.Gateway == b.Gateway && a.TransactionID == b.TransactionID && a.ExpiresAt.Equal(b.ExpiresAt) && slices.Equal(a.Facts, b.Facts)
		})
}

// requireSame fails with the order that led elsewhere.
func requireSame(t require.TestingT, want, got outcome, order []news) {
	if want.equal(got) {
		return
	}
	require.Equal(t, want, got, "order: %v", order)
	require.Fail(t, "outcomes differ", "order: %v", order)
}

// play takes the observations in their order and returns what came of it.
func play(t *testing.T, all ...news) *history {
	t.Helper()
	h := newHistory(testPayment(IDR(ordered)))
	require.NoError(t, h.takeAll(timed(all...)))
	return h
}

package payments_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lunaspay/lunas/payments"
)

// transaction is one at the gateway, as it truly is.
type transaction struct {
	ref     string
	amount  int64
	begun   time.Time
	word    string
	paid    bool // at some time
	refunds map[string]int64
}

func (x *transaction) refunded() int64 {
	var sum int64
	for _, n := range x.refunds {
		sum += n
	}
	return sum
}

// net is what the merchant has of it.
func (x *transaction) net() int64 {
	switch {
	case !x.paid, x.word == "cancel":
		return 0
	case x.word == "chargeback":
		return -x.refunded()
	}
	return x.amount - x.refunded()
}

// world is a gateway with a truth of its own, before which a shop stands that
// learns of it what gets through.
type world struct {
	*shop
	store *flakyStore

	mu   sync.Mutex
	txs  map[string]*transaction
	down bool     // look-ups fail
	lose []string // what becomes of the next calls: "", "lost" (done, no answer), "failed" (not done, no answer), "no"

	payments []payments.ID
	notes    []note
}

func newWorld(t *testing.T) *world {
	w := &world{txs: map[string]*transaction{}}
	w.shop = newShop(t, withFlaky(&w.store))
	w.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		return payments.CheckoutResult{RedirectURL: "https://gateway.test/" + r.Ref, Token: r.Ref}, w.call(func() error { return nil })
	}
	w.fake.status = w.status
	end := func(word string) func(payments.AttemptRef) error {
		return func(a payments.AttemptRef) error {
			return w.call(func() error { return w.end(a, word) })
		}
	}
	w.fake.cancel, w.fake.expire = end("cancel"), end("expire")
	w.fake.refund = func(a payments.AttemptRef, r payments.RefundRequest) error {
		return w.call(func() error { return w.refund(a, r) })
	}
	return w
}

// call does what a call to the gateway does, or seems to.
func (w *world) call(do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fate := ""
	if len(w.lose) > 0 {
		fate, w.lose = w.lose[0], w.lose[1:]
	}
	switch fate {
	case "lost":
		_ = do() // nobody learns how it ended
		return errTimeout
	case "failed":
		return errTimeout
	case "no":
		return refusal("400")
	}
	return do()
}

func (w *world) status(a payments.AttemptRef) (payments.Observation, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := a.TransactionID
	if id == "" { // the newest of the order
		for name, x := range w.txs {
			if x.ref == a.Ref && name > id {
				id = name
			}
		}
	}
	switch x := w.txs[id]; {
	case w.down:
		return payments.Observation{}, unreachable("500")
	case x == nil:
		return payments.Observation{}, &payments.GatewayError{Gateway: "fake", Op: "status", Err: payments.ErrNotFound}
	default:
		return x.observation(id), nil
	}
}

func (x *transaction) observation(id string) payments.Observation {
	o := payments.Observation{
		Ref: x.ref, TransactionID: id, Method: "card", RawStatus: x.word, Amount: payments.IDR(x.amount), Facts: words(x.word),
	}
	o.Facts = append(o.Facts, x.listed()...)
	return o
}

// note is what the gateway sends of it.
func (x *transaction) note(id string) note {
	return note{Ref: x.ref, Tx: id, Word: x.word, Amount: x.amount, More: x.listed()}
}

// listed are its refunds.
func (x *transaction) listed() []payments.Fact {
	var facts []payments.Fact
	for _, key := range slices.Sorted(maps.Keys(x.refunds)) {
		facts = append(facts, payments.Fact{Kind: payments.FactRefund, Key: key, ID: "id-" + key, Amount: payments.IDR(x.refunds[key])})
	}
	if sum := x.refunded(); sum > 0 {
		facts = append(facts, payments.Fact{Kind: payments.FactRefundTotal, Amount: payments.IDR(sum)})
	}
	return facts
}

func (w *world) end(a payments.AttemptRef, word string) error {
	x := w.txs[a.TransactionID]
	switch {
	case a.TransactionID == "":
		for _, x := range w.txs {
			if x.ref == a.Ref && (x.word == "pending" || x.paid) {
				return payments.ErrWrongState
			}
		}
		return nil
	case x == nil:
		return payments.ErrNotFound
	case x.word == "pending", x.word == "capture" && word == "cancel":
		x.word = word
		return nil
	}
	return payments.ErrWrongState
}

func (w *world) refund(a payments.AttemptRef, r payments.RefundRequest) error {
	x := w.txs[a.TransactionID]
	switch {
	case x.refunds[r.Key] != 0:
		return nil
	case !slices.Contains([]string{"settlement", "partial_refund"}, x.word), x.refunded()+r.Amount.Amount > x.amount:
		return refusal("412")
	}
	x.giveBack(r.Key, r.Amount.Amount)
	return nil
}

func (x *transaction) giveBack(key string, amount int64) {
	x.refunds[key] = amount
	if x.word = "partial_refund"; x.refunded() == x.amount {
		x.word = "refund"
	}
}

// moves are the gateway's true edges.
var moves = map[string][]string{
	"pending": {"settlement", "expire", "deny", "cancel", "capture"}, "capture": {"settlement", "cancel"},
	"settlement": {"refund", "partial_refund", "chargeback"}, "partial_refund": {"refund", "partial_refund", "chargeback"},
}

func (w *world) move(t *rapid.T, id string) {
	x := w.txs[id]
	if len(moves[x.word]) == 0 {
		return
	}
	word := rapid.SampledFrom(moves[x.word]).Draw(t, "word")
	switch left := x.amount - x.refunded(); {
	case word == "partial_refund" && left > 1:
		x.giveBack(fmt.Sprint("dash", len(x.refunds)), rapid.Int64Range(1, left-1).Draw(t, "part"))
	case word == "refund" || word == "partial_refund":
		x.giveBack(fmt.Sprint("dash", len(x.refunds)), left)
	default:
		x.word = word
	}
	x.paid = x.paid || slices.Contains([]string{"capture", "settlement"}, word)
}

func (w *world) tell(t *rapid.T, n note) {
	n.Sign = "good"
	body, err := json.Marshal(n)
	require.NoError(t, err)
	code := w.do("POST", "/notifications/fake", "", string(body)).Code
	require.Contains(t, []int{200, 503}, code)
}

// wait lets time pass, in which what nobody has paid expires by itself.
func (w *world) wait(t *rapid.T, d time.Duration) {
	w.clock.Advance(d)
	for _, x := range w.txs {
		if x.word == "pending" && w.clock.Now().Sub(x.begun) >= day {
			x.word = "expire"
		}
	}
	w.drained(t)
}

// drained drains, and fails if that does not come to an end by itself.
func (w *world) drained(t *rapid.T) {
	w.store.leases = 0
	err := w.pay.Drain(w.t.Context())
	var answer *payments.GatewayError
	if err != nil && !errors.As(err, &answer) && !errors.Is(err, payments.ErrOutcomeUnknown) {
		require.NoError(t, err)
	}
	require.Less(t, w.store.leases, 20, "drain goes round in circles")
}

func (w *world) some(t *rapid.T) (payments.ID, bool) {
	if len(w.payments) == 0 {
		return "", false
	}
	return rapid.SampledFrom(w.payments).Draw(t, "payment"), true
}

// tolerate accepts the errors that an honest caller must expect.
func tolerate(t *rapid.T, err error) {
	var answer *payments.GatewayError
	var invalid *payments.InvalidError
	for _, expected := range []error{
		payments.ErrWrongState, payments.ErrOutcomeUnknown, payments.ErrInProgress, payments.ErrKeyReused, payments.ErrNotFound,
	} {
		if errors.Is(err, expected) {
			return
		}
	}
	if !errors.As(err, &answer) && !errors.As(err, &invalid) {
		require.NoError(t, err)
	}
}

func TestWhateverHappensTheBooksAgreeWithTheGateway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		ids := func() []string { return slices.Sorted(maps.Keys(w.txs)) }
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { w.check(rt) },
			"buy": func(rt *rapid.T) {
				params := payments.CreateParams{
					User:   payments.EndUser{ID: rapid.SampledFrom([]string{"ana", "budi"}).Draw(rt, "user")},
					PlanID: rapid.SampledFrom([]string{"pro", "pro", "free"}).Draw(rt, "plan"),
				}
				out, err := w.pay.Checkout(w.t.Context(), params)
				tolerate(rt, err)
				if !slices.Contains(w.payments, out.Payment.ID) {
					w.payments = append(w.payments, out.Payment.ID)
				}
			},
			"try again": func(rt *rapid.T) {
				if id, ok := w.some(rt); ok {
					_, err := w.pay.Attempt(w.t.Context(), id, payments.AttemptParams{
						Method: rapid.SampledFrom([]payments.Method{"", "gopay", "bca_va"}).Draw(rt, "method"),
					})
					tolerate(rt, err)
				}
			},
			"begin": func(rt *rapid.T) {
				id, ok := w.some(rt)
				if !ok {
					return
				}
				p := w.get(id)
				if len(p.Sessions) == 0 {
					return
				}
				amount := p.Amount.Amount
				if rapid.IntRange(0, 9).Draw(rt, "odd") == 0 {
					amount--
				}
				w.txs[fmt.Sprintf("tx%03d", len(w.txs))] = &transaction{
					ref: rapid.SampledFrom(p.Sessions).Draw(rt, "session").Ref, amount: amount, word: "pending", begun: w.clock.Now(), refunds: map[string]int64{},
				}
			},
			"move": func(rt *rapid.T) {
				if len(w.txs) > 0 {
					w.move(rt, rapid.SampledFrom(ids()).Draw(rt, "tx"))
				}
			},
			"tell the truth": func(rt *rapid.T) {
				if len(w.txs) == 0 {
					return
				}
				id := rapid.SampledFrom(ids()).Draw(rt, "tx")
				n := w.txs[id].note(id)
				w.notes = append(w.notes, n)
				w.tell(rt, n)
			},
			"repeat": func(rt *rapid.T) {
				if len(w.notes) > 0 {
					w.tell(rt, rapid.SampledFrom(w.notes).Draw(rt, "note"))
				}
			},
			"forge": func(rt *rapid.T) {
				id, ok := w.some(rt)
				if !ok {
					return
				}
				p := w.get(id)
				ref := string(p.ID)
				if len(p.Sessions) > 0 {
					ref = rapid.SampledFrom(p.Sessions).Draw(rt, "session").Ref
				}
				w.tell(rt, note{
					Ref: ref, Tx: rapid.SampledFrom(append(ids(), "made-up")).Draw(rt, "tx"), Amount: p.Amount.Amount,
					Word: rapid.SampledFrom([]string{
						"pending", "settlement", "capture", "deny", "cancel", "expire", "refund", "partial_refund", "chargeback",
						"failure", "authorize", "challenge", "odd",
					}).Draw(rt, "word"),
					At: start.Add(-time.Hour), Expires: start.AddDate(9, 0, 0),
				})
			},
			"refund": func(rt *rapid.T) {
				id, ok := w.some(rt)
				if !ok {
					return
				}
				params := payments.RefundParams{Key: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(rt, "key")}
				if n := rapid.Int64Range(0, 29_000).Draw(rt, "amount"); n > 0 {
					params.Amount = payments.IDR(n)
				}
				if p := w.get(id); len(p.Attempts) > 0 {
					params.Attempt = rapid.SampledFrom(p.Attempts).Draw(rt, "attempt").TransactionID
				}
				_, err := w.pay.Refund(w.t.Context(), id, params)
				tolerate(rt, err)
			},
			"cancel": func(rt *rapid.T) {
				if id, ok := w.some(rt); ok {
					_, err := w.pay.Cancel(w.t.Context(), id, "")
					tolerate(rt, err)
				}
			},
			"expire": func(rt *rapid.T) {
				if id, ok := w.some(rt); ok {
					_, err := w.pay.Expire(w.t.Context(), id, "")
					tolerate(rt, err)
				}
			},
			"trouble": func(rt *rapid.T) {
				w.down = rapid.Bool().Draw(rt, "down")
				w.lose = append(w.lose, rapid.SampledFrom([]string{"lost", "failed", "no"}).Draw(rt, "fate"))
			},
			"wait": func(rt *rapid.T) {
				w.wait(rt, rapid.SampledFrom([]time.Duration{
					time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, day, 31 * day,
				}).Draw(rt, "for"))
			},
			"drain": func(rt *rapid.T) { w.drained(rt) },
		})
		w.settleDown(rt)
	})
}

// settleDown lets the truth through, and time pass; then nothing is open.
func (w *world) settleDown(rt *rapid.T) {
	w.down, w.lose = false, nil
	w.clock.Advance(time.Minute)
	w.drained(rt)
	for _, id := range slices.Sorted(maps.Keys(w.txs)) {
		w.tell(rt, w.txs[id].note(id))
	}
	for range 4 {
		w.wait(rt, day)
	}
	for range 10 {
		w.wait(rt, 12*day)
	}
	w.check(rt)
	net := map[payments.ID]int64{}
	for _, x := range w.txs {
		p, err := w.store.Get(w.t.Context(), payments.ByGatewayRef("fake", x.ref))
		require.NoError(rt, err)
		net[p.ID] += x.net()
	}
	for _, id := range w.payments {
		p := w.get(id)
		require.Equal(rt, net[id], p.Totals.Net.Amount, "%s: %v", p.Status, w.explain(id))
		require.True(rt, p.WakeAt.IsZero(), "%s wakes at %s", p.Status, p.WakeAt)
		require.NotContains(rt, []payments.Status{payments.StatusCreated, payments.StatusPending}, p.Status)
	}
}

func (w *world) explain(id payments.ID) []string {
	story, err := w.pay.Explain(w.t.Context(), id)
	if err != nil {
		return []string{err.Error()}
	}
	for name, x := range w.txs {
		story.Why = append(story.Why, fmt.Sprintf("truth: %s of %s is %s: %d, back %d", name, x.ref, x.word, x.amount, x.refunded()))
	}
	return story.Why
}

// check is what must hold at any time.
func (w *world) check(rt *rapid.T) {
	for _, id := range w.payments {
		p := w.get(id)
		var in, back int64
		settled := map[string]bool{}
		seq := 0
		for e, err := range w.pay.Events(w.t.Context(), id) {
			require.NoError(rt, err)
			seq++
			require.Equal(rt, seq, e.Seq)
			var body struct {
				payments.About
				Amount payments.Money `json:"amount"`
			}
			require.NoError(rt, json.Unmarshal(e.Data, &body))
			switch e.Kind {
			case payments.EventSettled, payments.EventOverpaid:
				require.False(rt, settled[body.TransactionID], "%s was told twice", body.TransactionID)
				settled[body.TransactionID] = true
				if x := w.txs[body.TransactionID]; x != nil {
					require.True(rt, x.paid, "%s was not paid", body.TransactionID)
					require.Equal(rt, x.amount, p.Amount.Amount)
				} else {
					require.Empty(rt, body.TransactionID, "made up")
				}
				in += body.Amount.Amount
			case payments.EventRefunded:
				back += body.Amount.Amount
			}
		}
		require.Equal(rt, p.LastSeq, seq)
		var acceptable int64
		for _, a := range p.Attempts {
			if x := w.txs[a.TransactionID]; x != nil && x.amount == p.Amount.Amount && settled[a.TransactionID] {
				acceptable += x.amount
			}
		}
		require.Equal(rt, acceptable, in)
		require.LessOrEqual(rt, in, p.Totals.In.Amount)
		require.Equal(rt, p.Totals.Refunded.Amount, back)
		require.LessOrEqual(rt, len(p.Attempts), 40)
	}
	for name, x := range w.txs {
		require.LessOrEqual(rt, x.refunded(), x.amount, "%s was refunded too much", name)
	}
	for _, user := range []payments.EndUser{ana, budi} {
		claims, err := w.pay.Claims(w.t.Context(), user)
		require.NoError(rt, err)
		for _, c := range claims {
			for _, g := range c.Grants {
				p := w.get(g.PaymentID)
				require.Equal(rt, g.Live, p.Totals.Live.Amount > 0 || p.Amount.IsZero(), "%v", w.explain(p.ID))
			}
		}
	}
}

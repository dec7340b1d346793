package races

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/anishathalye/porcupine"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// refundOp is an operation on the refunds of a payment of 85,000. A refund is
// two operations over the same time: it is written down, which takes its
// amount out of what is left, and then it is paid. Between the two others can
// see that.
type refundOp struct {
	do      string // "ask", "pay" or "read"
	payment payments.ID
	key     int
	amount  int64
}

// refundOut is what the client was told.
type refundOut struct {
	told        string // "done", "too much", "reused", "failed" or "unknown"
	asked, paid int64  // what is read: sums
}

// refundState is what was asked for under each key, and whether it was paid.
type refundState [refundKeys]struct {
	amount int64
	paid   bool
}

const refundKeys = 4

func (s refundState) sums() (asked, paid int64) {
	for _, r := range s {
		asked += r.amount
		if r.paid {
			paid += r.amount
		}
	}
	return asked, paid
}

// refundModel says what refunds are: one for each key, of less than what is
// left in all.
//
// It allows:
//   - ask: done under a new key, if the amount is left, and under an old one
//     with the same amount; else "too much", or "reused";
//   - pay: done, after it was asked for; it never fails, as nobody refunds
//     behind our back here;
//   - read: both sums as they were at one moment between call and return;
//   - an operation whose outcome is unknown may take effect at any time after
//     its call, or never, as far as its effect is possible then.
var refundModel = porcupine.Model{
	Partition: partition(func(input any) string { return string(input.(refundOp).payment) }),
	Init:      func() any { return refundState{} },
	Step: func(state, input, output any) (bool, any) {
		now, op, out := state.(refundState), input.(refundOp), output.(refundOut)
		asked, paid := now.sums()
		if op.do == "read" {
			return out.asked == asked && out.paid == paid, now
		}
		mine, right := &now[op.key], ""
		switch {
		case op.do == "pay" && mine.amount > 0:
			mine.paid, right = true, "done"
		case op.do == "pay":
			right = "impossible"
		case mine.amount == op.amount:
			right = "done"
		case mine.amount > 0:
			right = "reused"
		case op.amount > mug.Price.Amount-asked:
			right = "too much"
		default:
			mine.amount, right = op.amount, "done"
		}
		return out.told == right || out.told == "unknown", now
	},
}

// refundHistory lets clients ask for refunds of two payments, which together
// are more than was paid, while others read; some calls fail, here or at the
// gateway.
func refundHistory(r *round) string {
	var h history
	var racers []func(context.Context)
	all := []payments.ID{r.settled().ID, r.settled().ID}
	r.sim.Fail(simkit.Fault{Kind: simkit.Lost, Op: "refund"})
	for i := range 8 {
		racers = append(racers, func(ctx context.Context) {
			for range 3 {
				r.askRefund(ctx, &h, i, all[i%2])
				r.readRefunds(ctx, &h, i, all[i%2])
			}
		})
	}
	r.race(racers...)
	r.sim.Heal()
	for i, id := range all { // when all is over
		r.readRefunds(r.ctx, &h, i, id)
	}
	end := h.judge(refundModel)
	if end != linearizable {
		r.wrong("history:\n%s", &h)
	}
	for _, id := range all {
		if _, err := r.shop(0).pay.Sync(r.ctx, id); err != nil {
			r.wrong("sync: %v", err)
		}
		r.quiet(id)
		r.books(id)
	}
	return end
}

// askRefund asks for one of a few refunds.
func (r *round) askRefund(ctx context.Context, h *history, client int, id payments.ID) {
	key := rand.IntN(refundKeys)
	amount := int64(key+1) * 15_000
	if rand.IntN(8) == 0 {
		amount += 1_000 // not what others ask for under this key
	}
	call := h.tick()
	refund, err := r.refund(ctx, rand.IntN(2), id, fmt.Sprintf("r%d", key), amount)
	asked := "done"
	switch {
	case refund != nil:
	case errors.Is(err, payments.ErrKeyReused):
		asked = "reused"
	case tooMuch(err):
		asked = "too much"
	default:
		asked = "unknown"
	}
	h.add(client, call, refundOp{"ask", id, key, amount}, refundOut{told: asked}, asked != "unknown")
	if refund == nil {
		return
	}
	paid := "unknown"
	if err == nil {
		paid = "done"
	} else if refund.State == payments.RefundRefused {
		paid = "failed"
	}
	h.add(client, call, refundOp{"pay", id, key, amount}, refundOut{told: paid}, paid != "unknown")
}

// readRefunds reads the payment: what was asked for, and what was paid.
func (r *round) readRefunds(ctx context.Context, h *history, client int, id payments.ID) {
	call := h.tick()
	p, err := r.shop(rand.IntN(2)).pay.Get(ctx, id)
	if err != nil {
		r.wrong("get: %v", err)
		return
	}
	out := refundOut{told: "done", paid: p.Totals.Refunded.Amount}
	for _, refund := range p.Refunds() {
		if refund.State != payments.RefundRefused {
			out.asked += refund.Amount.Amount
		}
	}
	h.add(client, call, refundOp{do: "read", payment: id}, out, true)
}

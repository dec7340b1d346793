package races

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/lunaspay/lunas/payments"
)

// claimOp is an operation on the claim of a user on the plan "pass", of which
// each payment buys 30 days. All were paid at one moment.
type claimOp struct {
	do   string // "settle", "refund" or "read"
	user string
	nth  int // which of the user's payments
}

// claimOut is what the client was told.
type claimOut struct {
	told string // "done", "refused", or "unknown"
	live int    // what is read: how many times 30 days
}

// claimModel says what a claim is: a set of payments, each of them unknown,
// settled or refunded, and the user has 30 days for each that is settled.
//
// It allows:
//   - settle: an unknown payment becomes settled; a repeat changes nothing;
//   - refund: a settled payment becomes refunded, and a repeat succeeds and
//     changes nothing; it is refused exactly as long as the payment is unknown;
//   - read: the number of settled payments at one moment between call and
//     return;
//   - an operation whose outcome is unknown may take effect at any time after
//     its call, or never, as far as its effect is possible then.
var claimModel = porcupine.Model{
	Partition: partition(func(input any) string { return input.(claimOp).user }),
	Init:      func() any { return strings.Repeat(".", passes) },
	Step: func(state, input, output any) (bool, any) {
		now, op, out := state.(string), input.(claimOp), output.(claimOut)
		become := func(what string) string { return now[:op.nth] + what + now[op.nth+1:] }
		switch op.do {
		case "read":
			return out.live == strings.Count(now, "S"), now
		case "settle":
			if now[op.nth] == '.' {
				now = become("S")
			}
			return true, now
		}
		if now[op.nth] == '.' {
			return out.told != "done", now
		}
		return out.told != "refused", become("R")
	},
}

// passes is how many payments a user has, and watchers how many clients only
// read.
const (
	passes   = 3
	watchers = 2
)

// claimHistory lets the payments of two users settle and be refunded while
// others read, and some calls fail.
func claimHistory(r *round) string {
	var h history
	users := [2]string{string(payments.NewID()), string(payments.NewID())}
	var racers []func(context.Context)
	var orders []order
	for u, user := range users {
		for nth := range passes {
			o := r.order(user, pass.ID, false)
			orders = append(orders, o)
			client := u*(passes+watchers) + nth
			racers = append(racers, func(ctx context.Context) { r.claimClient(ctx, &h, client, user, nth, o) })
		}
		for i := range watchers {
			client := u*(passes+watchers) + passes + i
			racers = append(racers, func(ctx context.Context) {
				for range 4 {
					r.readClaim(ctx, &h, client, user)
				}
			})
		}
	}
	r.race(racers...)
	for i, user := range users { // when all is over
		r.readClaim(r.ctx, &h, i, user)
	}
	end := h.judge(claimModel)
	if end != linearizable {
		r.wrong("history:\n%s", &h)
	}
	for _, o := range orders {
		r.quiet(o.id)
	}
	return end
}

// claimClient brings the settlement of one payment, maybe twice, and maybe
// asks for the money back, maybe too early.
func (r *round) claimClient(ctx context.Context, h *history, client int, user string, nth int, o order) {
	for range 4 {
		call := h.tick()
		if rand.IntN(3) > 0 {
			a := r.notify(ctx, rand.IntN(2), o.settlement)
			told := "done"
			if a.code != http.StatusOK {
				told = "unknown"
			}
			h.add(client, call, claimOp{"settle", user, nth}, claimOut{told: told}, told == "done")
		} else {
			refund, err := r.refund(ctx, rand.IntN(2), o.id, fmt.Sprintf("r%d", nth), 0)
			told := "unknown"
			switch {
			case err == nil:
				told = "done"
			case refund == nil && errors.Is(err, payments.ErrWrongState):
				told = "refused"
			}
			h.add(client, call, claimOp{"refund", user, nth}, claimOut{told: told}, told != "unknown")
		}
		r.readClaim(ctx, h, client, user)
	}
}

// readClaim asks whether the user may use the plan, and until when.
func (r *round) readClaim(ctx context.Context, h *history, client int, user string) {
	call := h.tick()
	e, err := r.shop(rand.IntN(2)).pay.Entitled(ctx, payments.EndUser{ID: user}, pass.ID)
	if err != nil {
		r.wrong("entitled: %v", err)
		return
	}
	out := claimOut{told: "done"}
	if e.OK {
		out.live = int(e.Until.Sub(begin).Hours() / 24 / passDays)
	}
	h.add(client, call, claimOp{do: "read", user: user}, out, true)
}

package races

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// order is a payment of a plan that was paid at the gateway, and is not known
// to be.
type order struct {
	id         payments.ID
	settlement simkit.Sent
	refunded   bool // to be, when it is settled
}

// claims: payments of one user for one plan settle at once, and some of them
// are refunded as soon as they are. The timeline is that of another user, with
// the same payments at the same times, for whom all this happens one after the
// other.
func claims(r *round) string {
	both := [2][]order{}
	users := [2]string{string(payments.NewID()), string(payments.NewID())}
	for range 4 {
		refunded := rand.IntN(3) == 0
		for i, user := range users {
			both[i] = append(both[i], r.order(user, pro.ID, refunded))
		}
		r.clock.Advance(rand.N(40 * 24 * time.Hour))
	}
	r.race(several(4, func(ctx context.Context, i int) { r.settle(ctx, i, both[0][i]) })...)
	for _, i := range rand.Perm(4) {
		r.settle(r.ctx, 0, both[1][i])
	}
	raced, serial := r.claim(users[0], both[0]), r.claim(users[1], both[1])
	if fmt.Sprint(raced) != fmt.Sprint(serial) {
		r.wrong("the timelines are\n%v\n%v", raced, serial)
	}
	for i := range 2 {
		for _, o := range both[i] {
			r.quiet(o.id)
			b := r.books(o.id)
			if begun := b.told[payments.EventClaimGranted] + b.told[payments.EventClaimExtended]; begun != 1 {
				r.wrong("the claim grew %d times by one payment", begun)
			}
			want := 0
			if o.refunded {
				want = 1
			}
			if n := b.told[payments.EventClaimRevoked]; n != want {
				r.wrong("the claim shrank %d times by one payment, want %d", n, want)
			}
		}
	}
	return "the timeline is that of one by one"
}

// order opens a payment and pays it at the gateway.
func (r *round) order(user, plan string, refunded bool) order {
	r.t.Helper()
	p := r.open(payments.CreateParams{User: payments.EndUser{ID: user}, PlanID: plan})
	require.NoError(r.t, r.sim.Pay(string(p.ID)))
	mail := r.mail(p.ID)
	require.Len(r.t, mail, 2)
	return order{p.ID, mail[1], refunded}
}

// settle brings the settlement, and sends the money back if that is to be.
func (r *round) settle(ctx context.Context, process int, o order) {
	if a := r.notify(ctx, process, o.settlement); a.code != http.StatusOK {
		r.wrong("settlement: %d %s", a.code, a.body)
	}
	if !o.refunded {
		return
	}
	if _, err := r.refund(ctx, process, o.id, "r1", 0); err != nil {
		r.wrong("refund: %v", err)
	}
}

// claim is the user's timeline: the grants in the order of the orders.
func (r *round) claim(user string, orders []order) []string {
	all, err := r.shop(0).pay.Claims(r.ctx, payments.EndUser{ID: user})
	if err != nil || len(all) != 1 {
		r.wrong("%d claims (%v)", len(all), err)
		return nil
	}
	lines := []string{fmt.Sprintf("from %s to %s", all[0].Start, all[0].End)}
	for _, o := range orders {
		i := slices.IndexFunc(all[0].Grants, func(g payments.Grant) bool { return g.PaymentID == o.id })
		if i < 0 {
			lines = append(lines, "none")
			continue
		}
		g := all[0].Grants[i]
		lines = append(lines, fmt.Sprintf("%v by %s: from %s to %s", g.Live, g.Anchor, g.Start, g.End))
	}
	return lines
}

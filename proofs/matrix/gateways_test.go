package matrix

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// The shop has a second account, which takes over where the first one fails.
var gatewayScenarios = []scenario{
	{"another gateway takes over", func(w *world) {
		id := w.takenOver()
		w.ok(w.sim.Pay(w.openAt(id)))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: len(w.ordersOf(id)), in: mug}
	}},
	{"both gateways are paid, and one gives the money back", func(w *world) {
		paidAtAll(w, w.takenOver(), "gopay", payments.EventRefunded, payments.EventRefundSucceeded)
	}},
	{"both gateways are paid, and there is no way back", func(w *world) {
		paidAtAll(w, w.takenOver(), "bca_va", payments.EventRefundFailed)
	}},
}

// takenOver is a checkout whose first answer is lost, in a shop that has
// another gateway to go on with.
func (w *world) takenOver() payments.ID {
	w.t.Helper()
	w.deploy(func(s *spec) { s.Spare = true })
	w.sim.Fail(simkit.Fault{Kind: simkit.Lost, Op: "checkout"})
	id := w.checkout(aMug)
	if w.kills == 0 {
		require.Len(w.t, w.ordersOf(id), 2, "the spare gateway was not asked")
	}
	return id
}

// ordersOf are the payment's at the gateway: one if the shop died before it
// went on to the other account, as the same one is asked again then.
func (w *world) ordersOf(id payments.ID) (refs []string) {
	for _, o := range w.sim.Orders() {
		if strings.HasPrefix(o.ID, string(id)) {
			refs = append(refs, o.ID)
		}
	}
	return refs
}

// openAt is what the buyer can pay by.
func (w *world) openAt(id payments.ID) string {
	w.t.Helper()
	p, err := w.store.Get(w.t.Context(), payments.ByID(id))
	w.ok(err)
	session, ok := p.Session()
	require.True(w.t, ok)
	return session.Ref
}

// paidAtAll pays all orders there are, as nobody should.
func paidAtAll(w *world, id payments.ID, method string, then ...payments.EventKind) {
	w.t.Helper()
	refs := w.ordersOf(id)
	for _, ref := range refs {
		w.ok(w.sim.Pay(ref, midtranstest.By(method)))
	}
	w.is(id, payments.StatusSettled)
	told, back := settled(), int64(0)
	if len(refs) > 1 {
		told = settled(append(then, payments.EventOverpaid, payments.EventFundsAvailable)...)
		if then[0] == payments.EventRefunded {
			back = mug
		}
	}
	w.until("what was paid twice is sent back", func() bool {
		p, err := w.store.Get(w.t.Context(), payments.ByID(id))
		told := back > 0 || len(refs) == 1 || p.Attention // somebody has to hand it back
		return err == nil && p.Totals.In.Amount == mug*int64(len(refs)) && p.Totals.Refunded.Amount == back && told && w.quiet()
	})
	w.model[id] = want{
		status: payments.StatusSettled, events: told, orders: len(refs), in: mug * int64(len(refs)), back: back, refunds: int(back / mug),
	}
}

// The matrix kills at a point's first passing. These stories pass most points
// once more, where something else hangs on them: here is each of their points.
func TestKilledBetweenTwoGateways(t *testing.T) {
	p := newPlace(t, "sqlite")
	for _, s := range gatewayScenarios {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, p, target{})
			requireSound(t, w.play(s))
			passed := map[string]int{}
			for _, point := range w.soFar() {
				passed[point]++
			}
			w.end()
			require.Greater(t, len(passed), 20)
			for point, times := range passed {
				for nth := range min(times, 2) { // the first gateway's, and the other one's
					t.Run(point+" "+strconv.Itoa(nth+1), func(t *testing.T) {
						w := newWorld(t, p, target{Point: point, Nth: nth + 1})
						defer w.end()
						requireSound(t, w.play(s))
						require.LessOrEqual(t, w.kills, 1) // none, if there is another way to the same end
					})
				}
			}
		})
	}
}

package failover

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/payments/routing"
)

const price = 85_000

// world is a shop, its gateways, and chance.
type world struct {
	t        *testing.T
	rand     *rand.Rand
	clock    *paymentstest.Clock
	midtrans []*midtranstest.Server // an account each
	fazz     *fazztest.Server
	pay      *payments.Service
	store    payments.Store
	orders   []*order

	mu   sync.Mutex
	told map[payments.ID]map[payments.EventKind]int // by a hook
}

// order is what its buyer has been shown: the references that he can pay by.
type order struct {
	id     payments.ID
	method payments.Method
	seen   []string
}

func newWorld(t *testing.T, store payments.Store, seed uint64) *world {
	t.Helper()
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), store: store, //nolint:gosec // chance is to be the same again
		clock: paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)),
		told:  map[payments.ID]map[payments.EventKind]int{},
	}
	var gateways []payments.Gateway
	for _, name := range []string{"midtrans", "brand"} {
		sim := midtranstest.New(midtranstest.WithClock(w.clock), midtranstest.WithURL("http://"+name+".test"),
			midtranstest.WithKeys("SB-Mid-server-"+name, "SB-Mid-client-"+name))
		sim.Notify("http://shop.test/pay/notifications/"+name, http.HandlerFunc(w.receive))
		config := sim.Config()
		config.Name = name
		w.midtrans, gateways = append(w.midtrans, sim), append(gateways, midtrans.SnapAndCore(config))
	}
	w.fazz = fazztest.New(fazztest.WithClock(w.clock))
	w.fazz.Notify("http://shop.test/pay/notifications/fazz", http.HandlerFunc(w.receive))
	gateways = append(gateways, fazz.New(w.fazz.Config()))

	var err error
	w.pay, err = payments.New(payments.Config{
		Store: store, Clock: w.clock, Gateways: gateways, PublicURL: "http://shop.test/pay", Limit: payments.Unlimited,
		Items:     payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(price)}},
		ExpiresIn: 6 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		Hooks: payments.HookPolicy{Backoff: func(int) time.Duration { return time.Minute }},
		Router: routing.Rules(
			routing.Rule{Methods: []payments.Method{"qris"}, Use: []string{"fazz", "midtrans", "brand"}},
			// Not a Split, which goes by ids: these are never the same again.
			routing.Rule{
				Methods: []payments.Method{"cstore/alfamart"}, Use: []string{"fazz", "midtrans"},
				If: func(r payments.RouteRequest) bool { return strings.HasSuffix(r.Order.User.ID, "1") },
			},
			routing.Rule{Use: []string{"midtrans", "brand", "fazz"}},
		),
	})
	require.NoError(t, err)
	w.pay.OnEvent("books", func(_ context.Context, e payments.Event) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.told[e.PaymentID] == nil {
			w.told[e.PaymentID] = map[payments.EventKind]int{}
		}
		w.told[e.PaymentID][e.Kind]++
		return nil
	})
	w.pay.RefundOverpaid("give-back")
	breaks(seed, 1, w.fazz.Fail)
	breaks(seed, 2, w.midtrans[0].Fail)
	breaks(seed, 3, w.midtrans[1].Fail)
	return w
}

// receive takes a gateway's message to the shop.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	http.StripPrefix("/pay", w.pay.Handler()).ServeHTTP(rw, r)
}

// breaks has a gateway's checkouts and messages go wrong, each now and then. It
// has chances of its own: gateways may be called at once.
func breaks(seed, gateway uint64, fail func(simkit.Fault)) {
	chance := rand.New(rand.NewPCG(seed, gateway)) //nolint:gosec // to be the same again
	sometimes := func(n int, f simkit.Fault) {
		f.Count, f.If = -1, func() bool { return chance.IntN(n) == 0 }
		fail(f)
	}
	sometimes(8, simkit.Fault{Kind: simkit.Lost, Op: "cancel"})
	for _, op := range []string{"checkout", "charge"} { // the latter is Midtrans's Core API
		sometimes(8, simkit.Fault{Kind: simkit.Lost, Op: op})
		for _, kind := range []simkit.Kind{simkit.Broken, simkit.Down, simkit.Throttled, simkit.Refused} {
			sometimes(12, simkit.Fault{Kind: kind, Op: op})
		}
	}
	for _, word := range []string{"pending", "settlement", "cancel", "expire", "refund", "paid", "completed", "expired", "cancelled"} {
		for _, kind := range []simkit.Kind{simkit.Drop, simkit.Duplicate, simkit.Shuffle, simkit.Late} {
			sometimes(4, simkit.Fault{Kind: kind, Op: word, Delay: 40 * time.Minute})
		}
	}
}

var methods = []payments.Method{"bank_transfer/bca", "qris", "cstore/alfamart"}

// buys has somebody go to the checkout, again where he is told to.
func (w *world) buys(n int) {
	o := &order{method: methods[w.rand.IntN(len(methods))]}
	params := payments.CreateParams{
		User: payments.EndUser{ID: fmt.Sprintf("u%d", n), Email: "u@example.com"}, Key: "cart",
		Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Method: o.method,
	}
	for range 3 {
		out, err := w.pay.Checkout(w.t.Context(), params)
		if out != nil && o.id == "" {
			o.id, w.orders = out.Payment.ID, append(w.orders, o)
		}
		if err == nil && out.Session != nil {
			o.seen = append(o.seen, out.Session.Ref)
			return
		}
		w.clock.Advance(time.Minute)
	}
}

// changes has a buyer choose another way to pay.
func (w *world) changes(o *order) {
	o.method = methods[w.rand.IntN(len(methods))]
	out, err := w.pay.Attempt(w.t.Context(), o.id, payments.AttemptParams{Method: o.method})
	if err == nil && out.Session != nil && (len(o.seen) == 0 || o.seen[len(o.seen)-1] != out.Session.Ref) {
		o.seen = append(o.seen, out.Session.Ref)
	}
}

// pays has a reference paid, if it still can be.
func (w *world) pays(ref string) {
	for _, sim := range w.midtrans {
		_ = sim.Pay(ref) // there is nothing, or it is over
	}
	if w.fazz.Pay(ref) == nil && w.rand.IntN(2) == 0 {
		_ = w.fazz.Complete(ref)
	}
}

// passes lets time go by: messages arrive, hooks run, timers fire.
func (w *world) passes(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	sims := []interface {
		Deliver(ctx context.Context) ([]simkit.Answer, error)
	}{w.midtrans[0], w.midtrans[1], w.fazz}
	for _, sim := range sims {
		_, err := sim.Deliver(w.t.Context())
		require.NoError(w.t, err)
	}
	// Errors are those of the broken gateways. What they leave undone is seen in
	// the end.
	_ = w.pay.Drain(w.t.Context())
}

// heal ends all faults.
func (w *world) heal() {
	w.fazz.Heal()
	for _, sim := range w.midtrans {
		sim.Heal()
	}
}

// paid are the references of an order that somebody has paid by, and open those
// that somebody still could.
func (w *world) paid(id payments.ID) (paid, open []string) {
	for _, sim := range w.midtrans {
		for _, o := range sim.Orders() {
			if !strings.HasPrefix(o.ID, string(id)) {
				continue
			}
			for _, tx := range o.Transactions {
				switch {
				case !tx.PaidAt.IsZero():
					paid = append(paid, o.ID)
				case tx.Status == "pending":
					open = append(open, o.ID)
				}
			}
		}
	}
	for _, p := range w.fazz.Payments() {
		if !strings.HasPrefix(p.ReferenceID, string(id)) {
			continue
		}
		switch p.Status {
		case "paid", "completed":
			paid = append(paid, p.ReferenceID)
		case "pending":
			open = append(open, p.ReferenceID)
		}
	}
	return paid, open
}

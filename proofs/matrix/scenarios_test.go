package matrix

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// scenario is a story of a shop. Together they pass every point.
type scenario struct {
	name string
	play func(w *world)
}

const day = 24 * time.Hour

// settled are the events of an order that was paid.
func settled(more ...payments.EventKind) counts {
	told := counts{payments.EventCreated: 1, payments.EventSettled: 1, payments.EventFundsAvailable: 1}
	for _, kind := range more {
		told[kind]++
	}
	return told
}

var scenarios = []scenario{
	{"a mug is bought", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Choose(string(id)))
		w.insist("return", http.MethodGet, "/return/"+string(id), http.Header{"X-User": {"ana"}}, nil)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
	}},
	{"a plan is bought, and ends", func(w *world) {
		id := w.checkout(aPlan)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.later(40 * day)
		w.model[id] = want{
			status: payments.StatusSettled, events: settled(payments.EventClaimGranted, payments.EventClaimExpired),
			orders: 1, in: pro, live: true,
		}
	}},
	{"a plan is given back", func(w *world) {
		id := w.checkout(aPlan)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.ok(w.sim.RefundFromDashboard(string(id), 0))
		w.is(id, payments.StatusRefunded)
		w.model[id] = want{
			status: payments.StatusRefunded, events: settled(payments.EventRefunded, payments.EventClaimGranted, payments.EventClaimRevoked),
			orders: 1, in: pro, back: pro, refunds: 1,
		}
	}},
	{"a free plan, and nobody comes back", func(w *world) {
		header := http.Header{"Content-Type": {"application/json"}, "X-User": {"ana"}, "Idempotency-Key": {"cart-1"}}
		status, _ := w.ask(http.MethodPost, "/checkout", header, []byte(free))
		w.later(3 * time.Minute)
		found, err := w.store.Payments(w.t.Context(), payments.PaymentQuery{})
		w.ok(err)
		if status == 0 && len(found.Items) == 0 {
			return // it died before anything was promised
		}
		require.Len(w.t, found.Items, 1)
		w.model[found.Items[0].ID] = want{
			status: payments.StatusSettled, live: true,
			events: counts{payments.EventCreated: 1, payments.EventSettled: 1, payments.EventClaimGranted: 1},
		}
	}},
	{"plans are given away", func(w *world) {
		given := want{
			status: payments.StatusSettled, live: true,
			events: counts{payments.EventCreated: 1, payments.EventSettled: 1, payments.EventClaimGranted: 1, payments.EventClaimExpired: 1},
		}
		w.model[w.checkout(free)] = given
		w.model[w.admin("grant", "user", "ben", "key", "gift-1")] = given
		w.until("nothing is on its way", w.quiet)
		w.later(40 * day)
	}},
	{"money is sent back", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.admin("refund", "id", string(id), "key", "r-1")
		w.is(id, payments.StatusPartiallyRefunded)
		w.model[id] = refundedInPart()
	}},
	{"money is sent back, and the answer is lost", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.sim.Fail(simkit.Fault{Kind: simkit.Broken, Op: "refund", Count: 2})
		w.once(http.MethodPost, "/admin/refund?key=r-1&id="+string(id), nil, nil)
		w.is(id, payments.StatusPartiallyRefunded)
		w.model[id] = refundedInPart()
	}},
	{"the answer to a checkout is lost", func(w *world) {
		w.sim.Fail(simkit.Fault{Kind: simkit.Lost, Op: "checkout"})
		header := http.Header{"Content-Type": {"application/json"}, "X-User": {"ana"}, "Idempotency-Key": {"cart-1"}}
		w.once(http.MethodPost, "/checkout", header, []byte(aMug))
		w.until("the timer opens it", func() bool {
			found, err := w.store.Payments(w.t.Context(), payments.PaymentQuery{Status: []payments.Status{payments.StatusPending}})
			return err == nil && len(found.Items) == 1
		})
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
	}},
	{"an order in the host's transaction", func(w *world) {
		id := w.admin("order", "user", "ana", "key", "order-1")
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug, ordered: true}
	}},
	{"a card is challenged, and approved", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Challenge(string(id)))
		w.is(id, payments.StatusChallenged)
		w.admin("approve", "id", string(id))
		w.is(id, payments.StatusSettled)
		w.later(3 * day) // the bank settles it
		w.model[id] = want{status: payments.StatusSettled, events: settled(payments.EventChallenged), orders: 1, in: mug}
	}},
	{"a card is challenged, and denied", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Challenge(string(id)))
		w.is(id, payments.StatusChallenged)
		w.admin("deny", "id", string(id))
		w.is(id, payments.StatusDenied)
		w.admin("cancel", "id", string(id))
		w.is(id, payments.StatusCanceled)
		w.model[id] = want{
			status: payments.StatusCanceled, orders: 1,
			events: counts{payments.EventCreated: 1, payments.EventChallenged: 1, payments.EventDenied: 1, payments.EventCanceled: 1},
		}
	}},
	{"a card is authorized, and captured", func(w *world) {
		id := w.admin("reserve", "user", "ana", "key", "cart-1")
		w.ok(w.sim.Pay(string(id), midtranstest.Card("4811111111111114")))
		w.is(id, payments.StatusAuthorized)
		w.admin("capture", "id", string(id))
		w.is(id, payments.StatusSettled)
		w.later(3 * day)
		w.model[id] = want{status: payments.StatusSettled, events: settled(payments.EventAuthorized), orders: 1, in: mug}
	}},
	{"a linked account is told of", func(w *world) {
		w.insist("notice", http.MethodPost, "/notifications/midtrans", nil, []byte(`{"account_id":"a-1","account_status":"ENABLED"}`))
	}},
	{"an order is canceled", func(w *world) {
		id := w.checkout(aMug)
		w.admin("cancel", "id", string(id))
		w.is(id, payments.StatusCanceled)
		w.model[id] = want{
			status: payments.StatusCanceled, events: counts{payments.EventCreated: 1, payments.EventCanceled: 1}, orders: 1,
		}
	}},
	{"an order is canceled that was begun, by hearsay twice", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Choose(string(id)))
		genuine := w.sim.Take()[0]
		w.tell(genuine, nil)
		w.tell(genuine, func(body map[string]any) { body["transaction_id"] = "11111111-made-up" })
		w.admin("cancel", "id", string(id))
		w.is(id, payments.StatusCanceled)
		w.model[id] = want{
			status: payments.StatusCanceled, events: counts{payments.EventCreated: 1, payments.EventCanceled: 1}, orders: 1,
		}
	}},
	{"an order is ended before its time", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Choose(string(id)))
		w.is(id, payments.StatusPending)
		w.admin("expire", "id", string(id))
		w.is(id, payments.StatusExpired)
		w.model[id] = want{
			status: payments.StatusExpired, events: counts{payments.EventCreated: 1, payments.EventExpired: 1}, orders: 1,
		}
	}},
	{"a buyer walks away", func(w *world) {
		id := w.checkout(aMug)
		w.until("nothing is on its way", w.quiet)
		w.later(25 * time.Hour)
		w.is(id, payments.StatusExpired)
		w.model[id] = want{
			status: payments.StatusExpired, events: counts{payments.EventCreated: 1, payments.EventExpired: 1}, orders: 1,
		}
	}},
	{"another way to pay", func(w *world) {
		id := w.checkout(aMug)
		w.admin("attempt", "id", string(id), "method", "bca_va")
		w.ok(w.sim.Pay(string(id)+"-2", midtranstest.By("bca_va")))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 2, in: mug}
	}},
	{"a wrong amount is accepted", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id), midtranstest.Amount("84000.00")))
		w.is(id, payments.StatusReview)
		w.admin("accept", "id", string(id))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(payments.EventReview), orders: 1, in: 84_000}
	}},
	{"money is handed back", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id), midtranstest.By("bca_va")))
		w.is(id, payments.StatusSettled)
		w.admin("handed-back", "id", string(id), "key", "transfer-1")
		w.is(id, payments.StatusPartiallyRefunded)
		w.model[id] = want{
			status: payments.StatusPartiallyRefunded, events: settled(payments.EventRefunded), orders: 1, in: mug, byHand: back,
		}
	}},
	{"the gateway cannot be asked", func(w *world) {
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id)))
		w.sim.Fail(simkit.Fault{Kind: simkit.Refused, Op: "status"})
		w.is(id, payments.StatusSettled)
		w.admin("replay", "id", string(id))
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
	}},
	{"a notification is lost, and another forged", func(w *world) {
		id := w.checkout(aMug)
		w.sim.Fail(simkit.Fault{Kind: simkit.Drop, Count: 2})
		w.ok(w.sim.Pay(string(id)))
		w.once(http.MethodPost, "/notifications/midtrans", nil,
			[]byte(`{"order_id":"`+string(id)+`","status_code":"200","gross_amount":"85000.00","signature_key":"none","transaction_status":"settlement","transaction_id":"x"}`))
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
	}},
	{"a notification comes before its order", func(w *world) {
		id := w.admin("create", "user", "ana", "key", "cart-1")
		w.openElsewhere(id)
		w.ok(w.sim.Pay(string(id)))
		w.until("it is parked", func() bool {
			parked, err := w.store.Messages(w.t.Context(), payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictParked}})
			return err == nil && len(parked.Items) > 0
		})
		w.once(http.MethodPost, "/admin/attempt?id="+string(id), nil, nil) // the answer is that it is paid
		w.is(id, payments.StatusSettled)
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
	}},
	{"a hook is dead, and redelivered or dismissed", func(w *world) {
		dead := func() bool {
			found, err := w.store.Deliveries(w.t.Context(), payments.DeliveryQuery{State: []payments.DeliveryState{payments.DeliveryDead}})
			return err == nil && len(found.Items) > 0
		}
		buy := func(key string) payments.ID {
			id := w.checkout(aMug, "X-Fragile", "yes", "Idempotency-Key", key)
			w.ok(w.sim.Pay(string(id)))
			w.is(id, payments.StatusSettled)
			w.until("the hook is given up", dead)
			return id
		}
		one := buy("cart-1")
		w.admin("dismiss", "id", string(one))
		two := buy("cart-2")
		w.ok(os.WriteFile(w.spec.Mended, nil, 0o600))
		w.admin("redeliver", "id", string(two))
		w.is(two, payments.StatusSettled)
		bought := want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
		w.model[two] = bought
		bought.dismissed = true
		w.model[one] = bought
	}},
	{"what is old is deleted", func(w *world) {
		w.deploy(func(s *spec) { s.Cleans = true })
		id := w.checkout(aMug)
		w.ok(w.sim.Pay(string(id)))
		w.is(id, payments.StatusSettled)
		w.later(3 * day)
		w.until("what is old is gone", func() bool {
			left, err := w.store.Deliveries(w.t.Context(), payments.DeliveryQuery{})
			return err == nil && len(left.Items) == 0
		})
		w.model[id] = want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug, cleaned: true}
	}},
	{"a lane is retired", func(w *world) {
		w.deploy(func(s *spec) { s.Old = true })
		bought := want{status: payments.StatusSettled, events: settled(), orders: 1, in: mug}
		one := w.checkout(aMug)
		w.ok(w.sim.Pay(string(one)))
		w.is(one, payments.StatusSettled)
		w.deploy(func(s *spec) { s.Old = false })
		two := w.checkout(aMug, "Idempotency-Key", "cart-2")
		w.clock.Advance(11 * time.Minute)
		w.drain()
		w.admin("retire")
		w.ok(w.sim.Pay(string(two)))
		w.is(two, payments.StatusSettled)
		w.model[one], w.model[two] = bought, bought
	}},
}

func refundedInPart() want {
	return want{
		status: payments.StatusPartiallyRefunded, events: settled(payments.EventRefunded, payments.EventRefundSucceeded),
		orders: 1, in: mug, back: back, refunds: 1,
	}
}

// once sends a request until there is an answer, whatever it is, and leaves.
func (w *world) once(method, path string, header http.Header, body []byte) {
	w.t.Helper()
	for {
		if status, _ := w.ask(method, path, header, body); status != 0 {
			return
		}
	}
}

// tell sends a notification, maybe changed, until it is taken.
func (w *world) tell(sent simkit.Sent, change func(body map[string]any)) {
	w.t.Helper()
	body := sent.Body
	if change != nil {
		var fields map[string]any
		w.ok(json.Unmarshal(body, &fields))
		change(fields)
		var err error
		body, err = json.Marshal(fields)
		w.ok(err)
	}
	w.insist("notification", http.MethodPost, "/notifications/midtrans", sent.Header, body)
}

// openElsewhere opens an order at the gateway behind the shop's back, as a
// database that was set back to yesterday would have it.
func (w *world) openElsewhere(id payments.ID) {
	w.t.Helper()
	body := `{"transaction_details":{"order_id":"` + string(id) + `","gross_amount":85000}}`
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.sim.URL+"/snap/v1/transactions", strings.NewReader(body))
	w.ok(err)
	req.SetBasicAuth(serverKey, "")
	req.Header.Set("Content-Type", "application/json")
	answer, err := w.http.Do(req)
	w.ok(err)
	w.ok(answer.Body.Close())
	require.Equal(w.t, http.StatusCreated, answer.StatusCode)
}

package matrix

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

const aClub = `{"plan_id":"club"}`

// renewalScenarios are stories of plans that go on by themselves.
var renewalScenarios = []scenario{
	{"a plan is renewed by an invoice", func(w *world) {
		first := w.join()
		invoice := w.invoice(first)
		w.admin("attempt", "id", string(invoice))
		w.ok(w.sim.Pay(string(invoice)))
		w.is(invoice, payments.StatusSettled)
		w.model[first] = joined()
		w.model[invoice] = want{
			status: payments.StatusSettled, orders: 1, in: pro, live: true,
			events: settled(payments.EventClaimExtended, payments.EventRenewalDue, payments.EventRenewed),
		}
	}},
	{"a renewal is stopped, and goes on after all", func(w *world) {
		first := w.join()
		withdrawn := w.invoice(first)
		w.admin("stop")
		w.is(withdrawn, payments.StatusCanceled)
		w.admin("resume")
		w.until("there is another invoice", func() bool { return len(w.others(first)) == 2 && w.quiet() })
		due := counts{payments.EventCreated: 1, payments.EventRenewalDue: 1}
		w.model[first] = joined()
		for _, p := range w.others(first) {
			w.model[p.ID] = want{status: payments.StatusCreated, events: due}
		}
		w.model[withdrawn] = want{status: payments.StatusCanceled, events: counts{
			payments.EventCreated: 1, payments.EventRenewalDue: 1, payments.EventCanceled: 1,
		}}
	}},
	{"a card pays for the next period", func(w *world) {
		first := w.join()
		w.admin("subscribe", "token", w.savedCard())
		w.later(30 * day)
		w.until("it is paid", func() bool {
			others := w.others(first)
			return len(others) == 1 && others[0].Status == payments.StatusSettled && w.quiet()
		})
		w.later(3 * day) // the bank settles it
		charge := w.others(first)[0]
		w.model[first] = joined()
		w.model[charge.ID] = want{
			status: payments.StatusSettled, orders: 1, in: pro, live: true, ref: charge.Sessions[0].Ref,
			events: settled(payments.EventClaimExtended, payments.EventRenewed),
		}
	}},
	{"an invoice gives way to a subscription", func(w *world) {
		first := w.join()
		withdrawn := w.invoice(first)
		w.admin("subscribe", "token", "dummy")
		w.until("it is withdrawn", w.quiet)
		w.model[first] = joined()
		w.model[withdrawn] = want{status: payments.StatusCanceled, events: counts{
			payments.EventCreated: 1, payments.EventRenewalDue: 1, payments.EventCanceled: 1,
		}}
	}},
	{"a card fails, and an invoice follows", func(w *world) {
		first := w.join()
		w.admin("subscribe", "token", "dummy")
		w.later(30 * day)
		w.until("there is an invoice", func() bool { return len(w.others(first)) == 1 && w.quiet() })
		failed := joined()
		failed.events[payments.EventRenewalFailed]++
		w.model[first] = failed
		w.model[w.others(first)[0].ID] = want{status: payments.StatusCreated, events: counts{payments.EventCreated: 1, payments.EventRenewalDue: 1}}
	}},
	{"a subscription that nobody knew of turns up", func(w *world) {
		first := w.join()
		w.sim.Fail(simkit.Fault{Kind: simkit.Lost, Op: "create_subscription"})
		w.once(http.MethodPost, "/admin/subscribe?token=dummy", nil, nil)
		sent := w.sim.Take()
		w.clock.Advance(10 * time.Minute)
		w.admin("subscribe", "token", "dummy")
		for _, s := range sent {
			if bytes.Contains(s.Body, []byte(`"schedule"`)) {
				w.tell(s, nil)
			}
		}
		w.model[first] = joined()
	}},
	{"a subscription is paused, changed, and canceled", func(w *world) {
		first := w.join()
		w.admin("subscribe", "token", "dummy")
		ref := w.subscription()
		w.admin("pause-charges", "id", ref)
		w.admin("resume-charges", "id", ref)
		w.admin("change-charges", "id", ref)
		w.admin("cancel-charges", "id", ref)
		w.model[first] = joined()
	}},
}

// join pays for the first period of what is renewed.
func (w *world) join() payments.ID {
	w.t.Helper()
	id := w.checkout(aClub)
	w.ok(w.sim.Pay(string(id)))
	w.is(id, payments.StatusSettled)
	return id
}

func joined() want {
	return want{status: payments.StatusSettled, events: settled(payments.EventClaimGranted), orders: 1, in: pro, live: true}
}

// invoice is that of the period behind the first one.
func (w *world) invoice(first payments.ID) payments.ID {
	w.t.Helper()
	w.later(28 * day)
	w.until("there is an invoice", func() bool { return len(w.others(first)) == 1 && w.quiet() })
	return w.others(first)[0].ID
}

// others are all payments but one.
func (w *world) others(than payments.ID) []*payments.Payment {
	w.t.Helper()
	found, err := w.store.Payments(w.t.Context(), payments.PaymentQuery{})
	w.ok(err)
	return slices.DeleteFunc(found.Items, func(p *payments.Payment) bool { return p.ID == than })
}

// subscription is the reference of the only one.
func (w *world) subscription() string {
	w.t.Helper()
	found, err := w.store.Records(w.t.Context(), payments.RecordQuery{Kind: "subscription"})
	w.ok(err)
	for _, r := range found.Items {
		var sub payments.Subscription
		w.ok(json.Unmarshal(r.Doc, &sub))
		if sub.State == payments.SubscriptionActive {
			return sub.Ref
		}
	}
	require.Fail(w.t, "no subscription is active")
	return ""
}

// savedCard is a card that the gateway keeps.
func (w *world) savedCard() string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet,
		w.sim.URL+"/v2/card/register?client_key="+clientKey+"&card_number=4811111111111114&card_exp_month=12&card_exp_year=2035", nil)
	w.ok(err)
	answer, err := w.http.Do(req)
	w.ok(err)
	defer answer.Body.Close()
	var card struct {
		Token string `json:"saved_token_id"`
	}
	w.ok(json.NewDecoder(answer.Body).Decode(&card))
	require.NotEmpty(w.t, card.Token)
	return card.Token
}

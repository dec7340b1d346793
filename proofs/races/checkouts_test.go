package races

import (
	"context"
	"net/http"

	"github.com/lunaspay/lunas/payments"
)

// checkout over HTTP.
func (r *round) checkout(ctx context.Context, process int, user, key, body string) answer {
	header := http.Header{"X-User": {user}, "Content-Type": {"application/json"}}
	if key != "" {
		header["Idempotency-Key"] = []string{key}
	}
	return r.send(ctx, process, http.MethodPost, "/checkout", header, []byte(body))
}

// bought are the payments of a user.
func (r *round) bought(user string) []*payments.Payment {
	var all []*payments.Payment
	for p, err := range r.shop(0).pay.List(r.ctx, payments.PaymentQuery{UserID: user}) {
		if err != nil {
			r.wrong("list: %v", err)
			break
		}
		all = append(all, p)
	}
	return all
}

const (
	buyPlan = `{"plan_id":"pro"}`
	buyMug  = `{"items":[{"id":"mug","quantity":1}]}`
	getFree = `{"plan_id":"free"}`
)

// oneCheckoutKey: there is one payment, and one order and page at the
// gateway. Whoever comes while it is being opened may be told so, and gets it
// afterwards.
func oneCheckoutKey(r *round) string {
	user := string(payments.NewID())
	answers := make([]answer, 8)
	r.race(several(8, func(ctx context.Context, i int) {
		answers[i] = r.checkout(ctx, i, user, "k1", buyPlan)
	})...)
	again := r.checkout(r.ctx, 0, user, "k1", buyPlan)
	id := again.paymentID()
	end := "one order, all get it"
	for _, a := range answers {
		switch {
		case a.code == http.StatusConflict:
			end = "one order, some are told to ask again"
		case a.code != http.StatusCreated:
			r.wrong("checkout: %d %s", a.code, a.body)
		}
		if a.paymentID() != id {
			r.wrong("payments %s and %s of one key", a.paymentID(), id)
		}
	}
	if again.code != http.StatusCreated {
		r.wrong("the same checkout again: %d %s", again.code, again.body)
	}
	r.oneOrder(user, id)
	return end
}

// oneOrder: the user has this payment and no other, and it was opened once.
func (r *round) oneOrder(user string, id payments.ID) {
	r.quiet(id)
	if all := r.bought(user); len(all) != 1 || all[0].ID != id {
		r.wrong("there are %d payments", len(all))
		return
	}
	b := r.books(id)
	if len(b.Sessions) != 1 || len(b.order.Pages) != 1 {
		r.wrong("%d sessions here, %d pages at the gateway", len(b.Sessions), len(b.order.Pages))
	}
	r.require(b, payments.StatusPending)
}

func reusedCheckoutKey(r *round) string {
	user := string(payments.NewID())
	bodies, answers := [2]string{buyPlan, buyMug}, [2]answer{}
	r.race(several(2, func(ctx context.Context, i int) {
		answers[i] = r.checkout(ctx, i, user, "k1", bodies[i])
	})...)
	end, got := "the plan was bought, the other 422", 0
	if answers[1].code == http.StatusCreated {
		end, got = "the mug was bought, the other 422", 1
	}
	if answers[got].code != http.StatusCreated || answers[1-got].code != http.StatusUnprocessableEntity {
		r.wrong("checkouts: %d %s, %d %s", answers[0].code, answers[0].body, answers[1].code, answers[1].body)
	}
	r.oneOrder(user, answers[got].paymentID())
	return end
}

// freePlan: the user has it once, however often it is asked for.
func freePlan(r *round) string {
	user := string(payments.NewID())
	answers := make([]answer, 8)
	r.race(several(8, func(ctx context.Context, i int) {
		answers[i] = r.checkout(ctx, i, user, "", getFree)
		if e, err := r.shop(i).pay.Entitled(ctx, payments.EndUser{ID: user}, free.ID); err != nil || !e.OK {
			r.wrong("answered %d, and then not entitled: %v", answers[i].code, err)
		}
	})...)
	for _, a := range answers {
		if a.code != http.StatusCreated || a.paymentID() != answers[0].paymentID() {
			r.wrong("checkout: %d %s", a.code, a.body)
		}
	}
	r.quiet()
	all := r.bought(user)
	claim, err := r.shop(0).pay.Entitled(r.ctx, payments.EndUser{ID: user}, free.ID)
	if err != nil || len(all) != 1 || claim.Claim == nil || len(claim.Claim.Grants) != 1 {
		r.wrong("%d payments, claim %v (%v)", len(all), claim.Claim, err)
	}
	return "granted once"
}

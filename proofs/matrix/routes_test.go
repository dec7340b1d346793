package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
)

// routes are those of payers and gateways, and the shop's own: what a host
// calls, by an operator or in code of its own.
func (t *today) routes() {
	t.mux = http.NewServeMux()
	t.mux.Handle("/", t.pay.Handler())
	id := func(r *http.Request) payments.ID { return payments.ID(r.FormValue("id")) }
	paid := func(p *payments.Payment, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return string(p.ID), nil
	}
	nothing := func(err error) (string, error) { return "", err }
	for name, do := range map[string]func(ctx context.Context, r *http.Request) (string, error){
		"drain": func(ctx context.Context, _ *http.Request) (string, error) { return nothing(t.pay.Drain(ctx)) },
		"create": func(ctx context.Context, r *http.Request) (string, error) {
			return paid(t.pay.Create(ctx, t.params(r)))
		},
		"grant": func(ctx context.Context, r *http.Request) (string, error) {
			return paid(t.pay.Grant(ctx, payments.GrantParams{
				User: payments.EndUser{ID: r.FormValue("user")}, PlanID: "pro", Key: r.FormValue("key"),
			}))
		},
		"attempt": func(ctx context.Context, r *http.Request) (string, error) {
			_, err := t.pay.Attempt(ctx, id(r), payments.AttemptParams{Method: payments.Method(r.FormValue("method"))})
			return nothing(err)
		},
		"order":   func(ctx context.Context, r *http.Request) (string, error) { return t.order(ctx, t.params(r)) },
		"cancel":  func(ctx context.Context, r *http.Request) (string, error) { return paid(t.pay.Cancel(ctx, id(r), "")) },
		"expire":  func(ctx context.Context, r *http.Request) (string, error) { return paid(t.pay.Expire(ctx, id(r), "")) },
		"approve": func(ctx context.Context, r *http.Request) (string, error) { return paid(t.pay.Approve(ctx, id(r))) },
		"deny":    func(ctx context.Context, r *http.Request) (string, error) { return paid(t.pay.Deny(ctx, id(r))) },
		"capture": func(ctx context.Context, r *http.Request) (string, error) {
			return paid(t.pay.Capture(ctx, id(r), payments.Money{}))
		},
		"reserve": func(ctx context.Context, r *http.Request) (string, error) {
			params := t.params(r)
			params.Extra = midtrans.SnapExtra{CreditCard: &midtrans.CreditCard{Type: "authorize"}}
			out, err := t.pay.Checkout(ctx, params)
			if out == nil {
				return "", err
			}
			return paid(out.Payment, err)
		},
		"refund": func(ctx context.Context, r *http.Request) (string, error) {
			_, err := t.pay.Refund(ctx, id(r), payments.RefundParams{Key: r.FormValue("key"), Amount: payments.IDR(back)})
			return nothing(err)
		},
		"handed-back": func(ctx context.Context, r *http.Request) (string, error) {
			return paid(t.pay.RecordRefund(ctx, id(r), payments.ManualRefund{ID: r.FormValue("key"), Amount: payments.IDR(back)}))
		},
		"accept": func(ctx context.Context, r *http.Request) (string, error) {
			return paid(t.pay.Resolve(ctx, id(r), payments.Resolution{Verb: payments.Accept}))
		},
		"replay": func(ctx context.Context, r *http.Request) (string, error) { return nothing(t.replay(ctx, id(r))) },
		"redeliver": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.dead(ctx, id(r), t.pay.Redeliver))
		},
		"dismiss": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.dead(ctx, id(r), func(ctx context.Context, d payments.ID) error { return t.pay.Dismiss(ctx, d, "") }))
		},
		"link": func(ctx context.Context, r *http.Request) (string, error) {
			_, err := t.pay.CreateLink(ctx, payments.LinkParams{
				ID: r.FormValue("id"), Items: []payments.Pick{{ID: "mug", Quantity: 1}}, UsageLimit: usesOfALink,
			})
			return nothing(err)
		},
		"unlink": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.pay.DeleteLink(ctx, r.FormValue("id")))
		},
		"stop": func(ctx context.Context, _ *http.Request) (string, error) {
			return nothing(t.pay.StopRenewal(ctx, anna, "club"))
		},
		"resume": func(ctx context.Context, _ *http.Request) (string, error) {
			return nothing(t.pay.ResumeRenewal(ctx, anna, "club"))
		},
		"subscribe": func(ctx context.Context, r *http.Request) (string, error) {
			_, err := t.pay.Subscribe(ctx, payments.SubscribeParams{
				User: anna, PlanKey: "club", Method: "credit_card", PaymentToken: r.FormValue("token"),
			})
			return nothing(err)
		},
		"pause-charges": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.pay.PauseSubscription(ctx, r.FormValue("id")))
		},
		"resume-charges": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.pay.ResumeSubscription(ctx, r.FormValue("id")))
		},
		"cancel-charges": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.pay.CancelSubscription(ctx, r.FormValue("id")))
		},
		"change-charges": func(ctx context.Context, r *http.Request) (string, error) {
			return nothing(t.pay.UpdateSubscription(ctx, r.FormValue("id"), "card-2", payments.IDR(pro+1)))
		},
		"retire": func(ctx context.Context, _ *http.Request) (string, error) {
			return nothing(t.pay.RetireLane(ctx, "old"))
		},
	} {
		t.mux.HandleFunc("POST /admin/"+name, func(w http.ResponseWriter, r *http.Request) {
			answer, err := do(r.Context(), r)
			switch {
			case err == nil:
				_ = json.NewEncoder(w).Encode(map[string]string{"payment_id": answer})
			case errors.Is(err, payments.ErrWrongState):
				http.Error(w, err.Error(), http.StatusConflict)
			case errors.Is(err, payments.ErrInProgress):
				http.Error(w, err.Error(), http.StatusTooEarly)
			default:
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
}

// anna buys what is renewed.
var anna = payments.EndUser{ID: "ana"}

// back is the part of an order's price that is sent back.
const back = 9_000

func (t *today) params(r *http.Request) payments.CreateParams {
	return payments.CreateParams{
		User: payments.EndUser{ID: r.FormValue("user")}, Key: r.FormValue("key"), Items: []payments.Pick{{ID: "mug", Quantity: 1}},
	}
}

// order stores an order of the host's and its payment in one transaction, and
// opens it at the gateway when that is committed. A repeat finds them.
func (t *today) order(ctx context.Context, params payments.CreateParams) (string, error) {
	var order HostOrder
	err := t.transaction(ctx, func(ctx context.Context, tx *gorm.DB) error {
		found := tx.Where(&HostOrder{Key: params.Key}).Limit(1).Find(&order)
		if found.Error != nil || found.RowsAffected > 0 {
			return found.Error
		}
		p, err := t.pay.Within(t.store.within(tx)).Create(ctx, params)
		if err != nil {
			return err
		}
		order = HostOrder{Key: params.Key, PaymentID: string(p.ID)}
		return tx.Create(&order).Error
	})
	if err != nil {
		return "", err
	}
	_, err = t.pay.Attempt(ctx, payments.ID(order.PaymentID), payments.AttemptParams{})
	return order.PaymentID, err
}

// transaction is one of the host's own.
func (s *shop) transaction(ctx context.Context, do func(ctx context.Context, tx *gorm.DB) error) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return do(payments.InTransaction(ctx), tx) })
}

func (t *today) dead(ctx context.Context, payment payments.ID, do func(ctx context.Context, id payments.ID) error) error {
	q := payments.DeliveryQuery{PaymentID: payment, State: []payments.DeliveryState{payments.DeliveryDead}}
	for d, err := range t.pay.Deliveries(ctx, q) {
		if err != nil {
			return err
		}
		return do(ctx, d.ID)
	}
	return fmt.Errorf("%w: no delivery is dead", payments.ErrWrongState)
}

// replay takes the payment's first notification through the gate again.
func (t *today) replay(ctx context.Context, payment payments.ID) error {
	for m, err := range t.pay.Messages(ctx, payments.MessageQuery{PaymentID: payment}) {
		if err != nil {
			return err
		}
		if m.Op == "notification" {
			_, err := t.pay.Replay(ctx, m.ID)
			return err
		}
	}
	return errors.New("no notification was kept")
}

package midtrans

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// CreateSubscription has Midtrans charge a saved card ("credit_card") or a
// linked account ("gopay") again and again. Extra is the JSON of a
// [SubscriptionExtra].
//
// Asked again with the same Ref within three minutes, Midtrans gives the same
// answer. Later it makes a second subscription: no name is taken at Midtrans.
func (g *Gateway) CreateSubscription(ctx context.Context, r payments.SubscriptionRequest) (payments.SubscriptionState, error) {
	const op = "create subscription"
	if err := g.usable(op); err != nil {
		return payments.SubscriptionState{}, err
	}
	body, err := bodyOfSubscription(r)
	if err != nil {
		return payments.SubscriptionState{}, err
	}
	call := request{
		Op: op, Method: http.MethodPost, URL: g.config.CoreURL + "/v1/subscriptions", Body: body, Secret: r.PaymentToken,
		Header: map[string]string{"Idempotency-Key": idempotencyKey("subscription", r.Ref)},
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return payments.SubscriptionState{}, err
	}
	// Whatever else is missing: who has the id can ask for the rest. The id of an
	// error stands beside a code.
	if a.succeeded() && isSubscriptionID(a.Fields.Text("id")) && a.Fields.Text("name") != "" {
		return readSubscription(a.Fields), nil
	}
	refusal := g.client.refusal(call, a)
	if errors.Is(refusal.Err, payments.ErrNotFound) { // of the account or the card: there is no subscription yet
		refusal.Err = nil
	}
	return payments.SubscriptionState{}, refusal
}

// Subscription asks for a subscription by Midtrans's id.
func (g *Gateway) Subscription(ctx context.Context, id string) (payments.SubscriptionState, error) {
	call, err := g.subscriptionCall("get subscription", http.MethodGet, id, "")
	if err != nil {
		return payments.SubscriptionState{}, err
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return payments.SubscriptionState{}, err
	}
	if a.succeeded() && a.Fields.Text("id") == id && a.Fields.Text("status") != "" { // none is not inactive
		return readSubscription(a.Fields), nil
	}
	return payments.SubscriptionState{}, g.subscriptionRefusal(call, a)
}

// UpdateSubscription sets the amount and the token. Midtrans demands the name
// beside them; the schedule and the way to pay stay as they are.
func (g *Gateway) UpdateSubscription(ctx context.Context, id string, r payments.SubscriptionRequest) error {
	call, err := g.subscriptionCall("update subscription", http.MethodPatch, id, "")
	if err != nil {
		return err
	}
	var c checker
	call.Body, call.Secret = chargedBy(&c, r), r.PaymentToken
	if err := c.Err(); err != nil {
		return err
	}
	return g.changeSubscription(ctx, call)
}

// PauseSubscription stops the charges that are to come. Those that are being
// retried go on.
func (g *Gateway) PauseSubscription(ctx context.Context, id string) error {
	return g.steerSubscription(ctx, "pause subscription", id, "/disable")
}

// ResumeSubscription has the charges go on.
func (g *Gateway) ResumeSubscription(ctx context.Context, id string) error {
	return g.steerSubscription(ctx, "resume subscription", id, "/enable")
}

// CancelSubscription ends the charges for good, retries included.
func (g *Gateway) CancelSubscription(ctx context.Context, id string) error {
	return g.steerSubscription(ctx, "cancel subscription", id, "/cancel")
}

// steerSubscription has no Idempotency-Key: one made of the id would have the
// second of two pauses answered like the first, and not done.
func (g *Gateway) steerSubscription(ctx context.Context, op, id, action string) error {
	call, err := g.subscriptionCall(op, http.MethodPost, id, action)
	if err != nil {
		return err
	}
	return g.changeSubscription(ctx, call)
}

func (g *Gateway) changeSubscription(ctx context.Context, call request) error {
	a, err := g.client.do(ctx, call)
	if err != nil {
		return err
	}
	if a.succeeded() && (a.Fields.Text("status_message") != "" || a.Fields.Text("id") != "") {
		return nil
	}
	return g.subscriptionRefusal(call, a)
}

func (g *Gateway) subscriptionCall(op, method, id, action string) (request, error) {
	if err := g.usable(op); err != nil {
		return request{}, err
	}
	if !isSubscriptionID(id) {
		return request{}, payments.Invalid("subscription_id", "names no subscription")
	}
	return request{Op: op, Method: method, URL: g.config.CoreURL + "/v1/subscriptions/" + url.PathEscape(id) + action}, nil
}

// subscriptionRefusal knows that this part of the API says 404 by HTTP.
func (g *Gateway) subscriptionRefusal(call request, a answer) *payments.GatewayError {
	refusal := g.client.refusal(call, a)
	if a.Status == http.StatusNotFound && a.Fields != nil {
		refusal.Retry, refusal.Err = false, payments.ErrNotFound
	}
	return refusal
}

// succeeded: HTTP says so, and no code in the body, where there mostly is none,
// says otherwise.
func (a answer) succeeded() bool { return a.done() || a.isOK() && a.code() == "" }

// isSubscriptionID: ids are stored, and put into paths, where dots lead
// elsewhere.
func isSubscriptionID(id string) bool {
	return validOrderID.MatchString(id) && strings.Trim(id, ".") != ""
}

func readSubscription(o object) payments.SubscriptionState {
	schedule := o.Object("schedule")
	return payments.SubscriptionState{
		ID: o.Text("id"), Ref: gatewaykit.Shorten(o.Text("name"), maxSubscriptionName), Active: lowered(o, "status") == "active",
		Charges: intervals(schedule), NextAt: parseTime(schedule.Text("next_execution_at")), TransactionIDs: chargesOf(o),
	}
}

// intervals is how many have begun, or zero if that cannot be read.
func intervals(schedule object) int {
	n, err := strconv.ParseInt(schedule.Text("current_interval"), 10, 32)
	if err != nil {
		return 0
	}
	return int(max(n, 0))
}

// chargesOf are the transactions' ids: Midtrans's SDK has another name for
// them than its documentation.
func chargesOf(o object) (ids []string) {
	for _, name := range []string{"transaction_ids", "transaction_id"} {
		for _, id := range o.Texts(name) {
			if gatewaykit.IsID(id, maxTransactionID) {
				ids = append(ids, id)
			}
		}
		if ids != nil {
			break
		}
	}
	return ids
}

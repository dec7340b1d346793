package payments_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// fakeGateway is a gateway in memory whose every answer a test can set. Its
// notifications are JSON with a signature of "good", and are not proof.
type fakeGateway struct {
	name  string
	proof payments.Proof

	mu       sync.Mutex
	calls    []string
	canceled []payments.AttemptRef
	read     func(payments.RawNotification) (payments.Notification, error)
	checkout func(payments.CheckoutRequest) (payments.CheckoutResult, error)
	states   map[string]payments.Observation // by transaction id, and by ref for the newest
	status   func(payments.AttemptRef) (payments.Observation, error)
	cancel   func(payments.AttemptRef) error
	expire   func(payments.AttemptRef) error
	refund   func(payments.AttemptRef, payments.RefundRequest) error
	decide   func(op string, a payments.AttemptRef, amount payments.Money) error
	link     func(op, ref string) error
	linked   []payments.LinkRequest
	methods  []payments.MethodInfo
	asked    []payments.CheckoutRequest // where checkout is not set

	subscribe  func(payments.SubscriptionRequest) (payments.SubscriptionState, error)
	subscribed []payments.SubscriptionRequest
	turn       func(op, id string) error
	turned     []string
	subs       map[string]payments.SubscriptionState
}

// note is a notification's body.
type note struct {
	Sign     string
	Ref      string
	Tx       string
	Word     string
	Amount   int64
	Test     bool
	At       time.Time         // the gateway's own time of it
	Expires  time.Time         // of the transaction
	Currency payments.Currency // IDR if empty
	More     []payments.Fact   // beside those of the word
	Raw      string            // the gateway's words, if they are more than Word
	Links    []string
	Sub      *payments.SubscriptionNotice
}

func (n note) money() payments.Money {
	if n.Currency == "" {
		return payments.IDR(n.Amount)
	}
	return payments.Money{Amount: n.Amount, Currency: n.Currency}
}

func newFake() *fakeGateway {
	return &fakeGateway{name: "fake", states: map[string]payments.Observation{}}
}

func (g *fakeGateway) Name() string { return g.name }

func (g *fakeGateway) called(op string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, op)
}

func (g *fakeGateway) count(op string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, c := range g.calls {
		if c == op {
			n++
		}
	}
	return n
}

func (g *fakeGateway) Checkout(_ context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	g.called("checkout")
	if g.checkout != nil {
		return g.checkout(r)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r)
	return payments.CheckoutResult{RedirectURL: "https://gateway.test/pay/" + r.Ref, Token: "tok-" + r.Ref}, nil
}

func words(word string) []payments.Fact {
	kinds := map[string][]payments.FactKind{
		"pending": {payments.FactPending}, "settlement": {payments.FactPaid, payments.FactFunds},
		"capture": {payments.FactCaptured}, "deny": {payments.FactDenied}, "cancel": {payments.FactCanceled},
		"expire": {payments.FactExpired}, "refund": {payments.FactRefunded}, "failure": {payments.FactFailed},
		"authorize": {payments.FactAuthorized}, "challenge": {payments.FactCaptureChallenged},
		"chargeback": {payments.FactChargeback}, "partial_refund": {payments.FactPartlyRefunded},
		"partial_chargeback": {payments.FactPartialChargeback},
	}
	var facts []payments.Fact
	for _, k := range kinds[word] {
		facts = append(facts, payments.Fact{Kind: k})
	}
	return facts
}

// set makes the gateway's own truth about a transaction.
func (g *fakeGateway) set(ref, tx, word string, amount int64) {
	g.put(payments.Observation{Ref: ref, TransactionID: tx, Method: "bank_transfer/bca", RawStatus: word,
		Amount: payments.IDR(amount), Facts: words(word), Raw: []byte(`{"word":"` + word + `"}`)})
}

// put is set for an answer of any form.
func (g *fakeGateway) put(o payments.Observation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states[o.TransactionID], g.states[o.Ref] = o, o
}

func (g *fakeGateway) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	if g.read != nil {
		return g.read(raw)
	}
	var n note
	if err := json.Unmarshal(raw.Body, &n); err != nil {
		return payments.Notification{}, fmt.Errorf("read: %w", payments.ErrMalformed)
	}
	if n.Sign != "good" && !raw.Verified && n.Sub == nil {
		return payments.Notification{}, payments.ErrForged
	}
	n.Sign = ""
	kept, err := json.Marshal(n)
	return payments.Notification{
		Observation: payments.Observation{Ref: n.Ref, TransactionID: n.Tx, RawStatus: cmp.Or(n.Raw, n.Word), Amount: n.money(),
			Method: "bank_transfer/bca", Facts: append(words(n.Word), n.More...), GatewayAt: n.At, ExpiresAt: n.Expires, Raw: kept},
		Proof: g.proof, Test: n.Test, Links: n.Links, Subscription: n.Sub,
	}, err
}

func (g *fakeGateway) Status(_ context.Context, a payments.AttemptRef) (payments.Observation, error) {
	g.called("status")
	if g.status != nil {
		return g.status(a)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	id := a.TransactionID
	if id == "" {
		id = a.Ref
	}
	if o, ok := g.states[id]; ok {
		return o, nil
	}
	return payments.Observation{}, &payments.GatewayError{Gateway: g.name, Op: "status", Code: "404", Err: payments.ErrNotFound}
}

func (g *fakeGateway) Cancel(_ context.Context, a payments.AttemptRef) error {
	g.called("cancel")
	g.mu.Lock()
	g.canceled = append(g.canceled, a)
	g.mu.Unlock()
	if g.cancel != nil {
		return g.cancel(a)
	}
	if a.TransactionID != "" {
		g.set(a.Ref, a.TransactionID, "cancel", a.Amount.Amount)
	}
	return nil
}

func (g *fakeGateway) Expire(_ context.Context, a payments.AttemptRef) error {
	g.called("expire")
	if g.expire != nil {
		return g.expire(a)
	}
	g.set(a.Ref, a.TransactionID, "expire", a.Amount.Amount)
	return nil
}

func (g *fakeGateway) Refund(_ context.Context, a payments.AttemptRef, r payments.RefundRequest) error {
	g.called("refund")
	if g.refund != nil {
		return g.refund(a, r)
	}
	return nil
}

func (g *fakeGateway) decided(op, word string, a payments.AttemptRef, amount payments.Money) error {
	g.called(op)
	if g.decide != nil {
		return g.decide(op, a, amount)
	}
	g.set(a.Ref, a.TransactionID, word, amount.Amount)
	return nil
}

func (g *fakeGateway) Approve(_ context.Context, a payments.AttemptRef) error {
	return g.decided("approve", "capture", a, a.Amount)
}

func (g *fakeGateway) Deny(_ context.Context, a payments.AttemptRef) error {
	return g.decided("deny", "deny", a, a.Amount)
}

func (g *fakeGateway) Capture(_ context.Context, a payments.AttemptRef, amount payments.Money) error {
	return g.decided("capture", "capture", a, amount)
}

func (g *fakeGateway) linking(op, ref string) error {
	g.called(op)
	if g.link != nil {
		return g.link(op, ref)
	}
	return nil
}

func (g *fakeGateway) CreateLink(_ context.Context, r payments.LinkRequest) (string, error) {
	g.linked = append(g.linked, r)
	if err := g.linking("create link", r.Ref); err != nil {
		return "", err
	}
	return "https://gateway.test/links/" + r.Ref, nil
}

func (g *fakeGateway) Link(context.Context, string) (payments.LinkPage, error) {
	return payments.LinkPage{}, payments.ErrNotFound
}

func (g *fakeGateway) DeleteLink(_ context.Context, ref string) error {
	return g.linking("delete link", ref)
}

func (g *fakeGateway) Methods() []payments.MethodInfo {
	if g.methods != nil {
		return g.methods
	}
	can := payments.Capabilities{Refund: true}
	return []payments.MethodInfo{
		{Method: "bank_transfer/bca", Name: "BCA", Kind: payments.KindVirtualAccount, Min: payments.IDR(10_000), Can: can},
		{Method: "cstore/alfamart", Name: "Alfamart", Kind: payments.KindCounter, Min: payments.IDR(1), Max: payments.IDR(50_000)},
	}
}

func (g *fakeGateway) CreateSubscription(_ context.Context, r payments.SubscriptionRequest) (payments.SubscriptionState, error) {
	g.subscribed = append(g.subscribed, r)
	if g.subscribe != nil {
		return g.subscribe(r)
	}
	return g.putSub("id-"+r.Ref, r.Ref, true, 0), nil
}

// putSub makes the gateway's own truth about a subscription.
func (g *fakeGateway) putSub(id, ref string, active bool, charges int, transactions ...string) payments.SubscriptionState {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.subs == nil {
		g.subs = map[string]payments.SubscriptionState{}
	}
	g.subs[id] = payments.SubscriptionState{ID: id, Ref: ref, Active: active, Charges: charges, TransactionIDs: transactions}
	return g.subs[id]
}

func (g *fakeGateway) Subscription(_ context.Context, id string) (payments.SubscriptionState, error) {
	g.called("subscription")
	g.mu.Lock()
	defer g.mu.Unlock()
	if state, ok := g.subs[id]; ok {
		return state, nil
	}
	return payments.SubscriptionState{}, payments.ErrNotFound
}

func (g *fakeGateway) turns(op, id string, active bool) error {
	if g.turn != nil {
		if err := g.turn(op, id); err != nil {
			return err
		}
	}
	g.turned = append(g.turned, op+" "+id)
	state := g.subs[id]
	state.Active = active
	g.subs[id] = state
	return nil
}

func (g *fakeGateway) UpdateSubscription(_ context.Context, id string, r payments.SubscriptionRequest) error {
	return g.turns("update "+r.PaymentToken+" "+r.Amount.String(), id, true)
}

func (g *fakeGateway) PauseSubscription(_ context.Context, id string) error {
	return g.turns("pause", id, false)
}

func (g *fakeGateway) ResumeSubscription(_ context.Context, id string) error {
	return g.turns("resume", id, true)
}

func (g *fakeGateway) CancelSubscription(_ context.Context, id string) error {
	return g.turns("cancel", id, false)
}

package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RefundParams asks for money to be sent back.
type RefundParams struct {
	// Amount; the zero value is all that is left.
	Amount Money
	// Attempt is the transaction to refund; empty if only one has money.
	Attempt string
	// Gateway is the attempt's: only needed if two gateways share a transaction id.
	Gateway string
	Reason  string
	// Key makes a repeat safe: the same key never refunds twice. Required;
	// letters, digits, "-" and "_", at most 64.
	Key string

	surplus bool // only what the order does not need
}

// RefundState is where a refund stands.
type RefundState string

// The refund states. A failed one may be tried again under the same key.
const (
	RefundRequested RefundState = "requested"
	RefundDone      RefundState = "succeeded"
	RefundRefused   RefundState = "failed"
)

// Refund is a refund that was asked for here.
type Refund struct {
	Key           string      `json:"key"`
	Reason        string      `json:"reason,omitempty"`
	Amount        Money       `json:"amount"`
	Gateway       string      `json:"gateway"`
	TransactionID string      `json:"transaction_id"`
	State         RefundState `json:"state"`
	// Failure is the gateway's no.
	Failure string `json:"failure,omitempty"`

	retries int       // after a no
	askedAt time.Time // the last of them, or the first try
}

// Refunds lists the refunds that were asked for here. Those made at the
// gateway's dashboard show in Totals and events only.
func (p *Payment) Refunds() []Refund {
	var refunds []Refund
	for _, a := range p.Attempts {
		refunds = append(refunds, a.refunds()...)
	}
	return refunds
}

func (a Attempt) refunds() []Refund {
	var refunds []Refund
	for _, f := range a.Facts.of(FactRefundRequested) {
		refunds = append(refunds, a.refund(f))
	}
	return refunds
}

// refund says how the refund that was requested by f stands. One that was
// asked for again after a no is open until that try has its answer, too.
func (a Attempt) refund(f Fact) Refund {
	r := Refund{
		Key: f.Key, Reason: f.Text, Amount: f.Amount, Gateway: a.Gateway, TransactionID: a.TransactionID,
		State: RefundRequested, askedAt: f.At,
	}
	refusals := map[string]string{}
	for _, x := range a.Facts {
		if x.Key != f.Key {
			continue
		}
		switch x.Kind {
		case FactRefundDone, FactRefund:
			r.State = RefundDone
		case FactRefundRetried:
			r.retries++
			if x.At.After(r.askedAt) {
				r.askedAt = x.At
			}
		case FactRefundFailed:
			refusals[x.ID] = x.Text
		}
	}
	if r.State != RefundDone && len(refusals) > r.retries {
		r.State, r.Failure = RefundRefused, refusals[r.retryID()]
	}
	return r
}

// retryID names the try that is the last so far.
func (r Refund) retryID() string {
	if r.retries == 0 {
		return ""
	}
	return itoa(r.retries)
}

// pendingRefunds are those that were asked for and not answered.
func (a Attempt) pendingRefunds() []Refund {
	return slices.DeleteFunc(a.refunds(), func(r Refund) bool { return r.State != RefundRequested })
}

// Refund sends money back through the gateway. The wish is stored first, so a
// crash or a lost answer cannot forget it, nor refund twice: the reconciler,
// or the same call again, finds out. Success means that the gateway has
// accepted; Refunded and RefundSucceeded tell the hooks.
//
// Errors: ErrUnsupported if the gateway cannot; *InvalidError; ErrKeyReused;
// ErrWrongState if there is nothing to refund; ErrOutcomeUnknown (wrapped),
// beside a Refund that is still requested; *GatewayError for a refusal,
// beside a failed one.
func (s *Service) Refund(ctx context.Context, id ID, params RefundParams) (*Refund, error) {
	if !refundKeyForm.MatchString(params.Key) {
		return nil, Invalid("key", "is required: 1 to 64 letters, digits, - and _")
	}
	var asked Refund
	p, err := s.updateID(ctx, id, func(u *unit) error {
		var err error
		asked, err = u.requestRefund(ctx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	if asked.State == RefundDone {
		return &asked, nil
	}
	return s.sendRefund(ctx, p, asked)
}

// requestRefund writes the wish down, or finds it written.
func (u *unit) requestRefund(ctx context.Context, params RefundParams) (Refund, error) {
	for _, r := range u.p.Refunds() {
		if r.Key != params.Key {
			continue
		}
		same := (params.Amount == Money{} || params.Amount == r.Amount) &&
			(params.Attempt == "" || params.Attempt == r.TransactionID) && (params.Gateway == "" || params.Gateway == r.Gateway)
		if !same {
			return Refund{}, fmt.Errorf("refund %q: %w", params.Key, ErrKeyReused)
		}
		if r.State == RefundRefused {
			return u.retryRefund(ctx, r)
		}
		return r, nil
	}
	a, left, err := u.refundable(params.Gateway, params.Attempt)
	if err != nil {
		return Refund{}, err
	}
	if params.surplus && u.p.needs(a) {
		return Refund{}, fmt.Errorf("payment %s: %w: the order is not paid for otherwise", u.p.ID, ErrWrongState)
	}
	amount := params.Amount
	if amount == (Money{}) {
		amount = u.money(left)
	}
	if amount.Currency != u.p.Amount.Currency || amount.Amount <= 0 || amount.Amount > left {
		return Refund{}, Invalid("amount", "must be between 1 and what is left: %s", u.money(left))
	}
	g, err := u.svc.gateway(a.Gateway)
	if err != nil {
		return Refund{}, err
	}
	if _, ok := As[Refunder](g); !ok {
		return Refund{}, fmt.Errorf("refund at %s: %w; see RecordRefund", a.Gateway, ErrUnsupported)
	}
	wish := Fact{Kind: FactRefundRequested, Key: params.Key, Amount: amount, Text: params.Reason, By: actor(ctx)}
	u.record(a, wish)
	return a.refund(wish), nil
}

// retryRefund writes down that a refund is asked for again after a no.
func (u *unit) retryRefund(ctx context.Context, r Refund) (Refund, error) {
	a, left, err := u.refundable(r.Gateway, r.TransactionID)
	if err != nil {
		return Refund{}, err
	}
	if r.Amount.Amount > left {
		return Refund{}, Invalid("amount", "is more than what is left: %s", u.money(left))
	}
	u.record(a, Fact{Kind: FactRefundRetried, Key: r.Key, ID: itoa(r.retries + 1), By: actor(ctx)})
	r.State, r.Failure, r.retries = RefundRequested, "", r.retries+1
	return r, nil
}

// refundable picks the attempt to refund and says how much of it is left:
// neither gone, one way or another, nor asked for.
func (u *unit) refundable(gateway, transactionID string) (*Attempt, int64, error) {
	var found *Attempt
	var left int64
	for i := range u.p.Attempts {
		a := &u.p.Attempts[i]
		st := u.p.stand(a)
		rest := u.p.left(st)
		if gateway != "" && a.Gateway != gateway {
			continue
		}
		if transactionID != "" && a.TransactionID != transactionID || transactionID == "" && rest <= 0 {
			continue
		}
		if found != nil {
			return nil, 0, Invalid("attempt", "several attempts were paid; name the transaction")
		}
		found, left = a, rest
	}
	if found == nil || left <= 0 {
		return nil, 0, fmt.Errorf("payment %s: %w: there is nothing to refund", u.p.ID, ErrWrongState)
	}
	return found, left, nil
}

// left is what an attempt holds that is neither gone nor asked for.
func (p *Payment) left(s standing) int64 {
	rest := s.in - s.out - s.lost
	for _, pending := range s.attempt.pendingRefunds() {
		rest -= pending.Amount.Amount
	}
	return rest
}

// needs reports whether the order would not be paid for without the attempt.
func (p *Payment) needs(a *Attempt) bool {
	o := p.look()
	var others int64
	for _, s := range o.attempts {
		if s.live() && s.attempt != a {
			others += p.left(s)
		}
	}
	return others < o.due
}

// sendRefund asks the gateway and records its answer. The caller may go away
// meanwhile.
func (s *Service) sendRefund(ctx context.Context, p *Payment, r Refund) (*Refund, error) {
	g, err := s.gateway(r.Gateway)
	if err != nil {
		return &r, err
	}
	refunder, ok := As[Refunder](g)
	if !ok {
		return &r, fmt.Errorf("refund at %s: %w", r.Gateway, ErrUnsupported)
	}
	ctx = context.WithoutCancel(ctx)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ref := p.ref(p.Attempt(r.Gateway, r.TransactionID))
	callErr := refunder.Refund(call, ref, RefundRequest{Key: r.Key, Amount: r.Amount, Reason: r.Reason})
	p, err = s.updateID(ctx, p.ID, func(u *unit) error {
		u.keep(r.Gateway, "refund", ref.Ref, nil, callErr)
		a := u.p.attempt(r.Gateway, r.TransactionID)
		switch {
		case callErr == nil:
			u.record(a, Fact{Kind: FactRefundDone, Key: r.Key})
		case refusedFinally(callErr) || errors.Is(callErr, ErrWrongState) || errors.Is(callErr, ErrNotFound):
			u.record(a, Fact{Kind: FactRefundFailed, Key: r.Key, ID: r.retryID(), Text: callErr.Error()})
		}
		return nil
	})
	if err != nil {
		return &r, fmt.Errorf("record refund %q: %w", r.Key, errors.Join(err, callErr))
	}
	for _, now := range p.Refunds() {
		if now.Key == r.Key {
			r = now
		}
	}
	return &r, callErr
}

// resumeRefunds asks again for refunds whose outcome is unknown: the look-up
// just made did not show them. The key is the same, so the gateway cannot
// refund twice.
func (s *Service) resumeRefunds(ctx context.Context, p *Payment) (*Payment, error) {
	var errs []error
	sent := false
	for _, a := range p.Attempts {
		for _, r := range a.pendingRefunds() {
			if since := s.now().Sub(r.askedAt); since < callWindow || since > retryRefundFor {
				continue
			}
			sent = true
			if now, err := s.sendRefund(ctx, p, r); now.State == RefundRequested { // else the answer is recorded
				errs = append(errs, err)
			}
		}
	}
	if !sent {
		return p, nil
	}
	updated, err := s.Get(ctx, p.ID)
	return updated, errors.Join(append(errs, err)...)
}

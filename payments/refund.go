package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// RefundParams asks for money to be sent back.
type RefundParams struct {
	// Amount; the zero value is all that is left.
	Amount Money
	// Attempt is the transaction to refund; empty if only one has money.
	Attempt string
	Reason  string
	// Key makes a repeat safe: the same key never refunds twice. Required;
	// letters, digits, "-" and "_", at most 64.
	Key string
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
}

// Refunds lists the refunds that were asked for here. Those made at the
// gateway's dashboard show in Totals and events only.
func (p *Payment) Refunds() []Refund {
	var refunds []Refund
	for _, a := range p.Attempts {
		for _, f := range a.Facts.of(FactRefundRequested) {
			refunds = append(refunds, a.refund(f))
		}
	}
	return refunds
}

// refund says how the refund that was requested by f stands.
func (a Attempt) refund(f Fact) Refund {
	r := Refund{
		Key: f.Key, Reason: f.Text, Amount: f.Amount, Gateway: a.Gateway, TransactionID: a.TransactionID, State: RefundRequested,
	}
	ofKey := func(kind FactKind) func(Fact) bool {
		return func(x Fact) bool { return x.Kind == kind && x.Key == f.Key }
	}
	if slices.ContainsFunc(a.Facts, ofKey(FactRefundDone)) || slices.ContainsFunc(a.Facts, ofKey(FactRefund)) {
		r.State = RefundDone
	} else if i := slices.IndexFunc(a.Facts, ofKey(FactRefundFailed)); i >= 0 {
		r.State, r.Failure = RefundRefused, a.Facts[i].Text
	}
	return r
}

// pendingRefunds are those that were asked for and not answered.
func pendingRefunds(f Facts) []Fact {
	return slices.DeleteFunc(f.of(FactRefundRequested), func(x Fact) bool {
		return (Attempt{Facts: f}).refund(x).State != RefundRequested
	})
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
			(params.Attempt == "" || params.Attempt == r.TransactionID)
		if !same {
			return Refund{}, fmt.Errorf("refund %q: %w", params.Key, ErrKeyReused)
		}
		return r, nil
	}
	a, left, err := u.refundable(params.Attempt)
	if err != nil {
		return Refund{}, err
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

// refundable picks the attempt to refund and says how much of it is left:
// neither gone back nor asked for.
func (u *unit) refundable(transactionID string) (*Attempt, int64, error) {
	var found *Attempt
	var left int64
	for i := range u.p.Attempts {
		a := &u.p.Attempts[i]
		st := u.p.stand(a)
		rest := st.in - st.out - Facts(pendingRefunds(a.Facts)).sum()
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
			u.record(a, Fact{Kind: FactRefundFailed, Key: r.Key, Text: callErr.Error()})
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
	for _, a := range p.Attempts {
		for _, f := range pendingRefunds(a.Facts) {
			if since := s.now().Sub(f.At); since < callWindow || since > retryRefundFor {
				continue
			}
			_, err := s.sendRefund(ctx, p, a.refund(f))
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return p, nil
	}
	updated, err := s.Get(ctx, p.ID)
	return updated, errors.Join(append(errs, err)...)
}

package payments

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// callTimeout ends a call to a gateway that does not end by itself, and
// callWindow is how long an unanswered one counts as still running. The
// window is the longer one, so that two calls for one session never overlap.
const (
	callTimeout = 30 * time.Second
	callWindow  = 45 * time.Second
)

// AttemptParams says how the payer is to pay.
type AttemptParams struct {
	// Method and Extra replace those that the payment was created with,
	// where they are set. Another method closes the session before.
	Method Method
	Extra  any
	// PaymentToken stands for the payer's card or wallet: what the gateway's
	// script made of the card in the browser, a saved card, or a linked account's
	// token. It is used for this call only and kept nowhere.
	PaymentToken string
}

// Checkout is what the payer goes on with.
type Checkout struct {
	Payment *Payment
	// Session is what was opened at the gateway; nil when nothing is to be
	// paid.
	Session *Session
	// URL is where to send the payer; never empty: the gateway's page, or
	// ours when there is nothing to pay.
	URL string
}

// Checkout creates a payment and opens it at a gateway: [Service.Create], then
// [Service.Attempt]. If the second fails, the Checkout holds the payment
// beside the error. Asked for again under its key, a payment that is paid by
// then is returned as it is.
func (s *Service) Checkout(ctx context.Context, params CreateParams) (*Checkout, error) {
	p, err := s.Create(ctx, params)
	if err != nil {
		return nil, err
	}
	if p.look().covered() { // asked for again under its key, and paid by now
		return &Checkout{Payment: p, URL: s.statusURL(p)}, nil
	}
	out, err := s.Attempt(ctx, p.ID, AttemptParams{PaymentToken: params.PaymentToken})
	if out == nil {
		out = &Checkout{Payment: p, URL: s.statusURL(p)}
	}
	return out, err
}

// Attempt opens a checkout at a gateway for a stored payment, or returns the
// one that is open. Call it again after a denial, or with another Method. A
// card may be charged or denied at once: the payment's status says so.
//
// Errors, beside a Checkout that holds the payment if there is one:
// ErrInProgress while another call for the payment runs;
// ErrWrongState if it can no longer be paid; ErrOutcomeUnknown (wrapped) if
// the gateway's answer was lost: the reconciler, or the same call again,
// finds out; *GatewayError and *InvalidError for a refusal.
func (s *Service) Attempt(ctx context.Context, id ID, params AttemptParams) (*Checkout, error) {
	extra, err := marshalExtra(params.Extra)
	if err != nil {
		return nil, err
	}
	p, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	closed := func(err error) (*Checkout, error) { // without a session
		return &Checkout{Payment: p, URL: s.statusURL(p)}, err
	}
	if p.Amount.IsZero() {
		if p, err = s.settleFree(ctx, s.store, p); err != nil {
			return nil, err
		}
		return closed(nil)
	}
	if err := p.mayBegin(s.now()); err != nil {
		return closed(err)
	}
	if session, ok := p.Session(); ok && (params.Method != "" && params.Method != session.Method || session.Instructions.leadNowhere()) {
		if p, err = s.closeSession(ctx, p, session); err != nil {
			return closed(err)
		}
	}
	call := false
	started, err := s.updateID(ctx, id, func(u *unit) error {
		var err error
		call, err = u.startSession(s.cfg.Gateways[0].Name(), params.Method, extra)
		return err
	})
	if err != nil {
		return closed(err)
	}
	p = started
	if call {
		if p, err = s.open(ctx, p, p.Sessions[len(p.Sessions)-1], params.PaymentToken); err != nil {
			return closed(err)
		}
	}
	session, ok := p.Session()
	if call && ok && p.spent(session) { // paid or denied at once, as cards are
		return &Checkout{Payment: p, Session: &session, URL: s.statusURL(p)}, nil
	}
	if !ok || p.spent(session) {
		return closed(fmt.Errorf("payment %s: %w: it is %s", id, ErrWrongState, p.Status))
	}
	if params.Method != "" && params.Method != session.Method { // the lost answer to a former call came first
		return s.Attempt(ctx, id, params)
	}
	return &Checkout{Payment: p, Session: &session, URL: cmp.Or(session.RedirectURL, s.statusURL(p))}, nil
}

// mayBegin fails if it is too late to begin to pay.
func (p *Payment) mayBegin(at time.Time) error {
	if !p.payable() {
		return fmt.Errorf("payment %s: %w: it is %s", p.ID, ErrWrongState, p.Status)
	}
	if !at.Before(p.ExpiresAt) {
		return fmt.Errorf("payment %s: %w: its time is up", p.ID, ErrWrongState)
	}
	return nil
}

// startSession writes down that a gateway is about to be called, before it
// is. It returns false if there is a session that can be paid already.
func (u *unit) startSession(gateway string, method Method, extra json.RawMessage) (call bool, err error) {
	if err := u.p.mayBegin(u.at); err != nil {
		return false, err
	}
	last := len(u.p.Sessions) - 1
	if last >= 0 && u.p.spent(u.p.Sessions[last]) {
		u.p.Sessions[last].Closed = true
	}
	if _, ok := u.p.Session(); ok {
		return false, nil
	}
	if last >= 0 && !u.p.Sessions[last].Closed {
		session := &u.p.Sessions[last]
		switch {
		case session.Refused != "": // what was refused may be asked otherwise
			session.Method = cmp.Or(method, session.Method)
			if extra != nil {
				session.Extra = extra
			}
		case u.at.Sub(session.TriedAt) < callWindow:
			return false, fmt.Errorf("payment %s: %w", u.p.ID, ErrInProgress)
		}
		session.Refused, session.TriedAt, session.Tries = "", u.at, session.Tries+1
		return true, nil
	}
	session := Session{
		Gateway: gateway, Ref: sessionRef(u.p), Method: cmp.Or(method, u.p.Method), Extra: extra, TriedAt: u.at, Tries: 1,
	}
	if session.Extra == nil {
		session.Extra = u.p.Extra
	}
	u.p.Sessions = append(u.p.Sessions, session)
	u.change.Refs = append(u.change.Refs, ByGatewayRef(session.Gateway, session.Ref))
	return true, nil
}

// spent reports whether the session's one transaction is dead, so that nobody
// can pay by it any more.
func (p *Payment) spent(session Session) bool {
	a := p.Attempt(session.Gateway, session.TransactionID)
	return a != nil && !isOpen(p.stand(a).status)
}

// sessionRef is the reference that a gateway knows the next session by: the
// payment's id, numbered from the second on.
func sessionRef(p *Payment) string {
	if n := len(p.Sessions); n > 0 {
		return string(p.ID) + "-" + itoa(n+1)
	}
	return string(p.ID)
}

// open calls the gateway for a session that was started, and records the
// answer. The caller may go away meanwhile: the answer is recorded all the
// same.
func (s *Service) open(ctx context.Context, p *Payment, session Session, paymentToken string) (*Payment, error) {
	g, err := s.gateway(session.Gateway)
	if err != nil {
		return p, err
	}
	ctx = context.WithoutCancel(ctx)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, callErr := g.Checkout(call, CheckoutRequest{
		Order: p.Order, Ref: session.Ref, Method: session.Method, ReturnURL: s.statusURL(p),
		NotificationURL: s.cfg.NotificationURL + "/" + g.Name(), ExpiresAt: p.ExpiresAt, Extra: session.Extra,
		PaymentToken: paymentToken, Repeat: session.Tries > 1,
	})
	said := callErr
	if errors.Is(callErr, ErrWrongState) {
		// It is being paid, or has been: the transaction there is, is the answer.
		if o, err := s.lookUp(ctx, g, AttemptRef{PaymentID: p.ID, Ref: session.Ref, Amount: p.Amount}); err == nil {
			result, callErr = CheckoutResult{Observation: o}, nil
		}
	}
	// The reference is known by now, so nothing more is parked for it.
	parked, parkedErr := s.parked(ctx, p)
	recorded, err := s.updateID(ctx, p.ID, func(u *unit) error {
		if len(parked) > 0 || parkedErr != nil {
			u.soon = u.at // what is not matched below, the timer matches
		}
		u.keep(g.Name(), "checkout", session.Ref, result.Observation.Raw, said)
		i := slices.IndexFunc(u.p.Sessions, func(x Session) bool { return x.Gateway == g.Name() && x.Ref == session.Ref })
		if i < 0 {
			return fmt.Errorf("payment %s: session %s is gone", p.ID, session.Ref)
		}
		u.recordOpening(&u.p.Sessions[i], result, callErr)
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("record the answer of %s: %w", g.Name(), errors.Join(err, callErr))
	}
	if callErr != nil {
		return recorded, callErr
	}
	if err := errors.Join(parkedErr, s.replayAll(ctx, parked)); err != nil {
		s.log.WarnContext(ctx, "parked notifications could not be matched yet; the timer tries again",
			"payment", p.ID, "error", err)
	}
	return recorded, nil
}

// recordOpening writes the gateway's answer into the session.
func (u *unit) recordOpening(session *Session, result CheckoutResult, callErr error) {
	switch {
	case callErr == nil:
		session.OpenedAt, session.Token, session.RedirectURL = u.at, result.Token, result.RedirectURL
		u.learn(Fact{Kind: FactOpened, Key: session.Ref})
		if o := result.Observation; o.TransactionID != "" {
			session.TransactionID, session.Instructions = o.TransactionID, o.Instructions
			o.Ref = cmp.Or(o.Ref, session.Ref)
			u.absorb(session.Gateway, AttemptRef{Ref: session.Ref}, o)
		}
	case refusedFinally(callErr):
		session.Refused = callErr.Error()
		u.learn(Fact{Kind: FactRefused, Key: session.Ref, Text: clip(callErr.Error())})
	}
	// Anything else leaves the session unanswered: the timer asks again.
}

// refusedFinally reports whether a gateway said no, for good.
func refusedFinally(err error) bool {
	if invalid := (*InvalidError)(nil); errors.As(err, &invalid) {
		return true
	}
	if errors.Is(err, ErrUnsupported) {
		return true
	}
	answer := (*GatewayError)(nil)
	return errors.As(err, &answer) && !answer.Retry && !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrWrongState)
}

// keep stores what a gateway answered to a call of ours.
func (u *unit) keep(gateway, op, ref string, raw []byte, callErr error) {
	m := Message{ID: NewID(), PaymentID: u.p.ID, Gateway: gateway, Op: op, Ref: ref, Raw: raw, At: u.at}
	if callErr != nil {
		m.Note = callErr.Error()
	}
	if raw != nil || callErr != nil {
		u.change.Messages = append(u.change.Messages, m)
	}
}

// statusURL is our own page of a payment, where gateways send payers back to.
func (s *Service) statusURL(p *Payment) string { return s.cfg.PublicURL + "/return/" + string(p.ID) }

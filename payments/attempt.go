package payments

import (
	"cmp"
	"context"
	"fmt"
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
// Of several gateways Config.Router chooses. Another Method closes what is
// open; where the gateway cannot cancel that (a store's code, say), it may still
// be paid, and what is paid twice is told as Overpaid.
//
// Errors, beside a Checkout that holds the payment if there is one:
// ErrInProgress while another call for the payment runs;
// ErrWrongState if it can no longer be paid; ErrOutcomeUnknown (wrapped) if
// the gateway's answer was lost: the reconciler, or the same call again,
// finds out; *GatewayError and *InvalidError for a refusal.
func (s *Service) Attempt(ctx context.Context, id ID, params AttemptParams) (*Checkout, error) {
	if err := s.checkExtras(params.Extra); err != nil {
		return nil, err
	}
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
	before, payable := p.Session()
	replace := payable && (!s.sameMethod(before, params.Method) || before.Instructions.leadNowhere())
	var route []Choice
	if replace || !payable || p.spent(before) {
		route, err = s.choose(ctx, RouteRequest{
			Order: p.Order, Method: cmp.Or(params.Method, p.Method), Token: params.PaymentToken != "",
		})
		if err != nil {
			return closed(err)
		}
	}
	if replace { // only now: there is something to replace it by
		if p, err = s.replaceSession(ctx, p, before); err != nil {
			return closed(err)
		}
	}
	call := false
	started, err := s.updateID(ctx, id, func(u *unit) error {
		var err error
		call, err = u.startSession(route, params.Method, extra)
		return err
	})
	if err != nil {
		return closed(err)
	}
	p = started
	if call {
		session, token, rest := p.Sessions[len(p.Sessions)-1], params.PaymentToken, []Choice(nil)
		switch { // an answer of a former call may be waited for first
		case session.Gateway != route[0].Gateway && token != "":
			token = "" // it is of another gateway
		case s.sameMethod(session, params.Method):
			rest = behind(route, session.Gateway)
		}
		if p, err = s.open(ctx, p, session, token, rest); err != nil {
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
	if !s.sameMethod(session, params.Method) { // the lost answer to a former call came first
		return s.Attempt(ctx, id, params)
	}
	return &Checkout{Payment: p, Session: &session, URL: cmp.Or(session.RedirectURL, s.statusURL(p))}, nil
}

// sameMethod reports whether the session is by the method, under whichever of
// its names; none was asked for is the same.
func (s *Service) sameMethod(session Session, method Method) bool {
	if method == "" || method == session.Method {
		return true
	}
	g, err := s.gateway(session.Gateway)
	if err != nil || session.Method == "" {
		return false
	}
	a, _ := takes(g, session.Method, Money{})
	b, _ := takes(g, method, Money{})
	return a.Method != "" && a.Method == b.Method
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

// statusURL is our own page of a payment, where gateways send payers back to.
func (s *Service) statusURL(p *Payment) string { return s.cfg.PublicURL + "/return/" + string(p.ID) }

package payments

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// startSession writes down that a gateway is about to be called, before it
// is: the first of the route, unless an answer of another one is still to come.
// It returns false if there is a session that can be paid already.
func (u *unit) startSession(route []Choice, method Method, extra json.RawMessage) (call bool, err error) {
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
	if len(route) == 0 { // what was open a moment ago is not any more
		return false, fmt.Errorf("payment %s: %w", u.p.ID, ErrInProgress)
	}
	if last >= 0 && u.p.Sessions[last].Refused != "" && u.p.Sessions[last].Gateway != route[0].Gateway {
		u.p.Sessions[last].Closed = true
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
	if len(u.p.Sessions) >= maxSessions {
		return false, fmt.Errorf("payment %s: %w: it was begun %d times", u.p.ID, ErrWrongState, len(u.p.Sessions))
	}
	if extra == nil {
		extra = u.p.Extra
	}
	u.begin(route[0], cmp.Or(method, u.p.Method), extra)
	return true, nil
}

// maxSessions is how often a payer may begin: a payment is one document, and
// must not grow without bound.
const maxSessions = 50

// begin adds a session whose gateway is about to be called.
func (u *unit) begin(c Choice, method Method, extra json.RawMessage) *Session {
	session := Session{
		Gateway: c.Gateway, Ref: sessionRef(u.p), Method: method, Extra: extra, TriedAt: u.at, Tries: 1,
		Reason: plain(c.Reason), Cost: c.Cost,
	}
	u.p.Sessions = append(u.p.Sessions, session)
	u.change.Refs = append(u.change.Refs, ByGatewayRef(session.Gateway, session.Ref))
	if len(u.svc.gateways) > 1 {
		u.tell(EventRouted, "routed/"+session.Ref, &Routed{
			Gateway: session.Gateway, Ref: session.Ref, Method: method, Reason: session.Reason,
		})
	}
	return &u.p.Sessions[len(u.p.Sessions)-1]
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

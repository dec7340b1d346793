package payments

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"
)

// The gate stands before the merge: it decides whether what a notification
// tells may enter. A signature is not authority. Midtrans's leaves the
// transaction's status out, so whoever saw one genuine message can forge
// another. So a notification that would change anything of weight is believed
// only when the gateway itself says the same, and it is the gateway's answer
// that is merged.

// lookUpTimeout keeps the answer to a notification within the time that
// gateways wait for one.
const lookUpTimeout = 4 * time.Second

// weighs reports whether o would change anything of weight. Duplicates do
// not, so a storm of retries asks nobody.
//
// A transaction that is not known weighs, too, once there are many: the
// signature does not cover its id, so whoever has one genuine message could
// make up as many as he likes.
func (p *Payment) weighs(gateway string, o Observation) bool {
	have := p.known(gateway, o.TransactionID)
	if have == nil && len(p.Attempts) >= maxUnasked {
		return true
	}
	return slices.ContainsFunc(p.weighty(o), func(f Fact) bool { return !have.includes(f) })
}

// confirms reports whether all that o tells of weight is known already. The
// amounts of money in are the gateway's to tell, so there the kind counts.
func (p *Payment) confirms(gateway string, o Observation) bool {
	have := p.known(gateway, o.TransactionID)
	return !slices.ContainsFunc(p.weighty(o), func(f Fact) bool { return !have.tell(f) })
}

// tell reports whether the set tells what f tells.
func (fs Facts) tell(f Fact) bool {
	switch f.Kind {
	case FactPaid, FactFee:
		return fs.has(f.Kind)
	case FactRefundTotal, FactChargebackAmount:
		return fs.most(f.Kind) >= f.Amount.Amount
	case FactRefund, FactRefundConfirmed:
		return slices.ContainsFunc(fs, func(g Fact) bool {
			return g.Kind == f.Kind && g.Key == f.Key && g.ID == f.ID && g.Amount == f.Amount
		})
	}
	return fs.includes(f)
}

// maxUnasked is how many attempts are believed to exist without asking, and
// maxColour how many facts that nobody decides by one of them may collect.
const (
	maxUnasked = 10
	maxColour  = 50
)

// known are the facts of an attempt, or none.
func (p *Payment) known(gateway, transactionID string) Facts {
	if transactionID == "" {
		return p.Facts
	}
	if a := p.Attempt(gateway, transactionID); a != nil {
		return a.Facts
	}
	return nil
}

// weighty are the facts of an observation that matter, as they would be
// joined.
func (p *Payment) weighty(o Observation) Facts {
	matter := slices.DeleteFunc(o.facts(time.Time{}), func(f Fact) bool { return slices.Contains(weightless, f.Kind) })
	for i := range matter {
		matter[i] = p.inCurrency(matter[i])
	}
	return Facts(nil).join(matter...)
}

// overtaken reports whether the answer is a later state than the one that was
// notified, so that the notification is true but old.
func overtaken(notified, answer Facts) bool {
	switch {
	case notified.has(FactExpired):
		return answer.has(FactPaid)
	case notified.has(FactPartlyRefunded):
		return answer.has(FactRefunded)
	case notified.has(FactPartialChargeback):
		return answer.has(FactChargeback)
	case notified.has(FactPaid) && !notified.has(FactCaptured):
		return answer.has(FactDenied) && answer.has(FactReversible)
	case notified.has(FactCaptured):
		return answer.has(FactPaid, FactCanceled)
	case notified.has(FactAuthorized, FactAuthChallenged, FactCaptureChallenged):
		return answer.weigh()
	}
	return false
}

// judge asks the gateway about a notification that weighs, and writes what
// becomes of it.
func (s *Service) judge(ctx context.Context, g Gateway, p *Payment, n Notification, m Message) (Verdict, error) {
	ref := AttemptRef{
		PaymentID: p.ID, Ref: n.Ref, TransactionID: n.TransactionID, Method: n.Method, Amount: p.Amount,
	}
	call, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	answer, err := s.lookUp(call, g, ref)
	if err != nil {
		verdict, writeErr := s.disbelieve(ctx, g, p, n, m, err)
		if verdict == VerdictUnasked && writeErr == nil {
			s.log.ErrorContext(ctx, "the gateway could not be asked about a notification; it is to send it again",
				"gateway", g.Name(), "payment", p.ID, "error", err)
		}
		return verdict, writeErr
	}
	_, err = s.updateID(ctx, p.ID, func(u *unit) error {
		u.keepAnswer(g.Name(), answer, ref)
		m.PaymentID, m.Verdict = u.p.ID, u.believe(g.Name(), ref, n, answer)
		u.change.Messages = append(u.change.Messages, m)
		return nil
	})
	if errors.Is(err, ErrRefTaken) { // the transaction belongs to another payment
		return s.disbelieve(ctx, g, p, n, m, errMismatch)
	}
	return m.Verdict, err
}

// disbelieve keeps a notification that is not merged, and why.
func (s *Service) disbelieve(ctx context.Context, g Gateway, p *Payment, n Notification, m Message, why error) (Verdict, error) {
	_, err := s.updateID(ctx, p.ID, func(u *unit) error {
		m.PaymentID, m.Verdict = u.p.ID, u.leave(g.Name(), n, why, &m)
		u.change.Messages = append(u.change.Messages, m)
		return nil
	})
	return m.Verdict, err
}

// admit merges what needs no asking: nothing of weight, or wholly signed.
func (u *unit) admit(gateway string, n Notification) Verdict {
	if len(n.Facts) == 0 {
		u.p.note("unknown status from " + gateway + ": " + clip(n.RawStatus))
		return VerdictUnknownWord
	}
	if n.Proof != ProofWhole {
		// It may tell that the payer has begun. Nothing else of it is proven:
		// not even the time of what is known already.
		n.Facts = slices.DeleteFunc(slices.Clone(n.Facts), func(f Fact) bool { return f.Kind != FactPending })
		n.GatewayAt, n.BegunAt, n.ExpiresAt = time.Time{}, time.Time{}, time.Time{}
		if len(u.p.known(gateway, n.TransactionID)) > maxColour {
			n.RawStatus, n.Method = "", ""
		}
	}
	before := u.p.Clone()
	u.observe(gateway, n.Observation)
	u.dropDoubts()
	if reflect.DeepEqual(before, u.p) {
		return VerdictDuplicate
	}
	return VerdictApplied
}

// believe merges the gateway's own answer and says what that makes of the
// notification.
func (u *unit) believe(gateway string, ref AttemptRef, n Notification, answer Observation) Verdict {
	u.absorb(gateway, ref, answer)
	if u.p.confirms(gateway, n.Observation) {
		if n.Amount != (Money{}) && n.Amount != answer.Amount {
			u.p.note("notified and confirmed amounts differ for " + n.TransactionID)
		}
		return VerdictApplied
	}
	if overtaken(n.facts(u.at), answer.facts(u.at)) {
		return VerdictOutdated
	}
	return u.doubt(gateway, n)
}

// leave merges nothing: the gateway could not be asked, or knows nothing of
// the sort.
func (u *unit) leave(gateway string, n Notification, why error, m *Message) Verdict {
	m.Note = why.Error()
	verdict := u.doubt(gateway, n)
	if !aboutNothing(why) {
		return VerdictUnasked
	}
	return verdict
}

// doubt remembers a notification that was not confirmed, so that the timer
// asks again, for a day.
func (u *unit) doubt(gateway string, n Notification) Verdict {
	for i := range u.p.Watch.Doubts {
		d := &u.p.Watch.Doubts[i]
		if d.Gateway != gateway || d.TransactionID != n.TransactionID || d.Word != n.RawStatus {
			continue
		}
		if u.giveUp(d); d.Contradicted {
			return VerdictContradicted
		}
		return VerdictUnconfirmed
	}
	// Without a bound, whoever has one signature could make the payment grow.
	if facts := u.p.weighty(n.Observation); len(u.p.Watch.Doubts) < maxDoubts {
		u.p.Watch.Doubts = append(u.p.Watch.Doubts, Doubt{
			Gateway: gateway, Ref: n.Ref, TransactionID: n.TransactionID, Word: n.RawStatus, Since: u.at,
			Facts: facts[:min(len(facts), maxColour)],
		})
	}
	return VerdictUnconfirmed
}

// giveUp ends a doubt that is as old as its schedule: whoever calls it has
// just asked once more.
func (u *unit) giveUp(d *Doubt) {
	if !d.Contradicted && u.at.Sub(d.Since) >= doubtSchedule[len(doubtSchedule)-1] {
		d.Contradicted = true
		u.p.note("the gateway never confirmed " + clip(d.Word) + " of " + clip(d.TransactionID))
	}
}

const maxDoubts = 20

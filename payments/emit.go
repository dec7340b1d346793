package payments

import (
	"slices"
	"strconv"
)

// emit tells what the difference between two outlooks means, in this order:
// wrong amounts, money in, funds, money out, chargebacks, contradictions,
// answers to our refunds, the payment's life. Each money event hangs on a
// value that can only grow, so it is told by the one step that made it grow.
func (s *step) emit(before, after outlook) {
	covered := before.covered()
	gaveBack := map[string]bool{}
	if after.free && !before.free {
		s.tell(EventSettled, "in/free", &Settled{Amount: s.p.Amount, PaidAt: stamp(s.at)})
	}
	for _, a := range after.attempts {
		if a.attempt.Facts.has(FactPaid) && !a.attempt.Facts.has(FactAccepted) && s.unexplained(a) {
			s.tell(EventReview, "review/"+a.id+"/amount", &Review{About: a.about(), Cause: "amount", Paid: s.money(a.in)})
		}
	}
	for _, a := range after.attempts {
		was := before.attempt(a.id)
		if a.in == 0 || !a.acceptable || was.in > 0 && was.acceptable {
			continue
		}
		if amount, paidAt := s.money(a.in), a.attempt.PaidAt(); covered {
			s.tell(EventOverpaid, "in/"+a.id, &Overpaid{About: a.about(), Amount: amount, PaidAt: paidAt})
		} else {
			s.tell(EventSettled, "in/"+a.id, &Settled{About: a.about(), Amount: amount, PaidAt: paidAt})
			covered = true
		}
	}
	for _, a := range after.attempts {
		if a.attempt.Facts.has(FactFunds) && a.attempt.Facts.has(FactPaid) {
			s.tell(EventFundsAvailable, "funds/"+a.id, &FundsAvailable{About: a.about(), Amount: s.money(a.in)})
		}
	}
	for _, a := range after.attempts {
		if was := before.attempt(a.id); a.out > was.out {
			gaveBack[a.id] = true
			s.tell(EventRefunded, "out/"+a.id+"/"+strconv.FormatInt(a.out, 10), &Refunded{
				About: a.about(), Amount: s.money(a.out - was.out), Total: s.money(a.out),
				Full: a.out == a.in, Cause: a.outCause(was), Keys: s.newRefundKeys(a),
			})
		}
	}
	for _, a := range after.attempts {
		if a.level > before.attempt(a.id).level {
			s.tell(EventChargedBack, "cb/"+a.id+"/"+itoa(a.level),
				&ChargedBack{About: a.about(), Full: a.level == 2, Amount: s.money(a.lost)})
		}
		if a.won && a.level > 0 {
			s.tell(EventChargebackReversed, "cb/"+a.id+"/won", &ChargebackReversed{About: a.about(), Amount: s.money(a.in)})
		}
	}
	for _, a := range after.attempts {
		if a.unsettled {
			s.tell(EventReview, "review/"+a.id+"/conflict", &Review{About: a.about(), Cause: "conflict", Paid: s.money(a.in)})
		}
		if a.out == 0 && a.attempt.Facts.has(FactRefundUnknown) {
			s.tell(EventReview, "review/"+a.id+"/refund", &Review{About: a.about(), Cause: "refund", Paid: s.money(a.in)})
		}
	}
	for _, a := range after.attempts {
		s.answerRefunds(a)
	}
	s.tellLife(before, after, gaveBack)
}

func (s *step) money(n int64) Money { return Money{Amount: n, Currency: s.p.Amount.Currency} }

func (s standing) about() About {
	return About{Gateway: s.attempt.Gateway, TransactionID: s.attempt.TransactionID, Method: s.attempt.Method()}
}

// outCause says why more money went back than before.
func (s standing) outCause(was standing) string {
	switch {
	case s.reversed:
		return "reversal"
	case s.void:
		return "void"
	case s.atGateway == was.atGateway:
		return "manual"
	}
	return "refund"
}

// unexplained reports whether an amount was paid that nobody asked for. Words
// that tell no amount are no such amount, once one is known.
func (s *step) unexplained(a standing) bool {
	explained := s.p.explained(a.attempt)
	return slices.ContainsFunc(a.attempt.Facts.of(FactPaid), func(f Fact) bool {
		return (f.Amount.Amount != 0 || a.in == 0) && !explained(f)
	})
}

// newRefundKeys are the keys of refunds that no event has named yet.
func (s *step) newRefundKeys(a standing) []string {
	var keys []string
	for _, f := range a.attempt.Facts {
		done := f.Kind == FactRefund || f.Kind == FactRefundDone
		if !done || f.Key == "" {
			continue
		}
		if told := "named/" + f.Key; !slices.Contains(s.p.Told, told) {
			s.p.Told = append(s.p.Told, told)
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// answerRefunds tells how the refunds that we asked for ended.
func (s *step) answerRefunds(a standing) {
	facts := a.attempt.Facts
	for _, asked := range facts.of(FactRefundRequested) {
		key := asked.Key
		done := facts.includes(Fact{Kind: FactRefundDone, Key: key})
		for _, f := range facts.of(FactRefund) {
			done = done || f.Key == key
		}
		if done {
			s.tell(EventRefundSucceeded, "refund/"+key+"/ok", &RefundSucceeded{About: a.about(), Key: key, Amount: asked.Amount})
			continue
		}
		for _, f := range facts.of(FactRefundFailed) {
			if f.Key == key {
				s.tell(EventRefundFailed, "refund/"+key+"/failed",
					&RefundFailed{About: a.about(), Key: key, Amount: asked.Amount, Reason: f.Text})
			}
		}
	}
}

// tellLife tells that the payment's status was entered, or that another attempt
// has reached it; of canceled and expired only the former, as nothing has
// begun in between. A step that told of money going back says no more: the
// cause has said it.
func (s *step) tellLife(before, after outlook, gaveBack map[string]bool) {
	entered := after.status != before.status
	ended := after.status == StatusCanceled || after.status == StatusExpired
	another := after.decider != before.decider && after.decider != "" && !ended
	if !entered && !another || gaveBack[after.decider] {
		return
	}
	who := after.decider
	if who == "" {
		who = "payment"
	}
	key := func(kind string) string { return "life/" + kind + "/" + who }
	var about About
	if after.decider != "" {
		about = after.attempt(after.decider).about()
	}
	switch after.status {
	case StatusPending:
		s.tell(EventPending, key("pending"), &Pending{About: about})
	case StatusAuthorized:
		s.tell(EventAuthorized, key("authorized"), &Authorized{About: about})
	case StatusChallenged:
		s.tell(EventChallenged, key("challenged"), &Challenged{About: about})
	case StatusDenied:
		s.tell(EventDenied, key("denied"), &Denied{About: about, Cause: after.cause})
	case StatusCanceled:
		s.tell(EventCanceled, key("canceled"), &Canceled{About: about, Cause: after.cause})
	case StatusExpired:
		s.tell(EventExpired, key("expired"), &Expired{About: about})
	}
}

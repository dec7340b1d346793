package payments

import (
	"cmp"
	"slices"
	"time"
)

// standing is what the facts of one attempt come to. All amounts are in the
// smallest unit. In, acceptable, out and the chargeback level never shrink
// as facts are added: the money events hang on these.
type standing struct {
	id         string // "gateway/transaction id": the attempt in event keys
	attempt    *Attempt
	in         int64 // paid
	out        int64 // went back to the payer
	atGateway  int64 // of it, what the gateway did; the rest was handed back by hand
	lost       int64 // taken back by a chargeback
	level      int   // of the chargeback: 0 none, 1 partial, 2 full
	acceptable bool  // the amount and currency are what was ordered, or were accepted
	unsettled  bool  // conflict: the facts contradict each other
	void       bool
	reversed   bool
	won        bool // the dispute was won
	status     Status
	cause      string
	created    time.Time
	paid       time.Time
}

// live reports whether the attempt pays for the order now.
func (s standing) live() bool { return s.acceptable && s.in-s.out-s.lost > 0 }

// stand computes the standing of one attempt: docs/states.md, "One attempt".
func (p *Payment) stand(a *Attempt) standing {
	f := a.Facts
	s := standing{id: a.Gateway + "/" + a.TransactionID, attempt: a, created: a.CreatedAt(), paid: f.since(FactPaid)}
	paid := f.has(FactPaid)
	s.in = f.most(FactPaid)
	s.acceptable = paid && (f.has(FactAccepted) || slices.ContainsFunc(f.of(FactPaid), p.explained(a)))
	s.void = f.has(FactCaptured) && f.has(FactCanceled)
	s.reversed = paid && (f.has(FactDenied) && f.has(FactReversible) || f.has(FactReversed))
	s.atGateway = min(s.in, max(f.refundsBy(refundKey), f.refundsBy(refundID), f.most(FactRefundTotal),
		onlyIf(f.has(FactRefunded) || s.void || s.reversed, s.in)))
	s.out = min(s.in, s.atGateway+f.of(FactManualRefund).sumBy(refundID))
	s.won = f.has(FactDisputeWon)
	switch {
	case f.has(FactChargeback):
		s.level, s.lost = 2, s.in
	case f.has(FactPartialChargeback):
		s.level, s.lost = 1, f.most(FactChargebackAmount)
	}
	if s.won {
		s.lost = 0
	}
	s.unsettled = paid && !f.has(FactReversed, FactKept) &&
		(f.has(FactDenied, FactFailed) && !s.reversed || s.void && f.has(FactFunds))
	s.status, s.cause = s.judge(f)
	return s
}

// judge picks the attempt's status: the first rule that holds.
func (s standing) judge(f Facts) (Status, string) {
	back := s.in > 0 && s.out == s.in
	switch {
	case s.in > 0 && s.level > 0 && !s.won:
		return StatusChargedBack, ""
	case s.unsettled:
		return StatusReview, "conflict"
	case back && s.reversed:
		return StatusDenied, "reversal"
	case back && s.void:
		return StatusCanceled, "void"
	case back:
		return StatusRefunded, ""
	case f.has(FactPaid) && !s.acceptable: // also when no amount was told
		return StatusReview, "amount"
	case s.in > 0 && s.out > 0:
		return StatusPartiallyRefunded, ""
	case s.in > 0:
		return StatusSettled, ""
	case f.has(FactDenied):
		return StatusDenied, ""
	case f.has(FactCanceled):
		return StatusCanceled, ""
	case f.has(FactExpired):
		return StatusExpired, ""
	case f.has(FactFailed):
		return StatusDenied, "failure"
	case f.has(FactCaptureChallenged) || f.has(FactAuthChallenged) && !f.has(FactAuthorized):
		return StatusChallenged, ""
	case f.has(FactAuthorized):
		return StatusAuthorized, ""
	}
	return StatusPending, ""
}

// explained tells which amounts are right: what was ordered, or what we asked
// to capture.
func (p *Payment) explained(a *Attempt) func(Fact) bool {
	return func(f Fact) bool {
		return f.Amount == p.Amount || a.Facts.includes(Fact{Kind: FactCaptureRequested, Amount: f.Amount})
	}
}

// The two ways in which gateways tell refunds apart. An entry may have
// either name or both, so the sums are kept apart and the larger one counts:
// merging entries would let the sum shrink when two turn out to be one.
func refundKey(f Fact) string { return f.Key }
func refundID(f Fact) string  { return f.ID }

// refundsBy sums the gateway's refunds: those it lists, and those of ours that
// it said yes to.
func (fs Facts) refundsBy(name func(Fact) string) int64 {
	refunds := slices.Clone(fs.of(FactRefund))
	for _, asked := range fs.of(FactRefundRequested) {
		if fs.includes(Fact{Kind: FactRefundDone, Key: asked.Key}) {
			refunds = append(refunds, asked)
		}
	}
	return refunds.sumBy(name)
}

// sumBy sums what has a name, each once, at its greatest amount.
func (fs Facts) sumBy(name func(Fact) string) int64 {
	if len(fs) == 0 {
		return 0
	}
	most := map[string]int64{}
	for _, f := range fs {
		if n := name(f); n != "" {
			most[n] = max(most[n], f.Amount.Amount)
		}
	}
	var sum int64
	for _, n := range most {
		sum += n
	}
	return sum
}

func onlyIf(ok bool, n int64) int64 {
	if !ok {
		return 0
	}
	return n
}

// outlook is what all facts of a payment come to.
type outlook struct {
	attempts []standing // by (paid time, id), unpaid ones last
	status   Status
	cause    string
	decider  string // the attempt that decided the status; "" is the payment
	live     int64  // what good attempts hold
	due      int64  // what they must hold for the order to be settled
	net      int64  // over all attempts
	in       int64
	out      int64
	lost     int64
	free     bool
}

// covered reports whether something pays for the order.
func (o outlook) covered() bool {
	return o.free || slices.ContainsFunc(o.attempts, standing.live)
}

func (o outlook) attempt(id string) standing {
	for _, s := range o.attempts {
		if s.id == id {
			return s
		}
	}
	return standing{}
}

// look computes the outlook: docs/states.md, "The payment".
func (p *Payment) look() outlook {
	o := outlook{due: p.Amount.Amount, free: p.Facts.has(FactFree)}
	var greatest int64
	for i := range p.Attempts {
		s := p.stand(&p.Attempts[i])
		o.attempts = append(o.attempts, s)
		o.in, o.out, o.lost = o.in+s.in, o.out+s.out, o.lost+s.lost
		if s.live() {
			o.live += s.in - s.out - s.lost
		}
		if s.acceptable {
			greatest = max(greatest, s.in)
		}
	}
	o.net = o.in - o.out - o.lost
	if greatest > 0 {
		o.due = min(o.due, greatest)
	}
	slices.SortFunc(o.attempts, func(a, b standing) int {
		if a.paid.IsZero() != b.paid.IsZero() {
			return cmp.Compare(btoi(a.paid.IsZero()), btoi(b.paid.IsZero()))
		}
		return cmp.Or(a.paid.Compare(b.paid), cmp.Compare(a.id, b.id))
	})
	o.status, o.cause, o.decider = o.judge(p.Facts)
	return o
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// judge picks the payment's status: the first rule that holds.
func (o outlook) judge(own Facts) (status Status, cause, decider string) {
	is := func(status Status) func(standing) bool {
		return func(s standing) bool { return s.status == status }
	}
	first := func(holds func(standing) bool) *standing {
		if i := slices.IndexFunc(o.attempts, holds); i >= 0 {
			return &o.attempts[i]
		}
		return nil
	}
	newest := func(holds func(standing) bool) *standing {
		var found *standing
		for i, s := range o.attempts {
			if holds(s) && (found == nil || cmp.Or(s.created.Compare(found.created), cmp.Compare(s.id, found.id)) > 0) {
				found = &o.attempts[i]
			}
		}
		return found
	}
	good := first(func(s standing) bool { return s.live() && s.level == 0 || s.live() && s.won })

	switch {
	case o.free:
		return StatusSettled, "free", ""
	case first(func(s standing) bool { return s.unsettled }) != nil:
		return StatusReview, "conflict", first(func(s standing) bool { return s.unsettled }).id
	case good != nil && o.live >= o.due:
		return StatusSettled, "", good.id
	case good != nil:
		return StatusPartiallyRefunded, "", good.id
	}
	for _, status := range []Status{StatusChargedBack, StatusReview, StatusRefunded} {
		if s := first(is(status)); s != nil {
			return s.status, s.cause, s.id
		}
	}
	for _, status := range []Status{StatusChallenged, StatusAuthorized, StatusPending} {
		if s := newest(is(status)); s != nil {
			return s.status, s.cause, s.id
		}
	}
	if s := newest(func(s standing) bool { return s.in > 0 }); s != nil { // void or reversed by now
		return s.status, s.cause, s.id
	}
	if own.has(FactHostCanceled) {
		return StatusCanceled, "host", ""
	}
	if own.has(FactLapsed) {
		return StatusExpired, "", ""
	}
	if s := newest(func(standing) bool { return true }); s != nil { // all are dead
		return s.status, s.cause, s.id
	}
	if own.has(FactOpened) {
		return StatusPending, "", ""
	}
	if own.has(FactRefused) {
		return StatusDenied, "refused", ""
	}
	return StatusCreated, "", ""
}

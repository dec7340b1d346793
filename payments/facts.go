package payments

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// FactKind says what was seen. A fact says "this was seen", never "this is no
// longer so": sets of facts only grow.
type FactKind string

// What gateways tell about one attempt. Kinds marked + tell an amount.
const (
	FactPending           FactKind = "pending"
	FactAuthorized        FactKind = "authorized"         // money reserved
	FactAuthChallenged    FactKind = "auth_challenged"    // reserved, under review for fraud
	FactCaptureChallenged FactKind = "capture_challenged" // captured, under review for fraud
	FactCaptured          FactKind = "captured"           // + implies FactPaid
	FactPaid              FactKind = "paid"               // + the amount paid for the order
	FactFunds             FactKind = "funds"              // the money is available to the merchant; implies FactPaid
	FactDenied            FactKind = "denied"
	FactCanceled          FactKind = "canceled"
	FactExpired           FactKind = "expired"
	FactFailed            FactKind = "failed"

	FactRefund          FactKind = "refund"           // + one refund: Key and ID as the gateway lists it
	FactRefundConfirmed FactKind = "refund_confirmed" // the bank confirmed the refund of this Key or ID
	FactRefundTotal     FactKind = "refund_total"     // + all refunds so far
	FactPartlyRefunded  FactKind = "partly_refunded"  // the word, with or without an amount; implies FactFunds
	FactRefunded        FactKind = "refunded"         // the word: everything went back; implies FactFunds
	FactRefundUnknown   FactKind = "refund_unknown"   // a look-up said "partly refunded" without an amount

	FactPartialChargeback FactKind = "partial_chargeback" // implies FactFunds
	FactChargeback        FactKind = "chargeback"         // implies FactFunds
	FactChargebackAmount  FactKind = "chargeback_amount"  // +

	FactFee        FactKind = "fee"        // + Text: which fee
	FactBegun      FactKind = "begun"      // GatewayAt: when the payer began it
	FactMethod     FactKind = "method"     // Text: the channel, e.g. "bank_transfer/permata"
	FactReversible FactKind = "reversible" // with this channel a bank may take a payment back: denied after paid means that
	FactWord       FactKind = "word"       // Text: the gateway's own status words; shown, read by no rule
)

// What we, or an operator, did about one attempt.
const (
	FactCaptureRequested FactKind = "capture_requested" // +
	FactRefundRequested  FactKind = "refund_requested"  // + Key; Text: reason
	FactRefundDone       FactKind = "refund_done"       // Key: the gateway's final yes
	FactRefundFailed     FactKind = "refund_failed"     // Key; Text: the gateway's no; ID: to which retry, if to one
	FactRefundRetried    FactKind = "refund_retried"    // Key; ID: its number, from 1; asked for again after a no
	FactManualRefund     FactKind = "manual_refund"     // + ID; Text: note; handed back outside the gateway
	FactAccepted         FactKind = "accepted"          // operator: the amount is good as it is
	FactRejected         FactKind = "rejected"          // operator: the amount is not good; a note
	FactReversed         FactKind = "reversed"          // operator: the contradiction means that the money went back
	FactKept             FactKind = "kept"              // operator: the contradiction means that the money stayed
	FactDisputeWon       FactKind = "dispute_won"       // operator
)

// What is known about the payment itself.
const (
	FactFree         FactKind = "free"          // nothing to pay
	FactOpened       FactKind = "opened"        // a gateway opened a checkout; Key: its reference
	FactRefused      FactKind = "refused"       // a gateway refused to, finally; Text: why
	FactLapsed       FactKind = "lapsed"        // the sweeper's verdict: nobody will pay any more
	FactHostCanceled FactKind = "host_canceled" // the host canceled and no gateway objected
)

// Fact is one thing that was seen, about an attempt or about a payment. All
// fields but the two times are its identity.
type Fact struct {
	Kind   FactKind `json:"kind"`
	Key    string   `json:"key,omitempty"`
	ID     string   `json:"id,omitempty"`
	Amount Money    `json:"amount,omitzero"`
	Text   string   `json:"text,omitempty"`
	By     string   `json:"by,omitempty"` // who decided, where a person did
	// At is when we saw it first: received it, or began to ask for it.
	At time.Time `json:"at,omitzero"`
	// GatewayAt is the gateway's own time of it, if it told one.
	GatewayAt time.Time `json:"gateway_at,omitzero"`
}

// identity is the fact without its times.
func (f Fact) identity() Fact {
	f.At, f.GatewayAt = time.Time{}, time.Time{}
	return f
}

// compareIdentity orders facts by kind first, so that those of one kind are
// neighbours.
func compareIdentity(a, b *Fact) int {
	for _, pair := range [...][2]string{
		{string(a.Kind), string(b.Kind)}, {a.Key, b.Key}, {a.ID, b.ID}, {a.Text, b.Text}, {a.By, b.By},
		{string(a.Amount.Currency), string(b.Amount.Currency)},
	} {
		if c := strings.Compare(pair[0], pair[1]); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Amount.Amount, b.Amount.Amount)
}

// Facts is a set of facts, ordered by identity. Joining is commutative,
// associative and idempotent: the union of the identities, and of each the
// earliest times. So any order with any repetition gives the same set.
type Facts []Fact

// join returns the set with more in it. It never changes fs.
func (fs Facts) join(more ...Fact) Facts {
	joined := append(make(Facts, 0, len(fs)+len(more)), fs...)
	for _, f := range more {
		i, found := joined.find(&f)
		if !found {
			joined = slices.Insert(joined, i, f)
			continue
		}
		old := &joined[i]
		old.At, old.GatewayAt = earlier(old.At, f.At), earlier(old.GatewayAt, f.GatewayAt)
	}
	return joined
}

// find is where the very fact is, times aside, or where it belongs.
func (fs Facts) find(f *Fact) (i int, found bool) {
	for i := range fs {
		if c := compareIdentity(&fs[i], f); c >= 0 {
			return i, c == 0
		}
	}
	return len(fs), false
}

// earlier is the earlier of two times; an unset one loses.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// has reports whether a fact of one of the kinds is in the set.
func (fs Facts) has(kinds ...FactKind) bool {
	for i := range fs {
		if slices.Contains(kinds, fs[i].Kind) {
			return true
		}
	}
	return false
}

// includes reports whether the set holds the very fact, times aside.
func (fs Facts) includes(f Fact) bool {
	_, found := fs.find(&f)
	return found
}

// of returns the facts of one kind: a part of the set, not to be changed.
func (fs Facts) of(kind FactKind) Facts {
	from := 0
	for from < len(fs) && fs[from].Kind != kind {
		from++
	}
	to := from
	for to < len(fs) && fs[to].Kind == kind {
		to++
	}
	return fs[from:to:to]
}

// most is the greatest amount among the facts of one kind.
func (fs Facts) most(kind FactKind) int64 {
	var most int64
	for _, f := range fs.of(kind) {
		most = max(most, f.Amount.Amount)
	}
	return most
}

// since is when a fact of one of the kinds was first seen.
func (fs Facts) since(kinds ...FactKind) time.Time {
	var t time.Time
	for _, f := range fs {
		if slices.Contains(kinds, f.Kind) {
			t = earlier(t, f.At)
		}
	}
	return t
}

// Observation is what one message, or one answer of a gateway, tells about
// one attempt.
type Observation struct {
	// Ref is our reference at the gateway (Midtrans: the order id).
	Ref string
	// TransactionID is the gateway's id of the attempt. Empty when there is
	// no transaction yet; the facts are then about the payment.
	TransactionID string
	Method        Method
	// RawStatus holds the gateway's own words, e.g. "capture/challenge".
	RawStatus string
	// Amount is the order's share of what is or is to be paid. Facts that
	// imply FactPaid take it for their amount.
	Amount Money
	// ExpiresAt is when the attempt dies by itself, if the gateway said so.
	ExpiresAt time.Time
	// GatewayAt is the gateway's own time of what it tells, if it said so.
	GatewayAt time.Time
	// BegunAt is the gateway's own time of the attempt's beginning, if it said
	// so. Of several attempts the newest may decide, and arrival tells nothing.
	BegunAt time.Time
	// Facts may be empty: a word that the adapter does not know is kept and
	// shown, never guessed at.
	Facts []Fact
	// Instructions say how to pay, while it is to be paid.
	Instructions *Instructions
	// Attention marks something odd that a person should see.
	Attention bool
	// Raw is the message or answer it was read from, without secrets.
	Raw []byte
}

// implied are the facts that another one brings with it.
var implied = map[FactKind][]FactKind{
	FactCaptured:          {FactPaid},
	FactFunds:             {FactPaid},
	FactPartlyRefunded:    {FactFunds, FactPaid},
	FactRefunded:          {FactFunds, FactPaid},
	FactPartialChargeback: {FactFunds, FactPaid},
	FactChargeback:        {FactFunds, FactPaid},
}

// facts closes the observation: it adds what its facts imply (so a
// settlement that got lost is supplied by the refund that followed it), its
// amount, beginning, method and raw words, and the time at which it was seen.
func (o Observation) facts(at time.Time) Facts {
	var seen []Fact
	add := func(f Fact) {
		f.At = stamp(at)
		if f.GatewayAt.IsZero() {
			f.GatewayAt = o.GatewayAt
		}
		f.GatewayAt = stamp(f.GatewayAt)
		if f.Kind == FactPaid && f.Amount == (Money{}) {
			f.Amount = o.Amount
		}
		seen = append(seen, f)
	}
	for _, f := range o.Facts {
		if f.Kind == FactCaptured && f.Amount != (Money{}) {
			add(Fact{Kind: FactPaid, Amount: f.Amount})
			f.Amount = Money{}
		}
		add(f)
	}
	for _, f := range seen {
		for _, kind := range implied[f.Kind] {
			if !Facts(seen).has(kind) {
				add(Fact{Kind: kind})
			}
		}
	}
	if !o.BegunAt.IsZero() {
		add(Fact{Kind: FactBegun, GatewayAt: o.BegunAt})
	}
	if o.Method != "" {
		add(Fact{Kind: FactMethod, Text: string(o.Method)})
	}
	if o.RawStatus != "" {
		add(Fact{Kind: FactWord, Text: o.RawStatus})
	}
	return Facts(nil).join(seen...)
}

// weightless are the kinds that change nothing for anybody: a message that
// tells no more than these needs no confirmation by the gateway.
var weightless = []FactKind{FactPending, FactBegun, FactMethod, FactWord, FactReversible}

// weigh reports whether a fact of weight is in the set.
func (fs Facts) weigh() bool {
	return slices.ContainsFunc(fs, func(f Fact) bool { return !slices.Contains(weightless, f.Kind) })
}

package payments

import (
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

func compareIdentity(a, b Fact) int {
	for _, c := range []int{
		strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Key, b.Key), strings.Compare(a.ID, b.ID),
		strings.Compare(a.Text, b.Text), strings.Compare(a.By, b.By),
		strings.Compare(string(a.Amount.Currency), string(b.Amount.Currency)),
	} {
		if c != 0 {
			return c
		}
	}
	switch {
	case a.Amount.Amount < b.Amount.Amount:
		return -1
	case a.Amount.Amount > b.Amount.Amount:
		return 1
	}
	return 0
}

// Facts is a set of facts, ordered by identity. Joining is commutative,
// associative and idempotent: the union of the identities, and of each the
// earliest times. So any order with any repetition gives the same set.
type Facts []Fact

// join returns the set with f in it. It never changes fs.
func (fs Facts) join(f Fact) Facts {
	i, found := slices.BinarySearchFunc(fs, f, compareIdentity)
	if !found {
		return slices.Insert(slices.Clone(fs), i, f)
	}
	old := fs[i]
	f.At, f.GatewayAt = earlier(old.At, f.At), earlier(old.GatewayAt, f.GatewayAt)
	if f == old {
		return fs
	}
	fs = slices.Clone(fs)
	fs[i] = f
	return fs
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
	return slices.ContainsFunc(fs, func(f Fact) bool { return slices.Contains(kinds, f.Kind) })
}

// includes reports whether the set holds the very fact, times aside.
func (fs Facts) includes(f Fact) bool {
	_, found := slices.BinarySearchFunc(fs, f, compareIdentity)
	return found
}

// of returns the facts of one kind.
func (fs Facts) of(kind FactKind) Facts {
	return slices.DeleteFunc(slices.Clone(fs), func(f Fact) bool { return f.Kind != kind })
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
	// Facts may be empty: a word that the adapter does not know is kept and
	// shown, never guessed at.
	Facts []Fact
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
// amount, method and raw words, and the time at which it was seen.
func (o Observation) facts(at time.Time) Facts {
	var set Facts
	add := func(f Fact) {
		f.At = stamp(at)
		if f.GatewayAt.IsZero() {
			f.GatewayAt = o.GatewayAt
		}
		f.GatewayAt = stamp(f.GatewayAt)
		if f.Kind == FactPaid && f.Amount == (Money{}) {
			f.Amount = o.Amount
		}
		set = set.join(f)
	}
	for _, f := range o.Facts {
		if f.Kind == FactCaptured && f.Amount != (Money{}) {
			add(Fact{Kind: FactPaid, Amount: f.Amount})
			f.Amount = Money{}
		}
		add(f)
	}
	for _, f := range set {
		for _, kind := range implied[f.Kind] {
			if !set.has(kind) {
				add(Fact{Kind: kind})
			}
		}
	}
	if o.Method != "" {
		add(Fact{Kind: FactMethod, Text: string(o.Method)})
	}
	if o.RawStatus != "" {
		add(Fact{Kind: FactWord, Text: o.RawStatus})
	}
	return set
}

// weightless are the kinds that change nothing for anybody: a message that
// tells no more than these needs no confirmation by the gateway.
var weightless = []FactKind{FactPending, FactMethod, FactWord, FactReversible}

// weigh reports whether a fact of weight is in the set.
func (fs Facts) weigh() bool {
	return slices.ContainsFunc(fs, func(f Fact) bool { return !slices.Contains(weightless, f.Kind) })
}

package payments

import (
	"encoding/json"
	"fmt"
	"time"
)

// EventMeta is what every typed event carries.
type EventMeta struct {
	// EventID is stable: a repeat of the event has the same.
	EventID ID        `json:"-"`
	Seq     int       `json:"-"`
	At      time.Time `json:"-"` // when it was recorded
	Order   Order     `json:"-"`
	// Then is what was true right after the event, Now what is true as it is
	// delivered. A settled order may have been refunded since: a hook that
	// cannot be undone looks at Now.Live first.
	Then Totals `json:"then"`
	Now  Totals `json:"-"`
}

func (m *EventMeta) setMeta(e Event) {
	m.EventID, m.Seq, m.At, m.Order, m.Now = e.ID, e.Seq, e.At, e.Order, e.Now
}

// About names the attempt that an event is about; empty if it is about the
// payment itself.
type About struct {
	Gateway       string `json:"gateway,omitempty"`
	TransactionID string `json:"transaction_id,omitempty"`
	Method        Method `json:"method,omitempty"`
}

// The typed events. Their JSON is an event's Data: fields are only ever
// added; anything else makes a new version, with a step up from the old one.
type (
	// Created: the payment was stored.
	Created struct{ EventMeta }

	// Routed: of several gateways, one is being asked to take the payment. Where
	// it takes the place of another that failed, Reason says so.
	Routed struct {
		EventMeta
		Gateway string `json:"gateway"`
		Ref     string `json:"ref"`
		Method  Method `json:"method,omitempty"`
		Reason  string `json:"reason,omitempty"`
	}

	// Pending, Authorized, Challenged, Denied, Canceled and Expired tell that
	// the payment entered the status; the first four also that another
	// attempt of it did. Any of them may be followed by Settled: late truth
	// wins.
	Pending struct {
		EventMeta
		About
	}
	// Authorized: money is reserved, not captured.
	Authorized struct {
		EventMeta
		About
	}
	// Challenged: the gateway reviews the attempt for fraud.
	Challenged struct {
		EventMeta
		About
	}
	// Denied: the bank or the gateway refused; the payer may try again.
	Denied struct {
		EventMeta
		About
		Cause string `json:"cause,omitempty"`
	}
	// Canceled: the payer, the gateway or the host canceled.
	Canceled struct {
		EventMeta
		About
		Cause string `json:"cause,omitempty"`
	}
	// Expired: nobody paid in time.
	Expired struct {
		EventMeta
		About
	}

	// Settled: the order is paid. Once per attempt at most; a second one for
	// the same payment comes only after the money of the first went back.
	Settled struct {
		EventMeta
		About
		Amount Money     `json:"amount"`
		PaidAt time.Time `json:"paid_at"`
		// Claim is the user's claim on the plan as of this event, without
		// its grants; nil when items were bought.
		Claim *Claim `json:"claim,omitempty"`
	}
	// Overpaid: a further attempt was paid although the order was paid for.
	// Refund it: TransactionID names the attempt.
	Overpaid struct {
		EventMeta
		About
		Amount Money     `json:"amount"`
		PaidAt time.Time `json:"paid_at"`
	}
	// FundsAvailable: the money of the attempt is the merchant's to use.
	FundsAvailable struct {
		EventMeta
		About
		Amount Money `json:"amount"`
	}

	// Refunded: money went back to the payer: Amount now, Total so far of
	// this attempt. The Amounts of all Refunded events add up to the Total.
	Refunded struct {
		EventMeta
		About
		Amount Money `json:"amount"`
		Total  Money `json:"total"`
		// Full: the attempt's money has all gone back.
		Full bool `json:"full"`
		// Cause is "refund", "void", "reversal" or "manual".
		Cause string `json:"cause"`
		// Keys of refunds that are part of it, as far as known.
		Keys []string `json:"keys,omitempty"`
	}
	// RefundSucceeded: a refund that we asked for was carried out. It tells
	// of a command, not of more money than Refunded does.
	RefundSucceeded struct {
		EventMeta
		About
		Key    string `json:"key"`
		Amount Money  `json:"amount"`
	}
	// RefundFailed: the gateway refused the refund. A later try under the
	// same key may succeed.
	RefundFailed struct {
		EventMeta
		About
		Key    string `json:"key"`
		Amount Money  `json:"amount"`
		Reason string `json:"reason,omitempty"`
	}

	// ChargedBack: the payer's bank took money back.
	ChargedBack struct {
		EventMeta
		About
		Full bool `json:"full"`
		// Amount is zero when it is not known.
		Amount Money `json:"amount"`
	}
	// ChargebackReversed: an operator recorded that the dispute was won.
	ChargebackReversed struct {
		EventMeta
		About
		Amount Money `json:"amount"`
	}
	// Review: a person has to decide. Cause is "amount" (what was paid is
	// not what was ordered), "conflict" (the facts contradict each other) or
	// "refund" (the gateway does not say how much it refunded).
	Review struct {
		EventMeta
		About
		Cause string `json:"cause"`
		Paid  Money  `json:"paid"`
	}

	// LinkOverLimit: a link was paid more often than it was for. The payment is
	// settled all the same: refund it, or deliver. Order.LinkID names the link.
	LinkOverLimit struct {
		EventMeta
		// Use is which of the link's paid payments it is, Limit its UsageLimit.
		Use   int `json:"use"`
		Limit int `json:"limit"`
	}

	// RenewalDue: a user's next period is to be paid for: the payment is its
	// invoice. Send the user where it can be paid: Attempt opens it.
	RenewalDue struct {
		EventMeta
		// Step is 0 for the invoice, then counts the plan's reminders.
		Step int `json:"step"`
		// EndsAt is when the period ends that was paid for.
		EndsAt time.Time `json:"ends_at"`
	}
	// Renewed: the next period is paid, by an invoice or by the gateway's own
	// charge.
	Renewed struct {
		EventMeta
		Claim Claim `json:"claim"`
	}
	// RenewalFailed: the next period is not paid. Of a subscription, the
	// payment is that of the last period, or of a charge that was denied.
	RenewalFailed struct {
		EventMeta
		Reason string `json:"reason,omitempty"`
		// Interval is that of the subscription, counted by the gateway.
		Interval int `json:"interval,omitempty"`
		// Final: this way of renewing has ended: an invoice is not to be paid any
		// more, or a gateway charges no more, and an invoice follows.
		Final bool `json:"final,omitempty"`
	}

	// ClaimGranted: the user's right to the plan begins; a new chain.
	ClaimGranted struct {
		EventMeta
		Claim Claim `json:"claim"`
	}
	// ClaimExtended: paid again before the end.
	ClaimExtended struct {
		EventMeta
		Claim Claim `json:"claim"`
	}
	// ClaimRevoked: the payment no longer covers its part. The claim may go
	// on if other payments cover it.
	ClaimRevoked struct {
		EventMeta
		Claim  Claim     `json:"claim"`
		OldEnd time.Time `json:"old_end,omitzero"`
	}
	// ClaimExpired: the claim's end has passed and nothing follows.
	ClaimExpired struct {
		EventMeta
		Claim Claim `json:"claim"`
	}
)

// eventVersion is the version that this code writes, of every kind.
const eventVersion = 1

// Decode reads an event's Data into the type of its kind, e.g.
// Decode[Settled]. It fails with ErrTooNew for an event that was written by
// a later version of this module.
func Decode[E any](e Event) (E, error) {
	var typed E
	if e.Version > eventVersion {
		return typed, fmt.Errorf("decode %s %s, version %d: %w", e.Kind, e.ID, e.Version, ErrTooNew)
	}
	if err := json.Unmarshal(e.Data, &typed); err != nil {
		return typed, fmt.Errorf("decode %s %s: %w", e.Kind, e.ID, err)
	}
	if m, ok := any(&typed).(interface{ setMeta(Event) }); ok {
		m.setMeta(e)
	}
	return typed, nil
}

package payments

import "time"

// Message is raw talk with a gateway, kept so that an operator can see what
// was said and replay it: a notification it sent, or its answer to a call of
// ours. Secrets are removed before it is kept.
type Message struct {
	ID ID `json:"id"`
	// PaymentID is empty when no payment was known for it.
	PaymentID ID     `json:"payment_id,omitempty"`
	Gateway   string `json:"gateway"`
	// Op is "notification", or the call that was answered: "checkout",
	// "status", "refund", "cancel", "expire".
	Op string `json:"op"`
	// Ref is our reference at the gateway that the message names.
	Ref string `json:"ref,omitempty"`
	Raw []byte `json:"raw"`
	// Verdict is what became of a notification; empty for answers.
	Verdict Verdict `json:"verdict,omitempty"`
	// Note says more about the verdict.
	Note string    `json:"note,omitempty"`
	At   time.Time `json:"at"`
}

// Verdict is what became of a notification.
type Verdict string

// The verdicts. docs/states.md has the table of when each is given.
const (
	VerdictApplied      Verdict = "applied"      // confirmed (or harmless) and merged
	VerdictDuplicate    Verdict = "duplicate"    // tells nothing new
	VerdictOutdated     Verdict = "outdated"     // the gateway is further on by now
	VerdictUnconfirmed  Verdict = "unconfirmed"  // the gateway does not (yet) say the same; it will be asked again
	VerdictUnasked      Verdict = "unasked"      // the gateway could not be asked
	VerdictContradicted Verdict = "contradicted" // asked for a day, never confirmed
	VerdictUnknownWord  Verdict = "unknown_word" // a status that the adapter does not know
	VerdictParked       Verdict = "parked"       // genuine, but for an order we do not know (yet)
	VerdictTest         Verdict = "test"         // the gateway's test message
	VerdictNotice       Verdict = "notice"       // about something else than a payment, and done
	VerdictForged       Verdict = "forged"       // signature missing or wrong
	VerdictMalformed    Verdict = "malformed"    // not readable, or too large
)

package payments

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// EventKind names what happened to a payment or a claim.
type EventKind string

// The kinds. Each has a type of its own (event_types.go) and a hook.
const (
	EventCreated            EventKind = "payment.created"
	EventRouted             EventKind = "payment.routed"
	EventPending            EventKind = "payment.pending"
	EventAuthorized         EventKind = "payment.authorized"
	EventChallenged         EventKind = "payment.challenged"
	EventSettled            EventKind = "payment.settled"
	EventOverpaid           EventKind = "payment.overpaid"
	EventFundsAvailable     EventKind = "payment.funds_available"
	EventRefunded           EventKind = "payment.refunded"
	EventRefundSucceeded    EventKind = "payment.refund_succeeded"
	EventRefundFailed       EventKind = "payment.refund_failed"
	EventChargedBack        EventKind = "payment.charged_back"
	EventChargebackReversed EventKind = "payment.chargeback_reversed"
	EventReview             EventKind = "payment.review"
	EventDenied             EventKind = "payment.denied"
	EventCanceled           EventKind = "payment.canceled"
	EventExpired            EventKind = "payment.expired"
	EventLinkOverLimit      EventKind = "link.over_limit"
	EventRenewalDue         EventKind = "renewal.due"
	EventRenewed            EventKind = "renewal.renewed"
	EventRenewalFailed      EventKind = "renewal.failed"
	EventClaimGranted       EventKind = "claim.granted"
	EventClaimExtended      EventKind = "claim.extended"
	EventClaimRevoked       EventKind = "claim.revoked"
	EventClaimExpired       EventKind = "claim.expired"
)

// Event is something that happened, appended once to a payment's history and
// never changed. Data is JSON of the kind's type, in its Version; it holds
// no personal data of the payer.
type Event struct {
	// ID is EventID(PaymentID, Seq): stable, so hooks can tell a repeat by
	// it.
	ID        ID        `json:"id"`
	PaymentID ID        `json:"payment_id"`
	Kind      EventKind `json:"kind"`
	Version   int       `json:"version"`
	// Seq numbers the events of a payment from 1, without gaps.
	Seq  int             `json:"seq"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`

	// Order and Now are filled in when the event is leased to be delivered to a
	// hook: what was bought, and what is true by then. They are not stored with
	// it.
	Order Order  `json:"-"`
	Now   Totals `json:"-"`
}

// wants reports whether kind is among kinds; nil stands for all.
func wants(kinds []EventKind, kind EventKind) bool {
	return kinds == nil || slices.Contains(kinds, kind)
}

func itoa(n int) string { return strconv.Itoa(n) }

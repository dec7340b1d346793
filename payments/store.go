package payments

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Store keeps everything. Use storage/memory or storage/gormstore, or write
// one: three small interfaces, checked by the suites in storage/storagetest.
//
// Stores have no clock: times come in as arguments, in UTC and whole
// microseconds. All methods must be safe for concurrent use, and what they
// return is the caller's own copy.
type Store interface {
	PaymentStore
	DeliveryStore
	ClaimStore
}

// PaymentStore keeps payments with their events, messages and timers.
type PaymentStore interface {
	// Update is the one way to change anything. In one transaction it
	// locks the payment that ref names and the claim of its user on its plan,
	// gives fn copies of both and the live lanes, and commits all of the
	// Change, or nothing. The result is durable on return; it is the payment
	// as committed, nil if there is none.
	//
	// If ref names nothing, Snapshot.Payment is nil; fn may create the
	// payment, or only keep messages. The zero Ref always names nothing.
	//
	// fn is pure and may be called again, with fresh copies, when the
	// transaction has to be repeated. Updates of the same payment never
	// overlap. Many updates may share one transaction, yet each fails alone.
	//
	// Errors: fn's own, as it is. ErrRefTaken (wrapped) when a Ref of the
	// Change belongs to another payment; a lost race to create the payment
	// that ref itself names is not an error: fn runs again and sees it.
	Update(ctx context.Context, ref Ref, fn UpdateFunc) (*Payment, error)
	// Get returns ErrNotFound if there is no such payment.
	Get(ctx context.Context, ref Ref) (*Payment, error)
	// Payments lists newest first.
	Payments(ctx context.Context, q PaymentQuery) (Page[*Payment], error)
	// Events lists a payment's history, oldest first.
	Events(ctx context.Context, q EventQuery) (Page[Event], error)
	// Messages lists oldest first.
	Messages(ctx context.Context, q MessageQuery) (Page[Message], error)
	// LeasePayments returns up to l.Limit payments whose WakeAt is at or
	// before l.Now, the most overdue first, and moves their WakeAt to
	// l.Until, so that no other process gets them before then; that is no
	// new version. An Update of the payment sets WakeAt anew.
	LeasePayments(ctx context.Context, l Lease) ([]*Payment, error)
}

// DeliveryStore keeps events on their way to lanes.
type DeliveryStore interface {
	// LeaseDeliveries returns up to l.Limit open deliveries that are due at
	// l.Now, most overdue first, and keeps them from others until l.Until. It
	// returns only the first open delivery of a payment and target: none
	// whose predecessor (same payment and target, lower Seq) is still open
	// or dead. And only those whose target and kind l names. Each lease
	// counts one try. Event.Order and Event.Now are the payment's, as of the
	// lease; of one that cannot be read, zero.
	LeaseDeliveries(ctx context.Context, l DeliveryLease) ([]Delivery, error)
	// Finish records outcomes of leased deliveries and returns the ids of
	// those whose lease is no longer the current one: for these nothing
	// was recorded.
	Finish(ctx context.Context, outcomes []Outcome) (lost []ID, err error)
	// Deliveries lists open, dead and finished ones, newest payment first, and
	// within a payment the last Seq first, then the last target.
	Deliveries(ctx context.Context, q DeliveryQuery) (Page[Delivery], error)
	// Lanes applies the change, then returns all lanes by name, retired ones
	// included.
	Lanes(ctx context.Context, c LaneChange) ([]Lane, error)
}

// ClaimStore lists claims; they are written by Update.
type ClaimStore interface {
	Claims(ctx context.Context, q ClaimQuery) (Page[Claim], error)
}

// Listener is what a store may be besides: it hears of deliveries that other
// processes make. That is a hint, and saves waiting for the next poll; what is
// not heard is found by polling.
type Listener interface {
	// Listen calls heard whenever there may be new deliveries. It returns when
	// ctx ends, with an error when it cannot hear any more, and with
	// errors.ErrUnsupported (wrapped) if it never could.
	Listen(ctx context.Context, heard func()) error
}

// Cleaner is what a store may be besides: it deletes what is old. Config.Retention
// asks for it.
type Cleaner interface {
	// Clean deletes up to c.Limit deliveries and up to c.Limit messages, the
	// oldest first, and reports whether there may be more. It never touches
	// payments, their names, events, claims, deliveries that are open or dead,
	// and messages that are parked, and it does not hold up what others do with
	// them. The rest reads as before, also from a cursor whose row is gone.
	//
	// Several processes may clean at once: each row is deleted once, and none
	// of them fails for it. When Clean returns an error a part may be gone.
	Clean(ctx context.Context, c Cleaning) (more bool, err error)
}

// Cleaning says what is old. A zero time leaves that kind alone.
type Cleaning struct {
	// DeliveriesBefore: those that were done or dismissed before, of payments
	// that are older, too: by their ID, see FirstID.
	DeliveriesBefore time.Time
	// MessagesBefore: those with an earlier At, and an older ID.
	MessagesBefore time.Time
	// Limit is of each kind.
	Limit int
}

// Ref names a payment. The zero Ref names none.
type Ref struct {
	Kind  RefKind
	Scope string
	Value string
}

// RefKind is the kind of a Ref.
type RefKind string

// The kinds of Ref.
const (
	RefID      RefKind = "id"
	RefGateway RefKind = "gateway" // Scope: gateway name; Value: our reference there
	RefKey     RefKind = "key"     // Scope: tenant and user; Value: idempotency key
	RefFree    RefKind = "free"    // Scope: tenant and user; Value: the key of a free plan, which is granted once
	// RefTransaction is a gateway's own id of an attempt, where nothing else
	// ties it to our reference. Scope: gateway name.
	RefTransaction RefKind = "transaction"
	RefRenewal     RefKind = "renewal" // Scope: the payment of the period before; Value: the number of the invoice, from 0
	RefLinkUse     RefKind = "link"    // Scope: a link's id; Value: which of its paid payments it is, from 1
)

// ByID names a payment by its id.
func ByID(id ID) Ref { return Ref{Kind: RefID, Value: string(id)} }

// ByGatewayRef names a payment by a reference that it has at a gateway.
func ByGatewayRef(gateway, ref string) Ref {
	return Ref{Kind: RefGateway, Scope: gateway, Value: ref}
}

// ByKey names a payment by the idempotency key it was created under. Keys of
// different users never meet.
func ByKey(u EndUser, key string) Ref {
	return Ref{Kind: RefKey, Scope: userScope(u), Value: key}
}

// userScope is unambiguous, whatever the two names hold.
func userScope(u EndUser) string { return strconv.Quote(u.Tenant) + strconv.Quote(u.ID) }

// UpdateFunc computes a Change from what is there. It must not do I/O, read a
// clock, or call the store. What it returns belongs to the store.
type UpdateFunc func(Snapshot) (Change, error)

// Snapshot is what Update found, under its locks.
type Snapshot struct {
	// Payment is nil if there is none.
	Payment *Payment
	// Claim is the claim of the payment's user on its plan, with all its
	// grants; nil if there is none, or no payment, or no plan.
	Claim *Claim
	// Lanes are the live ones.
	Lanes []Lane
}

// Change is what Update commits. The zero Change changes nothing.
type Change struct {
	// Payment is stored whole, if not nil. Its Version is the store's
	// business: one more than the stored one.
	Payment *Payment
	// Refs are further names of the payment, besides its id. Those that it
	// has already are left alone.
	Refs []Ref
	// Events are appended to the payment's history. Their Seq follow one
	// another without a gap.
	Events []Event
	// Deliveries are new.
	Deliveries []Delivery
	// Releases put dead deliveries back or give them up. Of deliveries that
	// are not dead they change nothing.
	Releases []Release
	// Claim is stored whole, if not nil.
	Claim *Claim
	// Messages are stored; one whose ID exists is replaced.
	Messages []Message
}

// Lease asks for what is due.
type Lease struct {
	Now, Until time.Time
	Limit      int
}

// DeliveryLease asks for deliveries that this process has handlers for.
type DeliveryLease struct {
	Lease
	// Owner names the process; for people.
	Owner string
	// Targets are served by this process. Those of other targets and kinds
	// are left to others.
	Targets []Target
}

// Target is where deliveries go: "hook:" and a lane's name.
type Target struct {
	Name string
	// Kinds that the process handles there; nil means all.
	Kinds []EventKind
}

// HookTarget is the target of a lane's deliveries.
func HookTarget(lane string) string { return "hook:" + lane }

// Lane is a hook's name, as recorded in the store. Whoever commits an event
// makes a delivery for every live lane that wants its kind.
type Lane struct {
	Name string `json:"name"`
	// Kinds that the lane's handlers know, as of the newest version of the
	// app; nil means all.
	Kinds []EventKind `json:"kinds"`
	// SeenAt is when a process with the lane was last running.
	SeenAt time.Time `json:"seen_at"`
	// RetiredAt is set when an operator retired the lane: it gets no new
	// deliveries. A process that has it brings it back to life.
	RetiredAt time.Time `json:"retired_at,omitzero"`
}

// wants reports whether the lane has a handler for kind.
func (l Lane) wants(kind EventKind) bool { return wants(l.Kinds, kind) }

// LaneChange records lanes.
type LaneChange struct {
	// Seen lanes are added, or brought up to date with Kinds and SeenAt; a
	// retired one lives again. A kind that another version of the app
	// recorded is kept until LaneOverlap has passed since a Seen last named
	// it: each kind ages by itself.
	Seen []Lane
	// Retire names lanes to retire at At. Their open and dead deliveries are
	// finished as dismissed.
	Retire []string
	At     time.Time
}

// LaneOverlap is how long two versions of an app, with different kinds in one
// lane, are taken to run side by side.
const LaneOverlap = 10 * time.Minute

// DeliveryState is where a delivery stands.
type DeliveryState string

// The delivery states.
const (
	DeliveryOpen      DeliveryState = "open" // waiting, leased or to be retried
	DeliveryDone      DeliveryState = "done"
	DeliveryDead      DeliveryState = "dead"      // given up; holds its lane for this payment
	DeliveryDismissed DeliveryState = "dismissed" // a dead one, given up by an operator
)

// Delivery is one event on its way to one target.
type Delivery struct {
	// ID is DeliveryID(event, target).
	ID     ID     `json:"id"`
	Target string `json:"target"`
	// Event is what is delivered. Stores keep its PaymentID, Seq and Kind
	// with the delivery and read the rest from the history.
	Event Event         `json:"event"`
	State DeliveryState `json:"state"`
	// Due is when an open delivery may be tried, or tried again; while it is
	// leased, when the lease ends.
	Due time.Time `json:"due,omitzero"`
	// Lease is the token of the current lease: every lease has a greater one,
	// and an Outcome must name it.
	Lease int64 `json:"lease"`
	// Tries counts the leases that count: see Outcome.Uncounted.
	Tries int `json:"tries"`
	// Owner is the process of the last lease.
	Owner     string    `json:"owner,omitempty"`
	LastError string    `json:"last_error,omitempty"`
	DoneAt    time.Time `json:"done_at,omitzero"`
}

// EventID is the id of a payment's event number seq.
func EventID(payment ID, seq int) ID { return ID(string(payment) + "-" + itoa(seq)) }

// DeliveryID is the id of the delivery of an event to a target.
func DeliveryID(event ID, target string) ID { return ID(string(event) + "/" + target) }

// Outcome is how the try of a delivery ended.
type Outcome struct {
	DeliveryID ID
	// Lease is the delivery's, as leased.
	Lease int64
	// State is DeliveryDone, DeliveryDead, or DeliveryOpen to retry at Due.
	State DeliveryState
	Due   time.Time
	Error string
	At    time.Time
	// Uncounted: the handler never ran, or was cut off as its process
	// stopped, so the lease is not to count as a try. Only with DeliveryOpen.
	Uncounted bool
}

// Release puts a dead delivery back (State DeliveryOpen, tries counted from
// zero, due at Due) or gives it up (DeliveryDismissed, DoneAt is Due). Note is
// added to its LastError.
type Release struct {
	DeliveryID ID
	State      DeliveryState
	Due        time.Time
	Note       string
}

// Page is a part of a list. Next is the cursor of the next part, empty at
// the end. A cursor that no page gave is an *InvalidError, or an empty page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// PaymentQuery selects payments; empty fields select all.
type PaymentQuery struct {
	// Tenant and UserID go together: UserID with an empty Tenant is the user
	// of a single app.
	Tenant, UserID string
	Reference      string
	Status         []Status
	Cursor         string
	// Limit is 50 if zero, and at most 500.
	Limit int
}

// EventQuery selects events of one payment.
type EventQuery struct {
	PaymentID ID
	Cursor    string
	Limit     int
}

// MessageQuery selects messages; empty fields select all.
type MessageQuery struct {
	ID           ID
	PaymentID    ID
	Gateway, Ref string
	Verdict      []Verdict
	Cursor       string
	Limit        int
}

// DeliveryQuery selects deliveries; empty fields select all.
type DeliveryQuery struct {
	ID        ID
	PaymentID ID
	Target    string
	State     []DeliveryState
	Cursor    string
	Limit     int
}

// ClaimQuery selects claims of a tenant; empty UserID or PlanKey select all.
type ClaimQuery struct {
	Tenant, UserID, PlanKey string
	Cursor                  string
	Limit                   int
}

// PageLimit is the number of items that a query's Limit asks for.
func PageLimit(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, 500)
}

// FirstID is the lowest ID of those made at t or later, to the millisecond:
// what was made before sorts before it.
func FirstID(t time.Time) ID {
	const most = 1<<48 - 1 // a UUIDv7 begins with 48 bits of milliseconds since 1970
	ms := min(max(t.UnixMilli(), 0), most)
	return ID(fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
}

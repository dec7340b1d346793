package gormstore

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/lunaspay/lunas/payments"
)

// Times are stored as microseconds since 1970. The zero time has such a
// number, too; where it means "never" or "none" it is stored as null.

func micros(t time.Time) int64 { return t.UnixMicro() }

func instant(n int64) time.Time { return time.UnixMicro(n).UTC() }

func nullable(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func maybe(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return instant(n.Int64)
}

// document encodes v. A Builder becomes a string without another copy.
func document(v any) (string, error) {
	var doc strings.Builder
	if err := json.NewEncoder(&doc).Encode(v); err != nil {
		return "", fmt.Errorf("encode document: %w", err)
	}
	return strings.TrimSuffix(doc.String(), "\n"), nil
}

// asWritten: package json, which writes documents, writes a duration as a number,
// and version 2 has no form of its own for it.
var asWritten = jsonv1.FormatDurationAsNano(true)

// decode reads a stored document. The row is named, its contents are not. It
// takes version 2 of encoding/json, which has yet to join the standard library:
// each update reads a document, and version 2 is much faster at it.
func decode[T any](doc, row string) (T, error) {
	var v T
	if jsonv2.Unmarshal([]byte(doc), &v, asWritten) != nil { // whose text would quote from it
		return v, fmt.Errorf("%s: stored document does not parse", row)
	}
	return v, nil
}

// paymentRow is a payment as stored.
type paymentRow struct {
	id                string
	claim             claimKey // its user's on its plan
	reference, status string
	wakeAt            sql.NullInt64
	version           int64
	lastSeq           int
	createdAt         int64
	doc               string
}

var paymentValues = []string{"tenant", "user_id", "plan_key", "reference", "status", "wake_at", "version", "last_seq", "created_at", "doc"}

const paymentColumns = "id, tenant, user_id, plan_key, reference, status, wake_at, version, last_seq, created_at, doc"

func scanPayment(from row) (r paymentRow, err error) {
	err = from.Scan(&r.id, &r.claim.tenant, &r.claim.user, &r.claim.plan, &r.reference, &r.status,
		&r.wakeAt, &r.version, &r.lastSeq, &r.createdAt, &r.doc)
	return r, err
}

func (r *paymentRow) values() []any {
	return []any{
		r.id, r.claim.tenant, r.claim.user, r.claim.plan, r.reference, r.status, r.wakeAt, r.version, r.lastSeq, r.createdAt, r.doc,
	}
}

// fill takes in all of the payment but its version and history, which the
// store counts.
func (r *paymentRow) fill(p *payments.Payment) (err error) {
	r.claim = claimKey{p.User.Tenant, p.User.ID, p.PlanKey()}
	r.reference, r.status, r.wakeAt, r.createdAt = p.Reference, string(p.Status), nullable(p.WakeAt), micros(p.CreatedAt)
	r.doc, err = document(p)
	return err
}

// payment parses the document anew on every call: no two callers share one.
func (r paymentRow) payment() (*payments.Payment, error) {
	p, err := decode[*payments.Payment](r.doc, "payment "+r.id)
	if err != nil {
		return nil, err
	}
	if p == nil { // the document "null" does parse
		return nil, fmt.Errorf("payment %s: stored document is empty", r.id)
	}
	p.WakeAt, p.Version = maybe(r.wakeAt), r.version
	return p, nil
}

const eventColumns = "payment_id, seq, kind, version, at, data"

func scanEvent(from row) (e payments.Event, err error) {
	var at int64
	var data string
	err = from.Scan(&e.PaymentID, &e.Seq, &e.Kind, &e.Version, &at, &data)
	e.ID = payments.EventID(e.PaymentID, e.Seq)
	e.At, e.Data = instant(at), json.RawMessage(data)
	return e, err
}

const messageColumns = "id, payment_id, gateway, op, ref, verdict, note, at, raw"

func scanMessage(from row) (m payments.Message, err error) {
	var at int64
	err = from.Scan(&m.ID, &m.PaymentID, &m.Gateway, &m.Op, &m.Ref, &m.Verdict, &m.Note, &at, &m.Raw)
	m.At = instant(at)
	return m, err
}

// deliveryKey is what a delivery is known by: its id, taken apart.
type deliveryKey struct {
	payment, target string
	seq             int
}

func (k deliveryKey) compare(l deliveryKey) int {
	return cmp.Or(cmp.Compare(k.payment, l.payment), cmp.Compare(k.target, l.target), cmp.Compare(k.seq, l.seq))
}

func (k deliveryKey) values() []any { return []any{k.payment, k.target, k.seq} }

// parseDeliveryID is the reverse of payments.DeliveryID of payments.EventID.
func parseDeliveryID(id payments.ID) (deliveryKey, bool) {
	event, target, ok := strings.Cut(string(id), "/")
	dash := strings.LastIndexByte(event, '-')
	if !ok || dash < 0 {
		return deliveryKey{}, false
	}
	seq, err := strconv.Atoi(event[dash+1:])
	return deliveryKey{payment: event[:dash], target: target, seq: seq}, err == nil
}

func (k deliveryKey) id() payments.ID {
	return payments.DeliveryID(payments.EventID(payments.ID(k.payment), k.seq), k.target)
}

// The states of a row in the table of open and dead deliveries. To everybody
// else a leased one is open.
const (
	stateOpen   = "open"
	stateLeased = "leased"
	stateDead   = "dead"
)

// deliveryRow is a delivery as stored, here or in the log.
type deliveryRow struct {
	deliveryKey
	kind, state      string
	due              sql.NullInt64 // of one in the log: when it was done
	lease            int64
	tries            int
	owner, lastError string

	// Of the event.
	version int
	at      int64
	data    string
}

func (r *deliveryRow) fields() []any {
	return []any{&r.payment, &r.target, &r.seq, &r.kind, &r.state, &r.due, &r.lease, &r.tries, &r.owner, &r.lastError}
}

// scanDelivery reads a delivery joined with its event.
func scanDelivery(from row) (r deliveryRow, err error) {
	err = from.Scan(append(r.fields(), &r.version, &r.at, &r.data)...)
	return r, err
}

func (r *deliveryRow) delivery() payments.Delivery {
	payment := payments.ID(r.payment)
	d := payments.Delivery{
		ID: r.id(), Target: r.target, State: payments.DeliveryState(r.state),
		Event: payments.Event{
			ID: payments.EventID(payment, r.seq), PaymentID: payment, Kind: payments.EventKind(r.kind), Version: r.version,
			Seq: r.seq, At: instant(r.at), Data: json.RawMessage(r.data),
		},
		Lease: r.lease, Tries: r.tries, Owner: r.owner, LastError: r.lastError,
	}
	switch r.state {
	case stateOpen, stateLeased, stateDead:
		d.Due = maybe(r.due)
	default:
		d.DoneAt = maybe(r.due)
	}
	if r.state == stateLeased {
		d.State = payments.DeliveryOpen
	}
	return d
}

func scanClaim(from row) (payments.Claim, error) {
	var user, plan, doc string
	if err := from.Scan(&user, &plan, &doc); err != nil {
		return payments.Claim{}, err
	}
	return decode[payments.Claim](doc, fmt.Sprintf("claim of user %q on %q", user, plan))
}

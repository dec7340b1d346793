package gormstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

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

func document(v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode document: %w", err)
	}
	return string(doc), nil
}

// decode reads a stored document. The row is named, its contents are not.
func decode[T any](doc, row string) (T, error) {
	var v T
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return v, fmt.Errorf("%s: stored document does not parse: %w", row, err)
	}
	return v, nil
}

// paymentRow is a payment as stored.
type paymentRow struct {
	id, doc string
	wakeAt  sql.NullInt64
	version int64
}

const paymentColumns = "id, doc, wake_at, version"

func scanPayment(rows *sql.Rows) (r paymentRow, err error) {
	err = rows.Scan(&r.id, &r.doc, &r.wakeAt, &r.version)
	return r, err
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

func scanEvent(rows *sql.Rows) (e payments.Event, err error) {
	var at int64
	var data string
	err = rows.Scan(&e.PaymentID, &e.Seq, &e.Kind, &e.Version, &at, &data)
	e.ID = payments.EventID(e.PaymentID, e.Seq)
	e.At, e.Data = instant(at), json.RawMessage(data)
	return e, err
}

const messageColumns = "id, payment_id, gateway, op, ref, verdict, note, at, raw"

func scanMessage(rows *sql.Rows) (m payments.Message, err error) {
	var at int64
	err = rows.Scan(&m.ID, &m.PaymentID, &m.Gateway, &m.Op, &m.Ref, &m.Verdict, &m.Note, &at, &m.Raw)
	m.At = instant(at)
	return m, err
}

// deliveryKey is what a delivery is known by: its id, taken apart.
type deliveryKey struct {
	payment, target string
	seq             int
}

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
	due, doneAt      sql.NullInt64
	lease            int64
	tries            int
	owner, lastError string

	// Of the event.
	version int
	at      int64
	data    string
}

func (r *deliveryRow) fields() []any {
	return []any{&r.payment, &r.target, &r.seq, &r.kind, &r.state, &r.due, &r.lease, &r.tries, &r.owner, &r.lastError, &r.doneAt}
}

// scanDelivery reads a delivery joined with its event.
func scanDelivery(rows *sql.Rows) (r deliveryRow, err error) {
	err = rows.Scan(append(r.fields(), &r.version, &r.at, &r.data)...)
	return r, err
}

func (r *deliveryRow) delivery() payments.Delivery {
	state := payments.DeliveryState(r.state)
	if r.state == stateLeased {
		state = payments.DeliveryOpen
	}
	payment := payments.ID(r.payment)
	return payments.Delivery{
		ID: r.id(), Target: r.target, State: state,
		Event: payments.Event{
			ID: payments.EventID(payment, r.seq), PaymentID: payment, Kind: payments.EventKind(r.kind), Version: r.version,
			Seq: r.seq, At: instant(r.at), Data: json.RawMessage(r.data),
		},
		Due: maybe(r.due), Lease: r.lease, Tries: r.tries, Owner: r.owner, LastError: r.lastError, DoneAt: maybe(r.doneAt),
	}
}

func scanClaim(rows *sql.Rows) (payments.Claim, error) {
	var user, plan, doc string
	if err := rows.Scan(&user, &plan, &doc); err != nil {
		return payments.Claim{}, err
	}
	return decode[payments.Claim](doc, fmt.Sprintf("claim of user %q on %q", user, plan))
}

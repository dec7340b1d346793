package payments

import "github.com/google/uuid"

// ID names a payment, message, event or delivery. Those of payments and
// messages are UUIDv7 in their canonical text form, so they sort by creation
// time. Those of events and deliveries are derived: see [EventID] and
// [DeliveryID].
type ID string

// NewID returns a fresh UUIDv7.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// Valid reports whether id is a UUID in canonical text form.
func (id ID) Valid() bool {
	u, err := uuid.Parse(string(id))
	return err == nil && u.String() == string(id)
}

package payments

import "time"

// Plan is a period of access for sale.
type Plan struct {
	// ID is what a checkout names, e.g. "pro-monthly".
	ID string `json:"id"`
	// Key is what is claimed, e.g. "pro"; several plans may share one. Empty
	// means ID.
	Key string `json:"key,omitempty"`
	// DisplayName is shown to people. Empty means ID.
	DisplayName string `json:"display_name,omitempty"`
	// Price may be zero: a free plan is granted at once, without a gateway.
	Price Money `json:"price"`
	// Period is how long one payment lasts; the zero value is for ever.
	Period Period `json:"period"`
	// Renewal, if set, has the plan go on by itself.
	Renewal *Renewal `json:"renewal,omitempty"`
}

// Item is a thing for sale, as the catalogue lists it.
type Item struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Price Money  `json:"price"`
}

// Pick asks for items by id. The catalogue prices them.
type Pick struct {
	ID       string `json:"id" validate:"required,max=50"`
	Quantity int    `json:"quantity" validate:"min=1,max=10000"`
}

// Line is an item as priced, with its quantity.
type Line struct {
	Item
	Quantity int `json:"quantity"`
}

// Plans and Items are a catalogue in code.
type (
	Plans []Plan
	Items []Item
)

// EndUser is who pays. It comes from [Config].Identify or from the host's
// own code, never from a request's body.
type EndUser struct {
	// ID is the host's own, stable identifier. Required.
	ID string `json:"id" validate:"required,max=128"`
	// Tenant is the platform's project; empty in a single app.
	Tenant string `json:"tenant,omitempty" validate:"max=64"`
	Name   string `json:"name,omitempty" validate:"max=255"`
	Email  string `json:"email,omitempty" validate:"omitempty,max=255,email"`
	Phone  string `json:"phone,omitempty" validate:"max=30"`
}

// Order is what was bought, by whom, for how much. It is fixed when the
// payment is created and the same in every event.
type Order struct {
	// ID is the payment's id.
	ID ID `json:"id"`
	// Reference is the host's own order id: indexed, not unique.
	Reference string  `json:"reference,omitempty"`
	User      EndUser `json:"user"`
	Plan      *Plan   `json:"plan,omitempty"`
	Lines     []Line  `json:"lines,omitempty"`
	Amount    Money   `json:"amount"`
	// LinkID is the payment link that it came by; see Link.
	LinkID string `json:"link_id,omitempty"`
	// Renews says which period it continues.
	Renews    *Renews           `json:"renews,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expires_at"`
}

// PlanKey is the key of the plan that was bought, or "" for items.
func (o Order) PlanKey() string {
	if o.Plan == nil {
		return ""
	}
	return o.Plan.key()
}

func (p Plan) key() string {
	if p.Key != "" {
		return p.Key
	}
	return p.ID
}

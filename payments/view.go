package payments

import "time"

// View is what the payer may see of a payment: the JSON of GET
// /payments/{id}.
type View struct {
	ID        ID        `json:"payment_id"`
	Status    Status    `json:"status"`
	Reference string    `json:"reference,omitempty"`
	Amount    Money     `json:"amount"`
	Text      string    `json:"amount_text"` // "Rp29.000"
	Refunded  Money     `json:"refunded"`
	Plan      *ViewPlan `json:"plan,omitempty"`
	Lines     []Line    `json:"lines,omitempty"`
	Method    Method    `json:"method,omitempty"`
	URL       string    `json:"url,omitempty"`   // where to pay, while it can be paid
	Token     string    `json:"token,omitempty"` // for the gateway's script
	// Instructions say how to pay, while it can be paid.
	Instructions *Instructions `json:"instructions,omitempty"`
	PaidAt       *time.Time    `json:"paid_at,omitempty"`
	CreatedAt    time.Time     `json:"created_at"`
	ExpiresAt    time.Time     `json:"expires_at"`
}

// ViewPlan is the plan that was bought.
type ViewPlan struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

// View returns what the payer may see.
func (p *Payment) View() View {
	v := View{
		ID: p.ID, Status: p.Status, Reference: p.Reference, Amount: p.Amount, Text: p.Amount.String(),
		Refunded: p.Totals.Refunded, Lines: p.Lines, CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
	}
	if p.Plan != nil {
		v.Plan = &ViewPlan{ID: p.Plan.ID, Key: p.Plan.key(), Name: p.Plan.Name()}
	}
	if session, ok := p.Session(); ok && p.payable() {
		if !p.spent(session) {
			v.URL, v.Token, v.Instructions = session.RedirectURL, session.Token, session.Instructions
		}
	}
	for _, st := range p.look().attempts {
		v.Method = st.attempt.Method()
		if paid := st.attempt.PaidAt(); st.in > 0 && !paid.IsZero() {
			v.PaidAt = &paid
			break
		}
	}
	return v
}

// payable reports whether the payer may still pay.
func (p *Payment) payable() bool {
	switch p.Status {
	case StatusCreated, StatusPending, StatusDenied, StatusExpired, StatusCanceled:
		return !p.ended()
	}
	return false
}

// Name is what people call the plan.
func (p Plan) Name() string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.ID
}

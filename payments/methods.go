package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// MethodInfo is a way to pay, with its limits.
type MethodInfo struct {
	Method Method `json:"method"`
	// Aliases are other names that the gateway takes for it.
	Aliases []Method `json:"-"`
	// Name is what payers call it: "BCA Virtual Account".
	Name string          `json:"name"`
	Kind InstructionKind `json:"kind"`
	// Min and Max bound the amount, both included. Max is zero if there is
	// no bound.
	Min Money `json:"min"`
	Max Money `json:"max,omitzero"`
	// ExpirySeconds is how long the payer has if nothing else is said.
	ExpirySeconds int          `json:"expiry_seconds"`
	Can           Capabilities `json:"can"`
}

// takes reports whether the amount is within the limits.
func (m MethodInfo) takes(amount Money) bool {
	return amount.Currency == m.Min.Currency && amount.Amount >= m.Min.Amount && (m.Max.IsZero() || amount.Amount <= m.Max.Amount)
}

// Capabilities is what can be done with a payment by a method. True means
// that it can be asked for: state, time and the gateway's own rules decide.
type Capabilities struct {
	Cancel        bool `json:"cancel"`         // before it is paid
	Void          bool `json:"void"`           // cancel when captured, before it is settled
	Expire        bool `json:"expire"`         // before its time is up
	Refund        bool `json:"refund"`         // all of it
	PartialRefund bool `json:"partial_refund"` // a part
	Capture       bool `json:"capture"`        // after an authorization
	Review        bool `json:"review"`         // approve or deny what is challenged
}

// MethodLister tells the ways to pay that a gateway offers, in the order in
// which a page should show them. It does no I/O.
type MethodLister interface {
	Methods() []MethodInfo
}

// Methods lists what an amount can be paid by, at the gateway that new
// payments go to. ErrUnsupported if the gateway does not tell.
func (s *Service) Methods(_ context.Context, amount Money) ([]MethodInfo, error) {
	g := s.cfg.Gateways[0]
	lister, ok := As[MethodLister](g)
	if !ok {
		return nil, fmt.Errorf("methods of %s: %w", g.Name(), ErrUnsupported)
	}
	return slices.DeleteFunc(slices.Clone(lister.Methods()), func(m MethodInfo) bool { return !m.takes(amount) }), nil
}

// Capabilities is what can be done with an attempt by its method, so that a
// page hides the buttons of what cannot. Of a method that the gateway does not
// list, nothing is known: the zero value.
func (s *Service) Capabilities(a Attempt) Capabilities {
	g, err := s.gateway(a.Gateway)
	if err != nil {
		return Capabilities{}
	}
	lister, ok := As[MethodLister](g)
	if !ok {
		return Capabilities{}
	}
	for _, m := range lister.Methods() {
		if m.Method == a.Method() {
			return m.Can
		}
	}
	return Capabilities{}
}

// MethodsHandler lists the ways to pay an amount: GET /methods?amount=85000,
// in whole rupiah.
func (s *Service) MethodsHandler() http.Handler {
	return s.only(http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
		amount, err := strconv.ParseInt(r.URL.Query().Get("amount"), 10, 64)
		if err != nil || amount < 1 {
			s.fail(w, r, Invalid("amount", "must be a whole number of at least 1"))
			return
		}
		found, err := s.Methods(r.Context(), IDR(amount))
		if errors.Is(err, ErrUnsupported) { // nothing to choose here: the gateway's page asks
			found, err = []MethodInfo{}, nil
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.writeJSON(w, r, http.StatusOK, map[string]any{"items": found})
	})
}

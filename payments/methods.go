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
	// Gateway is where it would go now, for the host's own use.
	Gateway string `json:"-"`
	// Surcharge is what the gateway takes for it, by the table of fees of
	// Config.Router; zero if there is none. It is only shown: nothing adds it to
	// an order's amount, which is fixed before the payer chooses.
	Surcharge Money `json:"surcharge,omitzero"`
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

// Methods lists what an amount can be paid by: see [Service.MethodsFor].
func (s *Service) Methods(ctx context.Context, amount Money) ([]MethodInfo, error) {
	return s.MethodsFor(ctx, Order{Amount: amount})
}

// MethodsFor lists what an order can be paid by, each at the gateway that it
// would go to now. Of the order as much is needed as Config.Router reads, and
// the amount. ErrUnsupported if no gateway tells.
func (s *Service) MethodsFor(ctx context.Context, order Order) ([]MethodInfo, error) {
	var listers int
	var methods []MethodInfo
	seen := map[Method]bool{}
	for _, g := range s.cfg.Gateways {
		lister, ok := As[MethodLister](g)
		if !ok {
			continue
		}
		listers++
		for _, m := range lister.Methods() {
			names := append([]Method{m.Method}, m.Aliases...)
			if slices.ContainsFunc(names, func(name Method) bool { return seen[name] }) {
				continue
			}
			for _, name := range names {
				seen[name] = true
			}
			info, err := s.offer(ctx, order, m)
			if invalid := (*InvalidError)(nil); errors.As(err, &invalid) {
				continue
			}
			if err != nil {
				return nil, err
			}
			methods = append(methods, info)
		}
	}
	if listers == 0 {
		return nil, fmt.Errorf("methods: %w", ErrUnsupported)
	}
	return methods, nil
}

// offer is a method as the gateway has it that an order would go to. An
// *InvalidError if none takes it.
func (s *Service) offer(ctx context.Context, order Order, m MethodInfo) (MethodInfo, error) {
	choices, err := s.choose(ctx, RouteRequest{Order: order, Method: m.Method})
	if err != nil {
		return m, err
	}
	g, err := s.gateway(choices[0].Gateway)
	if err != nil {
		return m, err
	}
	info, ok := takes(g, m.Method, order.Amount)
	if !ok {
		return m, Invalid("method", "does not take the amount")
	}
	if info.Method == "" { // a gateway that does not tell
		info = m
	}
	info.Gateway, info.Surcharge = g.Name(), choices[0].Cost
	return info, nil
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
